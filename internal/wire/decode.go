package wire

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"snug/internal/chat"
)

// Bounds on what an answer repeats of a request that was not understood.
const (
	ignoredMost  = 20 // names
	ignoredBytes = 64 // of one name
)

// Decode reads a request's object into the struct that dst points to. It
// returns the names of the fields that were not understood, at most 20 of
// them; those of a nested object are named with a dot ("after.was"). It is
// stricter than encoding/json:
//
//   - an object is required, and so is each field without omitempty;
//   - names count to the letter, case included;
//   - null is no value of any field: what is absent is left out;
//   - a field that comes twice is refused, since two readers may take different
//     ones of them;
//   - numbers are written as whole ones and lie in their range;
//   - strings hold no half of a surrogate pair, which would be stored as
//     something else than was sent.
//
// The error is BadRequest with the first field at fault, that of the request's
// own object also where the fault is in a nested one. Values of the request do
// not occur in it. What is not at fault is stored all the same, so that a
// malformed request can be recognised by its id as a retry.
func Decode(raw json.RawMessage, dst any) (ignored []string, err *chat.Error) {
	if !json.Valid(raw) {
		return nil, malformed("", "one object is wanted")
	}
	d := decoder{}
	d.object(raw, reflect.ValueOf(dst).Elem(), "")
	return d.ignored, d.err
}

func malformed(field, message string) *chat.Error {
	return &chat.Error{Code: chat.BadRequest, Field: field, Message: message}
}

// A field is what Decode must know of a struct's field.
type field struct {
	name     string
	index    int
	required bool
	least    uint64
}

var plans sync.Map // of []field by reflect.Type; filled once for each type

// planOf lists the fields of a request. It panics if the type is no request,
// which its first test finds.
func planOf(t reflect.Type) []field {
	if plan, ok := plans.Load(t); ok {
		return plan.([]field)
	}
	var plan []field
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		f := field{name: name, index: i, required: options != "omitempty"}
		if least, ok := sf.Tag.Lookup("least"); ok {
			var err error
			if f.least, err = strconv.ParseUint(least, 10, 32); err != nil {
				panic(fmt.Sprintf("wire: %s.%s: %v", t, sf.Name, err))
			}
		}
		plan = append(plan, f)
	}
	plans.Store(t, plan)
	return plan
}

// A decoder holds what is found out about one request.
type decoder struct {
	ignored []string
	err     *chat.Error // the first fault
}

// object reads valid JSON into a struct. at is the field of the request that
// it is the value of, empty for the request itself.
func (d *decoder) object(raw []byte, dst reflect.Value, at string) {
	w := walker{b: raw}
	if w.peek() != '{' {
		if at == "" {
			d.fault("", "one object is wanted")
		} else {
			d.fault(at, at+" is not an object")
		}
		return
	}
	plan := planOf(dst.Type())
	seen := make([]bool, len(plan))
	for key, value := range w.members {
		i := -1
		for j := range plan {
			if plan[j].name == key {
				i = j
			}
		}
		if i < 0 {
			d.ignore(at, key)
			continue
		}
		f, path, top := plan[i], join(at, key), key
		if at != "" {
			top = at
		}
		if seen[i] {
			dst.Field(f.index).SetZero()
			d.fault(top, path+" comes twice")
			continue
		}
		seen[i] = true
		if why := d.value(value, dst.Field(f.index), f, top); why != "" {
			dst.Field(f.index).SetZero()
			d.fault(top, path+why)
		}
	}
	for i, f := range plan {
		if f.required && !seen[i] {
			top := f.name
			if at != "" {
				top = at
			}
			d.fault(top, join(at, f.name)+" is missing")
		}
	}
}

// fault notes what is wrong with a field of the request.
func (d *decoder) fault(field, message string) {
	if d.err == nil {
		d.err = malformed(field, message)
	}
}

// value reads one field, or says what is wrong. top is the field of the request
// that it is in.
func (d *decoder) value(raw []byte, dst reflect.Value, f field, top string) (why string) {
	switch dst.Kind() {
	case reflect.String:
		s, why := text(raw)
		if why != "" {
			return why
		}
		if uint64(len(s)) < f.least {
			return " is empty"
		}
		dst.SetString(s)
	case reflect.Bool:
		if raw[0] != 't' && raw[0] != 'f' {
			return " is not true or false"
		}
		dst.SetBool(raw[0] == 't')
	case reflect.Uint32:
		n, why := whole(raw, f.least, math.MaxUint32)
		if why != "" {
			return why
		}
		dst.SetUint(n)
	case reflect.Int:
		n, why := whole(raw, f.least, math.MaxInt32)
		if why != "" {
			return why
		}
		dst.SetInt(int64(n))
	case reflect.Pointer: // to a plain value, or to a nested object, which notes its own faults
		v := reflect.New(dst.Type().Elem())
		if v.Elem().Kind() == reflect.Struct {
			d.object(raw, v.Elem(), top)
		} else if why := d.value(raw, v.Elem(), f, top); why != "" {
			return why
		}
		dst.Set(v)
	default:
		panic("wire: a request has a field of type " + dst.Type().String())
	}
	return ""
}

func (d *decoder) ignore(at, key string) {
	name := join(at, key)
	if len(name) > ignoredBytes {
		name = strings.ToValidUTF8(name[:ignoredBytes], "")
	}
	if len(d.ignored) < ignoredMost {
		d.ignored = append(d.ignored, name)
	}
}

func join(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// whole reads a number from least to most, or says what is wrong.
func whole(raw []byte, least, most uint64) (n uint64, why string) {
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, " is not a number"
	}
	for i, c := range raw {
		if (c < '0' || c > '9') && (i > 0 || c != '-') {
			return 0, " is not a whole number"
		}
	}
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || n < least || n > most {
		return 0, " is out of range"
	}
	return n, ""
}

// text reads a string, or says what is wrong.
func text(raw []byte) (s, why string) {
	if raw[0] != '"' {
		return "", " is not a string"
	}
	inner := raw[1 : len(raw)-1]
	if !utf8.Valid(inner) {
		return "", " is not UTF-8"
	}
	escaped := false
	for i := 0; i < len(inner); i++ {
		if inner[i] != '\\' {
			continue
		}
		escaped = true
		i++ // now at the letter of the escape
		if inner[i] != 'u' {
			continue
		}
		switch unit := hex4(inner[i+1:]); {
		case unit>>10 == 0xD800>>10: // a high half, which the low one must follow
			rest := inner[i+5:]
			if len(rest) < 6 || rest[0] != '\\' || rest[1] != 'u' || hex4(rest[2:])>>10 != 0xDC00>>10 {
				return "", " holds half a surrogate pair"
			}
			i += 6
		case unit>>10 == 0xDC00>>10:
			return "", " holds half a surrogate pair"
		}
		i += 4
	}
	if !escaped {
		return string(inner), ""
	}
	if err := json.Unmarshal(raw, &s); err != nil { // not for valid JSON
		return "", " is not a string"
	}
	return s, ""
}

// hex4 is the number of an escape's four digits.
func hex4(b []byte) uint64 {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 16) // valid JSON: they are there
	return n
}
