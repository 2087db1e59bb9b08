package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"snug/socketio/client"
)

// The tests run the program itself: this test binary, told by a variable to be it.
const beSnug = "SNUG_TEST_BE_SNUG"

func TestMain(m *testing.M) {
	if os.Getenv(beSnug) != "" {
		os.Exit(run(os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

// command is the program with a command line, in an environment of its own.
func command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{beSnug + "=1"}
	return cmd
}

// says runs the program to its end.
func says(t testing.TB, cmd *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args           []string
		status         int
		stdout, stderr string // patterns
	}{
		{nil, 0, `Usage: snug <command>[\s\S]*serve[\s\S]*token[\s\S]*version`, `^$`},
		{[]string{"--help"}, 0, `Usage: snug <command>`, `^$`},
		{[]string{"serve", "--help"}, 0, `Examples:[\s\S]*--listen[\s\S]*SNUG_LISTEN[\s\S]*--data[\s\S]*--keep[\s\S]*--limits[\s\S]*--log`, `^$`},
		{[]string{"token", "--help"}, 0, `Example:[\s\S]*--data`, `^$`},
		{[]string{"version"}, 0, `^snug \S+ \(go\S+, \w+/\w+\)\n$`, `^$`},
		{[]string{"dance"}, exitUsage, `^$`, `^snug: .*dance.*snug --help\n$`},
		{[]string{"serve", "--dance"}, exitUsage, `^$`, `^snug: .*--dance.*\n$`},
		{[]string{"serve", "--limits", "some"}, exitUsage, `^$`, `^snug: --limits must be one of "on","off".*\n$`},
		{[]string{"serve", "--log", "loud"}, exitUsage, `^$`, `^snug: .*"loud".*\n$`},
		{[]string{"serve", "--config", "none.json"}, exitUsage, `^$`, `^snug: .*none\.json.*\n$`},
		{[]string{"serve", "--keep", "long"}, exitFailed, `^$`, `^snug: --keep: "long" is not .*\n$`},
		{[]string{"serve", "--listen", "nonsense"}, exitFailed, `^$`, `^snug: cannot listen on "nonsense".*\n$`},
		{[]string{"serve", "--data", os.Args[0]}, exitFailed, `^$`, `^snug: the data directory cannot be made: .*\n$`},
		{[]string{"token"}, exitFailed, `^$`, `^snug: there is no server's data in snug-data yet: start snug serve once.*\n$`},
	} {
		out, errs, status := says(t, command(t, c.args...))
		if status != c.status || !regexp.MustCompile(c.stdout).MatchString(out) || !regexp.MustCompile(c.stderr).MatchString(errs) {
			t.Errorf("snug %q: status %d, want %d\nstdout: %s\nstderr: %s", c.args, status, c.status, out, errs)
		}
	}
}

// A snug is the program, serving.
type snug struct {
	t      testing.TB
	cmd    *exec.Cmd
	url    string
	stdout *bufio.Reader
	stderr bytes.Buffer // to be read after the end
}

// serveIn starts the program on a data directory.
func serveIn(t testing.TB, data string, more ...string) *snug {
	t.Helper()
	s := &snug{t: t, cmd: command(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data}, more...)...)}
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.stdout = bufio.NewReader(out)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.cmd.Process.Kill(); _ = s.cmd.Wait() })
	line, err := s.stdout.ReadString('\n')
	m := regexp.MustCompile(`^Snug is ready: open (http://127\.0\.0\.1:\d+) in a browser\.\n$`).FindStringSubmatch(line)
	if err != nil || m == nil {
		_ = s.cmd.Wait()
		t.Fatalf("it said %q, %v\n%s", line, err, s.stderr.String())
	}
	s.url = m[1]
	return s
}

// end sends a signal and waits for the end.
func (s *snug) end(signal os.Signal) *os.ProcessState {
	s.t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
	return s.ended()
}

func (s *snug) ended() *os.ProcessState {
	s.t.Helper()
	timer := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill(); s.t.Errorf("it does not end") })
	defer timer.Stop()
	if rest, err := io.ReadAll(s.stdout); err != nil || len(rest) > 0 {
		s.t.Errorf("it said %q more, %v", rest, err)
	}
	_ = s.cmd.Wait() // the state tells
	return s.cmd.ProcessState
}

func (s *snug) dial(way client.Transport, token string) *client.Client {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	opts := client.Options{Transport: way}
	if token != "" {
		opts.Auth = func() any { return map[string]any{"token": token} }
	}
	c, err := client.Dial(ctx, s.url, opts)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// An answer is what the tests read of one.
type answer struct {
	OK        bool
	Room      string
	Seq       int
	Duplicate bool
	Head      int
	Epoch     string
	More      bool
	You       struct{ Name, Role string }
	Entries   []struct {
		Seq      int
		ID, Text string
	}
}

func ask(c *client.Client, event string, body any) (a answer, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	args, err := c.Call(ctx, event, body)
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(args.Raw(0), &a)
}

func must(t testing.TB, c *client.Client, event string, body any) answer {
	t.Helper()
	a, err := ask(c, event, body)
	if err != nil || !a.OK {
		t.Fatalf("%s: %+v, %v", event, a, err)
	}
	return a
}

type object = map[string]any

// However the program ends, in order or by kill -9, what was acknowledged is
// there after the next start, once; and a token that the program makes is who it was.
func TestWhatWasAcknowledgedIsThere(t *testing.T) {
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt, "SIGKILL": os.Kill} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			s := serveIn(t, data)
			out, errs, status := says(t, command(t, "token", "--data", data))
			token, isLine := strings.CutSuffix(out, "\n")
			if status != 0 || !isLine {
				t.Fatalf("token: %q %s", out, errs)
			}
			first := s.dial(client.WebSocket, token)
			room := must(t, first, "create", object{"code": "the-den"}).Room
			must(t, first, "join", object{"room": room, "name": "Ada"})

			// Several talk until it is over; each notes what was acknowledged.
			var mu sync.Mutex
			acked := map[string]int{}
			var talking sync.WaitGroup
			enough := make(chan struct{})
			for who := range 6 {
				c := s.dial([]client.Transport{client.WebSocket, client.Polling}[who%2], "")
				must(t, c, "join", object{"room": room, "name": fmt.Sprint("Bob ", who)})
				talking.Go(func() {
					for i := 0; ; i++ {
						id := fmt.Sprintf("%d-%d", who, i)
						a, err := ask(c, "send", object{"room": room, "text": id, "id": id})
						if err != nil || !a.OK {
							return // it is over
						}
						mu.Lock()
						acked[id] = a.Seq
						if len(acked) == 100 {
							close(enough)
						}
						mu.Unlock()
					}
				})
			}
			select {
			case <-enough:
			case <-time.After(patience):
				t.Fatal("nobody gets anywhere")
			}
			state := s.end(signal)
			talking.Wait()
			if signal != os.Kill && state.ExitCode() != 0 {
				t.Errorf("it ended with %v\n%s", state, s.stderr.String())
			}

			s = serveIn(t, data)
			back := s.dial(client.Polling, token)
			j := must(t, back, "join", object{"room": room, "name": "Ada"})
			if j.You.Name != "Ada" || j.You.Role != "owner" {
				t.Errorf("came back as %+v", j.You)
			}
			stored := map[string]int{}
			for all := j; ; {
				for _, e := range all.Entries {
					if was, twice := stored[e.ID]; twice {
						t.Errorf("%s is stored as %d and %d", e.ID, was, e.Seq)
					}
					stored[e.ID] = e.Seq
				}
				if !all.More {
					break
				}
				all = must(t, back, "history", object{"room": room, "before": all.Entries[0].Seq, "limit": 200})
			}
			if len(stored) != j.Head {
				t.Errorf("%d messages, head %d", len(stored), j.Head)
			}
			for id, seq := range acked {
				if stored[id] != seq {
					t.Errorf("%s was acknowledged as %d, and is %d", id, seq, stored[id])
				}
			}
		})
	}
}

// A second signal is for somebody who does not want to wait.
func TestSecondSignal(t *testing.T) {
	s := serveIn(t, filepath.Join(t.TempDir(), "data"))
	// A session that fetches nothing is waited for.
	get := func(method, query, body string) string {
		out, err := httpDo(method, s.url+"/socket.io/?EIO=4&transport=polling"+query, body)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	var open struct{ Sid string }
	if err := json.Unmarshal([]byte(get("GET", "", "")[1:]), &open); err != nil {
		t.Fatal(err)
	}
	get("POST", "&sid="+open.Sid, "40")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for { // until it has heard the first
		if _, err := httpDo("GET", s.url+"/healthz", ""); err != nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	began := time.Now()
	state := s.end(syscall.SIGTERM)
	if status, ok := state.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v after %v", state, time.Since(began))
	}
}

// httpDo is one request over a connection of its own.
func httpDo(method, url, body string) (string, error) {
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestTwoOfThem(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	s := serveIn(t, data)
	_, errs, status := says(t, command(t, "serve", "--listen", "127.0.0.1:0", "--data", data))
	if want := fmt.Sprintf("in use by another snug (pid %d)", s.cmd.Process.Pid); status != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("the second: status %d, %s", status, errs)
	}
	_, errs, status = says(t, command(t, "serve", "--listen", strings.TrimPrefix(s.url, "http://"), "--data", data+"2"))
	if status != exitFailed || !strings.Contains(errs, "in use by another program") {
		t.Errorf("another on the same port: status %d, %s", status, errs)
	}
	if state := s.end(os.Interrupt); state.ExitCode() != 0 {
		t.Errorf("the first ended with %v", state)
	}
}
