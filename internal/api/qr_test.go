package api

import (
	"image"
	"image/color"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"rsc.io/qr"
)

// modules reads the drawn picture back: which modules are dark, without the quiet zone.
func modules(t *testing.T, svg string) *image.Gray {
	t.Helper()
	box := regexp.MustCompile(`viewBox="0 0 (\d+) \d+"`).FindStringSubmatch(svg)
	if box == nil {
		t.Fatalf("no picture: %.80s", svg)
	}
	side, _ := strconv.Atoi(box[1])
	img := image.NewGray(image.Rect(0, 0, side, side))
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.Atoi(run[1])
		y, _ := strconv.Atoi(run[2])
		n, _ := strconv.Atoi(run[3])
		for i := range n {
			img.SetGray(x+i, y, color.Gray{255})
		}
	}
	return img
}

func TestQRCodeIsTheRoomsLink(t *testing.T) {
	s := newSite(t, build())
	for _, c := range []struct{ query, link string }{
		{"", "http://example.com/r/ABCDEFGH"},
		{"?base=" + url.QueryEscape("https://example.com/"), "https://example.com/r/ABCDEFGH"},
		{"?base=" + url.QueryEscape("https://EXAMPLE.com:443/some/where/"), "https://EXAMPLE.com:443/some/where/r/ABCDEFGH"},
	} {
		res := s.do(http.MethodGet, "/r/ABCDEFGH/qr.svg"+c.query)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "image/svg+xml" {
			t.Fatalf("%s: %d %s", c.query, res.StatusCode, res.Header.Get("Content-Type"))
		}
		want, err := qr.Encode(c.link, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		same(t, modules(t, read(t, res)), want)
	}
}

// same compares a drawn picture with the code it should be.
func same(t *testing.T, img *image.Gray, want *qr.Code) {
	t.Helper()
	if got := img.Bounds().Dx(); got != want.Size+8 {
		t.Fatalf("%d modules wide, want %d and a quiet zone of 4", got, want.Size)
	}
	for y := range want.Size {
		for x := range want.Size {
			if (img.GrayAt(x+4, y+4).Y == 255) != want.Black(x, y) {
				t.Fatalf("module %d,%d differs", x, y)
			}
		}
	}
}

func TestQRCodeTellsNothingOfRoomsAndMakesNoOtherSitesLink(t *testing.T) {
	s := newSite(t, build())
	for path, want := range map[string]int{
		"/r/no-such-room/qr.svg": http.StatusOK, // nobody asks whether it is there
		"/r/_/qr.svg":            http.StatusNotFound,
		"/r/a%2Fb/qr.svg":        http.StatusNotFound,
		"/r/ABCDEFGH/qr.svg?base=https%3A%2F%2Fevil.example%2F":     http.StatusBadRequest,
		"/r/ABCDEFGH/qr.svg?base=javascript%3Aalert(1)%2F":          http.StatusBadRequest,
		"/r/ABCDEFGH/qr.svg?base=http%3A%2F%2Fu%40example.com%2F":   http.StatusBadRequest,
		"/r/ABCDEFGH/qr.svg?base=http%3A%2F%2Fexample.com%2Fx":      http.StatusBadRequest,
		"/r/ABCDEFGH/qr.svg?base=http%3A%2F%2Fexample.com%2F%3Fq=1": http.StatusBadRequest,
	} {
		if res := s.do(http.MethodGet, path); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	if res := s.do(http.MethodPost, "/r/ABCDEFGH/qr.svg"); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func TestQRCodeOfALinkThatHoldsASecret(t *testing.T) {
	s := newSite(t, build())
	draw := func(method, link string, headers ...string) *http.Response {
		r := httptest.NewRequest(method, "/api/v1/qr", strings.NewReader(link))
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w.Result()
	}
	for _, link := range []string{
		"http://example.com/#move=KQWE-RTZA-BCDF",
		"https://example.com:443/chat/r/ABCDEFGH#move=KQWE-RTZA-BCDF&name=Zo%C3%AB",
		"http://example.com/#" + strings.Repeat("x", mostLink-len("http://example.com/#")),
	} {
		res := draw(http.MethodPost, link, "Sec-Fetch-Site", "same-origin")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "image/svg+xml" || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v", link, res.StatusCode, res.Header)
		}
		want, err := qr.Encode(link, qr.M)
		if err != nil {
			t.Fatal(err)
		}
		same(t, modules(t, read(t, res)), want)
	}
	for _, link := range []string{
		"", "KQWE-RTZA-BCDF", "//example.com/", "javascript:alert(1)", "ftp://example.com/", "http:///#x", "http://example.com\x00/",
		"http://evil.example/#move=KQWE-RTZA-BCDF", "http://u@example.com/", "http://example.com/?move=KQWE-RTZA-BCDF",
		"http://example.com/#" + strings.Repeat("x", mostLink),
	} {
		if res := draw(http.MethodPost, link); res.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %d", link, res.StatusCode)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut} {
		if res := draw(method, "http://example.com/"); res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Allow") != "POST" {
			t.Errorf("%s: %d", method, res.StatusCode)
		}
	}
	// Pages of other sites are not to draw here what looks like ours.
	if res := draw(http.MethodPost, "http://example.com/", "Sec-Fetch-Site", "cross-site"); res.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", res.StatusCode)
	}
}
