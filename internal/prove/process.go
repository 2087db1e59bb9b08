package prove

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Binary is the path of a built snug.
type Binary string

// Build builds the real program into a directory, as it is shipped but for the
// build tags. It needs the go command, no C compiler.
func Build(ctx context.Context, into string, tags ...string) (Binary, error) {
	bin := filepath.Join(into, "snug")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", strings.Join(tags, ","), "-o", bin, "snug/cmd/snug")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("prove: build: %w\n%s", err, out)
	}
	return Binary(bin), nil
}

// A Launch says how to start a server.
type Launch struct {
	Data string   // its data directory
	Wrap []string // a command that runs it, such as strace with its flags; empty: none
	Env  []string // besides the environment
}

// keptLines is how much of what a server logs is kept.
const keptLines = 200

// A Process is a server that was started. Its methods may be called from any goroutine.
type Process struct {
	Started time.Time // static
	Serving time.Time // when it said where it serves; static once Start has returned

	cmd   *exec.Cmd
	group bool // it runs in a group of its own, with what wraps it

	url   string        // where it serves; static once ready is closed
	ready chan struct{} // closed when it has said where it serves
	ended chan struct{} // closed when it is over and err is set
	err   error         // of its end

	folding atomic.Bool // it has begun a fold and not ended it

	mu    sync.Mutex
	lines []string // the last it logged; guarded by mu
}

// Start starts a server and waits until it serves. Where it ends before, the
// Process is returned with the error. The caller sees to its end, by Kill or Stop.
func (b Binary) Start(ctx context.Context, l Launch) (*Process, error) {
	args := append(append([]string{}, l.Wrap...), string(b), "serve",
		"--listen", "127.0.0.1:0", "--data", l.Data, "--keep", "forever", "--limits", "off", "--log", "debug")
	p := &Process{cmd: exec.Command(args[0], args[1:]...), ready: make(chan struct{}), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), l.Env...)
	if p.group = len(l.Wrap) > 0; p.group {
		p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	p.Started = time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("prove: %w", err)
	}
	go p.wait(stdout, stderr) // ends with the process
	select {
	case <-p.ready:
		p.Serving = time.Now()
		return p, nil
	case <-p.ended:
		return p, fmt.Errorf("prove: the server ended before it served: %w: %s", p.err, p.Said())
	case <-ctx.Done():
		p.Kill()
		return p, fmt.Errorf("prove: the server does not come up: %w: %s", ctx.Err(), p.Said())
	}
}

func (p *Process) wait(stdout, stderr io.Reader) {
	var reading sync.WaitGroup
	reading.Go(func() { p.listen(stdout, p.serves) })
	reading.Go(func() { p.listen(stderr, nil) })
	reading.Wait()
	p.err = p.cmd.Wait()
	close(p.ended)
}

// serves takes the server's word on where it serves. It says so once.
func (p *Process) serves(line string) {
	if _, after, ok := strings.Cut(line, "open http://"); ok && p.url == "" {
		address, _, _ := strings.Cut(after, " ")
		p.url = "http://" + address
		close(p.ready)
	}
}

// listen reads what the server says, line by line, and has heard look at each
// line, unless it is nil.
func (p *Process) listen(from io.Reader, heard func(string)) {
	for lines := bufio.NewScanner(from); lines.Scan(); {
		line := lines.Text()
		if heard != nil {
			heard(line)
		}
		switch {
		case strings.Contains(line, `"a fold begins"`):
			p.folding.Store(true)
		case strings.Contains(line, `"a fold has ended"`):
			p.folding.Store(false)
		}
		p.mu.Lock()
		if p.lines = append(p.lines, line); len(p.lines) > keptLines {
			p.lines = p.lines[1:]
		}
		p.mu.Unlock()
	}
}

// URL is where it serves, "" if it never did.
func (p *Process) URL() string {
	select {
	case <-p.ready:
		return p.url
	default:
		return ""
	}
}

// Folding says whether the server was folding when it last said something of it.
func (p *Process) Folding() bool { return p.folding.Load() }

// Said is the end of what the server logged.
func (p *Process) Said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// Signal sends a signal, if the process is still there.
func (p *Process) Signal(s syscall.Signal) {
	pid := p.cmd.Process.Pid
	if p.group {
		pid = -pid
	}
	select {
	case <-p.ended: // its number may be another's
	default:
		_ = syscall.Kill(pid, s)
	}
}

// Kill is kill -9; it waits until the process is no more.
func (p *Process) Kill() {
	p.Signal(syscall.SIGKILL)
	select {
	case <-p.ended:
	case <-time.After(time.Minute): // stuck in the kernel: there is nothing that one can do
	}
}

// Ended is closed when the process is no more.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Err is how it ended, once it has: nil for exit status 0.
func (p *Process) Err() error {
	select {
	case <-p.ended:
		return p.err
	default:
		return errors.New("prove: the server still runs")
	}
}

// Stop asks the server to stop, and returns how it ended. One that has not by
// the end of ctx is killed.
func (p *Process) Stop(ctx context.Context) error {
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("prove: the server does not stop: %w: %s", ctx.Err(), p.Said())
	}
	if p.err != nil {
		return fmt.Errorf("prove: the server stopped with %w: %s", p.err, p.Said())
	}
	return nil
}
