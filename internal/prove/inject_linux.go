package prove

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"snug/internal/wire"
	"snug/socketio/client"
)

// An Injection has the kernel answer some of a server's system calls with an
// error, by strace.
type Injection struct {
	Binary Binary
	Dir    string // an empty directory for data and histories
	Plan   Plan
	Fresh  bool   // from the making of the data directory on; else on one with rooms in it
	Calls  string // such as "fsync,fdatasync"
	Error  string // such as "EIO"
	When   string // which calls, counted in each thread, as strace's when= takes it
	Files  bool   // only calls on the store's files
}

// StraceAvailable reports why strace cannot be used, nil if it can.
func StraceAvailable(ctx context.Context) error {
	if out, err := exec.CommandContext(ctx, "strace", "-f", "-qq", "-e", "trace=fsync", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		return fmt.Errorf("prove: strace (Debian's package of that name) is missing or may not trace: %w: %s", err, out)
	}
	return nil
}

// An InjectionReport is what came of an Injection.
type InjectionReport struct {
	*Report
	Injected int           // calls that failed
	First    time.Duration // when the first did on one of the store's files, since the journal's start; 0: none
	Start    error         // why the server did not come up, if it did not
	End      error         // how it ended by itself; nil if it did not
	Over     bool          // it ended by itself
	Said     string        // the end of its log
	LastGood time.Duration // when that of the acknowledged messages was sent which was sent last, before the server was started anew
	Read     bool          // a page was read between two refusals for want of room
}

// Run has a crowd talk to the server until it ends by itself or, where it does
// not, until calm says so. Then the server is started as it should be, and
// everything is judged.
func (in Injection) Run(ctx context.Context, calm func(*Crowd) bool) (_ *InjectionReport, err error) {
	ctx, cancel := context.WithTimeout(ctx, 3*patience)
	defer cancel()
	l := &loop{binary: in.Binary, journal: NewJournal(in.Dir), data: filepath.Join(in.Dir, "data")}
	r := &InjectionReport{}
	trace := filepath.Join(in.Dir, "trace")
	if in.Fresh {
		if err := in.birth(ctx, l, r, trace); err != nil {
			return nil, err
		}
	}
	if l.server, err = l.start(ctx); err != nil {
		return nil, err
	}
	defer func() { l.server.Kill() }()
	if l.crowd, err = Gather(ctx, l.server.URL(), in.Plan, l.journal); err != nil {
		return nil, err
	}
	defer l.crowd.Disperse()
	if err := l.server.Stop(ctx); err != nil {
		return nil, err
	}
	talk, hush := context.WithCancel(ctx)
	l.hush = hush
	l.talking.Go(func() { l.crowd.Talk(talk) })
	defer l.talking.Wait()
	defer hush()
	if !in.Fresh {
		if err := in.suffer(ctx, l, r, trace, calm); err != nil {
			return nil, err
		}
	}
	if l.server, err = l.start(ctx); err != nil {
		return nil, err
	}
	l.crowd.Serve(l.server.URL())
	if _, err := l.crowd.FirstAck(ctx); err != nil {
		return nil, err
	}
	if r.Report, err = l.judge(ctx, 0); err != nil {
		return nil, err
	}
	return r, nil
}

// launch is the server under strace.
func (in Injection) launch(l *loop, trace string) Launch {
	wrap := []string{"strace", "-f", "-y", "-qq", "--seccomp-bpf", "-ttt", "-o", trace, "-e", "trace=" + in.Calls, "-e", "inject=" + in.Calls + ":error=" + in.Error + ":when=" + in.When}
	if in.Files {
		for _, end := range []string{"", "-wal", "-shm", "-journal"} {
			wrap = append(wrap, "-P", filepath.Join(l.data, "snug.db"+end))
		}
	}
	return Launch{Data: l.data, Wrap: wrap}
}

// birth is the first start of a server, which an injection strikes.
func (in Injection) birth(ctx context.Context, l *loop, r *InjectionReport, trace string) error {
	server, err := in.Binary.Start(ctx, in.launch(l, trace))
	if server == nil {
		return err
	}
	defer server.Kill()
	if r.Start = err; err == nil {
		// It was struck later, or never: asked to stop, it comes to its last calls.
		r.End = server.Stop(ctx)
	}
	r.Over, r.Said = true, server.Said()
	return r.read(trace, l.journal.start)
}

// suffer is a life under injection.
func (in Injection) suffer(ctx context.Context, l *loop, r *InjectionReport, trace string, calm func(*Crowd) bool) error {
	server, err := in.Binary.Start(ctx, in.launch(l, trace))
	if server == nil {
		return err
	}
	defer server.Kill()
	if r.Start = err; err == nil {
		l.server = server
		l.crowd.Serve(server.URL())
		reading, stop := context.WithCancel(ctx)
		read := make(chan bool, 1)
		go func() { read <- l.crowd.readOn(reading, server.URL()) }() // waited for below
		err = l.crowd.until(ctx, func() error {
			select {
			case <-server.Ended():
				r.Over, r.End = true, server.Err()
				return nil
			default:
			}
			if calm != nil && calm(l.crowd) {
				return nil
			}
			return errors.New("prove: the server neither ended nor found calm")
		})
		stop()
		r.Read = <-read
		if err != nil {
			return fmt.Errorf("%w: %s", err, server.Said())
		}
		if !r.Over {
			if r.End = server.Stop(ctx); r.End != nil {
				return r.End
			}
		}
		r.LastGood = time.Duration(l.crowd.lastGood.Load())
		l.crowd.Serve("")
		if err := l.crowd.Gone(ctx); err != nil {
			return err
		}
	}
	r.Said = server.Said()
	return r.read(trace, l.journal.start)
}

// read finds in strace's output what was injected, and when.
func (r *InjectionReport) read(trace string, start time.Time) error {
	f, err := os.Open(trace)
	if err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if !strings.HasSuffix(lines.Text(), "(INJECTED)") {
			continue
		}
		r.Injected++
		// SQLite passes over a directory that cannot be synced: the server has done
		// that by itself, when it opened the store, and does not pass over it.
		if r.First != 0 || !strings.Contains(lines.Text(), "/snug.db") {
			continue
		}
		fields := strings.Fields(lines.Text()) // PID SECONDS.MICROSECONDS CALL…
		seconds, micros, _ := strings.Cut(fields[1], ".")
		s, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return fmt.Errorf("prove: strace's %q: %w", lines.Text(), err)
		}
		us, err := strconv.ParseInt(micros, 10, 64)
		if err != nil {
			return fmt.Errorf("prove: strace's %q: %w", lines.Text(), err)
		}
		r.First = time.Unix(s, us*1000).Sub(start)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("prove: %w", err)
	}
	return nil
}

// readOn reads pages of a room until ctx is done, and says whether one was read
// while the disk was full: begun after a refusal, and another refusal came after it.
func (c *Crowd) readOn(ctx context.Context, url string) bool {
	reader, err := client.Dial(ctx, url, client.Options{})
	if err != nil {
		return false
	}
	defer reader.Close()
	code := c.people[0].places[0].code
	var join joinAnswer
	args, err := reader.Call(ctx, "join", wire.JoinRequest{Room: code, Name: "zu"})
	if err == nil {
		err = args.Decode(&join)
	}
	for between := int64(0); err == nil; {
		if n := c.full.Load(); between > 0 && n > between {
			return true
		}
		before := c.full.Load()
		var a historyAnswer
		if args, err = reader.Call(ctx, "history", wire.HistoryRequest{Room: code}); err == nil {
			err = args.Decode(&a)
		}
		if before > 0 && err == nil && a.OK && between == 0 {
			between = c.full.Load()
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return false
		}
	}
	return false
}
