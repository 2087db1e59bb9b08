package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParseKeep(t *testing.T) {
	for s, want := range map[string]Keep{"empty": KeepEmpty, "forever": KeepForever, "1d": 1, "30d": 30, "3650d": 3650} {
		if k, err := ParseKeep(s); err != nil || k != want || k.String() != s {
			t.Errorf("%q: %v (%q), %v", s, k, k, err)
		}
	}
	for _, s := range []string{"", "d", "0d", "3651d", "-1d", "+1d", "01d", "1", "1h", "1D", "Empty", " 1d", "1 d", "1e3d", "99999999999999999999d"} {
		if k, err := ParseKeep(s); err == nil {
			t.Errorf("%q is taken for %v", s, k)
		}
	}
	if KeepEmpty.Age() != 0 || KeepForever.Age() != 0 || Keep(2).Age() != 48*time.Hour {
		t.Error("ages are wrong")
	}
}

func FuzzParseKeep(f *testing.F) {
	f.Add("30d")
	f.Add("empty")
	f.Add("0x1d")
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseKeep(s); err == nil && (k.String() != s || k < KeepForever || k > MaxKeepDays) {
			t.Fatalf("%q → %d → %q", s, int(k), k)
		}
	})
}

// Size must not be less than what the entry takes on the wire: pages are cut by it.
func TestSizeIsAnUpperBound(t *testing.T) {
	for _, text := range []string{
		"", "plain", `quotes " and \`, "\n\t\r", "\x01\x1f", "\u2028\u2029", "日本", "𝕏", "<b>&amp;</b>",
	} {
		e := Entry{
			Room: "ABCDEFGH", Seq: 1<<32 - 1, Kind: KindMessage, ID: strings.Repeat("i", 64),
			From: Author{ID: "abcdefghijklmnop", Name: text, Color: 15}, Text: strings.Repeat(text, 10), ReplyTo: 1<<32 - 1, Rev: 1<<32 - 1,
		}
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		at := time.UnixMilli(1).UTC().Format("2006-01-02T15:04:05.000Z07:00")
		err := enc.Encode(map[string]any{
			"room": e.Room, "seq": e.Seq, "kind": e.Kind, "at": at, "edited": at, "id": e.ID, "text": e.Text, "replyTo": e.ReplyTo, "rev": e.Rev,
			"from": map[string]any{"id": e.From.ID, "name": e.From.Name, "color": e.From.Color},
		})
		if err != nil || b.Len() > e.Size() {
			t.Errorf("%q takes %d bytes, Size says %d; %v", text, b.Len(), e.Size(), err)
		}
	}
}

func TestKindsOfTalk(t *testing.T) {
	for k, want := range map[Kind]bool{
		KindMessage: true, KindRoom: true, KindName: true, "to come": true, KindEdit: false, KindDelete: false, KindReact: false,
	} {
		if k.Talk() != want {
			t.Errorf("%s: %v", k, k.Talk())
		}
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("disk")
	e := fmt.Errorf("sending: %w", &Error{Code: StorageUnavailable, Message: "later", Err: cause})
	if CodeOf(e) != StorageUnavailable || CodeOf(cause) != Internal || CodeOf(nil) != "" || !errors.Is(e, cause) {
		t.Errorf("%v has code %q", e, CodeOf(e))
	}
	if got := failed("reading", e); CodeOf(got) != StorageUnavailable {
		t.Errorf("passed on as %v", got)
	}
	if got := failed("reading", cause); CodeOf(got) != Internal || !errors.Is(got, cause) || got.Error() != "internal: reading: disk" {
		t.Errorf("passed on as %v", got)
	}
}

func TestNewCode(t *testing.T) {
	seen := make(map[byte]int)
	for range 2000 {
		for _, c := range []byte(newCode()) {
			seen[c]++
		}
	}
	if len(seen) != 24 || seen['I']+seen['O'] != 0 {
		t.Errorf("made of %v", seen)
	}
	for c, n := range seen { // 667 expected of each, ± 25
		if n < 500 || n > 850 {
			t.Errorf("%c comes %d times in 16,000", c, n)
		}
	}
}
