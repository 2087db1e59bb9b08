package load

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/gobwas/ws"
)

func TestFramesAreSplitHoweverTheyAreCut(t *testing.T) {
	var wire bytes.Buffer
	sizes := []int{0, 1, 125, 126, 65535, 65536, 3}
	for _, n := range sizes {
		if err := ws.WriteFrame(&wire, ws.NewTextFrame(bytes.Repeat([]byte{'x'}, n))); err != nil {
			t.Fatal(err)
		}
	}
	for _, cut := range []int{1, 2, 3, 7, 4096, wire.Len()} {
		var got []int
		var held []byte
		for rest := wire.Bytes(); len(rest) > 0; {
			n := min(cut, len(rest))
			held = append(held, rest[:n]...)
			rest = rest[n:]
			for {
				op, payload, after, ok, err := splitFrame(held)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					break
				}
				if op != opText {
					t.Fatalf("opcode %d", op)
				}
				got = append(got, len(payload))
				held = after
			}
		}
		if len(held) != 0 || len(got) != len(sizes) {
			t.Fatalf("cut by %d: frames of %v, want %v", cut, got, sizes)
		}
		for i := range got {
			if got[i] != sizes[i] {
				t.Fatalf("cut by %d: frames of %v, want %v", cut, got, sizes)
			}
		}
	}
}

func TestSplitFrameRefusesWhatAServerMustNotSend(t *testing.T) {
	for name, b := range map[string][]byte{
		"a fragment":  {0x01, 0x00},
		"masked":      {0x81, 0x80, 0, 0, 0, 0},
		"without end": {0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if _, _, _, _, err := splitFrame(b); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAppendFrameIsAClientsFrame(t *testing.T) {
	for _, n := range []int{0, 125, 126, 70_000} {
		want := bytes.Repeat([]byte{'y'}, n)
		//lint:ignore SA1019 its length is our own
		f, err := ws.ReadFrame(bytes.NewReader(appendFrame(nil, opText, want)))
		if err != nil {
			t.Fatal(err)
		}
		if !f.Header.Masked || !f.Header.Fin || f.Header.OpCode != ws.OpText {
			t.Errorf("%d bytes: header %+v", n, f.Header)
		}
		if !bytes.Equal(ws.UnmaskFrame(f).Payload, want) {
			t.Errorf("%d bytes came back changed", n)
		}
	}
}

func TestStampTellsItsTime(t *testing.T) {
	at := time.Now()
	b := stamp([]byte("before"), at, 100)[len("before"):]
	ns, digits := number(b)
	if digits == 0 || b[digits] != ' ' || time.Duration(ns) != at.Sub(epoch) {
		t.Errorf("stamp %q does not tell %v", b, at.Sub(epoch))
	}
	if len(b) != 100 {
		t.Errorf("%d bytes, want 100", len(b))
	}
}

// TestReceivingAllocatesNothing holds the generator to its promise.
func TestReceivingAllocatesNothing(t *testing.T) {
	s := &swarm{}
	c := &client{s: s, state: joined, sampled: true}
	text := stamp(nil, time.Now(), 100)
	body := append([]byte(`42["message",{"room":"R","seq":1,"text":"`), text...)
	body = append(body, `"}]`...)
	var wire bytes.Buffer
	for range 10 {
		if err := ws.WriteFrame(&wire, ws.NewTextFrame(body)); err != nil {
			t.Fatal(err)
		}
	}
	allocs := testing.AllocsPerRun(100, func() {
		if err := c.feed(wire.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 || s.deliveries != 1010 || s.latency.n != 1010 {
		t.Errorf("%v allocations for %d deliveries, %d timed", allocs, s.deliveries, s.latency.n)
	}
}
