package sqlite

import "snug/internal/chat"

// A stem is what a word begins with, if it is as long as that. Of hundreds of words that begin alike a search would have
// to go through every one's messages, so the index keeps messages also by the stems of their words.
const (
	stemRunes = 4        // how long it is
	stemMark  = "\u0080" // what it begins with in the index: no term has a control character
)

// stemOf returns the stem of a term, "" if that is shorter. whole: the term is no longer than its stem.
func stemOf(term string) (stem string, whole bool) {
	n := 0
	for i := range term {
		if n == stemRunes {
			return stemMark + term[:i], false
		}
		n++
	}
	if n < stemRunes {
		return "", false
	}
	return stemMark + term, true
}

// appendTerms appends to dst what the index keeps a text by.
func appendTerms(dst []string, text string) []string {
	from := len(dst)
	dst = chat.AppendTerms(dst, text)
	for _, t := range dst[from:] {
		if s, _ := stemOf(t); s != "" {
			dst = append(dst, s)
		}
	}
	return dst
}
