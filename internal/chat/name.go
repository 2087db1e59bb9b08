package chat

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/text/secure/precis"
)

// marksMost is how many combining marks a base may carry. Two are enough for
// every living orthography that Unicode composes, and too few to climb over other lines.
const marksMost = 2

// bytesPerGrapheme bounds what is looked at before it has been counted.
const bytesPerGrapheme = 32

// cleanName makes the one spelling of a member's name, or says with NameInvalid
// why it cannot be one ("Names"; RFC 8266).
func cleanName(name string, most int) (string, error) {
	invalid := func(why string) (string, error) {
		return "", &Error{Code: NameInvalid, Field: "name", Message: "the name " + why}
	}
	tooLong := &Error{Code: NameInvalid, Field: "name", Limit: most, Message: "the name is too long"}
	if len(name) > most*bytesPerGrapheme {
		return "", tooLong
	}
	clean, err := cleanText(name)
	switch {
	case err != nil:
		return invalid(err.Error())
	case clean == "":
		return invalid("is empty")
	case uniseg.GraphemeClusterCount(clean) > most:
		return "", tooLong
	case !oneScript(clean):
		return invalid("mixes scripts")
	case reserved(clean):
		return invalid("is reserved")
	}
	return clean, nil
}

// cleanLine gives a title or a reason the same cleaning, but for what keeps two
// names apart. It may come out empty.
func cleanLine(field, line string, most int) (string, error) {
	long := errTooLarge(field, most, "the "+field+" is too long")
	if len(line) > most*bytesPerGrapheme {
		return "", long
	}
	clean, err := cleanText(line)
	if err != nil {
		return "", errField(field, "the "+field+" "+err.Error())
	}
	if uniseg.GraphemeClusterCount(clean) > most {
		return "", long
	}
	return clean, nil
}

// cleanText normalises a line of text (RFC 8266: spaces, NFKC, no controls and
// nothing that is not seen) and bounds its marks. Blank text becomes "".
func cleanText(text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", errors.New("is not UTF-8")
	}
	text = plainSymbols(text)
	if strings.TrimFunc(text, unicode.IsSpace) == "" {
		return "", nil
	}
	clean, err := precis.Nickname.String(text)
	if err != nil {
		return "", errors.New("holds characters that are not allowed")
	}
	marks, seen := marksMost, false // a mark needs a base before it
	for _, r := range clean {
		switch {
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp):
			return "", errors.New("holds characters that are not allowed")
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks++; marks > marksMost {
				return "", errors.New("stacks too many marks")
			}
		case r == ' ':
			marks = marksMost
		default:
			marks = 0
		}
		seen = seen || visible(r)
	}
	if !seen {
		return "", nil
	}
	return clean, nil
}

// plainSymbols drops what only tells how a symbol is to be drawn, or joins
// several into one: RFC 8264 forbids both, and keyboards produce them.
func plainSymbols(text string) string {
	if !strings.ContainsAny(text, "\ufe0e\ufe0f\u200d") {
		return text
	}
	symbol := false
	return strings.Map(func(r rune) rune {
		switch r {
		case '\ufe0e', '\ufe0f':
			return -1
		case '\u200d':
			if symbol {
				return -1
			}
		}
		symbol = unicode.In(r, unicode.So, unicode.Sk)
		return r
	}, text)
}

// visible reports whether a character leaves a mark on the screen.
func visible(r rune) bool {
	const brailleBlank = '\u2800' // a symbol by its properties
	return r != brailleBlank && !unicode.In(r, unicode.White_Space, unicode.Cc, unicode.Cf,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// A script of a name's letters.
type script struct {
	name  string
	table *unicode.RangeTable
}

// scripts are all but Common and Inherited, those that most names are in first.
var scripts = func() (list []script) {
	usual := []string{"Latin", "Cyrillic", "Greek", "Han", "Hiragana", "Katakana", "Hangul", "Arabic", "Hebrew", "Devanagari"}
	for _, name := range usual {
		list = append(list, script{name, unicode.Scripts[name]})
	}
	for name, table := range unicode.Scripts {
		if name != "Common" && name != "Inherited" && !slices.Contains(usual, name) {
			list = append(list, script{name, table})
		}
	}
	return list
}()

// scriptOf is the script of a character, "" where it belongs to many.
func scriptOf(r rune) string {
	for _, s := range scripts {
		if unicode.Is(s.table, r) {
			return s.name
		}
	}
	return ""
}

// beside are the scripts that are written together, by UTS 39's "Highly
// Restrictive": Latin may stand beside Han and one of Kana, Bopomofo and Hangul.
var beside = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// oneScript reports whether all letters are of one script or of some that are
// written together.
func oneScript(name string) bool {
	var found []string
	for _, r := range name {
		if s := scriptOf(r); s != "" && !slices.Contains(found, s) {
			found = append(found, s)
		}
	}
	if len(found) <= 1 {
		return true
	}
	for _, group := range beside {
		if !slices.ContainsFunc(found, func(s string) bool { return !slices.Contains(group, s) }) {
			return true
		}
	}
	return false
}

// reservedNames speak for the house. A name is one of them if it is once spaces
// and punctuation are taken out of what it looks like.
var reservedNames = func() map[string]bool {
	set := make(map[string]bool)
	for _, word := range []string{
		"system", "snug", "admin", "administrator", "moderator", "mod", "owner", "operator", "host",
		"server", "root", "support", "security", "staff", "official", "everyone", "everybody", "here",
		"all", "you", "me", "nobody", "deleted", "null", "undefined",
	} {
		set[lettersOnly(skeleton(word))] = true
	}
	return set
}()

func reserved(name string) bool {
	return reservedNames[lettersOnly(skeleton(name))] || reservedNames[lettersOnly(spoofed(name))]
}

func lettersOnly(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, s)
}

// shorten is the first graphemes of a name, at most n.
func shorten(name string, n int) string {
	rest, state := name, -1
	for range n {
		if rest == "" {
			break
		}
		_, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
	}
	return strings.TrimRight(name[:len(name)-len(rest)], " ")
}
