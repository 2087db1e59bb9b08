package admin

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"snug/internal/chat"
)

// bansMost bounds what is kept and looked through.
const bansMost = 10_000

// Networks wider than these are everybody, or nearly.
const (
	widest4 = 8
	widest6 = 16
)

// Measures are what holds for the whole server: who is banned, and whether
// everybody is muted. They outlive a restart. They may be used from any goroutine.
type Measures struct {
	save  func([]byte) error // static: keeps them, durably
	clock chat.Clock         // static

	turn  sync.Mutex              // held from reading what is in force to having saved what is to be; never by who only asks
	force atomic.Pointer[inForce] // what is in force; replaced under turn
}

// inForce is immutable.
type inForce struct {
	bans  map[netip.Prefix]Ban
	sizes []int // the lengths of their prefixes, 1000 more for IPv6
	mute  *Mute
}

// kept is the form in which measures are saved.
type kept struct {
	Bans []Ban `json:"bans,omitempty"`
	Mute *Mute `json:"mute,omitempty"`
}

// NewMeasures reads what save was last given; nothing, if saved is empty.
func NewMeasures(saved []byte, save func([]byte) error, clock chat.Clock) (*Measures, error) {
	m := &Measures{save: save, clock: clock}
	var k kept
	if len(saved) > 0 {
		if err := json.Unmarshal(saved, &k); err != nil {
			return nil, err
		}
	}
	bans := make(map[netip.Prefix]Ban, len(k.Bans))
	for _, b := range k.Bans {
		if err := check(b.Network); err != nil {
			return nil, err
		}
		bans[Widen(b.Network)] = b
	}
	m.force.Store(m.made(bans, k.Mute))
	return m, nil
}

// made is what is in force of these, now.
func (m *Measures) made(bans map[netip.Prefix]Ban, mute *Mute) *inForce {
	now := m.clock.Now()
	f := &inForce{bans: bans, mute: mute}
	maps.DeleteFunc(f.bans, func(_ netip.Prefix, b Ban) bool { return !b.Until.After(now) })
	for network := range f.bans {
		if n := size(network.Addr(), network.Bits()); !slices.Contains(f.sizes, n) {
			f.sizes = append(f.sizes, n)
		}
	}
	if mute != nil && !mute.Until.After(now) {
		f.mute = nil
	}
	return f
}

func size(a netip.Addr, bits int) int {
	if a.Is4() {
		return bits
	}
	return 1000 + bits
}

// check refuses what is no network to ban.
func check(network netip.Prefix) error {
	switch n := Widen(network); {
	case !network.IsValid():
		return &chat.Error{Code: chat.BadRequest, Field: "network", Message: "this is no address or network"}
	case n.Addr().Is4() && n.Bits() < widest4, n.Addr().Is6() && n.Bits() < widest6:
		return &chat.Error{Code: chat.BadRequest, Field: "network", Message: fmt.Sprintf("%s is nearly everybody: a network has at least %d bits of IPv4 or %d of IPv6", n, widest4, widest6)}
	}
	return nil
}

// Banned reports whether an address is banned, and until when. Where nobody is,
// it costs nothing.
func (m *Measures) Banned(a netip.Addr) (until time.Time, banned bool) {
	f := m.force.Load()
	if len(f.bans) == 0 {
		return until, false
	}
	a = a.Unmap().WithZone("")
	for _, n := range f.sizes {
		if a.Is4() != (n < 1000) {
			continue
		}
		network, err := a.Prefix(n % 1000)
		if b, is := f.bans[network]; err == nil && is && b.Until.After(until) {
			until = b.Until
		}
	}
	return until, until.After(m.clock.Now())
}

// Bans lists them, by network.
func (m *Measures) Bans() []Ban {
	now := m.clock.Now()
	list := slices.AppendSeq(make([]Ban, 0), maps.Values(m.force.Load().bans)) // not nil: it is shown
	list = slices.DeleteFunc(list, func(b Ban) bool { return !b.Until.After(now) })
	slices.SortFunc(list, func(a, b Ban) int {
		return cmp.Or(a.Network.Addr().Compare(b.Network.Addr()), a.Network.Bits()-b.Network.Bits())
	})
	return list
}

// Mute is the mute in force, nil if there is none.
func (m *Measures) Mute() *Mute {
	if q := m.force.Load().mute; q != nil && q.Until.After(m.clock.Now()) {
		return q
	}
	return nil
}

// Ban keeps a network out from now on, durably; one that is banned already gets the new time.
func (m *Measures) Ban(r BanRequest) (Ban, error) {
	if err := check(r.Network); err != nil {
		return Ban{}, err
	}
	until, err := m.until(r.Span)
	if err != nil {
		return Ban{}, err
	}
	b := Ban{Network: Widen(r.Network), Since: m.now(), Until: until, Note: r.Note}
	return b, m.change(func(bans map[netip.Prefix]Ban, mute *Mute) (*Mute, error) {
		bans[b.Network] = b
		if len(bans) > bansMost {
			return nil, &chat.Error{Code: chat.Full, Limit: bansMost, Message: fmt.Sprintf("there are %d bans already: ban a wider network, or lift some", bansMost)}
		}
		return mute, nil
	})
}

// Unban lets a network in again, durably.
func (m *Measures) Unban(network netip.Prefix) error {
	network = Widen(network)
	return m.change(func(bans map[netip.Prefix]Ban, mute *Mute) (*Mute, error) {
		if _, is := bans[network]; !is {
			message := network.String() + " is not banned"
			for other := range bans {
				if other.Overlaps(network) {
					message += ", but " + other.String() + " is"
					break
				}
			}
			return nil, &chat.Error{Code: chat.NotFound, Field: "network", Message: message}
		}
		delete(bans, network)
		return mute, nil
	})
}

// SetMute mutes everybody from now on, durably.
func (m *Measures) SetMute(s Span) (*Mute, error) {
	until, err := m.until(s)
	if err != nil {
		return nil, err
	}
	made := &Mute{Since: m.now(), Until: until, Note: s.Note}
	return made, m.change(func(map[netip.Prefix]Ban, *Mute) (*Mute, error) { return made, nil })
}

// Unmute lets everybody speak again, durably; it is no error if they may.
func (m *Measures) Unmute() error {
	return m.change(func(map[netip.Prefix]Ban, *Mute) (*Mute, error) { return nil, nil })
}

// change replaces what is in force, once it is saved.
func (m *Measures) change(plan func(map[netip.Prefix]Ban, *Mute) (*Mute, error)) error {
	m.turn.Lock()
	defer m.turn.Unlock()
	old := m.force.Load()
	bans := maps.Clone(old.bans)
	mute, err := plan(bans, old.mute)
	if err != nil {
		return err
	}
	next := m.made(bans, mute)
	b, err := json.MarshalIndent(kept{slices.Collect(maps.Values(next.bans)), next.mute}, "", "  ")
	if err == nil {
		err = m.save(append(b, '\n'))
	}
	if err != nil {
		return &chat.Error{Code: chat.StorageUnavailable, Message: "it could not be written down, and is not in force", Err: err}
	}
	m.force.Store(next)
	return nil
}

func (m *Measures) now() time.Time { return m.clock.Now().UTC().Truncate(time.Second) }

// noteMost bounds what is told to everybody.
const noteMost = 200

// until is when a span that begins now ends.
func (m *Measures) until(s Span) (time.Time, error) {
	switch {
	case s.Seconds < 0 || s.Seconds > 100*365*24*3600:
		return time.Time{}, &chat.Error{Code: chat.BadRequest, Field: "seconds", Message: "a time is from a second to a hundred years"}
	case len(s.Note) > noteMost:
		return time.Time{}, &chat.Error{Code: chat.TooLarge, Field: "note", Limit: noteMost, Message: fmt.Sprintf("a note has at most %d bytes", noteMost)}
	case !utf8.ValidString(s.Note) || strings.ContainsFunc(s.Note, unicode.IsControl):
		return time.Time{}, &chat.Error{Code: chat.BadRequest, Field: "note", Message: "a note is one line of text"}
	case s.Seconds == 0:
		return chat.Forever, nil
	}
	return m.clock.Now().UTC().Add(time.Duration(s.Seconds) * time.Second).Truncate(time.Second), nil
}
