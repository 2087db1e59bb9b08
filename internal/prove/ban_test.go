//go:build !race

package prove

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"snug/internal/wire"
	"snug/socketio/client"
)

// From the moderator's answer to the word that one is out, on each of the connections of
// somebody who is banned, in a room of many in which people talk: a report. That none is
// left out is a failure.
func TestBanReaches(t *testing.T) {
	rounds := amount(t, "SNUG_BANS", 3)
	f := underFault(t, 50, nil)
	var d delays
	crowd := f.fill(50, "Guest", &d)
	ways := []client.Transport{client.WebSocket, client.Polling, client.Upgrade}
	late, whole := make([][]time.Duration, len(ways)), []time.Duration{}
	for round := range rounds {
		token, id := "", ""
		heard := make([]chan time.Time, 9)
		tabs := make([]*client.Client, len(heard))
		for i := range heard {
			heard[i] = make(chan time.Time, 1)
			welcome := make(chan string, 1)
			o := client.Options{Transport: ways[i%len(ways)], On: map[string]client.Handler{
				"welcome": func(_ *client.Client, args client.Args, _ *client.Ack) {
					var w wire.Welcome
					if args.Decode(&w) == nil {
						welcome <- w.Token
					}
				},
				"removed": func(_ *client.Client, args client.Args, _ *client.Ack) {
					var why struct{ Reason string }
					if args.Decode(&why) == nil && why.Reason == "banned" {
						heard[i] <- time.Now()
					}
				},
			}}
			if token != "" {
				o.Auth = func() any { return map[string]any{"token": token} }
			}
			tabs[i] = f.dial(o)
			select {
			case token = <-welcome:
			case <-time.After(faultPatience):
				t.Fatal("nobody is welcomed")
			}
			id = f.must(tabs[i], "join", map[string]any{"room": f.room, "name": fmt.Sprint("Bad ", round)})["you"].(map[string]any)["id"].(string)
		}
		f.talk(2, 1000, crowd)
		began := time.Now()
		f.must(f.ada, "ban", map[string]any{"room": f.room, "member": id})
		answered := time.Now()
		for i := range heard {
			select {
			case at := <-heard[i]:
				late[i%len(ways)] = append(late[i%len(ways)], max(0, at.Sub(answered)))
				whole = append(whole, at.Sub(began))
			case <-time.After(faultPatience):
				t.Errorf("round %d: connection %d is not told", round, i)
			}
		}
		for _, c := range tabs {
			_ = c.Close()
		}
		f.must(f.ada, "ban", map[string]any{"room": f.room, "member": id, "seconds": 0}) // else nobody else is let in from here
	}
	of := func(took []time.Duration) string {
		slices.Sort(took)
		at := func(q int) time.Duration { return took[min(len(took)-1, len(took)*q/100)].Round(10 * time.Microsecond) }
		return fmt.Sprintf("p50 %v, p99 %v, longest %v", at(50), at(99), at(100))
	}
	t.Logf("%d bans, of 9 connections each, in a room of %d", rounds, len(crowd)+2)
	for i, way := range []string{"WebSocket", "polling", "polling, then WebSocket"} {
		t.Logf("%s: told after the moderator's answer: %s", way, of(late[i]))
	}
	t.Logf("all, from the moderator's request: %s", of(whole))
}
