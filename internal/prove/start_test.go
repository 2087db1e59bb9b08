package prove

import (
	"context"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"snug/internal/chat"
	"snug/internal/store/sqlite"
	"snug/internal/wire"
	"snug/socketio/client"
)

// BenchmarkStart kills the real binary with a million messages stored, and measures
// how long it takes from its next start to its first acknowledgement.
func BenchmarkStart(b *testing.B) {
	const stored = 1_000_000
	built, err := Build(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	data := filepath.Join(b.TempDir(), "data")
	server, err := built.Start(b.Context(), Launch{Data: data})
	if err != nil {
		b.Fatal(err)
	}
	codes, err := makeRooms(b.Context(), server.URL(), Plan{Rooms: 20})
	if err := server.Stop(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err != nil {
		b.Fatal(err)
	}
	fill(b, data, stored)
	var took []time.Duration
	for b.Loop() {
		server, err := built.Start(b.Context(), Launch{Data: data})
		if err != nil {
			b.Fatal(err)
		}
		if err := sayOne(b.Context(), server.URL(), codes[0]); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(server.Started))
		server.Kill()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(0, "ns/op") // says nothing of its own
}

// fill puts messages into the rooms of a data directory that no server uses.
func fill(b *testing.B, data string, messages int) {
	s, err := sqlite.Open(b.Context(), filepath.Join(data, "snug.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	rooms, err := s.Rooms(ctx, 0, 100)
	if err != nil {
		b.Fatal(err)
	}
	var failed atomic.Int64
	answers := make(chan struct{}, messages)
	room := make(chan struct{}, 10_000) // so many are under way
	for i := range messages {
		room <- struct{}{}
		s.Append(chat.Draft{
			Room: rooms[i%len(rooms)].ID, Kind: chat.KindMessage, Identity: chat.Identity{byte(i)}, From: chat.Author{ID: "member", Name: "Ada"},
			ID: uuid.Must(uuid.NewV7()).String(), Text: "and so on, as people do when they have talked for years and nobody counts the messages",
		}, func(_ chat.Appended, err error) {
			if err != nil {
				failed.Add(1)
			}
			<-room
			answers <- struct{}{}
		})
	}
	for range messages {
		<-answers
	}
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	if n := failed.Load(); n > 0 {
		b.Fatalf("%d messages were not stored", n)
	}
}

// sayOne has somebody come, join and say one thing, and waits for the acknowledgement.
func sayOne(ctx context.Context, url, code string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		return err
	}
	defer c.Close()
	var joined joinAnswer
	args, err := c.Call(ctx, "join", wire.JoinRequest{Room: code, Name: "u" + uuid.NewString()[:8]})
	if err == nil {
		err = args.Decode(&joined)
	}
	if err != nil {
		return err
	}
	var sent sendAnswer
	args, err = c.Call(ctx, "send", wire.SendRequest{Room: code, Text: "first", ID: uuid.NewString()})
	if err == nil {
		err = args.Decode(&sent)
	}
	switch {
	case err != nil:
		return err
	case !joined.OK:
		return &Broken{joined.Error.Code}
	case !sent.OK:
		return &Broken{sent.Error.Code}
	}
	return nil
}
