package chat

import "context"

// A Bus carries hints between nodes that share a store: at most once, in the
// order of one node's calls. What it loses, the log heals.
type Bus interface {
	// Publish hands a signal to the other nodes. It never blocks; it drops what
	// it cannot queue. The signal must not be changed afterwards.
	Publish(Signal)

	// Subscribe calls deliver for each signal of the other nodes, one at a time,
	// until ctx is done, and returns ctx's error. deliver must not block.
	Subscribe(ctx context.Context, deliver func(Signal)) error
}

// A Signal is one hint about one room.
type Signal struct {
	Room    string
	RoomID  RoomID
	Entries []Entry // committed, of this room, in seq order
	Typing  *Typing
}
