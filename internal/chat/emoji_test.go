package chat

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEmoji(t *testing.T) {
	for _, s := range []string{
		"👍", "👍🏽", "❤️", "❤", "☺️", "✅", "⭐", "©️", "🫠", "🫨", "🇫🇷", "🇺🇳", "1️⃣", "#️⃣", "*️⃣", "👨‍👩‍👧‍👦", "👩🏻‍❤️‍💋‍👩🏿", "🏳️‍🌈", "🏴‍☠️",
		"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🧑🏿‍🚀", "👁️‍🗨️", "❤️‍🔥",
	} {
		if err := checkEmoji(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", " ", "a", "1", "#", "é", "ab", "👍👍", "👍 ", " 👍", "👍a", "a👍", "\u200d", "👍\u200d", "\u200d👍", "\ufe0f", "👍\ufe0f\ufe0f", "\u20e3", "1\u20e3", "🇫", "🇫🇷🇩🇪", "漢", "<b>", "\x00",
		"\xff", "👍\xff", "👍\u0301", "👍\n", "🏴\U000e0067", "🏴\U000e007f", "👍\U000e0067\U000e007f", "👍‍a", strings.Repeat("👩‍", 30) + "👩", "♡", "§", "🄰",
	} {
		if err := checkEmoji(s); CodeOf(err) != BadRequest {
			t.Errorf("%q is taken for an emoji: %v", s, err)
		}
	}
}

// FuzzEmoji: what is taken for an emoji is short, and shows no letter.
func FuzzEmoji(f *testing.F) {
	for _, s := range []string{"👍", "🇫🇷", "1️⃣", "👩🏻‍❤️‍💋‍👩🏿", "🏴\U000e0067\U000e007f", "a", "\xf0\x9f"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkEmoji(s) == nil && (!utf8.ValidString(s) || len(s) > emojiBytes || strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz<>&\" \n\x00")) {
			t.Errorf("%q is taken for an emoji", s)
		}
	})
}
