package engineio

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// originCharsValid reports whether an Origin is made of characters that a
// header field may hold. RFC 9110, 5.5.
func originCharsValid(origin string) bool {
	for i := range len(origin) {
		if c := origin[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// originAllowed asks whether a request with an Origin may go on. One without
// does not come from a browser's page on another site.
func (e *engine) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if e.opts.CheckOrigin != nil {
		return e.opts.CheckOrigin(r)
	}
	return e.listed(origin) || sameHost(origin, r.Host)
}

// listed reports whether CORS names the origin.
func (e *engine) listed(origin string) bool {
	return e.anyOrigin || slices.Contains(e.opts.CORS, origin)
}

// sameHost reports whether an origin is that of the host a request was sent to.
// The scheme is not compared: behind a proxy the server does not know its own.
func sameHost(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	// Some clients name their WebSocket's own scheme.
	port := map[string]string{"http": ":80", "ws": ":80", "https": ":443", "wss": ":443"}[u.Scheme]
	trim := func(h string) string { return strings.TrimSuffix(h, port) }
	return strings.EqualFold(trim(u.Host), trim(host))
}

// allowCrossOrigin sets the header fields that let a page of another origin
// read the answer, if CORS names that origin.
func (e *engine) allowCrossOrigin(h http.Header, r *http.Request) bool {
	if len(e.opts.CORS) == 0 {
		return false
	}
	origin := r.Header.Get("Origin")
	if e.anyOrigin {
		h.Set("Access-Control-Allow-Origin", "*")
		return true
	}
	h.Add("Vary", "Origin")
	if origin == "" || !e.listed(origin) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	return true
}

// preflight answers OPTIONS. A page whose origin is not allowed gets the same
// status without the fields that its browser looks for.
func (e *engine) preflight(w http.ResponseWriter, r *http.Request, allowed bool) {
	e.setWriteDeadline(w)
	h := w.Header()
	if allowed {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		if want := r.Header.Get("Access-Control-Request-Headers"); want != "" {
			h.Set("Access-Control-Allow-Headers", want)
			h.Add("Vary", "Access-Control-Request-Headers")
		}
		h.Set("Access-Control-Max-Age", "600")
	}
	w.WriteHeader(http.StatusNoContent)
}
