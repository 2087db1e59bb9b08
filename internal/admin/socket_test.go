package admin_test

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"snug/internal/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The socket is its owner's alone, wherever the directory lies, and one that a
// crash left is replaced.
func TestSocket(t *testing.T) {
	short, err := os.MkdirTemp("", "s") // a test's own directory may have a long name already
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	t.Setenv("TMPDIR", short)
	long := filepath.Join(short, strings.Repeat("long", 30), strings.Repeat("path", 30))
	for _, dir := range []string{filepath.Join(short, "data"), long} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		client := admin.NewClient(dir)
		for range 2 { // the second time, the first one's socket is still there
			l, err := admin.Listen(dir)
			if err != nil {
				t.Fatal(err)
			}
			info, err := os.Lstat(filepath.Join(dir, admin.SocketFile))
			if err != nil || info.Mode().Type() != os.ModeSocket || info.Mode().Perm() != 0o600 {
				t.Errorf("the socket: %v, %v", info.Mode(), err)
			}
			site := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(`{"version": "v7"}`)) })}
			served := make(chan error, 1)
			go func() { served <- site.Serve(l) }()
			if s, err := client.Status(t.Context(), false); err != nil || s.Version != "v7" {
				t.Errorf("through the socket: %+v, %v", s, err)
			}
			_ = site.Close()
			<-served
		}
		if _, err := client.Status(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no server is running on "+dir) {
			t.Errorf("a socket that a crash left: %v", err)
		}
		if err := admin.Remove(dir); err != nil {
			t.Error(err)
		}
		if _, err := client.Status(t.Context(), false); err == nil || !strings.Contains(err.Error(), "no server is running on "+dir) {
			t.Errorf("no socket: %v", err)
		}
	}
	left, err := filepath.Glob(filepath.Join(short, "snug-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("detours are left: %v, %v", left, err)
	}
	if _, err := admin.NewClient(filepath.Join(short, "none")).Rooms(t.Context()); err == nil || !strings.Contains(err.Error(), "there is no directory") {
		t.Errorf("no directory: %v", err)
	}
}

// What is not understood comes back in words.
func TestClientOfAnotherVersion(t *testing.T) {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := admin.Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	site := &http.Server{Handler: http.NotFoundHandler()}
	served := make(chan error, 1)
	go func() { served <- site.Serve(l) }()
	defer func() { _ = site.Close(); <-served }()
	if _, err := admin.NewClient(dir).Rooms(t.Context()); err == nil || !strings.Contains(err.Error(), "of another version") {
		t.Errorf("a path it does not know: %v", err)
	}
	raw, err := net.Dial("unix", filepath.Join(dir, admin.SocketFile))
	if err != nil {
		t.Fatal(err)
	}
	raw.Close()
}
