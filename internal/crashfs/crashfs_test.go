//go:build linux

package crashfs

import (
	"bytes"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	Main()
	goleak.VerifyTestMain(m)
}

// mount gives a disk, or skips where the machine cannot mount one.
func mount(t *testing.T) (*Disk, string) {
	t.Helper()
	if err := Available(); err != nil {
		t.Skip(err)
	}
	at := t.TempDir()
	d, err := Mount(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return d, at
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write writes, fsyncs where asked to, and closes.
func write(t *testing.T, path, text string, off int64, sync bool) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err)
	_, err = f.WriteAt([]byte(text), off)
	must(t, err)
	if sync {
		must(t, f.Sync())
	}
	must(t, f.Close())
}

func syncDir(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
}

func survivors(t *testing.T, d *Disk, seed uint64) (map[string]string, int) {
	t.Helper()
	into := t.TempDir()
	lost, err := d.Survivors(into, seed)
	must(t, err)
	entries, err := os.ReadDir(into)
	must(t, err)
	got := map[string]string{}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(into, e.Name()))
		must(t, err)
		got[e.Name()] = string(b)
	}
	return got, lost
}

func TestCutKeepsWhatWasSynced(t *testing.T) {
	d, at := mount(t)
	write(t, filepath.Join(at, "synced"), "hello", 0, true)
	write(t, filepath.Join(at, "synced"), "HE", 0, false)
	write(t, filepath.Join(at, "never"), "gone", 0, false)
	write(t, filepath.Join(at, "old"), "x", 0, true)
	must(t, os.Rename(filepath.Join(at, "old"), filepath.Join(at, "new")))
	if b, err := os.ReadFile(filepath.Join(at, "synced")); err != nil || string(b) != "HEllo" {
		t.Errorf("before the cut: %q, %v", b, err)
	}
	if _, err := d.Survivors(t.TempDir(), 0); err == nil {
		t.Error("survivors of a disk with power on")
	}
	must(t, d.Cut())
	if err := os.WriteFile(filepath.Join(at, "late"), nil, 0o600); !errors.Is(err, syscall.EIO) {
		t.Errorf("a write after the cut: %v, want EIO", err)
	}
	got, lost := survivors(t, d, 0)
	if len(got) != 2 || got["synced"] != "hello" || got["old"] != "x" {
		t.Errorf("survivors %q, want synced=hello and old=x", got)
	}
	if lost != 1 {
		t.Errorf("%d writes lost in kept files, want 1", lost)
	}
}

func TestDirectorySyncKeepsNames(t *testing.T) {
	d, at := mount(t)
	write(t, filepath.Join(at, "a"), "a", 0, true)
	write(t, filepath.Join(at, "b"), "b", 0, true)
	must(t, os.Rename(filepath.Join(at, "a"), filepath.Join(at, "c")))
	must(t, os.Remove(filepath.Join(at, "b")))
	syncDir(t, at)
	must(t, os.Remove(filepath.Join(at, "c")))
	must(t, d.Cut())
	if got, _ := survivors(t, d, 0); len(got) != 1 || got["c"] != "a" {
		t.Errorf("survivors %q, want c=a alone", got)
	}
}

func TestTruncationNeedsSync(t *testing.T) {
	d, at := mount(t)
	path := filepath.Join(at, "f")
	write(t, path, "hello", 0, true)
	must(t, os.Truncate(path, 2))
	if b, _ := os.ReadFile(path); string(b) != "he" {
		t.Errorf("before the cut: %q", b)
	}
	must(t, d.Cut())
	if got, _ := survivors(t, d, 0); got["f"] != "hello" {
		t.Errorf("survivor %q, want hello", got["f"])
	}
}

func TestTornWritesComeInSectors(t *testing.T) {
	d, at := mount(t)
	path := filepath.Join(at, "f")
	const n = 64
	write(t, path, string(bytes.Repeat([]byte{'a'}, n*sector)), 0, true)
	write(t, path, string(bytes.Repeat([]byte{'b'}, n*sector)), 0, false)
	must(t, d.Cut())
	got, _ := survivors(t, d, 1)
	fresh := 0
	for i := range n {
		s := got["f"][i*sector : (i+1)*sector]
		switch s {
		case string(bytes.Repeat([]byte{'b'}, sector)):
			fresh++
		case string(bytes.Repeat([]byte{'a'}, sector)):
		default:
			t.Fatalf("sector %d is torn within", i)
		}
	}
	if fresh == 0 || fresh == n {
		t.Errorf("%d of %d sectors got through, want some", fresh, n)
	}
}

func TestCutAtSync(t *testing.T) {
	d, at := mount(t)
	path := filepath.Join(at, "f")
	must(t, d.CutAtSync(2))
	write(t, path, "one", 0, true)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("two"), 0)
	must(t, err)
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the second fsync: %v, want EIO", err)
	}
	must(t, f.Close())
	syncs, err := d.Syncs()
	must(t, err)
	if got, _ := survivors(t, d, 0); got["f"] != "one" || syncs != 1 {
		t.Errorf("survivor %q after %d syncs, want one after 1", got["f"], syncs)
	}
}

// A server's socket has a name on the disk, and none after the cut.
func TestSockets(t *testing.T) {
	d, at := mount(t)
	path := filepath.Join(at, "a.sock")
	l, err := net.Listen("unix", path)
	must(t, err)
	must(t, os.Chmod(path, 0o600))
	if info, err := os.Stat(path); err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("%v, %v", info, err)
	}
	taken := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = c.Close()
		}
		taken <- err
	}()
	c, err := net.Dial("unix", path)
	must(t, err)
	must(t, <-taken)
	must(t, c.Close())
	must(t, l.Close())
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after it was closed: %v", err)
	}
	l, err = net.Listen("unix", path)
	must(t, err)
	syncDir(t, at)
	must(t, d.Cut())
	if left, _ := survivors(t, d, 0); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	_ = l.Close() // its name cannot be removed any more
}
