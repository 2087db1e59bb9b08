package packet

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

var (
	typeMarshaler     = reflect.TypeFor[json.Marshaler]()
	typeTextMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	typePassed        = reflect.TypeFor[passed]()
)

// isBytes says whether encoding/json would write the type in base64, which is
// what becomes an attachment here.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !marshalsItself(t) && !marshalsItself(t.Elem())
}

func marshalsItself(t reflect.Type) bool {
	for _, t := range [...]reflect.Type{t, reflect.PointerTo(t)} {
		if t.Implements(typeMarshaler) || t.Implements(typeTextMarshaler) {
			return true
		}
	}
	return false
}

// carriers caches mayCarry by type: map[reflect.Type]bool.
var carriers sync.Map

// mayCarry says whether a value of the type may have an attachment in it.
func mayCarry(t reflect.Type) bool {
	if known, ok := carriers.Load(t); ok {
		return known.(bool)
	}
	may := findBytes(t, map[reflect.Type]bool{})
	carriers.Store(t, may)
	return may
}

// findBytes looks for a []byte or an interface in t. A type in seen is being
// looked through further up.
func findBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == typePassed {
		return true
	}
	if t.Kind() == reflect.Interface {
		return true
	}
	if seen[t] || marshalsItself(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Pointer:
		return isBytes(t) || findBytes(t.Elem(), seen)
	case reflect.Struct:
		return slices.ContainsFunc(fieldsOf(t), func(f field) bool { return findBytes(f.typ, seen) })
	}
	return false
}

// argument writes any value; a []byte becomes a placeholder.
func (w *writer) argument(v any) error {
	switch v := v.(type) {
	case nil, string, bool, int, int64, float64, json.RawMessage:
		return w.plain(v)
	case []byte:
		return w.attach(v)
	case passed:
		return w.pass(v)
	}
	rv := reflect.ValueOf(v)
	if !mayCarry(rv.Type()) {
		return w.plain(v)
	}
	return w.value(rv, 0)
}

// attach writes the placeholder of an attachment; nil is null, as in JSON.
func (w *writer) attach(b []byte) error {
	if b == nil {
		return w.plain(nil)
	}
	w.placeholder(len(w.attachments))
	w.attachments = append(w.attachments, b)
	return nil
}

func (w *writer) placeholder(num int) {
	w.buf.WriteString(`{"_placeholder":true,"num":`)
	w.buf.WriteString(strconv.Itoa(num))
	w.buf.WriteByte('}')
}

// pass writes an argument that came from a peer, its attachments renumbered.
func (w *writer) pass(p passed) error {
	if len(p.binary) == 0 {
		w.buf.Write(p.raw)
		return nil
	}
	s := scanner{b: p.raw, most: MaxDepth, places: true}
	if err := s.document(); err != nil {
		return err
	}
	if from := &p.binary[0]; w.from != from {
		w.from, w.known = from, [MaxAttachments]int{}
	}
	last := 0
	for _, at := range s.found {
		if at.num < 0 || at.num >= min(len(p.binary), MaxAttachments) {
			return errPlaceholder
		}
		w.buf.Write(p.raw[last:at.start])
		last = at.end
		if w.known[at.num] == 0 {
			w.attachments = append(w.attachments, p.binary[at.num])
			w.known[at.num] = len(w.attachments)
		}
		w.placeholder(w.known[at.num] - 1)
	}
	w.buf.Write(p.raw[last:])
	return nil
}

// value writes a value in which there may be attachments, as encoding/json
// would write it but for them.
func (w *writer) value(v reflect.Value, depth int) error {
	if depth > DefaultDepth {
		return errTooDeep // and a value that refers to itself ends here
	}
	if !v.IsValid() {
		return w.plain(nil)
	}
	t := v.Type()
	switch {
	case t == typePassed:
		return w.pass(v.Interface().(passed))
	case t.Kind() == reflect.Interface:
		if v.IsNil() {
			return w.plain(nil)
		}
		return w.value(v.Elem(), depth) // an interface is no level of nesting
	case !mayCarry(t):
		return w.plain(v.Interface())
	case isBytes(t):
		return w.attach(v.Bytes())
	}
	switch t.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return w.plain(nil)
		}
		return w.value(v.Elem(), depth+1)
	case reflect.Slice:
		if v.IsNil() {
			return w.plain(nil)
		}
		return w.items(v, depth)
	case reflect.Array:
		return w.items(v, depth)
	case reflect.Map:
		return w.mapping(v, depth)
	default:
		return w.fields(v, depth)
	}
}

func (w *writer) items(v reflect.Value, depth int) error {
	w.buf.WriteByte('[')
	for i := range v.Len() {
		if i > 0 {
			w.buf.WriteByte(',')
		}
		if err := w.value(v.Index(i), depth+1); err != nil {
			return err
		}
	}
	w.buf.WriteByte(']')
	return nil
}

func (w *writer) mapping(v reflect.Value, depth int) error {
	if v.IsNil() {
		return w.plain(nil)
	}
	type entry struct {
		key string
		val reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := keyText(it.Key())
		if err != nil {
			return err
		}
		entries = append(entries, entry{key, it.Value()})
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	w.buf.WriteByte('{')
	for i, e := range entries {
		if err := w.member(i > 0, e.key, e.val, depth); err != nil {
			return err
		}
	}
	w.buf.WriteByte('}')
	return nil
}

// keyText is a map's key as encoding/json writes it.
func keyText(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if tm, ok := k.Interface().(encoding.TextMarshaler); ok {
		b, err := tm.MarshalText()
		return string(b), err
	}
	switch {
	case k.CanInt():
		return strconv.FormatInt(k.Int(), 10), nil
	case k.CanUint():
		return strconv.FormatUint(k.Uint(), 10), nil
	}
	return "", fmt.Errorf("unsupported type of map key: %s", k.Type())
}

func (w *writer) member(comma bool, key string, v reflect.Value, depth int) error {
	if comma {
		w.buf.WriteByte(',')
	}
	if err := w.plain(key); err != nil {
		return err
	}
	w.buf.WriteByte(':')
	return w.value(v, depth+1)
}

func (w *writer) fields(v reflect.Value, depth int) error {
	w.buf.WriteByte('{')
	comma := false
	for _, f := range fieldsOf(v.Type()) {
		fv, err := v.FieldByIndexErr(f.index)
		if err != nil { // inside of an embedded nil pointer
			continue
		}
		if f.omitEmpty && isEmpty(fv) || f.omitZero && isZero(fv) {
			continue
		}
		if f.quoted && (fv.Kind() != reflect.Pointer || !fv.IsNil()) {
			// The one thing that can be quoted is a number, a string or a
			// bool, none of which carries anything.
			text, err := json.Marshal(fv.Interface())
			if err != nil {
				return err
			}
			fv = reflect.ValueOf(string(text))
		}
		if err := w.member(comma, f.name, fv, depth); err != nil {
			return err
		}
		comma = true
	}
	w.buf.WriteByte('}')
	return nil
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func isZero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok && (v.Kind() != reflect.Pointer || !v.IsNil()) {
		return z.IsZero()
	}
	return v.IsZero()
}

// A field is a struct's field as encoding/json sees it.
type field struct {
	name                        string
	typ                         reflect.Type
	index                       []int
	tagged                      bool
	omitEmpty, omitZero, quoted bool
}

// structs caches fieldsOf by type: map[reflect.Type][]field.
var structs sync.Map

// fieldsOf lists the fields that encoding/json writes of a struct, those of
// embedded structs included, by its rules: of several with the same name the
// least deep counts, of those the one with a tag, and none if that is not one.
func fieldsOf(t reflect.Type) []field {
	if known, ok := structs.Load(t); ok {
		return known.([]field)
	}
	var all []field
	collectFields(t, nil, map[reflect.Type]bool{}, &all)
	fields := slices.DeleteFunc(slices.Clone(all), func(f field) bool { return !dominant(f, all) })
	structs.Store(t, fields)
	return fields
}

// collectFields adds the fields of t, which is embedded at index, to all.
// Types in seen are further up: their fields there are less deep, and win.
func collectFields(t reflect.Type, index []int, seen map[reflect.Type]bool, all *[]field) {
	if seen[t] {
		return
	}
	seen[t] = true
	defer delete(seen, t)
	for i := range t.NumField() {
		sf := t.Field(i)
		sf.Index = append(slices.Clone(index), i)
		if embedded := embeddedStruct(sf); embedded != nil {
			collectFields(embedded, sf.Index, seen, all)
		} else if sf.IsExported() && sf.Tag.Get("json") != "-" {
			*all = append(*all, fieldOf(sf))
		}
	}
}

// embeddedStruct is the struct whose fields stand for the field sf itself, or nil.
func embeddedStruct(sf reflect.StructField) reflect.Type {
	t := sf.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, _, _ := strings.Cut(sf.Tag.Get("json"), ",")
	if !sf.Anonymous || name != "" || t.Kind() != reflect.Struct || marshalsItself(t) {
		return nil
	}
	return t
}

func fieldOf(sf reflect.StructField) field {
	name, opts, _ := strings.Cut(sf.Tag.Get("json"), ",")
	f := field{name: cmp.Or(name, sf.Name), typ: sf.Type, index: sf.Index, tagged: name != ""}
	for opt := range strings.SplitSeq(opts, ",") {
		switch opt {
		case "omitempty":
			f.omitEmpty = true
		case "omitzero":
			f.omitZero = true
		case "string":
			f.quoted = isScalar(sf.Type)
		}
	}
	return f
}

func isScalar(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// dominant says whether f is the one of its name that counts.
func dominant(f field, all []field) bool {
	for _, g := range all {
		if g.name != f.name || slices.Equal(g.index, f.index) {
			continue
		}
		if len(g.index) < len(f.index) || len(g.index) == len(f.index) && (g.tagged || !f.tagged) {
			return false
		}
	}
	return true
}
