package sqlite

import (
	"errors"

	code "modernc.org/sqlite/lib"

	"snug/internal/chat"
)

// A fault says what a failed transaction means for the store.
type fault int

const (
	faultEntry fault = iota // something in the batch cannot be stored
	faultFull               // no room on the disk, or locked: nothing was written, later it may work
	faultFatal              // the disk or the file is broken: what was written is unknown
)

// coded is what the driver's errors are.
type coded interface {
	error
	Code() int
}

// A choreError is one of the writer's own work, not of a write.
type choreError struct{ error }

func (e choreError) Unwrap() error { return e.error }

// chore marks an error as one of the writer's own work.
func chore(err error) error {
	if err == nil {
		return nil
	}
	return choreError{err}
}

// faultOf judges an error of a transaction.
func faultOf(err error) fault {
	entry := faultEntry
	if _, ok := errors.AsType[choreError](err); ok {
		entry = faultFatal // no write of anybody's is to blame, and it would come again with each
	}
	e, ok := errors.AsType[coded](err)
	if !ok {
		return entry
	}
	switch c := e.Code(); c & 0xff {
	case code.SQLITE_FULL, code.SQLITE_BUSY, code.SQLITE_LOCKED, code.SQLITE_NOMEM:
		return faultFull
	case code.SQLITE_IOERR:
		// The WAL's index could not grow: ENOSPC by another name, before anything was written.
		if c == code.SQLITE_IOERR_SHMSIZE || c == code.SQLITE_IOERR_NOMEM {
			return faultFull
		}
		return faultFatal
	case code.SQLITE_CORRUPT, code.SQLITE_NOTADB, code.SQLITE_CANTOPEN, code.SQLITE_READONLY, code.SQLITE_PERM, code.SQLITE_PROTOCOL, code.SQLITE_MISUSE:
		return faultFatal
	}
	return entry
}

// unavailable is what a write gets whose transaction failed for no reason of its own.
func unavailable(err error) error {
	return &chat.Error{Code: chat.StorageUnavailable, Message: "nothing can be stored now", Retry: true, Err: err}
}

func notFound(what string) error {
	return &chat.Error{Code: chat.NotFound, Message: what + " not found"}
}
