package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"snug/socketio/client"
)

// A protocolCase is one of docs/protocol-cases.json, which says what its parts mean.
type protocolCase struct {
	Name   string
	As     string
	Before [][]any
	Send   json.RawMessage
	Expect any
}

// TestProtocolCases holds the gateway to the cases that are published for other
// implementers: an input and an answer for every event and every check of a field.
func TestProtocolCases(t *testing.T) {
	raw, err := os.ReadFile("../../docs/protocol-cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []protocolCase }
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 200 {
		t.Fatalf("only %d cases", len(file.Cases))
	}
	h := open(t, plan{keep: 30})
	// What is refused leaves no trace, so those cases share a stage.
	shared := map[client.Transport]*stage{
		client.WebSocket: newStage(t, h, allPeople, client.WebSocket),
		client.Polling:   newStage(t, h, allPeople, client.Polling),
	}
	for i, c := range file.Cases {
		way := client.WebSocket
		if i%2 == 1 { // one or the other: the other languages' clients do all by all
			way = client.Polling
		}
		t.Run(c.Name, func(t *testing.T) {
			s := shared[way]
			if expect, _ := c.Expect.(object); expect["ok"] == true || c.Before != nil {
				s = newStage(t, h, fmt.Sprintf("%+v %s", c, c.Send), way)
			}
			for _, b := range c.Before {
				by := s.by(c.As)
				if len(b) == 3 {
					by = s.by(b[2].(string))
				}
				by.must(b[0].(string), s.spell(b[1]))
			}
			event, args := s.request(t, c.Send)
			got := s.by(c.As).ask(event, args...)
			if why := differs(decode[any](t, got.raw), s.spell(c.Expect), "the answer"); why != "" {
				t.Errorf("%s\n%s", why, got.raw)
			}
			s.by(c.As).refused("unsupported", "still there?") // whatever was wrong, the connection serves
		})
	}
}

// A stage is what each case has for its own.
type stage struct {
	people map[string]*person
	words  map[string]string
}

// allPeople mentions whoever may be on a stage.
const allPeople = "owner member stranger other $locked"

// newStage builds the stage of a case that mentions this.
func newStage(t *testing.T, h *house, mentioned string, way client.Transport) *stage {
	s := &stage{people: map[string]*person{}}
	for _, name := range []string{"owner", "member", "stranger", "other"} {
		if name == "owner" || name == "member" || strings.Contains(mentioned, name) {
			s.people[name] = h.with(t).connect(way, "")
			t.Cleanup(func() { _ = s.people[name].c.Close() })
		}
	}
	owner := s.people["owner"]
	made := owner.must("create", object{})
	ada := owner.must("join", object{"room": made.Room, "name": "Ada"}).You
	for _, text := range []string{"one", "two", "three"} {
		owner.must("send", object{"room": made.Room, "text": text})
	}
	bob := s.people["member"].must("join", object{"room": made.Room, "name": "Bob"}).You
	s.words = map[string]string{
		"$room": made.Room, "$rOOM": strings.ToLower(made.Room), "$epoch": made.Info.Epoch, "$ownerKey": made.OwnerKey,
		"$ownerId": ada.ID, "$memberId": bob.ID,
	}
	if strings.Contains(mentioned, "$locked") {
		s.words["$locked"] = owner.must("create", object{"passphrase": "sesame"}).Room
	}
	return s
}

func (s *stage) by(name string) *person {
	if name == "" {
		name = "member"
	}
	return s.people[name]
}

// request reads what is to be sent. An argument without a "$repeat" is left as
// it is written, words apart: half a surrogate pair would not survive decoding.
func (s *stage) request(t *testing.T, raw json.RawMessage) (event string, args []any) {
	items := decode[[]json.RawMessage](t, raw)
	for _, item := range items[1:] {
		if strings.Contains(string(item), `"$repeat"`) {
			args = append(args, s.spell(decode[any](t, item)))
			continue
		}
		for name, word := range s.words {
			item = bytes.ReplaceAll(item, []byte(`"`+name+`"`), []byte(`"`+word+`"`))
		}
		args = append(args, item)
	}
	return decode[string](t, items[0]), args
}

// spell puts the stage's words in the place of their names.
func (s *stage) spell(v any) any {
	switch v := v.(type) {
	case string:
		if word, ok := s.words[v]; ok {
			return word
		}
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = s.spell(item)
		}
		return list
	case map[string]any:
		if r, ok := v["$repeat"].([]any); ok {
			return strings.Repeat(r[0].(string), int(r[1].(float64)))
		}
		spelled := object{}
		for name, item := range v {
			spelled[name] = s.spell(item)
		}
		return spelled
	}
	return v
}

var timeOfWire = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// differs says where got does not hold what want names, or "".
func differs(got, want any, at string) string {
	var ok bool
	switch w := want.(type) {
	case string:
		text, isText := got.(string)
		switch w {
		case "$string":
			ok = isText && text != ""
		case "$number":
			_, ok = got.(float64)
		case "$list":
			_, ok = got.([]any)
		case "$time":
			ok = isText && timeOfWire.MatchString(text)
		case "$absent":
			ok = got == nil
		default:
			ok = text == w && isText
		}
	case []any:
		list, isList := got.([]any)
		if ok = isList && len(list) == len(w); ok {
			for i := range w {
				if why := differs(list[i], w[i], fmt.Sprintf("%s[%d]", at, i)); why != "" {
					return why
				}
			}
		}
	case map[string]any:
		members, isObject := got.(map[string]any)
		if ok = isObject; ok {
			for name, item := range w {
				if why := differs(members[name], item, at+"."+name); why != "" {
					return why
				}
			}
		}
	default:
		ok = reflect.DeepEqual(got, want)
	}
	if ok {
		return ""
	}
	return fmt.Sprintf("%s is %v, want %v", at, got, want)
}
