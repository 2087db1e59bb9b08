package engineio

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// gzipFrom is the length of a polling payload that is worth compressing.
const gzipFrom = 1 << 10

// writePayload answers a GET with packets, and says whether the peer took them.
func (e *engine) writePayload(w http.ResponseWriter, r *http.Request, payload []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Cache-Control", "no-store")
	if len(payload) >= gzipFrom {
		h.Add("Vary", "Accept-Encoding")
		if acceptsGzip(r.Header) {
			buf := bodies.Get().(*bytes.Buffer)
			defer putBody(buf)
			compress(buf, payload)
			payload = buf.Bytes()
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	rc := http.NewResponseController(w)
	for len(payload) > 0 {
		n := min(len(payload), writeChunk)
		e.setWriteDeadline(w)
		if _, err := w.Write(payload[:n]); err != nil {
			return err
		}
		// What is only buffered might still fail, and nobody would know.
		if err := rc.Flush(); err != nil {
			return err
		}
		payload = payload[n:]
	}
	return nil
}

// refuse answers a request with a fault.
func (e *engine) refuse(w http.ResponseWriter, f *fault) {
	e.setWriteDeadline(w)
	f.write(w)
}

func (e *engine) setWriteDeadline(w http.ResponseWriter) {
	// It ends with the answer: net/http sets another for the connection's next
	// request, or none. A ResponseWriter that cannot do it leaves the http.Server's own.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(e.opts.WriteTimeout))
}

var gzipWriters = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a level that exists
	return w
}}

func compress(dst *bytes.Buffer, src []byte) {
	w := gzipWriters.Get().(*gzip.Writer)
	w.Reset(dst)
	_, _ = w.Write(src) // a bytes.Buffer takes everything
	_ = w.Close()
	gzipWriters.Put(w)
}

// acceptsGzip reports whether Accept-Encoding names gzip, or anything, with a
// weight other than 0. RFC 9110, 12.5.3.
func acceptsGzip(h http.Header) bool {
	verdict := false
	for _, v := range h.Values("Accept-Encoding") {
		for item := range strings.SplitSeq(v, ",") {
			name, params, _ := strings.Cut(item, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if name != "gzip" && name != "*" {
				continue
			}
			weight, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			q, err := strconv.ParseFloat(weight, 64)
			accepted := !ok || err == nil && q > 0
			if name == "gzip" {
				return accepted
			}
			verdict = accepted
		}
	}
	return verdict
}
