package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"snug/internal/chat"
	"snug/internal/check"
	"snug/internal/crashfs"
)

// cuts is how many power cuts the test makes; the long proof sets more.
func cuts(t *testing.T) int {
	n := 10
	if s := os.Getenv("SNUG_POWER_CUTS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// A blackout is one life of a store that ends with the power.
type blackout struct {
	t       *testing.T
	disk    *crashfs.Disk
	store   *Store
	checker *check.Checker
	room    chat.Room

	mu    sync.Mutex // guards what follows
	clock int64
	acked int
}

// take writes an event down, under the lock that orders them all.
func (b *blackout) take(op check.Op, client, id, text string, seq chat.Seq) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock++
	e := check.Event{T: b.clock, Client: client, Op: op, Room: b.room.Code, ID: id, Seq: uint32(seq)}
	if op == check.Send {
		e.Hash = check.Hash(text)
	}
	b.checker.Take(e)
	if op == check.Ack {
		b.acked++
	}
}

// talk has one sender append with several entries under way, until the store fails it.
func (b *blackout) talk(sender int) {
	const underWay = 16
	client := fmt.Sprintf("c%d", sender)
	slots := make(chan struct{}, underWay)
	failed := make(chan struct{})
	var once sync.Once
	for i := 0; ; i++ {
		select {
		case <-failed:
			for range underWay {
				slots <- struct{}{}
			}
			return
		case slots <- struct{}{}:
		}
		id := fmt.Sprintf("%s-%d", client, i)
		text := fmt.Sprintf("%d of %s: %0200d", i, client, i)
		d := chat.Draft{Room: b.room.ID, Kind: chat.KindMessage, ID: id, Text: text,
			Identity: chat.Identity{byte(sender)}, From: chat.Author{ID: chat.MemberID(client), Name: client}}
		b.take(check.Send, client, id, text, 0)
		b.store.Append(d, func(a chat.Appended, err error) {
			if err == nil {
				b.take(check.Ack, client, id, text, a.Seq)
			} else {
				once.Do(func() { close(failed) })
			}
			<-slots
		})
	}
}

// live opens a store on a fresh disk, loads it, and cuts the power at one of
// its fsyncs. It folds at the rate r; prepare may change the store before it runs.
func live(t *testing.T, rng *rand.Rand, r rate, prepare func(*Store)) *blackout {
	at := t.TempDir()
	disk, err := crashfs.Mount(at)
	if err != nil {
		t.Fatal(err)
	}
	b := &blackout{t: t, disk: disk, checker: check.New()}
	b.store, err = open(t.Context(), filepath.Join(at, "chat.db"), Options{}, migrations, r)
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(b.store)
	}
	ran := make(chan error, 1)
	go func() { ran <- b.store.Run(context.Background()) }()
	b.room, _, err = b.store.CreateRoom(t.Context(), chat.Room{Code: "DARKROOM", Epoch: "e", Keep: chat.KeepForever, Key: make([]byte, 32), CreatedAt: time.Now()}, "")
	if err != nil {
		t.Fatal(err)
	}
	// The room's own commit may still be in the WAL that is cut: it was
	// acknowledged, so it must be there afterwards.
	n := 1 + rng.IntN(3)
	time.AfterFunc(time.Duration(50+rng.IntN(100))*time.Millisecond, func() { _ = disk.CutAtSync(n) })
	cut := time.AfterFunc(2*time.Second, func() { _ = disk.Cut() }) // where nothing fsyncs
	var senders sync.WaitGroup
	for i := range 4 {
		senders.Go(func() { b.talk(i) })
	}
	senders.Wait()
	cut.Stop()
	if err := <-ran; err == nil {
		t.Error("Run ended without an error though the power was cut")
	}
	if err := disk.Cut(); err != nil {
		t.Fatal(err)
	}
	b.store.Close() // the disk is dead: what it says of that does not matter
	t.Cleanup(func() {
		if err := disk.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// judge opens what is left of the disk and holds it against what was acknowledged.
func (b *blackout) judge(torn uint64) []check.Violation {
	left := b.t.TempDir()
	if _, err := b.disk.Survivors(left, torn); err != nil {
		b.t.Fatal(err)
	}
	s, err := Open(b.t.Context(), filepath.Join(left, "chat.db"), Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ran; err != nil {
			b.t.Error(err)
		}
		if err := s.Close(); err != nil {
			b.t.Error(err)
		}
	}()
	r, err := s.Room(b.t.Context(), "darkroom")
	if err != nil {
		return []check.Violation{{Rule: "C1", Room: "DARKROOM", Detail: fmt.Sprintf("the room was made and is gone: %v", err)}}
	}
	b.checker.ReadLog(func(yield func(check.Line) bool) {
		after := chat.Seq(0)
		for {
			p, err := s.Page(b.t.Context(), chat.PageQuery{Room: r.ID, After: &after, Limit: 1000, Bytes: 1 << 20})
			if err != nil {
				b.t.Fatal(err)
			}
			for _, e := range p.Entries {
				after = e.Seq
				if !yield(check.Line{Room: e.Room, Seq: uint32(e.Seq), ID: e.ID, Client: e.From.Name, Hash: check.Hash(e.Text)}) {
					return
				}
			}
			if !p.More {
				return
			}
		}
	})
	return b.checker.Report()
}

func TestPowerCutsLoseNothingAcknowledged(t *testing.T) {
	if err := crashfs.Available(); err != nil {
		t.Skip(err)
	}
	acked := 0
	for i := range cuts(t) {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		// Every other store is cut among its folds, some of the torn ones too.
		r := rates["usual"]
		if i%4 >= 2 {
			r = rate{at: 4 << 10, after: time.Hour}
		}
		b := live(t, rng, r, nil)
		torn := uint64(i % 2 * (i + 1))
		for _, v := range b.judge(torn) {
			t.Errorf("cut %d (torn %v): %v", i, torn != 0, v)
		}
		acked += b.acked
	}
	if acked == 0 {
		t.Error("nothing was acknowledged before any cut: this proves nothing")
	}
	t.Logf("%d power cuts, %d entries acknowledged before them", cuts(t), acked)
}

// TestPowerCutsAreFelt is the negative control: a store that does not wait for
// the disk must lose what it acknowledged, or the disk above proves nothing.
func TestPowerCutsAreFelt(t *testing.T) {
	if err := crashfs.Available(); err != nil {
		t.Skip(err)
	}
	for i := range 5 {
		b := live(t, rand.New(rand.NewPCG(uint64(i), 8)), rates["usual"], func(s *Store) {
			if err := s.w.script("PRAGMA synchronous=NORMAL"); err != nil {
				t.Fatal(err)
			}
		})
		if b.acked > 0 && len(b.judge(0)) > 0 {
			return
		}
	}
	t.Error("synchronous=NORMAL lost nothing in 5 power cuts")
}
