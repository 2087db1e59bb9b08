package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"snug/internal/admin"
	"snug/internal/chat"
	"snug/internal/config"
	"snug/internal/wire"
)

// adminCommand are the subcommands for the one who runs a server.
type adminCommand struct {
	Rooms  adminRoomsCommand  `cmd:"" help:"List the rooms: who is there, how much is kept, when it was last used."`
	Look   adminLookCommand   `cmd:"" help:"Look into a room: how it is set, who is there, what was said last."`
	Close  adminCloseCommand  `cmd:"" help:"Close a room for good, with all that was said in it."`
	Ban    adminBanCommand    `cmd:"" help:"Keep an address or a network out of the whole server."`
	Unban  adminUnbanCommand  `cmd:"" help:"Let it in again."`
	Mute   adminMuteCommand   `cmd:"" help:"Let nobody write, in any room."`
	Unmute adminUnmuteCommand `cmd:"" help:"Let everybody write again."`
	Status adminStatusCommand `cmd:"" help:"Show how the server is, and which bans and mute are in force."`
}

// Help is what --help says beside the subcommands.
func (adminCommand) Help() string {
	return `Examples:
  snug admin rooms --data /var/lib/snug               what is going on?
  snug admin look KQWERTZA --data /var/lib/snug       and in there?
  snug admin ban 203.0.113.7 --for 7d                 out, and no way back for a week
  snug admin mute --for 30m --note "back at ten"      a flood: nobody writes for half an hour

They ask the server that runs on the data directory, through a socket in it that only the server's own user can
open: nothing of this can be reached over the network. Run them as that user: sudo -u snug snug admin rooms --data /var/lib/snug.
What is put in force holds at once, and outlives a restart. With --json each prints one JSON value for programs.`
}

// adminWhere says which server is asked, and how its answer is printed.
type adminWhere struct {
	config.Where
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

// ask asks the server that runs on the data directory.
func (w *adminWhere) ask(f func(context.Context, *admin.Client) error) error {
	ctx, stop := interruptible()
	defer stop()
	return f(ctx, admin.NewClient(w.Data))
}

// print prints an answer: as JSON, or by f for people.
func (w *adminWhere) print(v any, f func(io.Writer)) error {
	if !w.JSON {
		f(os.Stdout)
		return nil
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// done prints a sentence about what was done, or for programs only that it was.
func (w *adminWhere) done(format string, args ...any) error {
	return w.print(struct {
		OK bool `json:"ok"`
	}{true}, func(out io.Writer) { fmt.Fprintf(out, format+"\n", args...) })
}

// A span is how long something lasts: zero is for good.
type span time.Duration

// UnmarshalText reads "30m", "12h", "7d" or "forever".
func (s *span) UnmarshalText(text []byte) error {
	t := string(text)
	if t == "forever" {
		*s = 0
		return nil
	}
	if days, is := strings.CutSuffix(t, "d"); is {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			*s = span(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	} else if d, err := time.ParseDuration(t); err == nil && d >= time.Second {
		*s = span(d)
		return nil
	}
	return fmt.Errorf(`%q is not a time such as 30m, 12h or 7d, nor "forever"`, t)
}

// asked is the span as it is asked for.
func (s span) asked(note string) admin.Span {
	return admin.Span{Seconds: int(time.Duration(s) / time.Second), Note: note}
}

// ends says until when something lasts.
func ends(until time.Time) string {
	if until.Equal(chat.Forever) {
		return "for good"
	}
	return "until " + until.Local().Format("2006-01-02 15:04:05")
}

// plain makes what strangers have written fit for a terminal: on one line, and
// without what turns the direction of what follows.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return -1
		}
		return r
	}, s)
}

// local writes a time from the wire for people here.
func local(t wire.Time) string {
	at, err := time.Parse(time.RFC3339, t)
	if err != nil {
		return t
	}
	return at.Local().Format("2006-01-02 15:04:05")
}

// adminRoomsCommand lists rooms.
type adminRoomsCommand struct {
	adminWhere
	Limit int `default:"50" placeholder:"N" help:"How many to print (default ${default}); 0: all of them."`
}

// Help is what --help says beside the flags.
func (adminRoomsCommand) Help() string {
	return `Examples:
  snug admin rooms --data /var/lib/snug
  snug admin rooms --limit 0 --json | jq -r '.[] | select(.here > 0) | .code'

The fullest come first, then those that were used last. ENTRIES is what is kept of the log; KEEP for how long.`
}

// Run lists.
func (c *adminRoomsCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		rooms, err := server.Rooms(ctx)
		if err != nil {
			return err
		}
		slices.SortStableFunc(rooms, func(a, b admin.Room) int {
			return cmp.Or(cmp.Compare(b.Here, a.Here), cmp.Compare(b.Last, a.Last))
		})
		all := len(rooms)
		if c.Limit > 0 {
			rooms = rooms[:min(c.Limit, all)]
		}
		return c.print(rooms, func(out io.Writer) {
			table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ROOM\tHERE\tENTRIES\tKEEP\tLAST USED\tGUARD\tTITLE")
			for _, r := range rooms {
				fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\t%s\n", r.Code, r.Here, r.Entries, r.Keep, local(r.Last), cmp.Or(guard(r), "-"), plain(r.Title))
			}
			table.Flush()
			fmt.Fprintf(out, "%d rooms", all)
			if len(rooms) < all {
				fmt.Fprintf(out, ", of which these are the first %d: --limit 0 prints all", len(rooms))
			}
			fmt.Fprintln(out)
		})
	})
}

// guard says how a room is guarded, "" if it is not.
func guard(r admin.Room) string {
	var by []string
	if r.Locked {
		by = append(by, "locked")
	}
	if r.Passphrase {
		by = append(by, "passphrase")
	}
	if r.Slow > 0 {
		by = append(by, fmt.Sprintf("slow %ds", r.Slow))
	}
	return strings.Join(by, ", ")
}

// adminLookCommand looks into a room.
type adminLookCommand struct {
	adminWhere
	Room    string `arg:"" help:"The room's code."`
	Entries int    `default:"20" placeholder:"N" help:"How many of the newest entries to show (default ${default}, at most 200)."`
}

// Help is what --help says beside the flags.
func (adminLookCommand) Help() string {
	return `Example:
  snug admin look KQWERTZA --data /var/lib/snug

Nobody in the room notices. snug export writes out all that is kept.`
}

// Run looks.
func (c *adminLookCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		v, err := server.Look(ctx, c.Room, c.Entries)
		if err != nil {
			return err
		}
		return c.print(v, func(out io.Writer) {
			fmt.Fprintf(out, "%s  %s\n", v.Code, plain(v.Title))
			fmt.Fprintf(out, "made %s, keeps %s, guard: %s\n", local(v.Created), v.Keep, cmp.Or(guard(v.Room), "none"))
			fmt.Fprintf(out, "%d entries are kept (%d to %d), last used %s\n", v.Entries, v.First, v.Head, local(v.Last))
			fmt.Fprintf(out, "\nhere: %d\n", v.Here)
			for _, m := range v.Members {
				note := ""
				if m.Role != string(chat.RoleMember) {
					note = ", " + m.Role
				}
				if m.State != string(chat.Here) {
					note += ", " + m.State
				}
				fmt.Fprintf(out, "  %s (%.4s%s)\n", plain(m.Name), m.ID, note)
			}
			if len(v.Members) < v.Here {
				fmt.Fprintf(out, "  and %d more\n", v.Here-len(v.Members))
			}
			fmt.Fprintf(out, "\nnewest:\n")
			for i := range v.Newest {
				fmt.Fprintf(out, "  %s %s: %s\n", local(v.Newest[i].At), plain(v.Newest[i].From.Name), briefly(&v.Newest[i]))
			}
		})
	})
}

// briefly is an entry in one line.
func briefly(e *wire.Entry) string {
	switch {
	case e.Deleted != "":
		return "[message deleted]"
	case e.Kind == string(chat.KindMessage):
		return plain(e.Text)
	case e.Kind == string(chat.KindName):
		return "[was " + plain(e.Was) + " before]"
	case e.Member != nil:
		return "[" + e.Deed + " " + plain(e.Member.Name) + "]"
	}
	return "[" + e.Kind + "]"
}

// adminCloseCommand closes a room.
type adminCloseCommand struct {
	adminWhere
	Room string `arg:"" help:"The room's code."`
	Yes  bool   `help:"Really: what was said in it cannot be had back."`
}

// Help is what --help says beside the flags.
func (adminCloseCommand) Help() string {
	return `Examples:
  snug admin close KQWERTZA --data /var/lib/snug          what would be lost
  snug admin close KQWERTZA --data /var/lib/snug --yes    and now it is

Everybody in it is put out and told that it was closed. A code that its maker had chosen is not given out again for 30 days.`
}

// Run closes.
func (c *adminCloseCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		v, err := server.Look(ctx, c.Room, 1)
		if err != nil {
			return err
		}
		if !c.Yes {
			return fmt.Errorf("%s (%s) has %d entries and %d members in it, and would be gone for good: add --yes if that is wanted",
				v.Code, cmp.Or(plain(v.Title), "without a title"), v.Entries, v.Here)
		}
		if err := server.Raze(ctx, v.Code); err != nil {
			return err
		}
		return c.done("%s is closed, and its %d entries are gone", v.Code, v.Entries)
	})
}

// A network is an address or a network, as it is given.
type network netip.Prefix

// UnmarshalText reads one.
func (n *network) UnmarshalText(text []byte) error {
	if a, err := netip.ParseAddr(string(text)); err == nil {
		*n = network(admin.Widen(netip.PrefixFrom(a, a.BitLen())))
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is neither an address such as 203.0.113.7 nor a network such as 203.0.113.0/24", text)
	}
	*n = network(admin.Widen(p))
	return nil
}

func (n network) String() string { return netip.Prefix(n).String() }

// adminBanCommand bans.
type adminBanCommand struct {
	adminWhere
	Network network `arg:"" name:"address" help:"An address or a network. One address of IPv6 stands for its /64."`
	For     span    `default:"24h" placeholder:"SPAN" help:"How long: 30m, 12h, 7d or forever (default ${default})."`
	Note    string  `placeholder:"TEXT" help:"Why, for yourself: snug admin status shows it, and nobody else sees it."`
}

// Help is what --help says beside the flags.
func (adminBanCommand) Help() string {
	return `Examples:
  snug admin ban 203.0.113.7 --data /var/lib/snug
  snug admin ban 2001:db8:1:2::7 --for forever --note "floods, third time"
  snug admin ban 198.51.100.0/24 --for 1h

Connections from there end at once, and no page, no poll and no WebSocket is served there any more. Behind a proxy, name
that with --trusted-proxy when you start the server: else all visitors have the proxy's address.`
}

// Run bans.
func (c *adminBanCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		b, err := server.Ban(ctx, admin.BanRequest{Network: netip.Prefix(c.Network), Span: c.For.asked(c.Note)})
		if err != nil {
			return err
		}
		return c.print(b, func(out io.Writer) {
			fmt.Fprintf(out, "%s is banned %s; %d connections from there were ended\n", b.Network, ends(b.Until), b.Ended)
		})
	})
}

// adminUnbanCommand lifts a ban.
type adminUnbanCommand struct {
	adminWhere
	Network network `arg:"" name:"address" help:"The address or network that was banned."`
}

// Run lifts it.
func (c *adminUnbanCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		if err := server.Unban(ctx, netip.Prefix(c.Network)); err != nil {
			return err
		}
		return c.done("%s may come in again", c.Network)
	})
}

// adminMuteCommand mutes the server.
type adminMuteCommand struct {
	adminWhere
	For  span   `default:"1h" placeholder:"SPAN" help:"How long: 30m, 12h, 7d or forever (default ${default})."`
	Note string `placeholder:"TEXT" help:"Why, for everybody to read."`
}

// Help is what --help says beside the flags.
func (adminMuteCommand) Help() string {
	return `Example:
  snug admin mute --for 30m --note "a flood; back at ten" --data /var/lib/snug

Nobody, owners neither, may send, edit, react, take another name or make a room until it ends or is lifted. All can
still read, join and leave; owners and moderators can delete, put people out and lock their rooms. People see why they cannot write.`
}

// Run mutes.
func (c *adminMuteCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		m, err := server.Mute(ctx, c.For.asked(c.Note))
		if err != nil {
			return err
		}
		return c.print(m, func(out io.Writer) {
			fmt.Fprintf(out, "nobody can write %s; snug admin unmute lifts it\n", ends(m.Until))
		})
	})
}

// adminUnmuteCommand lifts the mute.
type adminUnmuteCommand struct{ adminWhere }

// Run lifts it.
func (c *adminUnmuteCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		if err := server.Unmute(ctx); err != nil {
			return err
		}
		return c.done("everybody can write again")
	})
}

// adminStatusCommand shows what is in force.
type adminStatusCommand struct {
	adminWhere
	Collect bool `help:"First have the server give back the memory that it does not need: then heap and goroutines tell what is really held."`
}

// Run shows it.
func (c *adminStatusCommand) Run() error {
	return c.ask(func(ctx context.Context, server *admin.Client) error {
		s, err := server.Status(ctx, c.Collect)
		if err != nil {
			return err
		}
		return c.print(s, func(out io.Writer) {
			fmt.Fprintf(out, "Snug %s, up since %s\n", s.Version, s.Since.Local().Format("2006-01-02 15:04:05"))
			fmt.Fprintf(out, "%d connections, %d members in %d rooms; %d goroutines, %s heap\n", s.Connections, s.Members, s.Rooms, s.Goroutines, size(int64(s.HeapBytes)))
			if s.Mute != nil {
				fmt.Fprintf(out, "muted %s%s\n", ends(s.Mute.Until), noted(s.Mute.Note))
			}
			for _, b := range s.Bans {
				fmt.Fprintf(out, "banned %s %s%s\n", b.Network, ends(b.Until), noted(b.Note))
			}
			if s.Mute == nil && len(s.Bans) == 0 {
				fmt.Fprintln(out, "nothing is in force")
			}
		})
	})
}

func noted(note string) string {
	if note == "" {
		return ""
	}
	return ": " + note
}
