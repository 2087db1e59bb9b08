package chat

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestTerms(t *testing.T) {
	long := strings.Repeat("é", 100) // folded to e
	wide := strings.Repeat("я", 40)
	for text, want := range map[string][]string{
		"":                 nil,
		" .,:;!?\n\t\x00":  nil,
		"One two-three":    {"one", "two", "three"},
		"don't e-mail a_b": {"don", "t", "e", "mail", "a", "b"},
		"Größe ÉCOLE ﬁn Ⅷ": {"grosse", "ecole", "fin", "viii"},
		"İstanbul ΣΊΣΥΦΟΣ": {"istanbul", "σισυφοσ"},
		"東京都":              {"東京", "京都", "都"},
		"あ":                {"あ"},
		"ｶﾞギ":              {"ガギ", "ギ"},
		"iPhoneを買う":        {"iphone", "を買", "買う", "う"},
		"🎉🎉 ok":            {"🎉", "🎉", "ok"},
		"👩\u200d💻 ❤️":      {"👩", "💻", "❤"},
		"co\u00adop":       {"coop"},
		"हिन्दी":           {"हिन्दी"},
		long:               {strings.Repeat("e", termBytes)},
		wide:               {strings.Repeat("я", termBytes/2)},
		"a" + wide:         {"a" + strings.Repeat("я", termBytes/2-1)},
	} {
		if d := cmp.Diff(want, AppendTerms(nil, text)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// FuzzWords holds the two ways of looking together: whatever Matches says must
// be among what an index proposes, and what an index keeps is safe there.
func FuzzWords(f *testing.F) {
	for _, s := range [][2]string{
		{"The quick fox", "fo qu"}, {"東京都庁", "京都"}, {"Straße", "STRASSE"}, {"🎉 party", "🎉"}, {"ﾊﾞ", "バ"}, {"\xff\xfe", "\xff"},
		{"e\u0301\u0327", "ȩ́"}, {"ש\u05c1ל", "של"}, {strings.Repeat("x", 70), strings.Repeat("x", 66)}, {"a OR \"b\"*", "\"b\"* OR"}, {"\u1100\u1161\u11a8", "각"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, text, query string) {
		terms := AppendTerms(nil, text)
		for _, term := range terms {
			if term == "" || !utf8.ValidString(term) || len(term) > termBytes {
				t.Errorf("%q has the term %q", text, term)
			}
			for _, r := range term {
				if r < utf8.RuneSelf && !('a' <= r && r <= 'z' || '0' <= r && r <= '9') || unicode.IsSpace(r) {
					t.Errorf("%q has the term %q", text, term)
				}
			}
		}
		if len(terms) > 0 && !ParseQuery(text).Matches(text) {
			t.Errorf("%q does not match itself", text)
		}
		q := ParseQuery(query)
		if q.Empty() != (len(q.Terms()) == 0) {
			t.Errorf("%q: empty %t, terms %v", query, q.Empty(), q.Terms())
		}
		if !q.Matches(text) {
			return
		}
		for _, want := range q.Terms() {
			if !slices.ContainsFunc(terms, func(s string) bool { return s == want.Term || want.Prefix && strings.HasPrefix(s, want.Term) }) {
				t.Errorf("%q matches %q, which is not kept under %+v but %q", query, text, want, terms)
			}
		}
	})
}

func BenchmarkAppendTerms(b *testing.B) {
	for name, text := range map[string]string{
		"ascii":    strings.Repeat("What a day, and no rain. ", 8),
		"cyrillic": strings.Repeat("Какой день, и без дождя. ", 5),
		"han":      strings.Repeat("今天天气很好没有下雨", 6),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var dst []string
			for b.Loop() {
				dst = AppendTerms(dst[:0], text)
			}
		})
	}
}
