package load

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// History fills a room with Members messages for each of its pages, then reads
// pages from it, one after the other on one connection, and counts them.
func History(ctx context.Context, o Options) (Result, error) {
	res := Result{Scenario: "history"}
	o.Rooms = 1
	messages := o.Members
	o.Members = 1
	r, err := begin(ctx, o)
	if err != nil {
		return res, err
	}
	defer r.close()
	if err := r.gather(); err != nil {
		return res, err
	}
	reader := r.clients[0]
	for int(r.s.answered) < messages {
		sent := min(int(r.s.posts)+256, messages)
		for int(r.s.posts) < sent {
			if err := reader.post(time.Now(), r.Size); err != nil {
				return res, err
			}
		}
		enough := sent
		if sent < messages {
			enough -= 128 // so that the server always has some to store
		}
		if err := r.until(func() bool { return int(r.s.answered) >= enough }, time.Minute, "filling the room"); err != nil {
			return res, err
		}
		r.progress("%d of %d messages", r.s.answered, messages)
	}
	r.s.latency.reset()
	m, err := r.meter()
	if err != nil {
		return res, err
	}
	before := uint64(messages) + 1
	for end := time.Now().Add(r.Duration); time.Now().Before(end); {
		oldest, more, err := r.page(reader, before)
		if err != nil {
			return res, err
		}
		res.Count++
		if before = oldest; !more {
			before = uint64(messages) + 1
		}
	}
	return res, m.stop(&res, res.Count)
}

// page reads one page of history and says where it began.
func (r *run) page(c *client, before uint64) (oldest uint64, more bool, err error) {
	var answer []byte
	asked := time.Now()
	err = c.call("history", struct {
		Room   string `json:"room"`
		Before uint64 `json:"before"`
	}{c.room, before}, func(ack []byte) {
		r.s.latency.add(time.Since(asked))
		answer = append([]byte(nil), ack...)
	})
	if err == nil {
		err = r.until(func() bool { return answer != nil }, time.Minute, "reading history")
	}
	if err != nil {
		return 0, false, err
	}
	var a struct {
		OK      bool
		More    bool
		Entries []struct{ Seq uint64 }
	}
	if err := json.Unmarshal(answer, &a); err != nil || !a.OK || len(a.Entries) == 0 {
		return 0, false, fmt.Errorf("load: history: %s", clip(answer))
	}
	return a.Entries[0].Seq, a.More, nil
}
