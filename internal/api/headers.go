package api

import "net/http"

// Policy is the Content-Security-Policy of every answer. Nothing may run, load
// or be sent to but what this server serves, and no string becomes markup: the
// one Trusted Types policy, snug-sw, names our own service worker.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self' blob: data:; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; " +
	"frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types snug-sw"

// guards are the security headers of every answer.
var guards = [][2]string{
	{"Content-Security-Policy", Policy},
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
}

// hsts is for answers by TLS: a year, for this host alone. What else runs below
// its name is not ours to say.
const hsts = "max-age=31536000"

// Secured puts the security headers on every answer of h.
func Secured(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		for _, h := range guards {
			header.Set(h[0], h[1])
		}
		if isSecure(r) {
			header.Set("Strict-Transport-Security", hsts)
		}
		h.ServeHTTP(w, r)
	})
}
