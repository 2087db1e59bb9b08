package sqlite

import (
	"fmt"
	"reflect"

	"zombiezen.com/go/sqlite"
)

// bind sets a parameter of a statement, counted from 1: to a number, a bool, a
// string, bytes or nil, or of a type made of one of them.
func bind(st *sqlite.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case nil:
		st.BindNull(i)
	case int64:
		st.BindInt64(i, v)
	case int:
		st.BindInt64(i, int64(v))
	case string:
		st.BindText(i, v)
	case []byte:
		if v == nil {
			st.BindNull(i)
		} else {
			st.BindBytes(i, v)
		}
	case columnBinder:
		v.bindTo(st, i)
	default:
		switch r := reflect.ValueOf(arg); {
		case r.CanInt():
			st.BindInt64(i, r.Int())
		case r.CanUint() && r.Uint() < 1<<63:
			st.BindInt64(i, int64(r.Uint()))
		case r.Kind() == reflect.Bool:
			st.BindBool(i, r.Bool())
		case r.Kind() == reflect.String:
			st.BindText(i, r.String())
		default:
			return fmt.Errorf("a statement takes no %T", arg)
		}
	}
	return nil
}

// A columnBinder sets a parameter, and a columnReader reads a column, in a way of its own.
type (
	columnBinder interface{ bindTo(st *sqlite.Stmt, i int) }
	columnReader interface {
		readColumn(st *sqlite.Stmt, i int) error
	}
)

// read reads a column, counted from 0, into what dest points at, which has to
// be of the column's type: a number, a bool, a string, bytes, any of them, or of a type made of one of them. (A text may be
// read as bytes, and NULL is no bytes.)
func read(st *sqlite.Stmt, i int, dest any) error {
	kind := st.ColumnType(i)
	want := sqlite.TypeInteger
	switch d := dest.(type) {
	case *int64:
		*d = st.ColumnInt64(i)
	case *int:
		*d = st.ColumnInt(i)
	case *bool:
		*d = st.ColumnBool(i)
	case *string:
		want = sqlite.TypeText
		if !says(*d, st, i) {
			*d = st.ColumnText(i)
		}
	case *[]byte:
		if want = sqlite.TypeBlob; kind == sqlite.TypeText || kind == sqlite.TypeNull {
			want = kind
		}
		*d = bytesOf(st, i, kind)
	case *any:
		want = kind
		*d = valueOf(st, i, kind)
	case columnReader:
		return d.readColumn(st, i)
	default:
		r := reflect.ValueOf(dest)
		if r.Kind() != reflect.Pointer || r.IsNil() {
			return fmt.Errorf("there is no reading into %T", dest)
		}
		switch r, n := r.Elem(), st.ColumnInt64(i); {
		case r.CanInt():
			if r.OverflowInt(n) {
				return fmt.Errorf("%d is too much for %v", n, r.Type())
			}
			r.SetInt(n)
		case r.CanUint():
			if n < 0 || r.OverflowUint(uint64(n)) {
				return fmt.Errorf("%d is too much for %v", n, r.Type())
			}
			r.SetUint(uint64(n))
		case r.Kind() == reflect.String:
			want = sqlite.TypeText
			r.SetString(st.ColumnText(i))
		default:
			return fmt.Errorf("there is no reading into %T", dest)
		}
	}
	if kind != want {
		return fmt.Errorf("%v where %v belongs", kind, want)
	}
	return nil
}

// says reports whether s is what a column says. Names are the same in many rows: it saves making them anew.
func says(s string, st *sqlite.Stmt, i int) bool {
	var b [32]byte
	return s != "" && len(s) <= len(b) && st.ColumnLen(i) == len(s) && s == string(b[:st.ColumnBytes(i, b[:])])
}

// valueOf is a column of any type.
func valueOf(st *sqlite.Stmt, i int, kind sqlite.ColumnType) any {
	switch kind {
	case sqlite.TypeInteger:
		return st.ColumnInt64(i)
	case sqlite.TypeFloat:
		return st.ColumnFloat(i)
	case sqlite.TypeText:
		return st.ColumnText(i)
	case sqlite.TypeBlob:
		return bytesOf(st, i, kind)
	}
	return nil
}

// bytesOf is a column as bytes of the caller's own.
func bytesOf(st *sqlite.Stmt, i int, kind sqlite.ColumnType) []byte {
	if kind == sqlite.TypeNull {
		return nil
	}
	b := make([]byte, st.ColumnLen(i))
	st.ColumnBytes(i, b)
	return b
}
