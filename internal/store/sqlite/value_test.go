package sqlite

import (
	"reflect"
	"strings"
	"testing"

	"zombiezen.com/go/sqlite"
)

// inMemory is a connection to a database of its own.
func inMemory(t *testing.T) *conn {
	s, err := sqlite.OpenConn(":memory:", sqlite.OpenReadWrite)
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{c: s, stmts: make(map[string]*sqlite.Stmt)}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// What goes into a statement comes out of it, as long as it is read as what it is.
func TestValues(t *testing.T) {
	c := inMemory(t)
	type (
		number uint32
		word   string
	)
	for _, v := range []any{
		int64(-1) << 63, 7, true, false, "", "text", "nul\x00and \xff", strings.Repeat("long", 20), []byte{}, []byte{0, 1, 255}, []byte(nil), number(1<<32 - 1), word("w"),
	} {
		got := reflect.New(reflect.TypeOf(v))
		if ok, err := c.one([]any{got.Interface()}, "SELECT ?", v); !ok || err != nil || !reflect.DeepEqual(got.Elem().Interface(), v) {
			t.Errorf("%T %v came back as %v, %v, %v", v, v, got.Elem(), ok, err)
		}
	}
	// Into what held something before, as it is row after row.
	text := "text"
	for _, s := range []string{"text", "next", "", "longer than any name may be, so it is not compared"} {
		if _, err := c.one([]any{&text}, "SELECT ?", s); err != nil || text != s {
			t.Errorf("%q came back as %q, %v", s, text, err)
		}
	}
	var a, b any
	if _, err := c.one([]any{&a, &b}, "SELECT ?, ?", nil, 1.5); err == nil || !strings.Contains(err.Error(), "float64") {
		t.Errorf("a statement took a float: %v", err)
	}
	for _, wrong := range []struct {
		value any
		dest  any
		say   string
	}{
		{"7", new(int64), "TEXT where SQLITE_INTEGER"},
		{7, new(string), "INTEGER where SQLITE_TEXT"},
		{7, new([]byte), "INTEGER where SQLITE_BLOB"},
		{nil, new(int), "NULL where SQLITE_INTEGER"},
		{nil, new(string), "NULL where SQLITE_TEXT"},
		{"x", new(bool), "TEXT where SQLITE_INTEGER"},
		{1 << 40, new(number), "too much"},
		{-1, new(number), "too much"},
		{1 << 40, new(int32), "too much"},
		{[]byte("short"), new(clientID), "an id of 5 bytes"},
		{[]byte("seventeen bytes!!"), new(clientID), "an id of 17 bytes"},
		{7, new(clientID), "an id that is"},
		{7, 7, "no reading into int"},
		{7, new(struct{}), "no reading into *struct"},
	} {
		if _, err := c.one([]any{wrong.dest}, "SELECT ?", wrong.value); err == nil || !strings.Contains(err.Error(), wrong.say) || !strings.Contains(err.Error(), "SELECT ?") {
			t.Errorf("%v was read into %T: %v", wrong.value, wrong.dest, err)
		}
	}
}

// A parameter that is not set would keep the value it had before.
func TestArguments(t *testing.T) {
	c := inMemory(t)
	var n int
	for _, args := range [][]any{{1}, {1, 2, 3}, {}} {
		if _, err := c.one([]any{&n}, "SELECT ? + ?", args...); err == nil || !strings.Contains(err.Error(), "for the 2 parameters") {
			t.Errorf("%d arguments: %v", len(args), err)
		}
	}
	if ok, err := c.one([]any{&n}, "SELECT ?1 + ?1", 4); !ok || err != nil || n != 8 {
		t.Error(n, ok, err)
	}
}

// A statement whose rows are not read to the end, or that fails, can be used again, and holds no transaction open.
func TestCutShort(t *testing.T) {
	c := inMemory(t)
	if err := c.script("CREATE TABLE t (n INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3);\n "); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		seen := 0
		if err := c.query(func(func(...any) error) error { seen++; return errEnough }, "SELECT n FROM t ORDER BY n"); err != errEnough || seen != 1 {
			t.Error(seen, err)
		}
		if _, err := c.exec("INSERT INTO t VALUES (?)", 2); sqlite.ErrCode(err) != sqlite.ResultConstraintPrimaryKey {
			t.Errorf("twice the same key: %v", err)
		}
		if !c.c.AutocommitEnabled() || c.c.CheckReset() != "" {
			t.Errorf("%q is still under way", c.c.CheckReset())
		}
	}
	if err := c.script("INSERT INTO t VALUES (4); INSERT INTO nothing VALUES (1); INSERT INTO t VALUES (5)"); err == nil {
		t.Error("a script went on behind an error")
	}
	var sum int
	if _, err := c.one([]any{&sum}, "SELECT sum(n) FROM t"); err != nil || sum != 10 {
		t.Error(sum, err)
	}
}
