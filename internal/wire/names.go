package wire

// Protocol is the version of the chat protocol, told by Welcome.
const Protocol = 1

// A ClientEvent is what a client may ask for.
type ClientEvent string

// The requests that are served here ("Client → server").
const (
	EventCreate  ClientEvent = "create"
	EventJoin    ClientEvent = "join"
	EventLeave   ClientEvent = "leave"
	EventSend    ClientEvent = "send"
	EventEdit    ClientEvent = "edit"
	EventDelete  ClientEvent = "delete"
	EventReact   ClientEvent = "react"
	EventHistory ClientEvent = "history"
	EventSearch  ClientEvent = "search"
	EventRead    ClientEvent = "read"
	EventTyping  ClientEvent = "typing"
	EventRename  ClientEvent = "rename"
	EventMembers ClientEvent = "members"
	EventSet     ClientEvent = "set"
	EventDestroy ClientEvent = "destroy"
	EventKick    ClientEvent = "kick"
	EventBan     ClientEvent = "ban"
	EventMute    ClientEvent = "mute"
	EventClear   ClientEvent = "clear"
	EventRole    ClientEvent = "role"
	EventMove    ClientEvent = "move"
)

// A ServerEvent is what a client is told.
type ServerEvent string

// What the server tells ("Server → client").
const (
	TellWelcome  ServerEvent = "welcome"
	TellMessage  ServerEvent = "message"
	TellEntry    ServerEvent = "entry"
	TellPresence ServerEvent = "presence"
	TellTyping   ServerEvent = "typing"
	TellMe       ServerEvent = "me"
	TellRemoved  ServerEvent = "removed"
	TellResync   ServerEvent = "resync"
	TellNotice   ServerEvent = "notice"
)
