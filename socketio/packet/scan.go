package packet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

var (
	errSyntax = fmt.Errorf("%w: bad JSON", ErrMalformed)
	errDepth  = fmt.Errorf("%w: JSON nested too deeply", ErrMalformed)
)

// A place is where a placeholder stands in a JSON text.
type place struct {
	start, end int
	num        int // which attachment it stands for; -1 if it does not say
}

// A scanner checks a JSON text (RFC 8259) in one pass, no deeper than it is
// told, and, if asked to, notes where placeholders for attachments stand.
type scanner struct {
	b      []byte
	i      int
	most   int // arrays and objects in each other
	places bool
	found  []place
}

// document reads one value and nothing after it.
func (s *scanner) document() error {
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.i != len(s.b) {
		return errSyntax
	}
	return nil
}

func (s *scanner) space() {
	for s.i < len(s.b) {
		switch s.b[s.i] {
		case ' ', '\t', '\n', '\r':
			s.i++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end; a NUL in the text is an error anyway.
func (s *scanner) peek() byte {
	if s.i < len(s.b) {
		return s.b[s.i]
	}
	return 0
}

// value reads a value that stands in depth arrays and objects.
func (s *scanner) value(depth int) error {
	switch c := s.peek(); {
	case c == '"':
		return s.string()
	case c == '{', c == '[':
		if depth >= s.most {
			return errDepth
		}
		if c == '{' {
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	default:
		return s.number()
	}
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.b[s.i:], []byte(word)) {
		return errSyntax
	}
	s.i += len(word)
	return nil
}

func (s *scanner) array(depth int) error {
	s.i++
	s.space()
	if s.peek() == ']' {
		s.i++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
		case ']':
			s.i++
			return nil
		default:
			return errSyntax
		}
	}
}

func (s *scanner) object(depth int) error {
	start, known := s.i, len(s.found)
	placeholder, num := false, -1
	s.i++
	s.space()
	if s.peek() == '}' {
		s.i++
		return nil
	}
	for {
		s.space()
		key := s.i
		if s.peek() != '"' {
			return errSyntax
		}
		if err := s.string(); err != nil {
			return err
		}
		name := s.b[key:s.i]
		s.space()
		if s.peek() != ':' {
			return errSyntax
		}
		s.i++
		s.space()
		val := s.i
		if err := s.value(depth); err != nil {
			return err
		}
		if s.places {
			// Of a key that stands twice the last counts, as in JavaScript.
			switch keyName(name) {
			case "_placeholder":
				placeholder = string(s.b[val:s.i]) == "true"
			case "num":
				num = attachmentNumber(s.b[val:s.i])
			}
		}
		s.space()
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			if placeholder {
				// What stands inside of a placeholder goes with it.
				s.found = append(s.found[:known], place{start, s.i, num})
			}
			return nil
		default:
			return errSyntax
		}
	}
}

// keyName is the name of an object's key, as far as the scanner cares for it.
func keyName(quoted []byte) string {
	// Written with \u for every letter "_placeholder" takes 74 bytes.
	if len(quoted) > 74 {
		return ""
	}
	switch string(quoted) {
	case `"_placeholder"`:
		return "_placeholder"
	case `"num"`:
		return "num"
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return ""
	}
	name, _ := unquote(quoted)
	return name
}

// attachmentNumber reads the value of "num", -1 if it is no small number.
func attachmentNumber(b []byte) int {
	n, err := strconv.ParseUint(string(b), 10, 8)
	if err != nil {
		return -1
	}
	return int(n)
}

func (s *scanner) string() error {
	for s.i++; s.i < len(s.b); s.i++ {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c == '\\':
			s.i++
			switch s.peek() {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if !s.hex4() {
					return errSyntax
				}
			default:
				return errSyntax
			}
		case c < 0x20:
			return errSyntax
		}
	}
	return errSyntax
}

// hex4 reads the four digits after the u that it stands on, and stays on the last.
func (s *scanner) hex4() bool {
	if s.i+4 >= len(s.b) {
		return false
	}
	for range 4 {
		s.i++
		c := s.b[s.i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func (s *scanner) digits() bool {
	start := s.i
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.i++
	}
	return s.i > start
}

func (s *scanner) number() error {
	if s.peek() == '-' {
		s.i++
	}
	if s.peek() == '0' {
		s.i++
	} else if !s.digits() {
		return errSyntax
	}
	if s.peek() == '.' {
		s.i++
		if !s.digits() {
			return errSyntax
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.i++
		if c := s.peek(); c == '+' || c == '-' {
			s.i++
		}
		if !s.digits() {
			return errSyntax
		}
	}
	return nil
}

// firstByte is the first byte of a JSON text that is no space, 0 if there is none.
func firstByte(b []byte) byte {
	s := scanner{b: b}
	s.space()
	return s.peek()
}

// firstItem is the first item of an array that has been checked, nil if it is empty.
func firstItem(array []byte) []byte {
	s := scanner{b: array, most: MaxDepth}
	s.space()
	s.i++
	s.space()
	start := s.i
	if s.peek() == ']' || s.value(0) != nil {
		return nil
	}
	return s.b[start:s.i]
}

// splitArray cuts an array that has been checked into its items.
func splitArray(array []byte) []json.RawMessage {
	s := scanner{b: array, most: MaxDepth}
	s.space()
	if s.peek() != '[' {
		return nil
	}
	s.i++
	s.space()
	// Most events have one argument after their name.
	items := make([]json.RawMessage, 0, 2)
	for s.i < len(s.b) && s.peek() != ']' {
		start := s.i
		if s.value(0) != nil {
			return nil
		}
		items = append(items, json.RawMessage(s.b[start:s.i:s.i]))
		s.space()
		if s.peek() == ',' {
			s.i++
			s.space()
		}
	}
	return items
}

// unquote reads a JSON string that has been checked.
func unquote(quoted []byte) (string, bool) {
	if inner := quoted[1 : len(quoted)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	var name string
	if err := json.Unmarshal(quoted, &name); err != nil {
		return "", false
	}
	return name, true
}
