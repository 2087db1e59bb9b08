package packet

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// Args are the arguments of an event or of an acknowledgement, not yet decoded.
// They are immutable, and may be used from any goroutine.
type Args struct {
	items  []json.RawMessage
	binary [][]byte
}

// Len is the number of arguments.
func (a Args) Len() int { return len(a.items) }

// Raw is the JSON of argument i as it came, with placeholders where its
// attachments belong, and nil if there is no such argument. It must not be changed.
func (a Args) Raw(i int) json.RawMessage {
	if i < 0 || i >= len(a.items) {
		return nil
	}
	return a.items[i]
}

// Decode stores the arguments in turn into the values pointed to, by the rules
// of [json.Unmarshal], except that a number becomes a [json.Number] in an
// interface, so that integers survive. A missing argument counts as null, and
// arguments beyond dst are ignored, as in JavaScript.
//
// An attachment decodes into a []byte, or into an interface as a []byte, at
// any depth. It is not copied, and must not be changed. Types that unmarshal
// themselves cannot hold attachments; a [json.RawMessage] in dst itself gets
// the JSON as it came, placeholders and all.
func (a Args) Decode(dst ...any) error {
	for i, d := range dst {
		raw := a.Raw(i)
		if raw == nil {
			raw = null
		}
		if err := a.decode(raw, d); err != nil {
			return fmt.Errorf("argument %d: %w", i, err)
		}
	}
	return nil
}

// Values are the arguments as they came, attachments included, fit to be
// encoded again as arguments of another event or acknowledgement.
func (a Args) Values() []any {
	values := make([]any, len(a.items))
	for i, raw := range a.items {
		values[i] = passed{raw, a.binary}
	}
	return values
}

// passed is an argument on its way from one peer to another.
type passed struct {
	raw    json.RawMessage
	binary [][]byte
}

// MarshalJSON is what encoding/json sees of an argument without attachments.
func (p passed) MarshalJSON() ([]byte, error) { return p.raw, nil }

var null = json.RawMessage("null")

// A decoder of JSON cannot be told of attachments, so a placeholder is
// replaced by a short string that no one else can know: it decodes into a
// []byte or an interface, and is then exchanged for the attachment.
var mark = func() []byte {
	b := make([]byte, 17) // with the attachment's number 18 bytes, markLen in base64
	rand.Read(b)
	return b
}()

const (
	markLen   = 24
	markFixed = 22 // characters of it that the number has no part in
)

var markText = base64.StdEncoding.EncodeToString(append(bytes.Clone(mark), 0))

// errNotBytes is the caller's mistake, or the peer's: there is an attachment
// where none can be stored.
var errNotBytes = errors.New("attachment decoded into something other than []byte")

func appendMark(dst []byte, num int) []byte {
	b := append(make([]byte, 0, 18), mark...)
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, append(b, byte(num)))
	return append(dst, '"')
}

func isMark(text string) bool {
	return len(text) == markLen && text[:markFixed] == markText[:markFixed]
}

// attachment is the one that the decoded mark stands for, nil if b is no mark.
func (a Args) attachment(b []byte) []byte {
	if len(b) != len(mark)+1 || !bytes.Equal(b[:len(mark)], mark) || int(b[len(mark)]) >= len(a.binary) {
		return nil
	}
	return a.binary[b[len(mark)]]
}

func (a Args) decode(raw json.RawMessage, dst any) error {
	if d, ok := dst.(*json.RawMessage); ok && d != nil {
		*d = bytes.Clone(raw)
		return nil
	}
	var places []place
	if len(a.binary) > 0 {
		s := scanner{b: raw, most: MaxDepth, places: true}
		if err := s.document(); err != nil {
			return err
		}
		places = s.found
	}
	if len(places) > 0 {
		marked := make([]byte, 0, len(raw)+len(places)*(markLen+2))
		last := 0
		for _, p := range places {
			marked = append(marked, raw[last:p.start]...)
			marked = appendMark(marked, p.num)
			last = p.end
		}
		raw = append(marked, raw[last:]...)
	}
	if err := unmarshal(raw, dst); err != nil {
		return err
	}
	if len(places) > 0 {
		return a.restore(reflect.ValueOf(dst), 0)
	}
	return nil
}

// unmarshal is json.Unmarshal with numbers kept as they are written.
func unmarshal(raw []byte, dst any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	return dec.Decode(dst)
}

// maxRestore bounds the walk through a value that was not empty before, and
// may refer to itself.
const maxRestore = 3 * MaxDepth

// restore exchanges, in what v leads to, each mark for its attachment.
func (a Args) restore(v reflect.Value, depth int) error {
	if depth > maxRestore {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return a.restore(v.Elem(), depth+1)
		}
	case reflect.Interface:
		return a.restoreInterface(v, depth)
	case reflect.String:
		if isMark(v.String()) {
			return errNotBytes
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if err := a.restore(v.Field(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return a.restoreBytes(v)
		}
		fallthrough
	case reflect.Array:
		for i := range v.Len() {
			if err := a.restore(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		return a.restoreMap(v, depth)
	}
	return nil
}

func (a Args) restoreBytes(v reflect.Value) error {
	if b := a.attachment(v.Bytes()); b != nil && v.CanSet() {
		v.SetBytes(b)
		return nil
	}
	if bytes.Contains(v.Bytes(), []byte(markText[:markFixed])) { // such as a json.RawMessage
		return errNotBytes
	}
	return nil
}

// restoreInterface knows a mark by its text: that is what it decoded into.
func (a Args) restoreInterface(v reflect.Value, depth int) error {
	if v.IsNil() || !v.CanSet() {
		return nil
	}
	if text := v.Elem(); text.Kind() == reflect.String && isMark(text.String()) {
		b, err := base64.StdEncoding.DecodeString(text.String())
		if err != nil {
			return errNotBytes
		}
		v.Set(reflect.ValueOf(a.attachment(b)))
		return nil
	}
	return a.restore(v.Elem(), depth+1)
}

// restoreMap works on copies of the items, for those of a map cannot be set.
func (a Args) restoreMap(v reflect.Value, depth int) error {
	for it := v.MapRange(); it.Next(); {
		item := reflect.New(v.Type().Elem()).Elem()
		item.Set(it.Value())
		if err := a.restore(item, depth+1); err != nil {
			return err
		}
		v.SetMapIndex(it.Key(), item)
	}
	return nil
}
