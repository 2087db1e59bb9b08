package chat_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"

	"snug/internal/chat"
)

// shared lets a second service use the store of a first: the first is told of
// all commits, the second hears of them by the bus alone, as from another node.
type shared struct{ chat.Store }

func (shared) OnCommit(func([]chat.Entry)) {}

func TestTwoServicesOnOneStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buses chat.LocalHub
		h := open(t, setup{bus: buses.Bus()})
		there := second(t, h, buses.Bus())

		ada, bob := h.newcomer("Ada"), h.newcomer("Bob").in(there)
		room := ada.room()
		ada.join(room)
		bob.join(room)
		forget(ada, bob)

		ada.say(room, "hello there")
		bob.say(room, "hello here")
		ada.hears("1 Ada: hello there", "2 Bob: hello here")
		bob.hears("1 Ada: hello there", "2 Bob: hello here")

		if err := h.svc.Typing(t.Context(), ada.conn, room); err != nil {
			t.Fatal(err)
		}
		bob.hears("Ada writes")
		tab := ada.in(there)
		tab.join(room)
		forget(ada, bob, tab)
		sleep(3e9)
		if err := h.svc.Typing(t.Context(), ada.conn, room); err != nil {
			t.Fatal(err)
		}
		bob.hears("Ada writes")
		tab.hears() // never to one's own connections, wherever they are

		if _, err := ada.rename(room, "Ida"); err != nil {
			t.Fatal(err)
		}
		bob.hears("3 Ida was Ada", "Ida is here", "count 2")
		tab.hears("3 Ida was Ada", "you Ida owner", "Ida is here", "count 2")
		tab.say(room, "as Ida")
		bob.hears("4 Ida: as Ida")

		// What one node's ack confirmed, a join on the other shows.
		bob.say(room, "last")
		if j := h.newcomer("Cat").in(there).join(room); j.Page.Head != 5 {
			t.Errorf("head %d", j.Page.Head)
		}
	})
}

// second is another service on the store of h.
func second(t *testing.T, h *house, bus chat.Bus) *house {
	there := &house{t: t, store: shared{h.store}, hub: &hub{rooms: make(map[string]map[*ear]bool)}}
	var err error
	there.svc, err = chat.New(chat.Config{Store: there.store, Bus: bus, Outlet: there.hub, Keep: chat.KeepForever})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := there.svc.Run(ctx); err != nil {
			t.Errorf("the second service: %v", err)
		}
	})
	t.Cleanup(func() { cancel(); serving.Wait() })
	synctest.Wait()
	return there
}

// What the bus loses, the log heals: a hole is filled, what comes twice or late is dropped.
func TestABusThatLoses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buses chat.LocalHub
		from, to := buses.Bus(), buses.Bus()
		h := open(t, setup{bus: from})
		lossy := &lossyBus{Bus: to}
		there := second(t, h, lossy)
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob").in(there)
		room := ada.room()
		ada.join(room)
		bob.join(room)
		forget(ada, bob)
		var want []string
		for i := range 30 {
			ada.say(room, fmt.Sprint(i))
			want = append(want, fmt.Sprintf("%d Ada: %d", i+1, i))
			synctest.Wait()
		}
		bob.hears(want...)
		if lossy.lost == 0 || lossy.doubled == 0 {
			t.Errorf("lost %d, doubled %d: nothing was tried", lossy.lost, lossy.doubled)
		}
	})
}

// A lossyBus loses two of three signals and doubles the third.
type lossyBus struct {
	chat.Bus
	n, lost, doubled int // of the goroutine that delivers, and of the test when it waits
}

func (b *lossyBus) Subscribe(ctx context.Context, deliver func(chat.Signal)) error {
	return b.Bus.Subscribe(ctx, func(s chat.Signal) {
		if b.n++; b.n%3 != 0 {
			b.lost++
			return
		}
		b.doubled++
		deliver(s)
		deliver(s)
	})
}

func TestLocalBus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buses chat.LocalHub
		a, b, c := buses.Bus(), buses.Bus(), buses.Bus()
		got := make(map[*chat.LocalBus][]string)
		var mu sync.Mutex
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		for _, bus := range []*chat.LocalBus{a, b} {
			wg.Go(func() {
				err := bus.Subscribe(ctx, func(s chat.Signal) {
					mu.Lock()
					defer mu.Unlock()
					got[bus] = append(got[bus], s.Room)
				})
				if err != context.Canceled {
					t.Errorf("subscribe ended with %v", err)
				}
			})
		}
		synctest.Wait()
		a.Publish(chat.Signal{Room: "1"})
		a.Publish(chat.Signal{Room: "2"})
		c.Publish(chat.Signal{Room: "3"})
		synctest.Wait()
		if fmt.Sprint(got[a], got[b]) != "[3] [1 2 3]" {
			t.Errorf("heard %v and %v", got[a], got[b])
		}
		// One that does not listen is not waited for.
		mu.Lock()
		for i := range 5000 {
			a.Publish(chat.Signal{Room: fmt.Sprint(i)})
		}
		mu.Unlock()
		cancel()
		wg.Wait()
		for range 5000 {
			a.Publish(chat.Signal{}) // to nobody
		}
	})
}
