package load

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A process is the server's, seen through /proc.
type process struct{ pid int }

// clockTick is the unit of CPU time in /proc, which Linux has fixed for all
// programs at 1/100 s.
const clockTick = 10 * time.Millisecond

// findProcess finds who listens on a local target's port; nil if that cannot
// be seen from here.
func findProcess(target *url.URL) *process {
	switch target.Hostname() {
	case "127.0.0.1", "::1", "localhost":
	default:
		return nil
	}
	port, err := strconv.Atoi(target.Port())
	if err != nil {
		return nil
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		listeners(table, port, inodes)
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/*")
	if err != nil {
		return nil
	}
	for _, link := range links {
		to, err := os.Readlink(link)
		if err != nil {
			continue
		}
		if inode, ok := strings.CutPrefix(to, "socket:["); ok && inodes[strings.TrimSuffix(inode, "]")] {
			pid, err := strconv.Atoi(strings.Split(link, "/")[2])
			if err == nil && pid != os.Getpid() {
				return &process{pid}
			}
		}
	}
	return nil
}

// listeners adds the inodes of the sockets that listen on port.
func listeners(table string, port int, inodes map[string]bool) {
	f, err := os.Open(table)
	if err != nil {
		return
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		w := strings.Fields(lines.Text())
		const local, st, inode, listen = 1, 3, 9, "0A"
		if len(w) > inode && w[st] == listen && strings.HasSuffix(w[local], fmt.Sprintf(":%04X", port)) {
			inodes[w[inode]] = true
		}
	}
}

// cpu is the CPU time that the process has used.
func (p *process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	// The name, in parentheses, may hold anything.
	_, after, _ := strings.Cut(string(b), ") ")
	w := strings.Fields(after)
	const utime, stime = 11, 12
	if len(w) <= stime {
		return 0, fmt.Errorf("load: /proc/%d/stat is unreadable", p.pid)
	}
	var ticks int
	for _, s := range []string{w[utime], w[stime]} {
		n, err := strconv.Atoi(s)
		if err != nil {
			return 0, fmt.Errorf("load: /proc/%d/stat: %w", p.pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// rss is the process's resident memory in bytes.
func (p *process) rss() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if w := strings.Fields(line); len(w) == 3 && w[0] == "VmRSS:" {
			kb, err := strconv.ParseInt(w[1], 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("load: /proc/%d/status has no VmRSS", p.pid)
}
