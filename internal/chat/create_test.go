package chat_test

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"snug/internal/chat"
)

func TestCreateIsChecked(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		ada.create(chat.CreateRequest{Code: "taken"})
		keep := func(k chat.Keep) *chat.Keep { return &k }
		for _, tt := range []struct {
			req   chat.CreateRequest
			code  chat.Code
			field string
		}{
			{chat.CreateRequest{Code: "ab"}, chat.BadRequest, "code"},
			{chat.CreateRequest{Code: strings.Repeat("a", 41)}, chat.BadRequest, "code"},
			{chat.CreateRequest{Code: "tea room"}, chat.BadRequest, "code"},
			{chat.CreateRequest{Code: "tea_room"}, chat.BadRequest, "code"},
			{chat.CreateRequest{Code: "thé-room"}, chat.BadRequest, "code"},
			{chat.CreateRequest{Code: "taken"}, chat.Conflict, "code"},
			{chat.CreateRequest{Code: "TAKEN"}, chat.Conflict, "code"},
			{chat.CreateRequest{Title: strings.Repeat("x", 81)}, chat.TooLarge, "title"},
			{chat.CreateRequest{Title: "a\nb"}, chat.BadRequest, "title"},
			{chat.CreateRequest{Keep: keep(chat.MaxKeepDays + 1)}, chat.BadRequest, "keep"},
			{chat.CreateRequest{Keep: keep(-2)}, chat.BadRequest, "keep"},
			{chat.CreateRequest{Passphrase: strings.Repeat("x", 129)}, chat.TooLarge, "passphrase"},
			{chat.CreateRequest{Passphrase: "a\x00"}, chat.BadRequest, "passphrase"},
			{chat.CreateRequest{ID: "a b"}, chat.BadRequest, "id"},
		} {
			_, err := h.svc.Create(t.Context(), ada.conn, tt.req)
			wantCode(t, err, tt.code, tt.field)
		}
		made := ada.create(chat.CreateRequest{
			Code: "Tea-5", Title: " Tea  room ", Keep: keep(chat.KeepEmpty), Passphrase: strings.Repeat("x", 128), ID: "a-1_B",
		}).Info
		if made.Code != "tea-5" || made.Title != "Tea room" || made.Keep != chat.KeepEmpty || !made.Passphrase ||
			made.Locked || made.Count != 0 || made.Head != 0 || made.First != 1 || made.Epoch == "" || made.CreatedAt.IsZero() {
			t.Errorf("made %+v", made)
		}
		if made := ada.create(chat.CreateRequest{}); made.Info.Keep != chat.KeepForever || made.Info.Passphrase || len(made.OwnerKey) < 26 {
			t.Errorf("made by default %+v", made)
		}
	})
}

func TestMadeCodes(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada := h.newcomer("Ada")
		shape := regexp.MustCompile(`^[A-HJ-NP-Z]{8}$`)
		codes, keys, epochs := make(map[string]bool), make(map[string]bool), make(map[string]bool)
		for range 50 {
			made := ada.create(chat.CreateRequest{})
			if !shape.MatchString(made.Info.Code) {
				t.Errorf("made the code %q", made.Info.Code)
			}
			codes[made.Info.Code], keys[made.OwnerKey], epochs[made.Info.Epoch] = true, true, true
		}
		if len(codes) != 50 || len(keys) != 50 || len(epochs) != 50 {
			t.Errorf("of 50 rooms %d codes, %d keys, %d epochs", len(codes), len(keys), len(epochs))
		}
	})
}

func TestARetriedCreateIsTheSameRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *house) {
		ada, bob := h.newcomer("Ada"), h.newcomer("Bob")
		first := ada.create(chat.CreateRequest{Title: "Tea", ID: "one"})
		if first.Duplicate {
			t.Error("the first is a duplicate")
		}
		for _, r := range []chat.CreateRequest{
			{Title: "Tea", ID: "one"}, {Title: "Coffee", ID: "one"}, {Code: "no such code!", ID: "one"}, {Title: "a\nb", ID: "one"},
		} {
			again, err := h.svc.Create(t.Context(), ada.again().conn, r)
			if err != nil || again.Info.Code != first.Info.Code || again.OwnerKey != first.OwnerKey || again.Info.Title != "Tea" || !again.Duplicate {
				t.Errorf("retried as %+v: %+v, %v", r, again, err)
			}
		}
		if other := bob.create(chat.CreateRequest{ID: "one"}); other.Info.Code == first.Info.Code || other.Duplicate {
			t.Errorf("another's id made %+v", other)
		}
		// All at once.
		var wg sync.WaitGroup
		var mu sync.Mutex
		codes := make(map[string]int)
		for range 10 {
			p := ada.again()
			wg.Go(func() {
				made := p.create(chat.CreateRequest{ID: "two"})
				mu.Lock()
				defer mu.Unlock()
				codes[made.Info.Code]++
			})
		}
		wg.Wait()
		if len(codes) != 1 {
			t.Errorf("ten retries at once made %v", codes)
		}
		sleep(25 * 60 * 60 * 1e9)
		if again := ada.create(chat.CreateRequest{ID: "one"}); again.Duplicate {
			t.Error("an id is known for longer than 24 h")
		}
	})
}

func TestTwoChooseACode(t *testing.T) {
	h := open(t, setup{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	var won, lost int
	for range 10 {
		p := h.newcomer("x")
		wg.Go(func() {
			_, err := h.svc.Create(context.Background(), p.conn, chat.CreateRequest{Code: "tea"})
			mu.Lock()
			defer mu.Unlock()
			switch chat.CodeOf(err) {
			case "":
				won++
			case chat.Conflict:
				lost++
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 9 {
		t.Errorf("%d made the room, %d were told that it is there", won, lost)
	}
}

// Of any number that take look-alike names at once, one gets it.
func TestTwoTakeAName(t *testing.T) {
	h := open(t, setup{})
	room := h.newcomer("Maker").room()
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := make(map[chat.Code]int)
	for _, name := range []string{"Alice", "alice", "ALICE", "A1ice", "AIice", "Al ice", "Alicé", "Аӏісе"} {
		p := h.newcomer(name)
		wg.Go(func() {
			_, err := p.tryJoin(chat.JoinRequest{Room: room, Name: name})
			mu.Lock()
			defer mu.Unlock()
			got[chat.CodeOf(err)]++
		})
	}
	wg.Wait()
	if got[""] != 1 || got[chat.NameTaken] != 7 {
		t.Errorf("joined: %v", got)
	}
}
