package server_test

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"snug/internal/server"
)

// refused is what New says when it must fail.
func refused(t *testing.T, cfg server.Config) string {
	t.Helper()
	s, err := server.New(cfg)
	if err == nil {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = s.Run(ctx)
		t.Fatal("accepted")
	}
	return err.Error()
}

func wants(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(got, part) {
			t.Errorf("%q does not say %q", got, part)
		}
	}
}

func TestOneServerForADirectory(t *testing.T) {
	cfg := settings(t)
	s := start(t, cfg)
	wants(t, refused(t, cfg), cfg.Data, "in use by another snug (pid "+strconv.Itoa(os.Getpid())+")", "--data")
	if r := s.raw(); r != nil {
		if resp, _ := r.do("GET", "/healthz", ""); resp.StatusCode != 200 {
			t.Errorf("the first one was disturbed: %s", resp.Status)
		}
	}
	s.stop()
	start(t, cfg).stop()
}

func TestTakenPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	cfg := settings(t)
	cfg.Listen = l.Addr().String()
	wants(t, refused(t, cfg), cfg.Listen, "in use by another program", "--listen")
	for _, address := range []string{"", "nonsense", "127.0.0.1:99999", "127.0.0.1"} {
		cfg.Listen = address
		wants(t, refused(t, cfg), "cannot listen on", address)
	}
	cfg.Listen = "127.0.0.1:0"
	start(t, cfg) // the directory was given back each time
}

func TestFreshDirectory(t *testing.T) {
	cfg := settings(t)
	cfg.Data = filepath.Join(cfg.Data, "deep", "down")
	s := start(t, cfg)
	defer s.stop()
	err := filepath.WalkDir(cfg.Data, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		want := fs.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s has mode %04o, want %04o", path, info.Mode().Perm(), want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestUnusableDirectories(t *testing.T) {
	cfg := settings(t)
	at := cfg.Data
	cfg.Data = ""
	wants(t, refused(t, cfg), "--data names no directory")
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600), os.Chmod(name, mode)); err != nil {
			t.Fatal(err)
		}
	}
	chmod := func(name string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}

	write(filepath.Join(at, "file"), "", 0o600)
	cfg.Data = filepath.Join(at, "file")
	wants(t, refused(t, cfg), "the data directory cannot be made", "not a directory")
	cfg.Data = filepath.Join(at, "file", "below")
	wants(t, refused(t, cfg), "the data directory cannot be made", "not a directory")
	cfg.Data = filepath.Join(at, "locked")
	if err := os.MkdirAll(filepath.Join(cfg.Data, "snug.lock"), 0o700); err != nil {
		t.Fatal(err)
	}
	wants(t, refused(t, cfg), "the data directory cannot be written to", "is a directory")

	// Open to others: closed here while it is empty, else a matter for its owner.
	cfg.Data = filepath.Join(at, "open")
	if err := os.Mkdir(cfg.Data, 0o755); err != nil {
		t.Fatal(err)
	}
	start(t, cfg).stop()
	if info, err := os.Stat(cfg.Data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("an empty directory was left with mode %v, %v", info.Mode(), err)
	}
	for _, mode := range []fs.FileMode{0o755, 0o750, 0o701} {
		chmod(cfg.Data, mode)
		wants(t, refused(t, cfg), "open to other users", "chmod 700 "+cfg.Data)
	}
	chmod(cfg.Data, 0o700)

	// The key.
	key := filepath.Join(cfg.Data, "secret.key")
	chmod(key, 0o640)
	wants(t, refused(t, cfg), "can be read by other users", "chmod 600 "+key)
	chmod(key, 0o600)
	good, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", string(good[:31]), string(good) + "x"} {
		write(key, bad, 0o600)
		wants(t, refused(t, cfg), key, "is damaged", "backup")
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	wants(t, refused(t, cfg), key, "is missing", "backup")
	write(key, string(good), 0o600)
	start(t, cfg).stop()
}

func TestNewerSchema(t *testing.T) {
	cfg := settings(t)
	start(t, cfg).stop()
	db, err := sqlite.OpenConn(filepath.Join(cfg.Data, "snug.db"), sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sqlitex.ExecuteTransient(db, "PRAGMA user_version = 99", nil), db.Close()); err != nil {
		t.Fatal(err)
	}
	wants(t, refused(t, cfg), "schema 99", "newer Snug")
}

func TestReadKey(t *testing.T) {
	cfg := settings(t)
	if _, err := server.ReadKey(cfg.Data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first start: %v", err)
	}
	start(t, cfg).stop()
	one, err := server.ReadKey(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	start(t, cfg).stop()
	two, err := server.ReadKey(cfg.Data)
	if err != nil || one != two || one == [32]byte{} {
		t.Errorf("the key changed, or is none; %v", err)
	}
	other := settings(t)
	start(t, other).stop()
	if three, err := server.ReadKey(other.Data); err != nil || one == three {
		t.Errorf("two servers have one key; %v", err)
	}
}

// Another key makes strangers of all, and is not made under a server that runs.
func TestRotateKey(t *testing.T) {
	cfg := settings(t)
	if err := server.RotateKey(cfg.Data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without any data: %v", err)
	}
	s := start(t, cfg)
	before, err := server.ReadKey(cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.RotateKey(cfg.Data); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("while a server runs: %v", err)
	}
	s.stop()
	if err := server.RotateKey(cfg.Data); err != nil {
		t.Fatal(err)
	}
	after, err := server.ReadKey(cfg.Data)
	if err != nil || after == before {
		t.Errorf("the key is the same: %t, %v", after == before, err)
	}
	start(t, cfg)
}
