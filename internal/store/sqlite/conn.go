package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

// A mode says what a connection may do.
type mode sqlite.OpenFlags

const (
	readWrite = mode(sqlite.OpenReadWrite)
	readOnly  = mode(sqlite.OpenReadOnly)
)

// busyTimeout is how long a connection waits for the locks of others.
const busyTimeout = 10 * time.Second

// A conn is one connection to the file with the statements prepared on it. One
// goroutine at a time may use it. Its statements take no context: they are short, and a
// write must not be cut off half way.
type conn struct {
	c     *sqlite.Conn
	stmts map[string]*sqlite.Stmt // none is in the middle of a result but while query is at it
}

// dial opens a connection to a file that is there.
func dial(ctx context.Context, path string, m mode) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	s, err := sqlite.OpenConn(abs, sqlite.OpenFlags(m))
	if err != nil {
		return nil, err
	}
	s.SetBusyTimeout(busyTimeout)
	c := &conn{c: s, stmts: make(map[string]*sqlite.Stmt)}
	pragmas := []string{"cache_size = -8192", "temp_store = MEMORY"}
	if m == readWrite {
		pragmas = []string{
			"journal_mode = WAL",
			"synchronous = " + synchronous,
			"cache_size = -32768",
			"temp_store = MEMORY",
			"secure_delete = 1",      // what is deleted is overwritten
			"wal_autocheckpoint = 0", // see checkpointer
		}
	}
	// Not SetDefensive: zombiezen 1.4.2 gives it one argument of two, and SQLite writes to wherever what lies behind it points.
	pragmas = append(pragmas, "trusted_schema = 0") // a file from elsewhere runs no functions by its schema
	if err := c.script("PRAGMA " + strings.Join(pragmas, "; PRAGMA ")); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return c, nil
}

func (c *conn) close() error { return c.c.Close() }

// prepared returns the statement of a query, which must be one of a fixed
// number of texts: each is kept.
func (c *conn) prepared(q string) (*sqlite.Stmt, error) {
	if st := c.stmts[q]; st != nil {
		return st, nil
	}
	st, err := c.c.Prepare(q)
	if err != nil {
		return nil, err
	}
	c.stmts[q] = st
	return st, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(q string, args ...any) (int64, error) {
	if err := c.query(func(func(...any) error) error { return nil }, q, args...); err != nil {
		return 0, err
	}
	return int64(c.c.Changes()), nil
}

// run runs a statement whose parameters are set, and calls row, if there is one, for each row of its result, which is st's to read.
// exec and query do the same for any arguments, each of which costs memory: this is for what is done with every message.
func (c *conn) run(st *sqlite.Stmt, row func()) error {
	for {
		more, err := st.Step()
		if err != nil || !more {
			return ended(st, err)
		}
		if row != nil {
			row()
		}
	}
}

// query calls row for each row of a query's result. scan reads the row's columns, one after the other, into what its
// arguments point at; see read.
func (c *conn) query(row func(scan func(...any) error) error, q string, args ...any) error {
	st, err := c.prepared(q)
	if err != nil {
		return err
	}
	if n := st.BindParamCount(); n != len(args) {
		return fmt.Errorf("%d arguments for the %d parameters of %q", len(args), n, q) // not set, one would keep its last value
	}
	for i, arg := range args {
		if err := bind(st, i+1, arg); err != nil {
			return err
		}
	}
	scan := func(dest ...any) error {
		for i, d := range dest {
			if err := read(st, i, d); err != nil {
				return fmt.Errorf("column %d of %q: %w", i, q, err)
			}
		}
		return nil
	}
	for {
		more, err := st.Step()
		if err == nil && more {
			if err = row(scan); err == nil {
				continue
			}
		}
		return ended(st, err)
	}
}

// ended makes a statement ready to be run again, which ended with err or was cut short by it.
func ended(st *sqlite.Stmt, err error) error {
	if again := st.Reset(); err == nil {
		err = again
	}
	return err
}

// one reads the only row of a query's result into dest; ok is false if there is none.
func (c *conn) one(dest []any, q string, args ...any) (ok bool, err error) {
	err = c.query(func(scan func(...any) error) error { ok = true; return scan(dest...) }, q, args...)
	return ok && err == nil, err
}

// readers is a pool of connections for reading.
type readers struct {
	free chan *conn // holds all that are not in use
	n    int
}

func openReaders(ctx context.Context, path string) (*readers, error) {
	n := max(2, min(8, runtime.GOMAXPROCS(0)))
	r := &readers{free: make(chan *conn, n)}
	for range n {
		c, err := dial(ctx, path, readOnly)
		if err != nil {
			return nil, errors.Join(err, r.close())
		}
		r.n++
		r.free <- c
	}
	return r, nil
}

// close waits until all connections are back and closes them.
func (r *readers) close() (err error) {
	for range r.n {
		c := <-r.free
		err = errors.Join(err, c.close())
	}
	r.n = 0
	return err
}

// use calls f with a connection, once one is free. ctx bounds the wait alone.
func (r *readers) use(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case c := <-r.free:
		defer func() { r.free <- c }()
		return f(c)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// view calls f with a connection that sees one committed state throughout.
func (r *readers) view(ctx context.Context, f func(*conn) error) error {
	return r.use(ctx, func(c *conn) error {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		err := f(c)
		_, end := c.exec("COMMIT")
		return errors.Join(err, end)
	})
}

// script runs several statements, none of which takes arguments or is kept.
func (c *conn) script(text string) error {
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		st, left, err := c.c.PrepareTransient(text)
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			more, err = st.Step()
		}
		if err := errors.Join(err, st.Finalize()); err != nil {
			return err
		}
		text = text[len(text)-left:]
	}
	return nil
}

// until calls f with the connection, and has what it runs there end in the middle once ctx ends.
func (c *conn) until(ctx context.Context, f func() error) error {
	c.c.SetInterrupt(ctx.Done())
	defer c.c.SetInterrupt(nil)
	return f()
}
