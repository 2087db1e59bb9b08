package sqlite

import (
	"errors"

	"zombiezen.com/go/sqlite"

	"snug/internal/chat"
)

// A fault says what a failed transaction means for the store.
type fault int

const (
	faultEntry fault = iota // something in the batch cannot be stored
	faultFull               // no room on the disk, or locked: nothing was written, later it may work
	faultFatal              // the disk or the file is broken: what was written is unknown
)

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
	switch code := sqlite.ErrCode(err); code.ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultBusy, sqlite.ResultLocked, sqlite.ResultNoMem:
		return faultFull
	case sqlite.ResultIOErr:
		// The WAL's index could not grow: ENOSPC by another name, before anything was written.
		if code == sqlite.ResultIOErrSHMSize || code == sqlite.ResultIOErrNoMem {
			return faultFull
		}
		return faultFatal
	case sqlite.ResultCorrupt, sqlite.ResultNotADB, sqlite.ResultCantOpen, sqlite.ResultReadOnly, sqlite.ResultPerm, sqlite.ResultProtocol, sqlite.ResultMisuse:
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
