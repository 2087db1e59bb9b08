package gateway_test

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"snug/internal/chat"
	"snug/socketio/client"
)

// A patientStore notes whether drafts came with patience.
type patientStore struct {
	chat.Store
	patient, not atomic.Int64
}

func (s *patientStore) Append(d chat.Draft, done func(chat.Appended, error)) {
	if d.Patience > 0 {
		s.patient.Add(1)
	} else {
		s.not.Add(1)
	}
	s.Store.Append(d, done)
}

// While a room of many is busy, what is said there waits to be committed with
// more; in one that is quiet it does not.
func TestBusyRoom(t *testing.T) {
	var store *patientStore
	h := open(t, plan{store: func(s chat.Store) chat.Store { store = &patientStore{Store: s}; return store }})
	ada := h.connect(client.WebSocket, "")
	room := ada.room("Ada")
	for i := range 30 {
		h.connect(client.WebSocket, "").must("join", object{"room": room, "name": "Bob " + strconv.Itoa(i)})
	}
	time.Sleep(200 * time.Millisecond) // longer than any pace
	if ada.must("send", object{"room": room, "text": "quiet"}); store.patient.Load() > 0 || store.not.Load() != 1 {
		t.Error("the first word in a quiet room had to wait")
	}
	for end := time.Now().Add(patience); store.patient.Load() == 0; {
		if time.Now().After(end) {
			t.Fatalf("none of %d messages waited for another", store.not.Load())
		}
		for range 20 {
			if err := ada.c.Emit("send", object{"room": room, "text": "busy"}); err != nil {
				t.Fatal(err)
			}
		}
		ada.must("send", object{"room": room, "text": "busy"})
	}
}
