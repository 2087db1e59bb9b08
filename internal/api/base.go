package api

import (
	"net"
	"net/http"
	"strings"
)

// under serves h below a path that begins and ends with a slash, and nothing
// beside it.
func under(base string, h http.Handler) http.Handler {
	if base == "" || base == "/" {
		return h
	}
	inside := http.StripPrefix(strings.TrimSuffix(base, "/"), h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, base):
			inside.ServeHTTP(w, r)
		case r.URL.Path+"/" == base && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			http.Redirect(w, r, base, http.StatusPermanentRedirect)
		default:
			lost(w, r)
		}
	})
}

// Redirect sends every request to the same address by HTTPS, on a port.
func Redirect(port string) http.Handler {
	return Secured(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		host = strings.Trim(host, "[]")
		if host == "" {
			http.Error(w, "which host?", http.StatusBadRequest)
			return
		}
		if port != "443" {
			host = net.JoinHostPort(host, port)
		} else if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		target := *r.URL
		target.Scheme, target.Host = "https", host
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	}))
}
