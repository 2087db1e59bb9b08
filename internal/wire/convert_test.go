package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"snug/internal/chat"
)

// jsonOf is v as it goes over the wire: JSON without HTML escapes.
func jsonOf(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

func ptr[T any](v T) *T { return &v }

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ada  = chat.Author{ID: "aaaa", Name: "Ada <3", Color: 0}
)

func TestAt(t *testing.T) {
	for _, c := range []struct {
		t    time.Time
		want string
	}{
		{noon, "2026-03-01T12:00:00.000Z"},
		{noon.Add(120 * time.Millisecond), "2026-03-01T12:00:00.120Z"},
		{noon.Add(999_999 * time.Microsecond), "2026-03-01T12:00:00.999Z"},
		{noon.In(time.FixedZone("", 5*3600+1800)), "2026-03-01T12:00:00.000Z"},
		{time.Time{}, ""},
	} {
		if got := At(c.t); got != c.want {
			t.Errorf("At(%v) = %q, want %q", c.t, got, c.want)
		}
	}
}

func TestEntries(t *testing.T) {
	const head = `"room":"ABCDEFGH","seq":7,`
	const from = `"at":"2026-03-01T12:00:00.000Z","from":{"id":"aaaa","name":"Ada <3","color":0}`
	bobby := chat.Author{ID: "bbbb", Name: "Bobby", Color: 15}
	const bobbyJSON = `{"id":"bbbb","name":"Bobby","color":15}`
	entry := func(kind chat.Kind, f func(*chat.Entry)) *chat.Entry {
		e := &chat.Entry{RoomID: 5, Room: "ABCDEFGH", Seq: 7, Kind: kind, At: noon, From: ada}
		f(e)
		return e
	}
	for _, c := range []struct {
		name  string
		entry *chat.Entry
		event ServerEvent
		want  string
	}{
		{"a message", entry(chat.KindMessage, func(e *chat.Entry) { e.Text, e.ID = "a & b", "id-1" }),
			TellMessage, `{` + head + `"kind":"message",` + from + `,"id":"id-1","text":"a & b"}`},
		{"all of a message", entry(chat.KindMessage, func(e *chat.Entry) {
			e.Text, e.ReplyTo, e.Edited, e.Rev = "x", 3, noon.Add(time.Second), 9
			e.Reactions = []chat.Reaction{{Emoji: "👍", Count: 2}}
		}), TellMessage, `{` + head + `"kind":"message",` + from + `,"text":"x","replyTo":3,"edited":"2026-03-01T12:00:01.000Z",` +
			`"reactions":[{"emoji":"👍","count":2}],"rev":9}`},
		{"a tombstone", entry(chat.KindMessage, func(e *chat.Entry) { e.ID, e.Deleted, e.Rev = "i", noon, 8 }),
			TellMessage, `{` + head + `"kind":"message",` + from + `,"id":"i","deleted":"2026-03-01T12:00:00.000Z","rev":8}`},
		{"an edit", entry(chat.KindEdit, func(e *chat.Entry) { e.Target, e.Text = 3, "new" }),
			TellEntry, `{` + head + `"kind":"edit",` + from + `,"text":"new","target":3}`},
		{"a superseded edit", entry(chat.KindEdit, func(e *chat.Entry) { e.Target = 3 }),
			TellEntry, `{` + head + `"kind":"edit",` + from + `,"target":3}`},
		{"a delete", entry(chat.KindDelete, func(e *chat.Entry) { e.Target = 3 }),
			TellEntry, `{` + head + `"kind":"delete",` + from + `,"target":3}`},
		{"a reaction", entry(chat.KindReact, func(e *chat.Entry) { e.Target, e.Emoji, e.On = 3, "👍", true }),
			TellEntry, `{` + head + `"kind":"react",` + from + `,"target":3,"emoji":"👍","on":true}`},
		{"a reaction taken back", entry(chat.KindReact, func(e *chat.Entry) { e.Target, e.Emoji = 3, "👍" }),
			TellEntry, `{` + head + `"kind":"react",` + from + `,"target":3,"emoji":"👍","on":false}`},
		{"a change of the room", entry(chat.KindRoom, func(e *chat.Entry) {
			e.Info = &chat.RoomChange{Title: ptr(""), Locked: ptr(false), Keep: ptr(chat.KeepForever), Slow: ptr(30 * time.Second)}
		}), TellEntry, `{` + head + `"kind":"room",` + from + `,"info":{"title":"","locked":false,"keep":"forever","slow":30}}`},
		{"another change", entry(chat.KindRoom, func(e *chat.Entry) { e.Info = &chat.RoomChange{Passphrase: ptr(true)} }),
			TellEntry, `{` + head + `"kind":"room",` + from + `,"info":{"passphrase":true}}`},
		{"a name", entry(chat.KindName, func(e *chat.Entry) { e.Was = "Eve" }),
			TellEntry, `{` + head + `"kind":"name",` + from + `,"was":"Eve"}`},
		{"a kick", entry(chat.KindModeration, func(e *chat.Entry) {
			e.Measure = &chat.Measure{Deed: chat.Kick, Of: bobby, Until: noon, Reason: "\"why\""}
		}), TellEntry, `{` + head + `"kind":"moderation",` + from + `,"deed":"kick","member":` + bobbyJSON + `,"until":"2026-03-01T12:00:00.000Z","reason":"\"why\""}`},
		{"a ban for good", entry(chat.KindModeration, func(e *chat.Entry) { e.Measure = &chat.Measure{Deed: chat.Ban, Of: bobby, Until: chat.Forever} }),
			TellEntry, `{` + head + `"kind":"moderation",` + from + `,"deed":"ban","member":` + bobbyJSON + `}`},
		{"a mute lifted", entry(chat.KindModeration, func(e *chat.Entry) { e.Measure = &chat.Measure{Deed: chat.Mute, Of: bobby, Lifted: true} }),
			TellEntry, `{` + head + `"kind":"moderation",` + from + `,"deed":"mute","member":` + bobbyJSON + `,"lifted":true}`},
		{"a role", entry(chat.KindModeration, func(e *chat.Entry) { e.Measure = &chat.Measure{Deed: chat.Grant, Of: bobby, Role: chat.RoleOwner} }),
			TellEntry, `{` + head + `"kind":"moderation",` + from + `,"deed":"role","member":` + bobbyJSON + `,"role":"owner"}`},
		{"a clearing", entry(chat.KindModeration, func(e *chat.Entry) { e.Measure = &chat.Measure{Deed: chat.Clear, Of: bobby, Count: 3} }),
			TellEntry, `{` + head + `"kind":"moderation",` + from + `,"deed":"clear","member":` + bobbyJSON + `,"count":3}`},
	} {
		name, live, ok := NewEvent(&chat.Posted{Entry: c.entry})
		if got := jsonOf(t, live); !ok || name != c.event || got != c.want {
			t.Errorf("%s: %s %s\nwant %s %s", c.name, name, got, c.event, c.want)
		}
		page := jsonOf(t, NewHistoryReply(chat.History{Page: chat.Page{Entries: []chat.Entry{*c.entry}}}))
		if !strings.Contains(page, `"entries":[`+c.want+`]`) {
			t.Errorf("%s is not the same in a page: %s", c.name, page)
		}
		if len(c.want) > c.entry.Size() {
			t.Errorf("%s takes %d bytes; pages are cut as if it were %d", c.name, len(c.want), c.entry.Size())
		}
	}
}

func TestEvents(t *testing.T) {
	bob := chat.Member{Author: chat.Author{ID: "bbbb", Name: "Bob", Color: 15}, Role: chat.RoleOwner, State: chat.Lost}
	const bobJSON = `{"id":"bbbb","name":"Bob","color":15,"role":"owner","state":"lost"}`
	for _, c := range []struct {
		event chat.Event
		name  ServerEvent
		want  string
	}{
		{&chat.PresenceChange{Room: "R", At: noon, Count: 0}, TellPresence, `{"room":"R","at":"2026-03-01T12:00:00.000Z","count":0}`},
		{&chat.PresenceChange{
			Room: "R", At: noon, Count: 3, Joined: []chat.Member{bob}, Changed: []chat.Member{bob, bob},
			Left: []chat.Departure{{ID: "cccc", Reason: chat.ReasonDisconnected}},
		}, TellPresence, `{"room":"R","at":"2026-03-01T12:00:00.000Z","count":3,"joined":[` + bobJSON + `],` +
			`"left":[{"id":"cccc","reason":"disconnected"}],"changed":[` + bobJSON + `,` + bobJSON + `]}`},
		{&chat.Typing{Room: "R", ID: "bbbb", Name: "Bob", But: []chat.Ear{nil}}, TellTyping, `{"room":"R","id":"bbbb","name":"Bob"}`},
		{&chat.Me{Room: "R"}, TellMe, `{"room":"R"}`},
		{&chat.Me{Room: "R", You: &bob, Read: ptr(chat.Seq(0)), MutedUntil: &noon}, TellMe,
			`{"room":"R","you":` + bobJSON + `,"read":0,"mutedUntil":"2026-03-01T12:00:00.000Z"}`},
		{&chat.Removed{Room: "R", Reason: chat.ReasonLeft}, TellRemoved, `{"room":"R","reason":"left"}`},
		{&chat.Removed{Room: "R", Reason: chat.ReasonKicked, Note: "n", Until: noon}, TellRemoved,
			`{"room":"R","reason":"kicked","note":"n","until":"2026-03-01T12:00:00.000Z"}`},
		{&chat.Resync{Room: "R", Head: 9}, TellResync, `{"room":"R","head":9}`},
	} {
		name, body, ok := NewEvent(c.event)
		if got := jsonOf(t, body); !ok || name != c.name || got != c.want {
			t.Errorf("%T: %s %s\nwant %s %s", c.event, name, got, c.name, c.want)
		}
	}
	if _, _, ok := NewEvent(nil); ok {
		t.Error("no event at all has a place in the protocol")
	}
}

func TestReplies(t *testing.T) {
	info := chat.Info{Code: "ABCDEFGH", Title: "Tea", Epoch: "e", Head: 9, First: 2, CreatedAt: noon, Keep: 30, Passphrase: true, Slow: 5 * time.Second, Count: 1}
	const infoJSON = `{"code":"ABCDEFGH","title":"Tea","epoch":"e","head":9,"first":2,"createdAt":"2026-03-01T12:00:00.000Z",` +
		`"keep":"30d","locked":false,"passphrase":true,"slow":5,"count":1}`
	you := chat.Member{Author: ada, Role: chat.RoleMember, State: chat.Here}
	const youJSON = `{"id":"aaaa","name":"Ada <3","color":0,"role":"member","state":"here"}`
	for _, c := range []struct {
		reply   Reply
		ignored []string
		want    string
	}{
		{new(OKReply), nil, `{"ok":true}`},
		{NewHistoryReply(chat.History{Epoch: "e", Mine: map[chat.Seq][]string{10: {"👍", "🎉"}, 9: {"👀"}}}), nil,
			`{"ok":true,"entries":[],"more":false,"epoch":"e","head":0,"mine":{"10":["👍","🎉"],"9":["👀"]}}`},
		{NewSearchReply(chat.History{Epoch: "e", Mine: map[chat.Seq][]string{9: {"👀"}}}), nil,
			`{"ok":true,"entries":[],"more":false,"epoch":"e","head":0,"mine":{"9":["👀"]}}`},
		{NewSetReply(chat.Set{Info: info}), nil, `{"ok":true,"info":` + infoJSON + `}`},
		{NewSetReply(chat.Set{Info: info, Duplicate: true}), nil, `{"ok":true,"info":` + infoJSON + `,"duplicate":true}`},
		{new(OKReply), []string{"x", "y.z"}, `{"ok":true,"ignored":["x","y.z"]}`},
		{NewCreateReply(chat.Created{Info: info, OwnerKey: "k"}), nil, `{"ok":true,"room":"ABCDEFGH","info":` + infoJSON + `,"ownerKey":"k"}`},
		{NewCreateReply(chat.Created{Info: info, OwnerKey: "k", Duplicate: true}), nil,
			`{"ok":true,"room":"ABCDEFGH","info":` + infoJSON + `,"ownerKey":"k","duplicate":true}`},
		{NewJoinReply(chat.Joined{Info: info, You: you, Count: 1, Page: chat.Page{Head: 9}}), nil,
			`{"ok":true,"room":"ABCDEFGH","info":` + infoJSON + `,"you":` + youJSON + `,"members":[],"count":1,` +
				`"entries":[],"more":false,"epoch":"e","head":9,"read":0,"unread":0}`},
		{NewJoinReply(chat.Joined{Info: info, You: you, Members: []chat.Member{you}, Count: 1, Page: chat.Page{Head: 8, More: true}, Read: 4, Unread: 2, Reset: true}), nil,
			`{"ok":true,"room":"ABCDEFGH","info":` + infoJSON + `,"you":` + youJSON + `,"members":[` + youJSON + `],"count":1,` +
				`"entries":[],"more":true,"epoch":"e","head":8,"read":4,"unread":2,"reset":true}`},
		{NewSendReply(chat.Appended{Seq: 3, At: noon}), nil, `{"ok":true,"seq":3,"at":"2026-03-01T12:00:00.000Z"}`},
		{NewSendReply(chat.Appended{Seq: 3, At: noon, Duplicate: true}), []string{"x"},
			`{"ok":true,"ignored":["x"],"seq":3,"at":"2026-03-01T12:00:00.000Z","duplicate":true}`},
		{NewHistoryReply(chat.History{Epoch: "e", Page: chat.Page{Head: 9}}), nil, `{"ok":true,"entries":[],"more":false,"epoch":"e","head":9}`},
		{NewHistoryReply(chat.History{Epoch: "e", Page: chat.Page{Head: 9, More: true}, Reset: true}), nil,
			`{"ok":true,"entries":[],"more":true,"epoch":"e","head":9,"reset":true}`},
		{&RenameReply{You: NewMember(you)}, nil, `{"ok":true,"you":` + youJSON + `}`},
		{NewMembersReply(chat.Members{}), nil, `{"ok":true,"members":[],"count":0,"more":false}`},
		{NewMembersReply(chat.Members{Members: []chat.Member{you}, Count: 2, More: true}), nil, `{"ok":true,"members":[` + youJSON + `],"count":2,"more":true}`},
		{NewMembersReply(chat.Members{Members: []chat.Member{{Author: ada, Role: chat.RoleMember, State: chat.Away, Until: chat.Forever}}, Count: 1}), nil,
			`{"ok":true,"members":[{"id":"aaaa","name":"Ada <3","color":0,"role":"member","state":"away","until":"9999-12-31T23:59:59.999Z"}],"count":1,"more":false}`},
		{NewJoinReply(chat.Joined{Info: info, You: you, MutedUntil: noon}), nil,
			`{"ok":true,"room":"ABCDEFGH","info":` + infoJSON + `,"you":` + youJSON + `,"members":[],"count":0,` +
				`"entries":[],"more":false,"epoch":"e","head":0,"read":0,"unread":0,"mutedUntil":"2026-03-01T12:00:00.000Z"}`},
		{&ClearReply{Count: 0}, nil, `{"ok":true,"count":0}`},
		{&MoveReply{Code: "ABCD-EFGH-JKLM", Expires: At(noon)}, nil, `{"ok":true,"code":"ABCD-EFGH-JKLM","expires":"2026-03-01T12:00:00.000Z"}`},
		{NewRefusal(&chat.Error{Code: chat.NotMember, Message: "m"}), []string{"x"}, `{"ok":false,"ignored":["x"],"error":{"code":"not_member","message":"m"}}`},
		{NewRefusal(&chat.Error{
			Code: chat.RateLimited, Message: "m", Retry: true, RetryAfter: 1500*time.Millisecond + 1, Field: "f", Limit: 5, Scope: "s",
			Suggestion: "Ada 2", Epoch: "e", Err: errors.New("secret"),
		}), nil, `{"ok":false,"error":{"code":"rate_limited","message":"m","retry":true,"retryAfter":1.501,"field":"f","limit":5,` +
			`"scope":"s","suggestion":"Ada 2","epoch":"e"}}`},
	} {
		if got := jsonOf(t, Answered(c.reply, c.ignored)); got != c.want {
			t.Errorf("%T: %s\nwant %s", c.reply, got, c.want)
		}
	}
}

// Every code has words of its own, for errors that brought none.
func TestMeanings(t *testing.T) {
	for _, code := range []chat.Code{
		chat.BadRequest, chat.Unauthorized, chat.NotFound, chat.NotMember, chat.NameTaken, chat.NameInvalid, chat.WrongPassphrase,
		chat.Banned, chat.Muted, chat.Locked, chat.Full, chat.Forbidden, chat.Conflict, chat.TooLarge, chat.RateLimited,
		chat.StorageUnavailable, chat.ShuttingDown, chat.Unsupported, chat.Internal,
	} {
		if NewFailure(&chat.Error{Code: code}).Message == "" {
			t.Errorf("%s has no words", code)
		}
	}
}

func TestRequestsForTheDomain(t *testing.T) {
	create, err := CreateRequest{Code: "c", Title: "t", Keep: "7d", Passphrase: "p", ID: "i"}.Chat()
	if err != nil || create.Keep == nil || *create.Keep != 7 {
		t.Errorf("keep: %v, %v", create.Keep, err)
	}
	keep := create.Keep
	if create != (chat.CreateRequest{Code: "c", Title: "t", Keep: keep, Passphrase: "p", ID: "i"}) {
		t.Errorf("create: %+v", create)
	}
	if create, err := (CreateRequest{}).Chat(); err != nil || create.Keep != nil {
		t.Errorf("no keep: %v, %v", create.Keep, err)
	}
	for _, keep := range []string{"0d", "3651d", "7", "week", "-1d", "1.5d", "Empty", "07d"} {
		if _, err := (CreateRequest{Keep: keep}).Chat(); err == nil || err.Code != chat.BadRequest || err.Field != "keep" {
			t.Errorf("keep %q: %v", keep, err)
		}
	}
	join := JoinRequest{Room: "r", Name: "n", Passphrase: "p", Key: "k", After: &Cursor{"e", 4}, Limit: 5}.Chat()
	if join.After == nil || *join.After != (chat.Cursor{Epoch: "e", Seq: 4}) {
		t.Errorf("after: %+v", join.After)
	}
	join.After = nil
	if join != (chat.JoinRequest{Room: "r", Name: "n", Passphrase: "p", Key: "k", Limit: 5}) {
		t.Errorf("join: %+v", join)
	}
	if got := (SendRequest{"r", "t", "i", 3, "e"}).Chat(); got != (chat.SendRequest{Room: "r", Text: "t", ID: "i", ReplyTo: 3, Epoch: "e"}) {
		t.Errorf("send: %+v", got)
	}
	if got := (HistoryRequest{Room: "r", Before: 1, Around: 2, Limit: 3}).Chat(); got != (chat.HistoryRequest{Room: "r", Before: 1, Around: 2, Limit: 3}) {
		t.Errorf("history: %+v", got)
	}
	if got := (HistoryRequest{After: &Cursor{"e", 0}}).Chat(); got.After == nil || got.After.Epoch != "e" {
		t.Errorf("history after: %+v", got)
	}
	if got := (EditRequest{"r", 7, "t", "i", "e"}).Chat(); got != (chat.EditRequest{Room: "r", Seq: 7, Text: "t", ID: "i", Epoch: "e"}) {
		t.Errorf("edit: %+v", got)
	}
	if got := (DeleteRequest{"r", 7, "i", "e"}).Chat(); got != (chat.DeleteRequest{Room: "r", Seq: 7, ID: "i", Epoch: "e"}) {
		t.Errorf("delete: %+v", got)
	}
	if got := (ReactRequest{"r", 7, "👍", true, "i", "e"}).Chat(); got != (chat.ReactRequest{Room: "r", Seq: 7, Emoji: "👍", On: true, ID: "i", Epoch: "e"}) {
		t.Errorf("react: %+v", got)
	}
	title, pass := "t", ""
	if got, err := (SetRequest{"r", &title, ptr(false), &pass, ptr("7d"), ptr(90)}).Chat(); err != nil ||
		got.Room != "r" || got.Title != &title || *got.Locked || got.Passphrase != &pass || *got.Keep != 7 || *got.Slow != 90*time.Second {
		t.Errorf("set: %+v, %v", got, err)
	}
	if got, err := (SetRequest{Room: "r"}).Chat(); err != nil || got != (chat.SetRequest{Room: "r"}) {
		t.Errorf("set nothing: %+v, %v", got, err)
	}
	if _, err := (SetRequest{Room: "r", Keep: ptr("8 days")}).Chat(); err == nil || err.Field != "keep" {
		t.Errorf("set a bad keep: %v", err)
	}
	for only, want := range map[string]chat.Deed{"": "", "banned": chat.Ban, "muted": chat.Mute} {
		if got, err := (MembersRequest{Room: "r", After: "m", Limit: 3, Only: only}).Chat(); err != nil || got != (chat.MembersRequest{Room: "r", After: "m", Limit: 3, Only: want}) {
			t.Errorf("members: %+v, %v", got, err)
		}
	}
	if _, err := (MembersRequest{Room: "r", Only: "bored"}).Chat(); err == nil || err.Field != "only" {
		t.Errorf("members that are none of those: %v", err)
	}
	if got := (SanctionRequest{"r", "m", ptr(0), "why"}).Chat(); got.Room != "r" || got.Member != "m" || *got.Seconds != 0 || got.Reason != "why" {
		t.Errorf("sanction: %+v", got)
	}
	r := func(n int) chat.Rate { return chat.Rate{PerSecond: float64(n) + .5, Burst: n} }
	w := func(n int) Rate { return Rate{float64(n) + .5, n} }
	if got, want := NewLimits(chat.Limits{
		TextBytes: 1, TextChars: 2, NameChars: 3, TitleChars: 4, QueryChars: 5, PageBytes: 6, PageEntries: 7, RoomsPerSocket: 8, EditSeconds: 9,
		Rate: r(10), Rooms: 11, Members: 12, IdentityRate: r(13), AddressRate: r(14), Requests: r(15), AddressRequests: r(16), RoomRate: r(17), GuessRate: r(18), GuessBudget: r(19), MoveRate: r(20),
	}), (Limits{
		TextBytes: 1, TextChars: 2, NameChars: 3, TitleChars: 4, QueryChars: 5, PageBytes: 6, PageEntries: 7, RoomsPerSocket: 8, EditSeconds: 9,
		Rate: w(10), Rooms: 11, Members: 12,
		Rates: Rates{Identity: w(13), Address: w(14), Requests: w(15), AddressRequests: w(16), Rooms: w(17), Guesses: w(18), GuessBudget: w(19), Moves: w(20)},
	}); got != want {
		t.Errorf("limits: %+v, want %+v", got, want)
	}
	// None at all is told as one that nobody meets: 0 would stop those that count on it.
	if got := NewLimits(chat.DefaultLimits().Unlimited()); got.Rate.PerSecond < 1e6 || got.Rate.Burst < 1e6 || got.TextChars != 4000 {
		t.Errorf("without rates: %+v", got)
	}
}
