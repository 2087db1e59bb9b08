package config

import (
	"fmt"
	"reflect"
	"strconv"
	"time"
)

// Bounds are the limits that protect a server and those on it from each other. A
// field that is zero is its default.
type Bounds struct {
	Rate            Rate `default:"5/s,20" env:"SNUG_RATE" placeholder:"RATE" group:"rates" help:"Messages of a connection (default ${default}): so many a second (/s) or minute (/m), and so many at once. \"off\" lifts it."`
	IdentityRate    Rate `default:"10/s,40" env:"SNUG_IDENTITY_RATE" placeholder:"RATE" group:"rates" help:"Messages of a person, on all connections (default ${default})."`
	AddressRate     Rate `default:"50/s,200" env:"SNUG_ADDRESS_RATE" placeholder:"RATE" group:"rates" help:"Messages from an address (default ${default}). An address is one of IPv4, or a /64 of IPv6."`
	Requests        Rate `default:"100/s,500" env:"SNUG_REQUESTS" placeholder:"RATE" group:"rates" help:"Requests of any kind of a connection (default ${default}); what comes faster waits."`
	AddressRequests Rate `default:"1000/s,5000" env:"SNUG_ADDRESS_REQUESTS" placeholder:"RATE" group:"rates" help:"The same from an address (default ${default})."`
	Packets         Rate `default:"1000/s,4000" env:"SNUG_PACKETS" placeholder:"RATE" group:"rates" help:"Packets of any kind of a connection (default ${default}); above, it is read more slowly."`
	Handshakes      Rate `default:"100/s,1000" env:"SNUG_HANDSHAKES" placeholder:"RATE" group:"rates" help:"Connections made from an address (default ${default})."`
	RoomRate        Rate `default:"2/s,200" env:"SNUG_ROOM_RATE" placeholder:"RATE" group:"rates" help:"Rooms made from an address (default ${default})."`
	MoveRate        Rate `default:"10/m,20" env:"SNUG_MOVE_RATE" placeholder:"RATE" group:"rates" help:"Codes for moving to another device made from an address (default ${default})."`
	Guesses         Rate `default:"10/m,10" env:"SNUG_GUESSES" placeholder:"RATE" group:"rates" help:"Wrong codes and passphrases from an address (default ${default})."`
	GuessBudget     Rate `default:"5/s,300" env:"SNUG_GUESS_BUDGET" placeholder:"RATE" group:"rates" help:"The same from everywhere together (default ${default}); above, whoever has guessed wrongly of late must wait."`

	AddressConnections int `default:"200" env:"SNUG_ADDRESS_CONNECTIONS" placeholder:"N" group:"rates" help:"Connections at a time from an address (default ${default})."`

	Connections    int           `default:"0" env:"SNUG_CONNECTIONS" placeholder:"N" group:"sizes" help:"Connections at a time in all (default: as many as this process may open files, less some)."`
	Rooms          int           `default:"100000" env:"SNUG_ROOMS" placeholder:"N" group:"sizes" help:"Rooms on the server (default ${default})."`
	Members        int           `default:"20000" env:"SNUG_MEMBERS" placeholder:"N" group:"sizes" help:"Members present in one room (default ${default})."`
	RoomsPerSocket int           `default:"50" env:"SNUG_ROOMS_PER_SOCKET" placeholder:"N" group:"sizes" help:"Rooms that one connection hears (default ${default})."`
	Namespaces     int           `default:"8" env:"SNUG_NAMESPACES" placeholder:"N" group:"sizes" help:"Socket.IO namespaces of one connection (default ${default})."`
	TextChars      int           `default:"4000" env:"SNUG_TEXT_CHARS" placeholder:"N" group:"sizes" help:"Characters of a message (default ${default})."`
	TextBytes      int           `default:"16384" env:"SNUG_TEXT_BYTES" placeholder:"N" group:"sizes" help:"Bytes of a message (default ${default})."`
	EditTime       time.Duration `default:"24h" env:"SNUG_EDIT_TIME" placeholder:"SPAN" group:"sizes" help:"How long people may edit and delete their own messages (default ${default})."`
	PayloadBytes   int           `default:"65536" env:"SNUG_PAYLOAD_BYTES" placeholder:"N" group:"sizes" help:"Bytes of a packet or of one POST (default ${default})."`
	Nesting        int           `default:"32" env:"SNUG_NESTING" placeholder:"N" group:"sizes" help:"Levels of a packet's JSON (default ${default}), 8 to 64."`
	OutboxBytes    int           `default:"1048576" env:"SNUG_OUTBOX_BYTES" placeholder:"N" group:"sizes" help:"Bytes that wait for a client before it is closed as too slow (default ${default}); it comes back and misses nothing."`
	HeaderBytes    int           `default:"16384" env:"SNUG_HEADER_BYTES" placeholder:"N" group:"sizes" help:"Bytes of a request's header (default ${default})."`
	HeaderTimeout  time.Duration `default:"5s" env:"SNUG_HEADER_TIMEOUT" placeholder:"SPAN" group:"sizes" help:"For a request's header to come (default ${default})."`
	BodyTimeout    time.Duration `default:"30s" env:"SNUG_BODY_TIMEOUT" placeholder:"SPAN" group:"sizes" help:"For a POST's body to come (default ${default})."`
	WriteTimeout   time.Duration `default:"10s" env:"SNUG_WRITE_TIMEOUT" placeholder:"SPAN" group:"sizes" help:"For a client to take 64 KiB (default ${default})."`
	IdleTimeout    time.Duration `default:"2m" env:"SNUG_IDLE_TIMEOUT" placeholder:"SPAN" group:"sizes" help:"For the next request on a kept-alive connection to come (default ${default})."`

	PassphraseBytes  int `default:"19922944" env:"SNUG_PASSPHRASE_BYTES" placeholder:"N" group:"sizes" help:"Bytes of memory that hashing a passphrase takes, by argon2id (default ${default}). A passphrase that was set keeps its cost."`
	PassphrasePasses int `default:"2" env:"SNUG_PASSPHRASE_PASSES" placeholder:"N" group:"sizes" help:"How often that memory is gone through (default ${default})."`
	PassphraseHashes int `default:"2" env:"SNUG_PASSPHRASE_HASHES" placeholder:"N" group:"sizes" help:"Passphrases hashed at a time (default ${default}); others wait."`
	ReserveBytes     int `default:"16777216" env:"SNUG_RESERVE_BYTES" placeholder:"N" group:"sizes" help:"Bytes of the disk that are kept, to be given up when it is full, so that deleting can go on (default ${default})."`
}

// The least that makes sense together.
const (
	outboxLeast  = 640 << 10 // a page of a room's log is an answer of up to 512 KiB
	payloadSpare = 4 << 10   // for what a request holds beside its text
	textMost     = 64 << 10  // an answer of one message, with every byte escaped, stays below 512 KiB

	nestingLeast, nestingMost = 8, 64 // a request has a few levels; what Socket.IO reads at all

	passBytesLeast, passBytesMost = 1 << 20, 1 << 30 // less is no protection, more ends small machines
	passPassesMost                = 100
	reserveLeast, reserveMost     = 64 << 10, 1 << 30 // of the disk: less makes no room for a delete
)

// OrDefault is b with its zero fields filled in, or what is wrong with it.
func (b Bounds) OrDefault() (Bounds, error) {
	v := reflect.ValueOf(&b).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		name := flagName(field.Name)
		if v.Field(i).IsZero() {
			if err := set(v.Field(i), field.Tag.Get("default")); err != nil {
				return b, fmt.Errorf("--%s: %w", name, err)
			}
		}
		if n := v.Field(i); n.CanInt() && n.Int() < 0 {
			return b, fmt.Errorf("--%s is less than 0", name)
		}
	}
	switch {
	case b.OutboxBytes < outboxLeast:
		return b, fmt.Errorf("--outbox-bytes is less than %d: a page of a room's log would not fit", outboxLeast)
	case b.PayloadBytes < b.TextBytes+payloadSpare:
		return b, fmt.Errorf("--payload-bytes is less than --text-bytes and %d: a message would not fit", payloadSpare)
	case b.TextBytes > textMost:
		return b, fmt.Errorf("--text-bytes is more than %d: an answer with one message would be too large", textMost)
	}
	for _, r := range []struct {
		name           string
		n, least, most int
	}{
		{"nesting", b.Nesting, nestingLeast, nestingMost},
		{"passphrase-bytes", b.PassphraseBytes, passBytesLeast, passBytesMost},
		{"passphrase-passes", b.PassphrasePasses, 1, passPassesMost},
		{"passphrase-hashes", b.PassphraseHashes, 1, 1000},
		{"reserve-bytes", b.ReserveBytes, reserveLeast, reserveMost},
	} {
		if r.n < r.least || r.n > r.most {
			return b, fmt.Errorf("--%s is %d, and has to be from %d to %d", r.name, r.n, r.least, r.most)
		}
	}
	return b, nil
}

// set reads a default's text.
func set(v reflect.Value, text string) error {
	switch p := v.Addr().Interface().(type) {
	case *int:
		n, err := strconv.Atoi(text)
		*p = n
		return err
	case *time.Duration:
		d, err := time.ParseDuration(text)
		*p = d
		return err
	case *Rate:
		return p.UnmarshalText([]byte(text))
	}
	return fmt.Errorf("no default of type %s can be read", v.Type())
}
