package wire

import (
	"math"
	"strconv"
	"time"

	"snug/internal/chat"
)

// NewInfo writes a room for the wire.
func NewInfo(i chat.Info) Info {
	return Info{
		Code: i.Code, Title: i.Title, Epoch: i.Epoch, Head: uint32(i.Head), First: uint32(i.First),
		CreatedAt: At(i.CreatedAt), Keep: i.Keep.String(), Locked: i.Locked, Passphrase: i.Passphrase,
		Slow: seconds(i.Slow), Count: i.Count,
	}
}

// NewNotice tells of a Hush, or with nil that it is over.
func NewNotice(q *chat.Hush) Notice {
	if q == nil {
		return Notice{Level: "info", Text: "The server is not muted any more."}
	}
	n := Notice{Level: "warning", Text: "The server is muted: nobody can write for now."}
	if q.Note != "" {
		n.Text = "The server is muted: " + q.Note
	}
	if !q.Until.Equal(chat.Forever) {
		n.Until = At(q.Until)
	}
	return n
}

// NewMember writes a member for the wire.
func NewMember(m chat.Member) Member {
	return Member{ID: string(m.ID), Name: m.Name, Color: m.Color, Role: string(m.Role), State: string(m.State), Until: At(m.Until)}
}

// NewMembers writes members for the wire; there is always a list, if an empty one.
func NewMembers(ms []chat.Member) []Member {
	list := make([]Member, len(ms))
	for i, m := range ms {
		list[i] = NewMember(m)
	}
	return list
}

// NewEntry writes an entry for the wire. It is the only place where that is
// done, so that an entry is the same live and in a page.
func NewEntry(e *chat.Entry) Entry {
	w := Entry{
		Room: e.Room, Seq: uint32(e.Seq), Kind: string(e.Kind), At: At(e.At),
		From: Author{ID: string(e.From.ID), Name: e.From.Name, Color: e.From.Color}, ID: e.ID,
		Text: e.Text, ReplyTo: uint32(e.ReplyTo), Edited: At(e.Edited), Deleted: At(e.Deleted), Rev: uint32(e.Rev),
		Target: uint32(e.Target), Emoji: e.Emoji, Was: e.Was,
	}
	for _, r := range e.Reactions {
		w.Reactions = append(w.Reactions, Reaction(r))
	}
	if e.Kind == chat.KindReact {
		w.On = &e.On
	}
	if m := e.Measure; m != nil {
		w.Deed, w.Member = string(m.Deed), &Author{ID: string(m.Of.ID), Name: m.Of.Name, Color: m.Of.Color}
		w.Lifted, w.Reason, w.Role, w.Count = m.Lifted, m.Reason, string(m.Role), m.Count
		if !m.Until.Equal(chat.Forever) {
			w.Until = At(m.Until)
		}
	}
	if c := e.Info; c != nil {
		w.Info = &RoomChange{Title: c.Title, Locked: c.Locked, Passphrase: c.Passphrase}
		if c.Keep != nil {
			keep := c.Keep.String()
			w.Info.Keep = &keep
		}
		if c.Slow != nil {
			slow := seconds(*c.Slow)
			w.Info.Slow = &slow
		}
	}
	return w
}

// NewEntries writes a page's entries for the wire; there is always a list, if
// an empty one.
func NewEntries(es []chat.Entry) []Entry {
	list := make([]Entry, len(es))
	for i := range es {
		list[i] = NewEntry(&es[i])
	}
	return list
}

// noRate is told to clients as the rate where there is none: a number that
// nobody meets, since one that is absent or 0 would stop those that count on it.
const noRate = 1_000_000

// NewRate writes a rate for the wire.
func NewRate(r chat.Rate) Rate {
	if r.PerSecond <= 0 {
		return Rate{noRate, noRate}
	}
	return Rate(r)
}

// NewLimits writes the limits that clients are told; those of Link, and
// handshakes, are for the caller to fill in.
func NewLimits(l chat.Limits) Limits {
	return Limits{
		TextBytes: l.TextBytes, TextChars: l.TextChars, NameChars: l.NameChars, TitleChars: l.TitleChars,
		QueryChars: l.QueryChars, PageBytes: l.PageBytes, PageEntries: l.PageEntries,
		RoomsPerSocket: l.RoomsPerSocket, EditSeconds: l.EditSeconds,
		Rate: NewRate(l.Rate), Rooms: l.Rooms, Members: l.Members,
		Rates: Rates{
			Identity: NewRate(l.IdentityRate), Address: NewRate(l.AddressRate),
			Requests: NewRate(l.Requests), AddressRequests: NewRate(l.AddressRequests),
			Rooms: NewRate(l.RoomRate), Guesses: NewRate(l.GuessRate),
			GuessBudget: NewRate(l.GuessBudget), Moves: NewRate(l.MoveRate),
		},
	}
}

// NewFailure writes an error for the wire. Its cause stays here: it is for the
// log, which the caller keeps.
func NewFailure(e *chat.Error) Failure {
	f := Failure{
		Code: string(e.Code), Message: e.Message, Retry: e.Retry,
		RetryAfter: math.Ceil(e.RetryAfter.Seconds()*1000) / 1000,
		Field:      e.Field, Limit: e.Limit, Scope: e.Scope, Suggestion: e.Suggestion, Epoch: e.Epoch,
	}
	if f.Message == "" {
		f.Message = meaning[e.Code]
	}
	return f
}

// meaning has words for errors that brought none.
var meaning = map[chat.Code]string{
	chat.BadRequest:         "the request is malformed",
	chat.Unauthorized:       "the token is not valid here",
	chat.NotFound:           "there is no such thing",
	chat.NotMember:          "join the room first",
	chat.NameTaken:          "the name is taken",
	chat.NameInvalid:        "the name cannot be used",
	chat.WrongPassphrase:    "the passphrase is wrong",
	chat.Banned:             "you are banned from the room",
	chat.Muted:              "you are muted in the room",
	chat.Locked:             "the room takes no new members",
	chat.Full:               "there is no place left",
	chat.Forbidden:          "that is not for you to do",
	chat.Conflict:           "it is not as you thought",
	chat.TooLarge:           "it is too large",
	chat.RateLimited:        "too much at a time",
	chat.StorageUnavailable: "nothing can be stored just now",
	chat.ShuttingDown:       "the server is stopping",
	chat.Unsupported:        "this server does not know that",
	chat.Internal:           "something went wrong in the server",
}

func seconds(d time.Duration) int { return int(d / time.Second) }

// NewEvent writes an event for the wire, with its name. Every chat.Event has a
// place here; ok is false for one that has none.
func NewEvent(e chat.Event) (name ServerEvent, body any, ok bool) {
	switch e := e.(type) {
	case *chat.Posted:
		if e.Entry.Kind == chat.KindMessage {
			return TellMessage, NewEntry(e.Entry), true
		}
		return TellEntry, NewEntry(e.Entry), true
	case *chat.PresenceChange:
		p := Presence{Room: e.Room, At: At(e.At), Count: e.Count}
		if len(e.Joined) > 0 {
			p.Joined = NewMembers(e.Joined)
		}
		for _, d := range e.Left {
			p.Left = append(p.Left, Departure{ID: string(d.ID), Reason: string(d.Reason)})
		}
		if len(e.Changed) > 0 {
			p.Changed = NewMembers(e.Changed)
		}
		return TellPresence, p, true
	case *chat.Typing:
		return TellTyping, Typing{Room: e.Room, ID: string(e.ID), Name: e.Name}, true
	case *chat.Me:
		m := Me{Room: e.Room}
		if e.You != nil {
			you := NewMember(*e.You)
			m.You = &you
		}
		if e.Read != nil {
			read := uint32(*e.Read)
			m.Read = &read
		}
		if e.MutedUntil != nil {
			m.MutedUntil = At(*e.MutedUntil)
		}
		return TellMe, m, true
	case *chat.Removed:
		return TellRemoved, Removed{Room: e.Room, Reason: string(e.Reason), Note: e.Note, Until: At(e.Until)}, true
	case *chat.Resync:
		return TellResync, Resync{Room: e.Room, Head: uint32(e.Head)}, true
	}
	return "", nil, false
}

// Chat reads the request in the domain's words.
func (r CreateRequest) Chat() (chat.CreateRequest, *chat.Error) {
	c := chat.CreateRequest{Code: r.Code, Title: r.Title, Passphrase: r.Passphrase, ID: r.ID}
	if r.Keep == "" {
		return c, nil
	}
	var err *chat.Error
	c.Keep, err = parseKeep(r.Keep)
	return c, err
}

func parseKeep(s string) (*chat.Keep, *chat.Error) {
	keep, err := chat.ParseKeep(s)
	if err != nil {
		return nil, &chat.Error{Code: chat.BadRequest, Field: "keep", Message: "keep: " + err.Error()}
	}
	return &keep, nil
}

// Chat reads the request in the domain's words.
func (r JoinRequest) Chat() chat.JoinRequest {
	return chat.JoinRequest{
		Room: r.Room, Name: r.Name, Passphrase: r.Passphrase, Key: r.Key, After: r.After.chat(), Limit: r.Limit,
	}
}

// Chat reads the request in the domain's words.
func (r SendRequest) Chat() chat.SendRequest {
	return chat.SendRequest{Room: r.Room, Text: r.Text, ID: r.ID, ReplyTo: chat.Seq(r.ReplyTo), Epoch: r.Epoch}
}

// Chat reads the request in the domain's words.
func (r EditRequest) Chat() chat.EditRequest {
	return chat.EditRequest{Room: r.Room, Seq: chat.Seq(r.Seq), Text: r.Text, ID: r.ID, Epoch: r.Epoch}
}

// Chat reads the request in the domain's words.
func (r DeleteRequest) Chat() chat.DeleteRequest {
	return chat.DeleteRequest{Room: r.Room, Seq: chat.Seq(r.Seq), ID: r.ID, Epoch: r.Epoch}
}

// Chat reads the request in the domain's words.
func (r ReactRequest) Chat() chat.ReactRequest {
	return chat.ReactRequest{Room: r.Room, Seq: chat.Seq(r.Seq), Emoji: r.Emoji, On: r.On, ID: r.ID, Epoch: r.Epoch}
}

// Chat reads the request in the domain's words.
func (r SetRequest) Chat() (c chat.SetRequest, err *chat.Error) {
	c = chat.SetRequest{Room: r.Room, Title: r.Title, Locked: r.Locked, Passphrase: r.Passphrase}
	if r.Slow != nil {
		c.Slow = new(time.Duration(*r.Slow) * time.Second)
	}
	if r.Keep != nil {
		c.Keep, err = parseKeep(*r.Keep)
	}
	return c, err
}

// Chat reads the request in the domain's words.
func (r HistoryRequest) Chat() chat.HistoryRequest {
	return chat.HistoryRequest{
		Room: r.Room, Before: chat.Seq(r.Before), After: r.After.chat(), Around: chat.Seq(r.Around), Limit: r.Limit,
	}
}

// Chat reads the request in the domain's words.
func (r SearchRequest) Chat() chat.SearchRequest {
	return chat.SearchRequest{Room: r.Room, Query: r.Query, Before: chat.Seq(r.Before), Limit: r.Limit}
}

// Chat reads the request in the domain's words.
func (r MembersRequest) Chat() (chat.MembersRequest, *chat.Error) {
	c := chat.MembersRequest{Room: r.Room, After: chat.MemberID(r.After), Limit: r.Limit}
	switch r.Only {
	case "":
	case "banned":
		c.Only = chat.Ban
	case "muted":
		c.Only = chat.Mute
	default:
		return c, &chat.Error{Code: chat.BadRequest, Field: "only", Message: "only is banned or muted"}
	}
	return c, nil
}

// Chat reads the request in the domain's words.
func (r SanctionRequest) Chat() chat.SanctionRequest {
	return chat.SanctionRequest{Room: r.Room, Member: chat.MemberID(r.Member), Seconds: r.Seconds, Reason: r.Reason}
}

func (c *Cursor) chat() *chat.Cursor {
	if c == nil {
		return nil
	}
	return &chat.Cursor{Epoch: c.Epoch, Seq: chat.Seq(c.Seq)}
}

// NewCreateReply writes the answer to a CreateRequest.
func NewCreateReply(c chat.Created) *CreateReply {
	return &CreateReply{Room: c.Info.Code, Info: NewInfo(c.Info), OwnerKey: c.OwnerKey, Duplicate: c.Duplicate}
}

// NewJoinReply writes the answer to a JoinRequest.
func NewJoinReply(j chat.Joined) *JoinReply {
	return &JoinReply{
		Room: j.Info.Code, Info: NewInfo(j.Info), You: NewMember(j.You),
		Members: NewMembers(j.Members), Count: j.Count,
		Entries: NewEntries(j.Page.Entries), More: j.Page.More, Epoch: j.Info.Epoch, Head: uint32(j.Page.Head),
		Read: uint32(j.Read), Unread: j.Unread, Reset: j.Reset, Mine: newMine(j.Mine),
		MutedUntil: At(j.MutedUntil),
	}
}

// NewSendReply writes the answer to a SendRequest, and to what revises a message.
func NewSendReply(a chat.Appended) *SendReply {
	return &SendReply{Seq: uint32(a.Seq), At: At(a.At), Duplicate: a.Duplicate}
}

// NewHistoryReply writes the answer to a HistoryRequest.
func NewHistoryReply(h chat.History) *HistoryReply {
	return &HistoryReply{
		Entries: NewEntries(h.Page.Entries), More: h.Page.More, Epoch: h.Epoch, Head: uint32(h.Page.Head), Reset: h.Reset,
		Mine: newMine(h.Mine),
	}
}

// NewSearchReply writes the answer to a SearchRequest.
func NewSearchReply(h chat.History) *SearchReply {
	return &SearchReply{Entries: NewEntries(h.Page.Entries), More: h.Page.More, Epoch: h.Epoch, Head: uint32(h.Page.Head), Mine: newMine(h.Mine)}
}

// NewSetReply writes the answer to a SetRequest.
func NewSetReply(s chat.Set) *SetReply {
	return &SetReply{Info: NewInfo(s.Info), Duplicate: s.Duplicate}
}

func newMine(m map[chat.Seq][]string) Mine {
	if len(m) == 0 {
		return nil
	}
	mine := make(Mine, len(m))
	for seq, emoji := range m {
		mine[strconv.FormatUint(uint64(seq), 10)] = emoji
	}
	return mine
}

// NewMembersReply writes the answer to a MembersRequest.
func NewMembersReply(m chat.Members) *MembersReply {
	return &MembersReply{Members: NewMembers(m.Members), Count: m.Count, More: m.More}
}
