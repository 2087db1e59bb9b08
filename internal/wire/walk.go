package wire

import "encoding/json"

// A walker goes through one object of valid JSON, member by member, without
// copying or decoding what it passes.
type walker struct {
	b []byte
	i int
}

// peek skips white space and returns the byte that follows it.
func (w *walker) peek() byte {
	for {
		switch c := w.b[w.i]; c {
		case ' ', '\t', '\n', '\r':
			w.i++
		default:
			return c
		}
	}
}

// members yields the name and the JSON of each member of the object that the
// walker stands before. It is an iter.Seq2.
func (w *walker) members(yield func(string, []byte) bool) {
	w.peek()
	w.i++ // {
	for w.peek() != '}' {
		if w.b[w.i] == ',' {
			w.i++
			w.peek()
		}
		key := w.value()
		w.peek()
		w.i++ // :
		w.peek()
		if value := w.value(); !yield(unquote(key), value) {
			return
		}
	}
}

// value passes the value that the walker stands on and returns its JSON.
func (w *walker) value() []byte {
	start := w.i
	switch w.b[w.i] {
	case '"':
		w.skipString()
	case '{', '[':
		for depth := 0; ; {
			switch w.b[w.i] {
			case '"':
				w.skipString()
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			w.i++
			if depth == 0 {
				return w.b[start:w.i]
			}
		}
	default: // a number, true, false or null
		for ; w.i < len(w.b); w.i++ {
			switch w.b[w.i] {
			case ',', '}', ']', ' ', '\t', '\n', '\r':
				return w.b[start:w.i]
			}
		}
	}
	return w.b[start:w.i]
}

func (w *walker) skipString() {
	for w.i++; w.b[w.i] != '"'; w.i++ {
		if w.b[w.i] == '\\' {
			w.i++
		}
	}
	w.i++
}

// unquote is the text of a member's name. Two spellings of one name are one.
func unquote(key []byte) string {
	for _, c := range key {
		if c == '\\' || c >= 0x80 {
			var s string
			_ = json.Unmarshal(key, &s) // valid JSON: it is a string
			return s
		}
	}
	return string(key[1 : len(key)-1])
}
