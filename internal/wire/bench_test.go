package wire

import (
	"encoding/json"
	"testing"

	"snug/internal/chat"
	"snug/socketio"
)

// What each message costs on its way in and, once for all who hear it, out.

func BenchmarkDecodeSend(b *testing.B) {
	raw := json.RawMessage(`{"room":"ABCDEFGH","text":"A line of talk, as long as they usually are.","id":"0198c0de-7a11-7c0f-8e57-2b1e5d3f9a01"}`)
	b.ReportAllocs()
	for b.Loop() {
		var r SendRequest
		if _, err := Decode(raw, &r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeMessage(b *testing.B) {
	ns := socketio.NewServer(socketio.Options{}).Of("/")
	e := &chat.Posted{Entry: &chat.Entry{
		Room: "ABCDEFGH", Seq: 123456, Kind: chat.KindMessage, At: noon, From: chat.Author{ID: "abcdefghijklmnop", Name: "Ada", Color: 7},
		ID: "0198c0de-7a11-7c0f-8e57-2b1e5d3f9a01", Text: "A line of talk, as long as they usually are.",
	}}
	b.ReportAllocs()
	for b.Loop() {
		name, body, _ := NewEvent(e)
		if _, err := ns.Encode(string(name), body); err != nil {
			b.Fatal(err)
		}
	}
}
