package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// types are the kinds of files that the app is made of. They are named here,
// since the machine's own table may lack some.
var types = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".map":         "application/json",
	".mjs":         "text/javascript; charset=utf-8",
	".png":         "image/png",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".woff2":       "font/woff2",
}

// An app is the web app's files, in memory, by the path that they are asked
// for by. It is immutable.
type app struct {
	files map[string]*file
	page  *file // at the root
	door  *file // the same, one level deeper: at /r/CODE
}

// newApp takes in what the build of the web app left in files.
func newApp(files fs.FS) (*app, error) {
	a := &app{files: make(map[string]*file)}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		if name == "index.html" {
			a.page, a.door = newPage(body)
			return nil
		}
		typ, ok := types[path.Ext(name)]
		if !ok {
			return fmt.Errorf("%s: no media type is known for it", name)
		}
		f := newFile(body, typ)
		if strings.HasPrefix(name, "assets/") { // their names change with what they hold
			f.cache = "public, max-age=31536000, immutable"
		}
		a.files["/"+name] = f
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the web app: %w", err)
	}
	if a.page == nil {
		return nil, fmt.Errorf("reading the web app: index.html: %w", fs.ErrNotExist)
	}
	return a, nil
}

// newPage makes the page for the root and for one level below it. Its URLs are
// relative, so that the app works under any path behind a proxy.
func newPage(html []byte) (page, door *file) {
	deeper := bytes.ReplaceAll(html, []byte(`="./`), []byte(`="../`))
	return newFile(html, types[".html"]), newFile(deeper, types[".html"])
}

// placeholder is an app that consists of one page.
func placeholder(html string) *app {
	a := &app{}
	a.page, a.door = newPage([]byte(html))
	return a
}

// ServeHTTP serves the app's files, and the page at the root and at /r/CODE.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := a.files[r.URL.Path]
	if code, below := strings.CutPrefix(r.URL.Path, "/r/"); below && code != "" && !strings.Contains(code, "/") {
		f = a.door
	}
	if r.URL.Path == "/" {
		f = a.page
	}
	switch {
	case f == nil:
		lost(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		notAllowed(w, "GET, HEAD")
	default:
		f.ServeHTTP(w, r)
	}
}

// A file is one file's bytes, ready to be sent. It is immutable.
type file struct {
	typ, cache string
	plain      body
	packed     body // gzip; empty where that saves little
}

type body struct {
	bytes []byte
	etag  string
}

func newBody(b []byte) body {
	sum := sha256.Sum256(b)
	return body{b, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// newFile makes a file that browsers keep, but ask for each time whether it is new.
func newFile(b []byte, typ string) *file {
	f := &file{typ: typ, cache: "no-cache", plain: newBody(b)}
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that exists
	_, _ = z.Write(b)                                          // a buffer takes everything
	_ = z.Close()
	if packed.Len() < len(b)*9/10 {
		f.packed = newBody(packed.Bytes())
	}
	return f
}

// ServeHTTP answers GET and HEAD.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header, b := w.Header(), f.plain
	header.Set("Content-Type", f.typ)
	header.Set("Cache-Control", f.cache)
	if f.packed.bytes != nil {
		header.Set("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			b = f.packed
			header.Set("Content-Encoding", "gzip")
		}
	}
	header.Set("ETag", b.etag)
	if matches(r.Header.Get("If-None-Match"), b.etag) {
		header.Del("Content-Type")
		header.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Length", strconv.Itoa(len(b.bytes)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.bytes) // the client may have gone
	}
}

// takesGzip reads an Accept-Encoding. RFC 9110, 12.5.3: a quality of 0 refuses.
func takesGzip(accept string) bool {
	for item := range strings.SplitSeq(accept, ",") {
		coding, params, _ := strings.Cut(strings.TrimSpace(item), ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, given := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		quality, err := strconv.ParseFloat(q, 64)
		return !given || err == nil && quality > 0
	}
	return false
}

// matches reads an If-None-Match. RFC 9110, 13.1.2: compared weakly.
func matches(header, etag string) bool {
	for item := range strings.SplitSeq(header, ",") {
		if item = strings.TrimSpace(item); item == "*" || strings.TrimPrefix(item, "W/") == etag {
			return true
		}
	}
	return false
}
