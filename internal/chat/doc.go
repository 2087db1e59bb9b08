// Package chat is Snug's domain: rooms, members, the log, presence, and the
// rules that hold between them. It knows nothing of Socket.IO, SQL or HTTP; it
// says what it needs of them in the interfaces Store, Bus, Outlet and Ear.
//
// Service is the one door. Every request passes it, is checked there, and what
// changes a room's log goes through Store.Append; what others are shown comes
// out of the room's lane, in the order of the log.
package chat
