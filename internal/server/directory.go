package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The files of a data directory.
const (
	lockFile  = "snug.lock"
	keyFile   = "secret.key"
	storeFile = "snug.db"
)

// A directory is a data directory that this process alone has.
type directory struct {
	path string
	lock *os.File
}

// openDirectory makes the data directory if it is not there, and locks it. The
// caller closes it.
func openDirectory(path string) (*directory, error) {
	if path == "" {
		return nil, errors.New("--data names no directory")
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory cannot be made: %w", err)
	}
	if err := keepPrivate(path); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the data directory cannot be written to: %w", err)
	}
	// Held until the file is closed, by the end of the process at the latest:
	// a crash leaves no lock behind.
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer lock.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("the data directory %s cannot be locked: %w", path, err)
		}
		return nil, fmt.Errorf("the data directory %s is in use by another snug%s: stop that one, or choose another directory with --data", path, owner(lock))
	}
	pid := strconv.Itoa(os.Getpid()) + "\n"
	_, err = lock.WriteAt([]byte(pid), 0)
	if err == nil {
		err = lock.Truncate(int64(len(pid)))
	}
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("the data directory cannot be written to: %w", err)
	}
	return &directory{path, lock}, nil
}

// owner names the process that has the lock, if it has said so.
func owner(lock *os.File) string {
	b, err := io.ReadAll(io.LimitReader(lock, 20))
	pid, notNumber := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || notNumber != nil {
		return ""
	}
	return fmt.Sprintf(" (pid %d)", pid)
}

// keepPrivate sees to it that nobody else can look into the directory: what is
// said in the rooms lies there, and the key to every identity. One that is still empty
// is closed to others here; with something in it that is for its owner to do,
// who may have shared it on purpose.
func keepPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("the data directory: %w", err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	names, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("the data directory: %w", err)
	}
	if len(names) == 0 && os.Chmod(path, 0o700) == nil {
		return nil
	}
	return fmt.Errorf("the data directory %s is open to other users of this machine (mode %04o): close it with: chmod 700 %[1]s", path, info.Mode().Perm())
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// Close gives the directory up. The lock file stays: to remove it could take
// it from under another process that has just opened it.
func (d *directory) Close() error { return d.lock.Close() }

// ReadKey reads the secret key of a data directory. A directory in which no
// server has been started yet gives [fs.ErrNotExist].
func ReadKey(dir string) (key [32]byte, err error) {
	path := filepath.Join(dir, keyFile)
	f, err := os.Open(path)
	if err != nil {
		return key, fmt.Errorf("the secret key: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return key, fmt.Errorf("the secret key: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return key, fmt.Errorf("the secret key %s can be read by other users of this machine (mode %04o): close it with: chmod 600 %[1]s", path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, int64(len(key))+1))
	if err != nil {
		return key, fmt.Errorf("the secret key: %w", err)
	}
	if len(b) != len(key) {
		return key, fmt.Errorf("the secret key %s is damaged: restore it from a backup; without it everybody is a stranger", path)
	}
	return [32]byte(b), nil
}

// key reads the directory's secret key, and makes it at the first start.
func (d *directory) key() ([32]byte, error) {
	key, err := ReadKey(d.path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if _, err := os.Stat(d.file(storeFile)); err == nil {
		// A new key would make strangers of all who have a seat in the rooms.
		return key, fmt.Errorf("the secret key %s is missing beside the rooms' log: restore it from a backup", d.file(keyFile))
	}
	key = newKey()
	if err := d.write(keyFile, key[:]); err != nil {
		return key, fmt.Errorf("making the secret key: %w", err)
	}
	return key, nil
}

// write makes a file that is there whole or not at all, whatever fails meanwhile.
func (d *directory) write(name string, b []byte) error {
	half := d.file(name + ".half")
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(half, d.file(name)); err != nil {
		return err
	}
	dir, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// RotateKey gives a data directory that no server uses another secret key. From
// then on no token that was made before is good: whoever has one is a stranger.
func RotateKey(dir string) (err error) {
	if _, err := ReadKey(dir); err != nil {
		return err
	}
	d, err := openDirectory(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	key := newKey()
	if err := d.write(keyFile, key[:]); err != nil {
		return fmt.Errorf("making the secret key: %w", err)
	}
	return nil
}
