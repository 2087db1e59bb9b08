package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"snug/internal/chat"
	"snug/internal/wire"
	"snug/socketio/client"
)

// TestAdmin runs the program twice: as the server, and as the operator's.
func TestAdmin(t *testing.T) {
	data := filepath.Join(t.TempDir(), strings.Repeat("a-long-name-", 8), "data") // longer than a socket's path may be
	tells := func(status int, stdout, stderr string, args ...string) {
		t.Helper()
		out, errs, got := says(t, command(t, append(append([]string{"admin"}, args...), "--data", data)...))
		if got != status || !regexp.MustCompile(stdout).MatchString(out) || !regexp.MustCompile(stderr).MatchString(errs) {
			t.Errorf("snug admin %q: status %d, want %d\nstdout: %s\nstderr: %s", args, got, status, out, errs)
		}
	}
	tells(exitFailed, `^$`, `^snug: there is no directory .*data: name the server's data directory with --data\n$`, "rooms")
	s := serveIn(t, data)
	c := s.dial(client.WebSocket, "")
	var made struct{ Room string }
	args, err := c.Call(t.Context(), "create", map[string]any{"title": "Tea", "keep": "7d"})
	if err != nil || args.Decode(&made) != nil {
		t.Fatalf("create: %s, %v", args.Raw(0), err)
	}
	for _, r := range []struct{ event, body string }{
		{"join", `{"room": "` + made.Room + `", "name": "Ada"}`},
		{"send", `{"room": "` + made.Room + `", "text": "one\ntwo \u202e eerht"}`},
	} {
		if args, err := c.Call(t.Context(), r.event, json.RawMessage(r.body)); err != nil || !strings.Contains(string(args.Raw(0)), `"ok":true`) {
			t.Fatalf("%s: %s, %v", r.event, args.Raw(0), err)
		}
	}

	tells(0, `^ROOM +HERE +ENTRIES +KEEP +LAST USED +GUARD +TITLE\n`+made.Room+` +1 +1 +7d +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d +- +Tea\n1 rooms\n$`, `^$`, "rooms")
	tells(0, `^\[\n  \{\n    "id": 1,\n    "code": "`+made.Room+`"`, `^$`, "rooms", "--json")
	tells(0, `^`+made.Room+`  Tea\n[\s\S]*1 entries are kept \(1 to 1\)[\s\S]*here: 1\n  Ada \(\S{4}, owner\)\n\nnewest:\n  \S+ \S+ Ada: one two  eerht\n$`, `^$`, "look", made.Room)
	tells(exitFailed, `^$`, `^snug: there is no such room\n$`, "look", "NOSUCHXX")
	tells(0, `^nobody can write until .*; snug admin unmute lifts it\n$`, `^$`, "mute", "--for", "30m", "--note", "back soon")
	if args, err := c.Call(t.Context(), "send", map[string]any{"room": made.Room, "text": "x"}); err != nil || !strings.Contains(string(args.Raw(0)), `"code":"muted"`) {
		t.Errorf("while the server is muted: %s, %v", args.Raw(0), err)
	}
	tells(0, `^203\.0\.113\.0/24 is banned for good; 0 connections from there were ended\n$`, `^$`, "ban", "203.0.113.9/24", "--for", "forever", "--note", "floods")
	tells(0, `"network": "2001:db8::/64"[\s\S]*"ended": 0`, `^$`, "ban", "2001:db8::7", "--json")
	tells(0, `1 connections, 1 members in 1 rooms; \d+ goroutines, [0-9.]+ \w+ heap\nmuted until .*: back soon\nbanned 203\.0\.113\.0/24 for good: floods\nbanned 2001:db8::/64 until`, `^$`, "status", "--collect")
	tells(0, `^\{\n  "ok": true\n\}\n$`, `^$`, "unmute", "--json")
	tells(0, `^2001:db8::/64 may come in again\n$`, `^$`, "unban", "2001:db8::1")
	tells(exitFailed, `^$`, `^snug: 203\.0\.113\.9/32 is not banned, but 203\.0\.113\.0/24 is\n$`, "unban", "203.0.113.9")
	tells(exitFailed, `^$`, `^snug: 0\.0\.0\.0/0 is nearly everybody: .*\n$`, "ban", "0.0.0.0/0")
	tells(exitUsage, `^$`, `^snug: .*"here" is neither an address such as .*\n$`, "ban", "here")
	tells(exitUsage, `^$`, `^snug: .*"long" is not a time such as 30m.*\n$`, "mute", "--for", "long")
	tells(exitFailed, `^$`, `^snug: `+made.Room+` \(Tea\) has 1 entries and 1 members in it, and would be gone for good: add --yes if that is wanted\n$`, "close", made.Room)
	tells(0, `^`+made.Room+` is closed, and its 1 entries are gone\n$`, `^$`, "close", strings.ToLower(made.Room), "--yes")
	tells(0, `^ROOM[^\n]*\n0 rooms\n$`, `^$`, "rooms")

	// One's own address: out at once, and no way back after a restart either.
	tells(0, `^127\.0\.0\.1/32 is banned until .*; 1 connections from there were ended\n$`, `^$`, "ban", "127.0.0.1", "--for", "1h")
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Error("the connection is still open")
	}
	s.end(syscall.SIGTERM)
	s = serveIn(t, data)
	health := func(want int, when string) {
		t.Helper()
		r, err := http.Get(s.url + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		http.DefaultClient.CloseIdleConnections()
		if r.StatusCode != want {
			t.Errorf("%s: %s, want %d", when, r.Status, want)
		}
	}
	health(http.StatusForbidden, "after a restart")
	tells(0, `^127\.0\.0\.1/32 may come in again\n$`, `^$`, "unban", "127.0.0.1")
	health(http.StatusOK, "after it was lifted")
	// Killed, it leaves its socket, in which nobody listens.
	s.end(syscall.SIGKILL)
	tells(exitFailed, `^$`, `^snug: no server is running on .*data: start one with snug serve, or name its data directory with --data\n$`, "status")
	serveIn(t, data)
	tells(0, `^Snug \S+, up since`, `^$`, "status")
}

func TestAdminTeaches(t *testing.T) {
	for _, args := range [][]string{{}, {"rooms"}, {"look"}, {"close"}, {"ban"}, {"mute"}} {
		out, errs, status := says(t, command(t, append(append([]string{"admin"}, args...), "--help")...))
		if status != 0 || errs != "" || !regexp.MustCompile(`Examples?:\s[\s\S]*snug admin `).MatchString(out) {
			t.Errorf("snug admin %q --help: %d\n%s%s", args, status, out, errs)
		}
	}
}

// What an entry is in one line of a terminal.
func TestBriefly(t *testing.T) {
	for want, e := range map[string]wire.Entry{
		"a b":                 {Kind: "message", Text: "a\nb"},
		"[message deleted]":   {Kind: "message", Deleted: "2026-03-01T12:00:00.000Z"},
		"[was Bob before]":    {Kind: "name", Was: "Bob"},
		"[ban Bob]":           {Kind: "moderation", Deed: "ban", Member: &wire.Author{Name: "Bob"}},
		"[room]":              {Kind: "room"},
		"[31mred, not a line": {Kind: "message", Text: "\x1b[31mred,\u202e not a line"},
	} {
		if got := briefly(&e); got != want {
			t.Errorf("%+v: %q, want %q", e, got, want)
		}
	}
	var s span
	for text, want := range map[string]time.Duration{"30m": 30 * time.Minute, "7d": 7 * 24 * time.Hour, "forever": 0, "1h30m": 90 * time.Minute} {
		if err := s.UnmarshalText([]byte(text)); err != nil || time.Duration(s) != want {
			t.Errorf("%s: %v, %v", text, time.Duration(s), err)
		}
	}
	for _, text := range []string{"", "0", "0d", "-1h", "1ms", "1.5d", "99999d"} {
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for a time", text)
		}
	}
	if got := ends(chat.Forever); got != "for good" {
		t.Error(got)
	}
}
