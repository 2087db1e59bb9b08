package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // the driver, without cgo
)

// A mode says what a connection may do.
type mode string

const (
	readWrite mode = "rw"
	readOnly  mode = "ro"
)

// A conn is one connection to the file with the statements prepared on it. One
// goroutine at a time may use it. Its statements take no context: they are short, and a
// write must not be cut off half way.
type conn struct {
	db    *sql.DB
	c     *sql.Conn
	stmts map[string]*sql.Stmt
}

// dial opens a connection to a file that is there.
func dial(ctx context.Context, path string, m mode) (*conn, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	q := url.Values{"mode": {string(m)}, "_defensive": {"1"}, "_pragma": {
		"busy_timeout(10000)",
		"cache_size(-8192)",
		"temp_store(MEMORY)",
	}}
	if m == readWrite {
		q["_pragma"] = []string{
			"busy_timeout(10000)",
			"journal_mode(WAL)",
			"synchronous(" + synchronous + ")",
			"cache_size(-32768)",
			"temp_store(MEMORY)",
			"secure_delete(1)",      // what is deleted is overwritten
			"wal_autocheckpoint(0)", // see checkpointer
		}
	}
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: abs, RawQuery: q.Encode()}).String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &conn{db: db, c: c, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *conn) close() error {
	for _, st := range c.stmts {
		st.Close()
	}
	return errors.Join(c.c.Close(), c.db.Close())
}

// prepared returns the statement of a query, which must be one of a fixed
// number of texts: each is kept.
func (c *conn) prepared(q string) (*sql.Stmt, error) {
	if st := c.stmts[q]; st != nil {
		return st, nil
	}
	st, err := c.c.PrepareContext(context.Background(), q)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", q, err)
	}
	c.stmts[q] = st
	return st, nil
}

// exec runs a statement and returns how many rows it changed.
func (c *conn) exec(q string, args ...any) (int64, error) {
	st, err := c.prepared(q)
	if err != nil {
		return 0, err
	}
	r, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// query calls row for each row of a query's result. scan is rows.Scan.
func (c *conn) query(row func(scan func(...any) error) error, q string, args ...any) error {
	st, err := c.prepared(q)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
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
	_, err := c.c.ExecContext(context.Background(), text)
	return err
}
