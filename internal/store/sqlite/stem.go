package sqlite

import (
	"unicode/utf8"

	"snug/internal/chat"
)

// A stem is what a longer word begins with. Of hundreds of words that begin alike a search would have to go through
// every one's messages, so the index keeps messages also by the stems of their words.
const (
	stemRunes = 4        // how long it is
	stemMark  = "\u0080" // what it begins with in the index: no term has a control character
)

// stemOf returns the stem of a term, "" if that is no longer than one.
func stemOf(term string) string {
	n := 0
	for i := range term {
		if n == stemRunes {
			return stemMark + term[:i]
		}
		n++
	}
	return ""
}

// isStem reports whether a term is as long as a stem: with the stem itself, its messages are all that have a word that begins so.
func isStem(term string) bool { return utf8.RuneCountInString(term) == stemRunes }

// appendTerms appends to dst what the index keeps a text by.
func appendTerms(dst []string, text string) []string {
	from := len(dst)
	dst = chat.AppendTerms(dst, text)
	for _, t := range dst[from:] {
		if s := stemOf(t); s != "" {
			dst = append(dst, s)
		}
	}
	return dst
}
