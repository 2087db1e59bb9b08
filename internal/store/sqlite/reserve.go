package sqlite

import (
	"errors"
	"fmt"
	"os"
	"time"

	"snug/internal/chat"
)

// A reserve is a file that takes up room on the disk. When the disk is full it
// is given up, so that there is room to delete something; until it could be made again, which
// is when there is room, nothing but deletes is stored.
type reserve struct {
	path string
	size int64 // 0: there is none, ever

	// Owned by the writer.
	held  bool
	tried time.Time // when it was last tried to make it
}

// reserveSuffix is behind the store's path in the reserve's.
const reserveSuffix = ".reserve"

// make makes the file, and reports whether it is there.
func (r *reserve) make() bool {
	if r.held || r.size == 0 {
		return true
	}
	if time.Since(r.tried) < fullPause {
		return false
	}
	r.tried = time.Now()
	if info, err := os.Stat(r.path); err == nil && info.Size() == r.size {
		r.held = true // of an earlier start; it was renamed when it was whole
		return true
	}
	half := r.path + ".half"
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return false
	}
	err = errors.Join(allocate(f, r.size), f.Close())
	if err == nil {
		err = os.Rename(half, r.path)
	}
	if err != nil {
		_ = os.Remove(half) // if it stays the next try begins with it
		return false
	}
	r.held = true
	return true
}

// giveUp makes room.
func (r *reserve) giveUp() {
	if r.size == 0 {
		return
	}
	_ = os.Remove(r.path) // if it stays there is no room for a delete either, which then is refused
	r.held = false
	r.tried = time.Now()
}

// fill fills a file with zeros.
func fill(f *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for ; size > 0; size -= int64(len(zeros)) {
		if _, err := f.Write(zeros[:min(size, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return nil
}

// lean is what a draft gets that may not take up the room that was made for deletes.
func lean() error {
	return &chat.Error{Code: chat.StorageUnavailable, Message: "the disk is full", Retry: true}
}

// becomeFull notes that a transaction found no room.
func (s *Store) becomeFull(err error) {
	if !s.w.full {
		s.w.full = true
		s.log.Warn("the disk is full or fails: nothing but deletes is stored until there is room", "err", err)
	}
	s.w.reserve.giveUp()
	s.index.paused.Store(true)
}

// recover ends what becomeFull began, if there is room.
func (s *Store) recover() {
	if !s.w.reserve.make() {
		s.w.full = true
		s.index.paused.Store(true)
		return
	}
	if s.w.full {
		s.w.full = false
		s.log.Info("storing goes on")
	}
	s.index.paused.Store(false)
}

// checkLength compares a file's length with what its header says it has, where that counts: with no
// WAL beside it. SQLite itself would find a missing page only when it is needed.
func checkLength(path string) error {
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return nil // the header may be older, or newer, than the file is long
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	// "The Database Header" of SQLite's file format: the page size at 16, at 28 the pages, which count
	// where the numbers at 24 and 92 are the same.
	var h [100]byte
	if _, err := f.ReadAt(h[:], 0); err != nil {
		return fmt.Errorf("the file is cut short: it has %d bytes", info.Size())
	}
	number := func(at int) int64 {
		return int64(h[at])<<24 | int64(h[at+1])<<16 | int64(h[at+2])<<8 | int64(h[at+3])
	}
	page := int64(h[16])<<8 | int64(h[17])
	if page == 1 {
		page = 1 << 16
	}
	if want := page * number(28); number(24) == number(92) && info.Size() < want {
		return fmt.Errorf("the file is cut short: it has %d bytes of %d: keep it, and restore a backup (snug restore)", info.Size(), want)
	}
	return nil
}
