package admin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// SocketFile is the socket's name in a data directory.
const SocketFile = "admin.sock"

// pathMost is how long a socket's path may be on every system: 104 bytes on
// some, 108 on others, with the zero at its end.
const pathMost = 100

// Listen makes the socket of a data directory that the caller alone has, in
// place of one that a crash left behind. Only its owner can open it. The caller closes
// the listener, and then removes the socket by Remove.
func Listen(dir string) (net.Listener, error) {
	if err := Remove(dir); err != nil {
		return nil, err
	}
	var l *net.UnixListener
	err := near(dir, func(path string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the socket for snug admin: %w", err)
	}
	l.SetUnlinkOnClose(false) // the path may have been a detour
	// The directory is closed to others already: this is the second lock on the door.
	if err := os.Chmod(filepath.Join(dir, SocketFile), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("the socket for snug admin: %w", err), l.Close())
	}
	return l, nil
}

// Remove takes the socket of a data directory away, if it is there.
func Remove(dir string) error {
	if err := os.Remove(filepath.Join(dir, SocketFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the socket for snug admin: %w", err)
	}
	return nil
}

// dial opens the socket of a data directory.
func dial(ctx context.Context, dir string) (c net.Conn, err error) {
	err = near(dir, func(path string) (err error) {
		c, err = new(net.Dialer).DialContext(ctx, "unix", path)
		return err
	})
	return c, err
}

// near calls f with a path of the socket that is short enough. A longer one is
// reached by a link to its directory, which is gone when near returns.
func near(dir string, f func(path string) error) error {
	path := filepath.Join(dir, SocketFile)
	if len(path) <= pathMost {
		return f(path)
	}
	if _, err := os.Stat(dir); err != nil {
		return err
	}
	whole, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	detour, err := os.MkdirTemp("", "snug-") // of mode 0700: nobody can put another link there
	if err != nil {
		return err
	}
	defer os.RemoveAll(detour)
	link := filepath.Join(detour, "d")
	if err := os.Symlink(whole, link); err != nil {
		return err
	}
	return f(filepath.Join(link, SocketFile))
}
