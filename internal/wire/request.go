package wire

// A request is one object. A field without omitempty is required; `least` is
// the smallest number, or the least length of a string, that is accepted.
// Decode obeys both. A pointer to a plain value stands for a field of which
// "" or 0 or false says something else than leaving it out.

// CreateRequest makes a room.
type CreateRequest struct {
	Code       string `json:"code,omitempty" least:"1"`
	Title      string `json:"title,omitempty"`
	Keep       string `json:"keep,omitempty" least:"1"`
	Passphrase string `json:"passphrase,omitempty"`
	ID         string `json:"id,omitempty" least:"1"`
}

// JoinRequest asks to hear a room. Without after it is answered with a page of
// the talk, with it a page of the log.
type JoinRequest struct {
	Room       string  `json:"room"`
	Name       string  `json:"name"`
	Passphrase string  `json:"passphrase,omitempty"`
	Key        string  `json:"key,omitempty"`
	After      *Cursor `json:"after,omitempty"`
	Limit      int     `json:"limit,omitempty" least:"1"`
}

// LeaveRequest ends this connection's hearing; with all, the membership.
type LeaveRequest struct {
	Room string `json:"room"`
	All  bool   `json:"all,omitempty"`
}

// SendRequest posts a message. With an id of the client's own a retry is safe.
type SendRequest struct {
	Room    string `json:"room"`
	Text    string `json:"text"`
	ID      string `json:"id,omitempty" least:"1"`
	ReplyTo uint32 `json:"replyTo,omitempty" least:"1"`
	Epoch   string `json:"epoch,omitempty" least:"1"`
}

// EditRequest gives a message of one's own another text.
type EditRequest struct {
	Room  string `json:"room"`
	Seq   uint32 `json:"seq" least:"1"`
	Text  string `json:"text"`
	ID    string `json:"id,omitempty" least:"1"`
	Epoch string `json:"epoch,omitempty" least:"1"`
}

// DeleteRequest takes a message back; owners and moderators may take any.
type DeleteRequest struct {
	Room  string `json:"room"`
	Seq   uint32 `json:"seq" least:"1"`
	ID    string `json:"id,omitempty" least:"1"`
	Epoch string `json:"epoch,omitempty" least:"1"`
}

// ReactRequest puts one emoji on a message, or takes it off again.
type ReactRequest struct {
	Room  string `json:"room"`
	Seq   uint32 `json:"seq" least:"1"`
	Emoji string `json:"emoji"`
	On    bool   `json:"on"`
	ID    string `json:"id,omitempty" least:"1"`
	Epoch string `json:"epoch,omitempty" least:"1"`
}

// HistoryRequest asks for a page; at most one of before, after and around.
type HistoryRequest struct {
	Room   string  `json:"room"`
	Before uint32  `json:"before,omitempty" least:"1"`
	After  *Cursor `json:"after,omitempty"`
	Around uint32  `json:"around,omitempty" least:"1"`
	Limit  int     `json:"limit,omitempty" least:"1"`
}

// SearchRequest asks for messages that hold all words of the query.
type SearchRequest struct {
	Room   string `json:"room"`
	Query  string `json:"query"`
	Before uint32 `json:"before,omitempty" least:"1"`
	Limit  int    `json:"limit,omitempty" least:"1"`
}

// ReadRequest raises the identity's own read mark.
type ReadRequest struct {
	Room  string `json:"room"`
	Seq   uint32 `json:"seq"`
	Epoch string `json:"epoch,omitempty" least:"1"`
}

// TypingRequest tells the others that one is writing.
type TypingRequest struct {
	Room string `json:"room"`
}

// RenameRequest gives oneself another name in a room.
type RenameRequest struct {
	Room string `json:"room"`
	Name string `json:"name"`
}

// MembersRequest asks for those present, by rising id, or only for those of one
// sort, present or not.
type MembersRequest struct {
	Room  string `json:"room"`
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty" least:"1"`
	Only  string `json:"only,omitempty" least:"1"` // `banned` or `muted`
}

// SetRequest changes what is given of a room. An empty passphrase removes it.
type SetRequest struct {
	Room       string  `json:"room"`
	Title      *string `json:"title,omitempty"`
	Locked     *bool   `json:"locked,omitempty"`
	Passphrase *string `json:"passphrase,omitempty"`
	Keep       *string `json:"keep,omitempty" least:"1"`
	Slow       *int    `json:"slow,omitempty"` // seconds; 0: off
}

// SanctionRequest is what `kick`, `ban` and `mute` take. Without seconds a ban
// or a mute is for good, 0 lifts it; a kicked member may return after seconds,
// 60 if they are not given.
type SanctionRequest struct {
	Room    string `json:"room"`
	Member  string `json:"member" least:"1"`
	Seconds *int   `json:"seconds,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// ClearRequest deletes all messages of a member.
type ClearRequest struct {
	Room   string `json:"room"`
	Member string `json:"member" least:"1"`
}

// RoleRequest gives a member another role.
type RoleRequest struct {
	Room   string `json:"room"`
	Member string `json:"member" least:"1"`
	Role   string `json:"role" least:"1"`
}

// MoveRequest asks for a code by which another device takes over this identity.
type MoveRequest struct{}

// DestroyRequest deletes a room, its log and its files.
type DestroyRequest struct {
	Room string `json:"room"`
}
