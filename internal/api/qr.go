package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"rsc.io/qr"

	"snug/internal/chat"
)

// mostBase is how long the address of the app may be for a QR code, in bytes:
// what is longer no telephone reads from a screen.
const mostBase = 200

// roomCode is what a room's code may look like. Whether there is a room of that
// code is not asked: a picture must not tell.
var roomCode = regexp.MustCompile(`^[A-Za-z0-9-]{3,40}$`)

// qrCode draws a room's link as a QR code. The server does not know its own
// address behind a proxy, so the page says where it was found: ?base=URL, an
// address of the host that is asked. Without it the link is made of Host.
func qrCode(w http.ResponseWriter, r *http.Request) {
	code := r.PathValue("code")
	if !roomCode.MatchString(code) {
		lost(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		notAllowed(w, "GET, HEAD")
		return
	}
	base, ok := baseOf(r)
	if !ok {
		fail(w, http.StatusBadRequest, chat.BadRequest, "base: not an address of the web app on this host")
		return
	}
	made, err := qr.Encode(base+"r/"+code, qr.M)
	if err != nil {
		fail(w, http.StatusBadRequest, chat.BadRequest, "base: too long for a QR code")
		return
	}
	f := newFile(drawQR(made), types[".svg"])
	f.cache = "private, max-age=86400"
	f.ServeHTTP(w, r)
}

// mostLink is how long a link for drawLink may be, in bytes: version 20 of QR
// codes at level M, 97 modules wide, is the most that is read from a screen at ease.
const mostLink = 660

// drawLink draws the link that is the body of a POST. It is for links that hold a
// secret in their fragment, a code of `move` above all: those must stand in no URL that
// is asked for, and nobody may keep the picture.
func drawLink() http.Handler {
	return ownPages(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			notAllowed(w, "POST")
			return
		}
		link, err := io.ReadAll(io.LimitReader(r.Body, mostLink+1))
		if err != nil || !isLinkHere(string(link), r.Host) {
			fail(w, http.StatusBadRequest, chat.BadRequest, "the body: not a link of the web app on this host")
			return
		}
		made, err := qr.Encode(string(link), qr.M)
		if err != nil {
			fail(w, http.StatusBadRequest, chat.BadRequest, "the body: too long for a QR code")
			return
		}
		w.Header().Set("Content-Type", types[".svg"])
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(drawQR(made)) // the client may have gone
	}))
}

// isLinkHere says whether link leads to a page of the host that is asked.
func isLinkHere(link, host string) bool {
	u, err := url.Parse(link)
	return err == nil && len(link) <= mostLink && u.User == nil && u.RawQuery == "" && isHost(u, host)
}

// baseOf is the app's address as the page knows it, ending in "/". Only one of
// the host that is asked will do: nobody is to make pictures of other sites here.
func baseOf(r *http.Request) (string, bool) {
	given := r.URL.Query().Get("base")
	if given == "" {
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		given = (&url.URL{Scheme: scheme, Host: r.Host, Path: "/"}).String()
	}
	u, err := url.Parse(given)
	if err != nil || len(given) > mostBase {
		return "", false
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, "/") {
		return "", false
	}
	return u.String(), isHost(u, r.Host)
}

// isHost says whether an address is one of the host, with or without the usual port.
func isHost(u *url.URL, host string) bool {
	port, web := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return web && u.Host != "" && strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(host, port))
}

// drawQR is the code as SVG: one dark path, a row's neighbours joined, on white
// with the quiet zone of 4 modules around it that readers need (ISO/IEC 18004, 6.3.8).
func drawQR(code *qr.Code) []byte {
	const quiet = 4
	var b strings.Builder
	side := code.Size + 2*quiet
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges">`+
		`<path fill="#fff" d="M0 0h%dv%dH0z"/><path d="`, side, side, side, side)
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			start := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > start {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", start+quiet, y+quiet, x-start, x-start)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return []byte(b.String())
}
