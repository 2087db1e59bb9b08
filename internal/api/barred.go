package api

import (
	"html/template"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"snug/internal/chat"
)

// barred refuses all that comes from a banned address, in words: programs in
// JSON, people with a page.
func barred(banned func(netip.Addr) (time.Time, bool), h http.Handler) http.Handler {
	if banned == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			h.ServeHTTP(w, r)
			return
		}
		until, is := banned(peer.Addr())
		if !is {
			h.ServeHTTP(w, r)
			return
		}
		header := w.Header()
		header.Set("Connection", "close")
		ends := ""
		if !until.Equal(chat.Forever) {
			header.Set("Retry-After", strconv.Itoa(int(math.Ceil(time.Until(until).Seconds()))))
			ends = until.UTC().Format("2 January 2006, 15:04 UTC")
		}
		if !strings.Contains(r.Header.Get("Accept"), "text/html") {
			fail(w, http.StatusForbidden, chat.Banned, "this address is banned from the server")
			return
		}
		header.Set("Content-Type", types[".html"])
		header.Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusForbidden)
		_ = barredPage.Execute(w, ends) // the client may have gone
	})
}

var barredPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>No entry · Snug</title>
<h1>You cannot come in here</h1>
<p>Whoever runs this server has banned the address that you come from{{with .}}, until {{.}}{{end}}. Others may share it with you.
`))
