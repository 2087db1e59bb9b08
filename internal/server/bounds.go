package server

import (
	"fmt"
	"math"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"snug/internal/chat"
	"snug/internal/config"
	"snug/internal/wire"
)

// bounds are what an operator has set, with --limits obeyed.
type bounds struct {
	config.Bounds
	refusals int // connections that may be open for no more than to be told why they are not let in
}

// newBounds fills in what is not set, or says what makes no sense.
func newBounds(cfg config.Config) (b bounds, err error) {
	if b.Bounds, err = cfg.Bounds.OrDefault(); err != nil {
		return b, err
	}
	if cfg.Limits == "off" {
		for _, r := range []*config.Rate{
			&b.Rate, &b.IdentityRate, &b.AddressRate, &b.Requests, &b.AddressRequests, &b.Packets,
			&b.Handshakes, &b.RoomRate, &b.MoveRate, &b.Guesses, &b.GuessBudget,
		} {
			*r = config.Off
		}
		b.AddressConnections = 0
	}
	files, err := openFiles()
	if err != nil {
		return b, err
	}
	most, refusals := shareFiles(files, runtime.GOMAXPROCS(0))
	if most < 1 {
		return b, fmt.Errorf("this process may open %d files, and needs %d: raise the limit (ulimit -n)", files, files+2-most)
	}
	if b.Connections == 0 || b.Connections > most {
		b.Connections = most
	}
	b.refusals = refusals
	return b, nil
}

// shareFiles says how many of the files that a process may open are for
// connections of clients, and how many for those that are being refused. The others are
// the server's own: standard ones, the lock, the log and its index, the listeners, the operator, what is
// written anew; and what grows with the processors, the readers of log and index, and
// the event loops. Without one for each of them nothing could be read from the log where
// the house is full, and nobody be told that it is.
func shareFiles(files, processors int) (connections, refusals int) {
	const fixed = 28
	readers, loops := max(2, min(8, processors)), max(1, processors/2)
	left := files - fixed - 4*readers - 2*loops
	refusals = max(1, min(64, left/4))
	return left - refusals, refusals
}

// openFiles is how many files this process may have open at a time.
func openFiles() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("how many files may be open: %w", err)
	}
	return int(min(limit.Cur, 1<<30)), nil
}

func chatRate(r config.Rate) chat.Rate {
	if r.PerSecond <= 0 {
		return chat.Rate{}
	}
	return chat.Rate(r)
}

// chat are the bounds that the domain obeys.
func (b bounds) chat() chat.Limits {
	l := chat.DefaultLimits()
	l.TextChars, l.TextBytes = b.TextChars, b.TextBytes
	l.RoomsPerSocket, l.Rooms, l.Members = b.RoomsPerSocket, b.Bounds.Rooms, b.Bounds.Members
	l.Rate, l.IdentityRate, l.AddressRate = chatRate(b.Rate), chatRate(b.IdentityRate), chatRate(b.AddressRate)
	l.Requests, l.AddressRequests = chatRate(b.Requests), chatRate(b.AddressRequests)
	l.EditSeconds = whole(b.EditTime)
	l.PassBytes, l.PassPasses, l.PassHashes = b.PassphraseBytes, b.PassphrasePasses, b.PassphraseHashes
	l.RoomRate, l.MoveRate, l.GuessRate, l.GuessBudget = chatRate(b.RoomRate), chatRate(b.MoveRate), chatRate(b.Guesses), chatRate(b.GuessBudget)
	return l
}

// whole is a span in seconds, rounded up: nobody is told to hurry more than needed.
func whole(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// wire is what clients are told.
func (b bounds) wire(l chat.Limits) wire.Limits {
	w := wire.NewLimits(l)
	w.Rates.Handshakes = wire.NewRate(chatRate(b.Handshakes))
	w.Link = wire.LinkLimits{
		PayloadBytes: b.PayloadBytes, OutboxBytes: b.OutboxBytes, Nesting: b.Nesting, Namespaces: b.Namespaces,
		Packets: wire.NewRate(chatRate(b.Packets)), ConnectionsByAddress: b.AddressConnections,
		HeaderBytes: b.HeaderBytes, HeaderSeconds: whole(b.HeaderTimeout), BodySeconds: whole(b.BodyTimeout),
		WriteSeconds: whole(b.WriteTimeout), IdleSeconds: whole(b.IdleTimeout), Connections: b.Bounds.Connections,
	}
	return w
}
