package admin_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"snug/internal/admin"
	"snug/internal/chat"
)

// A watch is a clock that stands still until it is set.
type watch struct{ now time.Time }

func (w *watch) Now() time.Time { return w.now }

// A drawer is where measures are kept.
type drawer struct {
	mu   sync.Mutex
	kept []byte
	err  error
}

func (d *drawer) save(b []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	d.kept = b
	return nil
}

func measures(t *testing.T, d *drawer, w *watch) *admin.Measures {
	t.Helper()
	m, err := admin.NewMeasures(d.kept, d.save, w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ban(t *testing.T, m *admin.Measures, network string, seconds int) admin.Ban {
	t.Helper()
	b, err := m.Ban(admin.BanRequest{Network: netip.MustParsePrefix(network), Span: admin.Span{Seconds: seconds}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func banned(m *admin.Measures, address string) bool {
	_, is := m.Banned(netip.MustParseAddr(address))
	return is
}

func TestBans(t *testing.T) {
	w := &watch{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	d := &drawer{}
	m := measures(t, d, w)
	if banned(m, "10.1.2.3") {
		t.Error("banned before anything was")
	}
	ban(t, m, "10.1.2.3/32", 60)
	ban(t, m, "198.51.100.77/24", 120)
	if b := ban(t, m, "2001:db8:1:2:3:4:5:6/128", 0); b.Network.String() != "2001:db8:1:2::/64" || !b.Until.Equal(chat.Forever) {
		t.Errorf("one address of IPv6: %+v", b)
	}
	if b := ban(t, m, "::ffff:192.0.2.0/120", 60); b.Network.String() != "192.0.2.0/24" {
		t.Errorf("IPv4 in the form of IPv6: %+v", b)
	}
	look := func(m *admin.Measures, want string) {
		t.Helper()
		got := ""
		for _, a := range []string{
			"10.1.2.3", "::ffff:10.1.2.3", "10.1.2.4", "198.51.100.1", "198.51.101.1", "192.0.2.200", "2001:db8:1:2::9", "fe80::1%eth0", "2001:db8:1:3::9", "a01:203::",
		} {
			got += map[bool]string{true: "x", false: "."}[banned(m, a)]
		}
		if got != want {
			t.Errorf("banned are %s, want %s", got, want)
		}
	}
	look(m, "xx.x.xx...")
	look(measures(t, d, w), "xx.x.xx...") // after a restart
	w.now = w.now.Add(time.Minute)
	look(m, "...x..x...")
	look(measures(t, d, w), "...x..x...")
	ban(t, m, "198.51.100.0/24", 3600) // again, for longer
	w.now = w.now.Add(10 * time.Minute)
	look(m, "...x..x...")
	if list := m.Bans(); len(list) != 2 || list[0].Network.String() != "198.51.100.0/24" || list[1].Network.String() != "2001:db8:1:2::/64" {
		t.Errorf("in force: %+v", list)
	}
	if err := m.Unban(netip.MustParsePrefix("198.51.100.9/32")); err == nil || !strings.Contains(err.Error(), "198.51.100.9/32 is not banned, but 198.51.100.0/24 is") {
		t.Errorf("one address of a banned network: %v", err)
	}
	if err := m.Unban(netip.MustParsePrefix("198.51.100.0/24")); err != nil {
		t.Error(err)
	}
	look(m, "......x...")
	look(measures(t, d, w), "......x...")
}

// The longest of several bans that hold for an address counts.
func TestBansOverlap(t *testing.T) {
	w := &watch{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	m := measures(t, &drawer{}, w)
	ban(t, m, "10.0.0.0/8", 60)
	ban(t, m, "10.1.0.0/16", 600)
	ban(t, m, "10.1.2.3/32", 30)
	for address, want := range map[string]time.Duration{"10.1.2.3": 10 * time.Minute, "10.1.9.9": 10 * time.Minute, "10.2.2.2": time.Minute} {
		if until, is := m.Banned(netip.MustParseAddr(address)); !is || until.Sub(w.now) != want {
			t.Errorf("%s: %t for %v, want %v", address, is, until.Sub(w.now), want)
		}
	}
}

func TestRefusedMeasures(t *testing.T) {
	w := &watch{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	d := &drawer{}
	m := measures(t, d, w)
	for network, want := range map[string]string{"0.0.0.0/0": "nearly everybody", "10.0.0.0/7": "nearly everybody", "::/0": "nearly everybody", "2000::/15": "nearly everybody", "::ffff:0:0/96": "nearly everybody"} {
		if _, err := m.Ban(admin.BanRequest{Network: netip.MustParsePrefix(network)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", network, err)
		}
	}
	if _, err := m.Ban(admin.BanRequest{}); chat.CodeOf(err) != chat.BadRequest {
		t.Errorf("no network: %v", err)
	}
	for _, s := range []admin.Span{{Seconds: -1}, {Seconds: 1 << 40}, {Note: strings.Repeat("x", 201)}, {Note: "two\nlines"}, {Note: "\xff"}} {
		if _, err := m.SetMute(s); err == nil {
			t.Errorf("%+v is taken", s)
		}
		if _, err := m.Ban(admin.BanRequest{Network: netip.MustParsePrefix("10.1.2.3/32"), Span: s}); err == nil {
			t.Errorf("%+v is taken", s)
		}
	}
	// What could not be written down is not in force.
	d.err = errors.New("no space")
	if _, err := m.Ban(admin.BanRequest{Network: netip.MustParsePrefix("10.1.2.3/32")}); chat.CodeOf(err) != chat.StorageUnavailable || banned(m, "10.1.2.3") {
		t.Errorf("not saved: %v, in force: %t", err, banned(m, "10.1.2.3"))
	}
	d.err = nil
	// Their number is bounded.
	if testing.Short() {
		return
	}
	bans := make([]string, 10_000)
	for i := range bans {
		bans[i] = fmt.Sprintf(`{"network": "10.%d.%d.0/24", "until": "9999-12-31T23:59:59.999Z"}`, i/256, i%256)
	}
	d.kept = fmt.Appendf(nil, `{"bans": [%s]}`, strings.Join(bans, ","))
	m = measures(t, d, w)
	if _, err := m.Ban(admin.BanRequest{Network: netip.MustParsePrefix("192.0.2.1/32")}); chat.CodeOf(err) != chat.Full || !banned(m, "10.38.1.1") || banned(m, "192.0.2.1") {
		t.Errorf("one too many: %v", err)
	}
}

func TestMuteLasts(t *testing.T) {
	w := &watch{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	d := &drawer{}
	m := measures(t, d, w)
	if m.Mute() != nil {
		t.Error("muted from the start")
	}
	if _, err := m.SetMute(admin.Span{Seconds: 60, Note: "why"}); err != nil {
		t.Fatal(err)
	}
	ban(t, m, "10.1.2.3/32", 0) // keeps the mute
	for _, m := range []*admin.Measures{m, measures(t, d, w)} {
		if q := m.Mute(); q == nil || q.Note != "why" || q.Until.Sub(w.now) != time.Minute {
			t.Errorf("muted: %+v", q)
		}
	}
	w.now = w.now.Add(time.Minute)
	for _, m := range []*admin.Measures{m, measures(t, d, w)} {
		if q := m.Mute(); q != nil {
			t.Errorf("still muted: %+v", q)
		}
	}
	if _, err := m.SetMute(admin.Span{}); err != nil {
		t.Fatal(err)
	}
	if err := m.Unmute(); err != nil || m.Mute() != nil || measures(t, d, w).Mute() != nil || !banned(m, "10.1.2.3") {
		t.Errorf("unmuted: %v, %+v", err, m.Mute())
	}
}

// Measures that cannot be read are not taken for none.
func TestDamagedMeasures(t *testing.T) {
	for _, kept := range []string{"{", `{"bans": [{"network": "all"}]}`, `{"bans": [{"network": "0.0.0.0/0", "until": "9999-12-31T23:59:59.999Z"}]}`, `{"mute": 1}`} {
		if _, err := admin.NewMeasures([]byte(kept), nil, &watch{}); err == nil {
			t.Errorf("%s is taken", kept)
		}
	}
}

func TestBannedByMany(t *testing.T) {
	m := measures(t, &drawer{}, &watch{time.Now()})
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 50 {
				network := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(j), 1}), 32)
				if _, err := m.Ban(admin.BanRequest{Network: network}); err != nil {
					t.Error(err)
				}
				if _, is := m.Banned(network.Addr()); !is {
					t.Errorf("%s is not banned", network)
				}
			}
		})
	}
	group.Wait()
	if n := len(m.Bans()); n != 200 {
		t.Errorf("%d bans", n)
	}
}
