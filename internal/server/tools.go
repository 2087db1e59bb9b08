package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"snug/internal/chat"
	"snug/internal/store/sqlite"
)

// What operators do with a data directory, beside a running server or without one.

// Backup copies what the data directory dir holds, the secret key and the operator's measures with it, to a new file. A server may be running on it.
func Backup(ctx context.Context, dir, file string) error {
	key, err := ReadKey(dir)
	if err != nil {
		return err
	}
	more := map[string][]byte{keyFile: key[:]}
	switch measures, err := os.ReadFile(filepath.Join(dir, measuresFile)); {
	case err == nil:
		more[measuresFile] = measures
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return sqlite.Backup(ctx, filepath.Join(dir, storeFile), file, more)
}

// Restore makes of a backup the data directory dir, which must not be there, or hold no data.
func Restore(ctx context.Context, file, dir string) (err error) {
	if _, err := os.Stat(file); err != nil {
		return err // before a directory is made
	}
	d, err := openDirectory(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	for _, name := range []string{storeFile, keyFile} {
		if _, err := os.Lstat(d.file(name)); err == nil {
			return fmt.Errorf("%s is there already, and nothing is overwritten: choose another directory with --data, or move that one away", d.file(name))
		}
	}
	more, err := sqlite.Restore(ctx, file, d.file(storeFile))
	if err != nil {
		return err
	}
	key := more[keyFile]
	if len(key) != len([32]byte{}) {
		return errors.New("the backup has no secret key")
	}
	if measures := more[measuresFile]; measures != nil {
		if err := d.write(measuresFile, measures); err != nil {
			return err
		}
	}
	return d.write(keyFile, key)
}

// Verify looks over what the data directory dir holds. A server may be running on it.
func Verify(ctx context.Context, dir string) (*sqlite.Report, error) {
	r, err := sqlite.Verify(ctx, filepath.Join(dir, storeFile))
	if err != nil {
		return nil, err
	}
	if _, err := ReadKey(dir); err != nil {
		r.Problems = append(r.Problems, err.Error())
	}
	return r, nil
}

// Export calls begin with the room of this code, and f with each entry of its log, oldest first.
// A server may be running on the directory.
func Export(ctx context.Context, dir, code string, begin func(chat.Room) error, f func(*chat.Entry) error) (err error) {
	v, err := sqlite.OpenView(ctx, filepath.Join(dir, storeFile))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	return v.Export(ctx, code, begin, f)
}
