package chat

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// What search finds is defined here, for every store alike: an index only
// proposes messages, and Query.Matches decides.
//
// A text is folded (case, width, accents) and cut into runs. A word is a run of
// letters, digits and their marks. Scripts that are written without spaces
// between words make dense runs, in which any part can be found. A symbol, such
// as an emoji, is a run of its own. All else separates.

// WordsVersion changes with whatever changes the result of AppendTerms: an
// index of another version must be made anew.
const WordsVersion = 1

// termBytes is how long a term gets; the rest of a longer word is not indexed.
const termBytes = 64

// A run is a part of a folded text that is searched as one.
type run struct {
	text string
	kind runKind
}

type runKind uint8

const (
	runNone runKind = iota
	runWord
	runDense
	runSymbol
	runDropped // as if it were not there; fold leaves none
)

// dense are the scripts without spaces between words. Hangul has spaces, but
// compounds and endings that no prefix finds.
var dense = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Yi,
	unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// optional are marks that people leave out when they search: accents and tone
// marks of alphabets, the points of Hebrew and Arabic, the tatweel. The marks of other
// scripts are letters in all but name.
var optional = &unicode.RangeTable{R16: []unicode.Range16{
	{0x0300, 0x036F, 1}, {0x0483, 0x0487, 1}, {0x0591, 0x05BD, 1}, {0x05BF, 0x05BF, 1}, {0x05C1, 0x05C2, 1}, {0x05C4, 0x05C5, 1}, {0x05C7, 0x05C7, 1},
	{0x0610, 0x061A, 1}, {0x0640, 0x0640, 1}, {0x064B, 0x065F, 1}, {0x0670, 0x0670, 1}, {0x06D6, 0x06DC, 1}, {0x06DF, 0x06E4, 1},
	{0x1AB0, 0x1AFF, 1}, {0x1DC0, 0x1DFF, 1}, {0x20D0, 0x20FF, 1}, {0xFE00, 0xFE0F, 1}, {0xFE20, 0xFE2F, 1},
}}

// fold takes away what search does not look at.
func fold(s string) string {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return strings.ToLower(s)
	}
	s = cases.Fold().String(norm.NFKD.String(s))
	if !norm.NFKD.IsNormalString(s) { // folding may compose
		s = norm.NFKD.String(s)
	}
	s = strings.Map(func(r rune) rune {
		if runKindOf(r) == runDropped {
			return -1
		}
		return r
	}, s)
	return norm.NFC.String(s)
}

// runKinds is classify of the characters that texts mostly consist of.
var runKinds = sync.OnceValue(func() *[0x10000]runKind {
	var table [0x10000]runKind
	for r := range table {
		table[r] = classify(rune(r))
	}
	return &table
})

func runKindOf(r rune) runKind {
	if r < 0x10000 {
		return runKinds()[r]
	}
	return classify(r)
}

func classify(r rune) runKind {
	switch {
	case r < utf8.RuneSelf:
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return runWord
		}
		return runNone
	case unicode.Is(optional, r), unicode.Is(unicode.Cf, r): // Cf: joiners, soft hyphens
		return runDropped
	case unicode.In(r, dense...), r == 'ー':
		return runDense
	case unicode.In(r, unicode.L, unicode.N, unicode.M):
		return runWord
	case unicode.Is(unicode.So, r):
		return runSymbol
	}
	return runNone
}

// runs calls yield with each run of a folded text.
func runs(folded string, yield func(run) bool) {
	from, kind := 0, runNone
	for i, r := range folded {
		k := runKindOf(r)
		if k == kind && k != runSymbol {
			continue
		}
		if kind != runNone && !yield(run{folded[from:i], kind}) {
			return
		}
		from, kind = i, k
	}
	if kind != runNone {
		yield(run{folded[from:], kind})
	}
}

// AppendTerms appends to dst the terms under which an index keeps a text: no
// more and no fewer than are needed to find it by [Query.Terms]. A term consists
// of letters, digits, marks and symbols, and may come more than once.
func AppendTerms(dst []string, text string) []string {
	runs(fold(text), func(r run) bool {
		if r.kind != runDense {
			dst = append(dst, clip(r.text))
			return true
		}
		// Each two neighbours, and the last one alone: so each begins a term.
		for s := r.text; s != ""; {
			_, one := utf8.DecodeRuneInString(s)
			_, two := utf8.DecodeRuneInString(s[one:])
			dst = append(dst, s[:one+two])
			s = s[one:]
		}
		return true
	})
	return dst
}

// clip is a word as long as terms get.
func clip(word string) string {
	if len(word) <= termBytes {
		return word
	}
	end := termBytes
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// A Query is what somebody looks for: a message matches that has all of its
// runs. A word is found at the beginning of words, a dense run anywhere in one, a symbol as
// it is. Nothing in a query is an operator.
type Query struct {
	runs []run
}

// ParseQuery reads a query. One without a word matches nothing.
func ParseQuery(s string) (q Query) {
	runs(fold(s), func(r run) bool {
		q.runs = append(q.runs, r)
		return true
	})
	return q
}

// Empty reports whether the query holds no word: nothing matches it.
func (q Query) Empty() bool { return len(q.runs) == 0 }

// Matches reports whether a message with this text is found.
func (q Query) Matches(text string) bool {
	if q.Empty() {
		return false
	}
	folded := fold(text)
	for _, want := range q.runs {
		if !strings.Contains(folded, want.text) { // the quick way to "no"
			return false
		}
	}
	left := make([]run, 0, 16)
	left = append(left, q.runs...)
	runs(folded, func(r run) bool {
		for i := 0; i < len(left); {
			if left[i].found(r) {
				left[i] = left[len(left)-1]
				left = left[:len(left)-1]
			} else {
				i++
			}
		}
		return len(left) > 0
	})
	return len(left) == 0
}

// found reports whether a run of a text has the query's run r.
func (r run) found(in run) bool {
	switch {
	case r.kind != in.kind:
		return false
	case r.kind == runWord:
		return strings.HasPrefix(in.text, r.text)
	case r.kind == runDense:
		return strings.Contains(in.text, r.text)
	}
	return in.text == r.text
}

// A QueryTerm is one that every matching text is indexed under: Term itself,
// or with Prefix some term that begins with it.
type QueryTerm struct {
	Term   string
	Prefix bool
}

// Terms returns terms of which a matching text has all. (A text that has all of them need not match.)
func (q Query) Terms() (list []QueryTerm) {
	for _, r := range q.runs {
		switch r.kind {
		case runWord:
			// A clipped one is indexed just so.
			list = append(list, QueryTerm{clip(r.text), len(r.text) <= termBytes})
		case runSymbol:
			list = append(list, QueryTerm{r.text, false})
		case runDense:
			n := len(list)
			for s := r.text; s != ""; {
				_, one := utf8.DecodeRuneInString(s)
				_, two := utf8.DecodeRuneInString(s[one:])
				if two == 0 {
					break
				}
				list = append(list, QueryTerm{s[:one+two], false})
				s = s[one:]
			}
			if n == len(list) { // one character
				list = append(list, QueryTerm{r.text, true})
			}
		}
	}
	return list
}
