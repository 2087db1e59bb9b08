package engineio

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"

	"github.com/gobwas/ws"
)

// decodeAll feeds in to a decoder in pieces of the given sizes, the last again
// and again, and writes down what comes out.
func decodeAll(limit int64, in []byte, sizes ...int) (got []string, code ws.StatusCode) {
	d := decoder{limit: limit}
	in = bytes.Clone(in)
	for len(in) > 0 {
		n := min(len(in), max(1, sizes[0]))
		if len(sizes) > 1 {
			sizes = sizes[1:]
		}
		piece := in[:n:n]
		in = in[n:]
		for {
			m, rest, ok, err := d.next(piece)
			if err != nil {
				var f *wsFault
				if !errors.As(err, &f) {
					panic(err)
				}
				return got, f.code
			}
			if !ok {
				break
			}
			got = append(got, fmt.Sprintf("%d:%s", m.op, m.data))
			piece = rest
		}
	}
	return got, 0
}

func TestDecoder(t *testing.T) {
	big := bytes.Repeat([]byte("0123456789"), 7000)
	in := slices.Concat(
		rawFrame(true, 0, ws.OpText, []byte("4a")),
		rawFrame(true, 0, ws.OpBinary, nil),
		rawFrame(false, 0, ws.OpText, []byte("4b")),
		rawFrame(true, 0, ws.OpPing, []byte("between")),
		rawFrame(false, 0, ws.OpContinuation, nil),
		rawFrame(true, 0, ws.OpContinuation, []byte("c")),
		rawFrame(true, 0, ws.OpBinary, big),
		rawFrame(false, 0, ws.OpBinary, nil),
		rawFrame(true, 0, ws.OpContinuation, nil),
		rawFrame(true, 0, ws.OpText, big[:300]),
		rawFrame(true, 0, ws.OpClose, nil),
	)
	want := []string{"1:4a", "2:", "9:between", "1:4bc", "2:" + string(big), "2:", "1:" + string(big[:300]), "8:"}
	for _, size := range []int{1, 2, 3, 7, 64, 4096, len(in)} {
		got, code := decodeAll(100_000, in, size)
		if !slices.Equal(got, want) || code != 0 {
			t.Errorf("in pieces of %d: %.100q, %d", size, got, code)
		}
	}
}

// A length that is only said costs nothing.
func TestDecoderTrustsNoLength(t *testing.T) {
	head := rawFrame(true, 0, ws.OpBinary, make([]byte, 1<<16))[:14]
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	decoders := make([]decoder, 1000)
	for i := range decoders {
		decoders[i].limit = 1 << 30
		if _, _, ok, err := decoders[i].next(bytes.Clone(append(head, "few"...))); ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / 1000; n > 1000 {
		t.Errorf("%d bytes for a frame of which 3 have come", n)
	}
	runtime.KeepAlive(decoders)
}

// FuzzDecoder sees that what comes out does not depend on how the bytes are
// cut, and that no more comes out than went in.
func FuzzDecoder(f *testing.F) {
	for _, b := range [][]byte{
		rawFrame(true, 0, ws.OpText, []byte("4hello")),
		slices.Concat(rawFrame(false, 0, ws.OpText, []byte("4a")), rawFrame(true, 0, ws.OpPing, []byte("b")), rawFrame(true, 0, ws.OpContinuation, []byte("c"))),
		rawFrame(true, 0, ws.OpBinary, make([]byte, 300)),
		{0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4},
		{0x82, 0xfe, 0, 1, 0, 0, 0, 0, 'a'},
		{0x81, 2, '4', 'a'}, {0x89, 0x80, 1, 2, 3, 4}, {0x88, 0xfe, 0, 126}, {0xc1, 0x80, 0, 0, 0, 0}, {},
	} {
		f.Add(b, 1, 3)
	}
	f.Fuzz(func(t *testing.T, in []byte, first, then int) {
		whole, code := decodeAll(1000, in, max(1, len(in)))
		cut, cutCode := decodeAll(1000, in, first, then)
		if !slices.Equal(whole, cut) || code != cutCode {
			t.Fatalf("whole: %q, %d; in pieces: %q, %d", whole, code, cut, cutCode)
		}
		n := 0
		for _, m := range whole {
			n += len(m) - len("1:")
		}
		if n > len(in) {
			t.Fatalf("%d bytes out of %d", n, len(in))
		}
	})
}
