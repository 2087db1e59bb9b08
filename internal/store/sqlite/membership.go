package sqlite

import (
	"context"
	"fmt"
	"time"

	"snug/internal/chat"
)

// roles are the roles by their number in members.role.
var roles = [...]chat.Role{1: chat.RoleMember, 2: chat.RoleModerator, 3: chat.RoleOwner}

func numberOf(r chat.Role) (int64, error) {
	for i, o := range roles {
		if o == r && i > 0 {
			return int64(i), nil
		}
	}
	return 0, fmt.Errorf("store: %q is no role", r)
}

type memberKey struct {
	room     chat.RoomID
	identity chat.Identity
}

// SaveMembership implements chat.Store.
func (s *Store) SaveMembership(ctx context.Context, m chat.Membership, free time.Time) error {
	return s.do(ctx, func(t *tx) error {
		refusal, err := t.saveMembership(m, free, false)
		if err != nil {
			return err
		}
		return refusal
	})
}

// Admit implements chat.Store.
func (s *Store) Admit(ctx context.Context, m chat.Membership, free time.Time, from chat.Trace, now time.Time) (barred time.Time, err error) {
	err = s.do(ctx, func(t *tx) (err error) {
		if err := t.start(); err != nil {
			return err
		}
		if barred, err = t.barred(m.Room, from, now); err != nil || !barred.IsZero() {
			return err
		}
		refusal, err := t.saveMembership(m, free, true)
		if err != nil {
			return err
		}
		return refusal
	})
	return barred, err
}

// saveMembership writes m, or refuses it before anything was written; with fresh also if there is one already.
func (t *tx) saveMembership(m chat.Membership, free time.Time, fresh bool) (refusal, err error) {
	if _, ok, err := t.tip(m.Room); err != nil {
		return nil, err
	} else if !ok {
		return notFound("room"), nil
	}
	role, refusal := numberOf(m.Role)
	if refusal != nil {
		return refusal, nil
	}
	if err := t.start(); err != nil {
		return nil, err
	}
	// What was touched before counts before: it may hold a name, and m replaces it.
	if err := t.writeTouches(); err != nil {
		return nil, err
	}
	var was struct{ role, banned int64 }
	known, err := t.one([]any{&was.role, &was.banned}, "SELECT role, banned FROM members WHERE room = ? AND identity = ?", int64(m.Room), m.Identity[:])
	if err != nil {
		return nil, err
	}
	if known && fresh {
		return &chat.Error{Code: chat.Conflict, Message: "there is a membership already"}, nil
	}
	if known && roles[was.role] == chat.RoleOwner && m.Role != chat.RoleOwner {
		if refusal, err := t.lastOwner(m); err != nil || refusal != nil {
			return refusal, err
		}
	}
	losers, held, err := t.holders(m.Room, m.Identity, m.Skeleton, m.Alike, free)
	switch {
	case err != nil:
		return nil, err
	case held:
		return &chat.Error{Code: chat.NameTaken, Message: "another member has a name that looks like it", Field: "name"}, nil
	}
	for _, loser := range losers {
		if _, err := t.write("UPDATE members SET name = '', skeleton = '', alike = '' WHERE room = ? AND identity = ?", int64(m.Room), loser); err != nil {
			return nil, err
		}
	}
	_, err = t.write(`INSERT INTO members (room, identity, member, name, color, skeleton, alike, role, joined, pass_rev, read, seen, kicked, banned, muted)
		VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (room, identity) DO UPDATE SET member = excluded.member, name = excluded.name, color = excluded.color, skeleton = excluded.skeleton,
		alike = excluded.alike, role = excluded.role, joined = excluded.joined, pass_rev = excluded.pass_rev, read = excluded.read, seen = excluded.seen,
		kicked = excluded.kicked, banned = excluded.banned, muted = excluded.muted`,
		int64(m.Room), m.Identity[:], string(m.ID), m.Name, int64(m.Color), m.Skeleton, m.Alike, role, m.Joined, int64(m.PassRev), int64(m.Read), m.Seen.UnixMilli(),
		milliOf(m.Kicked), milliOf(m.Banned), milliOf(m.Muted))
	if err == nil && was.banned > 0 && m.Banned.IsZero() { // who was not banned has left no trace there
		_, err = t.write("DELETE FROM barred WHERE room = ? AND identity = ?", int64(m.Room), m.Identity[:])
	}
	return nil, err
}

// lastOwner refuses to take the role of m's owner if the room has no other.
func (t *tx) lastOwner(m chat.Membership) (refusal, err error) {
	others, err := t.one([]any{new(int)}, "SELECT 1 FROM members WHERE room = ? AND identity <> ? AND role = 3 LIMIT 1", int64(m.Room), m.Identity[:])
	if err != nil || others {
		return nil, err
	}
	return &chat.Error{Code: chat.Forbidden, Message: "a room keeps its last owner", Field: "role"}, nil
}

// queryHolders names its indexes: left to itself, SQLite goes through the whole
// room by its primary key instead of members_alike.
const queryHolders = `
	SELECT identity, role, seen FROM members INDEXED BY members_skeleton WHERE room = ?1 AND skeleton <> '' AND skeleton = ?2 AND identity <> ?3
	UNION ALL SELECT identity, role, seen FROM members INDEXED BY members_alike WHERE room = ?1 AND alike <> '' AND alike = ?2 AND identity <> ?3`

// holders finds who else than id has a name that looks like one with this
// skeleton or alike; held says that one of them may keep it.
func (c *conn) holders(room chat.RoomID, id chat.Identity, skeleton, alike string, free time.Time) (holders [][]byte, held bool, err error) {
	if skeleton == "" {
		return nil, false, nil
	}
	// Each look by itself: for an IN or a UNION, SQLite builds a table at each call.
	looks := []string{skeleton}
	if alike != "" && alike != skeleton {
		looks = append(looks, alike)
	}
	for _, look := range looks {
		err := c.query(func(scan func(...any) error) error {
			var holder []byte
			var role, seen int64
			if err := scan(&holder, &role, &seen); err != nil {
				return err
			}
			holders = append(holders, holder) // one whose looks are both met comes twice, which does no harm
			held = held || roles[role] != chat.RoleMember || seen >= milliUp(free)
			return nil
		}, queryHolders, int64(room), look, id[:])
		if err != nil {
			return nil, false, err
		}
	}
	return holders, held, nil
}

// NameHeld implements chat.Store.
func (s *Store) NameHeld(ctx context.Context, room chat.RoomID, id chat.Identity, skeleton, alike string, free time.Time) (held bool, err error) {
	err = s.readers.use(ctx, func(c *conn) error {
		_, held, err = c.holders(room, id, skeleton, alike, free)
		return err
	})
	return held, err
}

// memberColumns are what scanMember reads.
const memberColumns = "identity, member, name, color, skeleton, alike, role, joined, pass_rev, read, seen, kicked, banned, muted"

// Memberships of rooms that are there. As in queryHolders, the index is named.
const (
	queryMembership = "SELECT " + memberColumns + " FROM members WHERE room = ? AND identity = ? AND EXISTS (SELECT 1 FROM rooms WHERE id = room)"
	queryMember     = "SELECT " + memberColumns + " FROM members INDEXED BY members_member WHERE room = ? AND member = ? AND EXISTS (SELECT 1 FROM rooms WHERE id = room) LIMIT 1"
)

// scanMember reads memberColumns.
func scanMember(scan func(...any) error, room chat.RoomID) (m chat.Membership, err error) {
	var (
		id                                []byte
		role, seen, kicked, banned, muted int64
	)
	err = scan(&id, &m.ID, &m.Name, &m.Color, &m.Skeleton, &m.Alike, &role, &m.Joined, &m.PassRev, &m.Read, &seen, &kicked, &banned, &muted)
	if err != nil {
		return m, err
	}
	copy(m.Identity[:], id)
	m.Room, m.Role, m.Seen = room, roles[role], timeOf(seen)
	m.Kicked, m.Banned, m.Muted = whenOf(kicked), whenOf(banned), whenOf(muted)
	return m, nil
}

// Membership implements chat.Store.
func (s *Store) Membership(ctx context.Context, room chat.RoomID, id chat.Identity) (chat.Membership, bool, error) {
	return s.member(ctx, queryMembership, room, id[:])
}

// Member implements chat.Store.
func (s *Store) Member(ctx context.Context, room chat.RoomID, id chat.MemberID) (chat.Membership, bool, error) {
	return s.member(ctx, queryMember, room, string(id))
}

// member finds a membership of a room that is there.
func (s *Store) member(ctx context.Context, query string, room chat.RoomID, id any) (m chat.Membership, ok bool, err error) {
	err = s.readers.use(ctx, func(c *conn) error {
		return c.query(func(scan func(...any) error) error {
			ok = true
			m, err = scanMember(scan, room)
			return err
		}, query, int64(room), id)
	})
	return m, ok, err
}

// A touch is what Touch notes; of several the later and higher count.
type touch struct {
	seen int64
	read chat.Seq
}

// A touching is a touch on its way.
type touching struct {
	memberKey
	touch
}

// Touch implements chat.Store.
func (s *Store) Touch(room chat.RoomID, id chat.Identity, seen time.Time, read chat.Seq) {
	s.queue.put(touching{memberKey{room, id}, touch{seen.UnixMilli(), read}})
}

func (m touching) apply(t *tx) error {
	if t.touched == nil {
		t.touched = make(map[memberKey]touch)
	}
	old, ok := t.touched[m.memberKey]
	if !ok {
		old = m.touch
	}
	t.touched[m.memberKey] = touch{max(old.seen, m.seen), max(old.read, m.read)}
	return nil
}

func (touching) settle(error)            {} // nobody waits
func (touching) size() int               { return 64 }
func (touching) patience() time.Duration { return touchPause }

// writeTouches writes the touches noted so far.
func (t *tx) writeTouches() error {
	for k, v := range t.touched {
		if _, err := t.write("UPDATE members SET seen = max(seen, ?), read = max(read, ?) WHERE room = ? AND identity = ?",
			v.seen, int64(v.read), int64(k.room), k.identity[:]); err != nil {
			return err
		}
	}
	t.touched = nil
	return nil
}
