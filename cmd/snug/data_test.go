package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"snug/socketio/client"
)

// The commands on a data directory, beside the server that serves it: what was said is
// written out, copied, found whole, and served again by another server.
func TestDataCommands(t *testing.T) {
	dir := t.TempDir()
	data, file, restored := filepath.Join(dir, "data"), filepath.Join(dir, "backup"), filepath.Join(dir, "restored")
	s := serveIn(t, data)
	token, _, _ := says(t, command(t, "token", "--data", data))
	token = strings.TrimSpace(token)
	ada := s.dial(client.WebSocket, token)
	made := must(t, ada, "create", object{"title": "Tea & <b>cake</b>"})
	epoch := must(t, ada, "join", object{"room": made.Room, "name": "Ada"}).Epoch
	must(t, ada, "send", object{"room": made.Room, "text": "First\nsecond <script>"})
	must(t, ada, "send", object{"room": made.Room, "text": "Another"})

	expect := func(status int, stdout, stderr string, args ...string) string {
		t.Helper()
		out, errs, got := says(t, command(t, args...))
		if got != status || !regexp.MustCompile(stdout).MatchString(out) || !regexp.MustCompile(stderr).MatchString(errs) {
			t.Errorf("snug %q: status %d, want %d\nstdout: %s\nstderr: %s", args, got, status, out, errs)
		}
		return out
	}
	for range 2 { // while the server runs, and without it
		expect(0, `(?s)1 rooms, 2 entries.*all is well\n$`, `^$`, "verify", "--data", data)
		expect(0, `(?s)^Tea & <b>cake</b> \(`+made.Room+`\)\n\n\S+ \S+ Ada: First\n    second <script>\n\S+ \S+ Ada: Another\n$`, `^$`, "export", "--room", made.Room, "--data", data)
		expect(0, `(?s)<title>Tea &amp; &lt;b&gt;cake&lt;/b&gt;</title>.*<b>Ada</b>.*second &lt;script&gt;</p>`, `^$`, "export", "--room", strings.ToLower(made.Room), "--format", "html", "--data", data)
		lines := strings.Split(strings.TrimSpace(expect(0, `.`, `^$`, "export", "--room", made.Room, "--format", "jsonl", "--data", data)), "\n")
		var e struct {
			Seq  int
			Kind string
			Text string
		}
		if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil || len(lines) != 2 || e.Seq != 2 || e.Kind != "message" || e.Text != "Another" {
			t.Errorf("%q: %+v, %v", lines, e, err)
		}
		expect(0, `^\S*backup\S*: [\d.]+ KiB\n$`, `^$`, "backup", file, "--data", data)
		expect(exitFailed, `^$`, `there already`, "backup", file, "--data", data)
		expect(exitFailed, `^$`, `nothing is overwritten|in use by another snug`, "restore", file, "--data", data)
		if s != nil {
			if err := os.Rename(file, file+".running"); err != nil {
				t.Fatal(err)
			}
			s.end(os.Interrupt)
			s = nil
		}
	}
	expect(exitFailed, `^$`, `there is no room "NOSUCHRM"`, "export", "--room", "NOSUCHRM", "--data", data)
	for _, c := range []string{"backup x", "verify", "export --room X"} {
		expect(exitFailed, `^$`, `there is no server's data in|the secret key`, append(strings.Fields(c), "--data", filepath.Join(dir, "none"))...)
	}
	if i, err := os.Stat(file + ".running"); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("the backup: %v, %v", i.Mode(), err)
	}

	expect(0, `all is well`, `^$`, "restore", file+".running", "--data", restored)
	s = serveIn(t, restored)
	again := s.dial(client.Polling, token)
	joined := must(t, again, "join", object{"room": made.Room, "name": "Ada"})
	if joined.You.Name != "Ada" || joined.You.Role != "owner" || joined.Head != 2 || joined.Epoch == epoch || joined.Epoch == "" {
		t.Errorf("the restored room: %+v; its epoch was %s", joined, epoch)
	}
	if found := must(t, again, "search", object{"room": made.Room, "query": "anot"}); len(found.Entries) != 1 {
		t.Errorf("there a search finds %+v", found)
	}
	s.end(os.Interrupt)

	// Something is wrong.
	path := filepath.Join(data, "snug.db")
	if err := os.Truncate(path, 3*4096); err != nil {
		t.Fatal(err)
	}
	expect(exitFailed, `(?m)^wrong: `, `^snug: the data is damaged`, "verify", "--data", data)
}
