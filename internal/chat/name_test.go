package chat

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

func TestCleanName(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		// Accepted, and what becomes of them.
		{"Ada", "Ada"},
		{"  Ada   Lovelace ", "Ada Lovelace"},
		{"Ada\u00a0\u2003Lovelace", "Ada Lovelace"},
		{"Ａｄａ", "Ada"}, // NFKC
		{"e\u0301te\u0301", "été"},
		{"Nguyễn Thị Bệu", "Nguyễn Thị Bệu"},
		{"Łukasz", "Łukasz"},
		{"Αθηνά", "Αθηνά"},
		{"Дмитрий", "Дмитрий"},
		{"李雷", "李雷"},
		{"山田 Taro", "山田 Taro"},
		{"さくらサクラ桜", "さくらサクラ桜"},
		{"김철수 Kim", "김철수 Kim"},
		{"ㄅㄆ李", "ㄅㄆ李"},
		{"สมชาย", "สมชาย"},
		{"محمد", "محمد"},
		{"שרה", "שרה"},
		{"हरि", "हरि"},
		{"R2-D2", "R2-D2"},
		{"O'Brien, Jr.", "O'Brien, Jr."},
		{"🦊", "🦊"},
		{"Ada ❤️", "Ada ❤"},
		{"👩‍💻 Ada", "👩💻 Ada"},
		{strings.Repeat("x", 32), strings.Repeat("x", 32)},
		{strings.Repeat("ệ", 32), strings.Repeat("ệ", 32)},
		{"x̂̃", "x̂̃"}, // two marks

		// Refused.
		{"", ""},
		{"   ", ""},
		{"\u3000\u2003", ""},
		{"\u2800", ""}, // a blank that is a symbol
		{"\u3164", ""}, // a blank that is a letter
		{strings.Repeat("x", 33), ""},
		{strings.Repeat("x", 5000), ""},
		{strings.Repeat("ﷺ", 2), ""}, // 36 letters once normalised
		{"Ada\x00", ""},
		{"Ada\n", ""},
		{"A\tda", ""},
		{"\x1b[31mAda", ""},
		{"Ada\u202e", ""},       // bidi override
		{"\u2066Ada\u2069", ""}, // bidi isolate
		{"A\u200fda", ""},       // bidi mark
		{"A\u200bda", ""},       // zero width space
		{"A\u200dda", ""},       // joiner between letters
		{"A\u00adda", ""},       // soft hyphen
		{"\ufeffAda", ""},       // byte order mark
		{"A\ue000da", ""},       // private use
		{"A\ufffeda", ""},       // not a character
		{"\xff", ""},            // not UTF-8
		{"A\U000e0041da", ""},   // tag
		{"x̂̃̄", ""},            // three marks
		{"Z͑ͫ̓a͒lgo", ""},
		{"\u0301Ada", ""}, // a mark without a base
		{"A \u0301da", ""},
		{"Pаypal", ""}, // Cyrillic а in Latin
		{"Αda", ""},    // Greek Α in Latin
		{"Даша Smith", ""},
		{"김さくら", ""},
		{"Иαν", ""},
		{"system", ""},
		{"System", ""},
		{"SYSTEM", ""},
		{"Snug", ""},
		{"snug.", ""},
		{"A d m i n", ""},
		{"adm1n", ""},
		{"ＡＤＭＩＮ", ""},
		{"аdmin", ""},
		{"ѕуѕтем", ""}, // Cyrillic all through
		{"--owner--", ""},
	} {
		got, err := cleanName(tt.in, 32)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("cleanName(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		}
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Code != NameInvalid || e.Field != "name") {
			t.Errorf("cleanName(%q): %v is not name_invalid with its field", tt.in, err)
		}
		if err != nil {
			continue
		}
		if again, err := cleanName(got, 32); again != got || err != nil {
			t.Errorf("cleanName(%q) = %q, %v: not stable", got, again, err)
		}
	}
}

func TestNamesThatLookAlike(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		alike bool
	}{
		{"Ada", "ada", true},
		{"ADA", "ada", true},
		{"Straße", "STRASSE", true},
		{"Ada Lovelace", "AdaLovelace", true},
		{"Ada", "Аdа", true}, // never accepted, alike all the same
		{"Alice", "AIice", true},
		{"Alice", "A1ice", true},
		{"Alice", "Al|ce", true},
		{"Bob", "B0b", true},
		{"Mary", "rnary", true},
		{"Will", "VVill", true},
		{"José", "Jose", true},
		{"Łukasz", "Lukasz", true},
		{"Søren", "Soren", true},
		{"İpek", "ipek", true},
		{"Işık", "Isik", true},
		{"dʒ", "d3", true},
		{"cop", "сор", true}, // Cyrillic
		{"Roman", "Rоmаn", true},
		{"BOXER", "ВОХЕR", true},
		{"MAPT", "МАРТ", true}, // Cyrillic
		{"ТОМ", "TOM", true},
		{"ОЛЕГ", "Олег", true},
		{"Пётр", "Петр", true},
		{"Николай", "НИКОЛАЙ", true},
		{"ANNA", "ΑΝΝΑ", true}, // Greek
		{"ΑΝΝΑ", "Άννα", true},
		{"Νίκος", "ΝΙΚΟΣ", true},
		{"Γιάννης", "ΓΙΑΝΝΗΣ", true},
		{"KOMH", "ΚΟΜΗ", true},
		{"O'Brien", "O’Brien", true},
		{"Jean-Luc", "Jean–Luc", true},
		{"J.P.", "J․P․", true},
		{"エミ", "工ミ", true},
		{"ロ", "口", true},
		{"Ada２", "Ada2", true},

		{"Ada", "Ida", false},
		{"Ada", "Ada 2", false},
		{"Ada 2", "Ada 3", false},
		{"Ana", "Ava", false},
		{"Eva", "Ena", false},
		{"Bob", "Rob", false},
		{"Nina", "Mina", false},
		{"Tom", "Tim", false},
		{"Катя", "Коля", false},
		{"Саша", "Маша", false},
		{"Μαρία", "Μαρίνα", false},
		{"か", "が", false}, // a mark that makes another letter
		{"は", "ぱ", false},
		{"李雷", "李磊", false},
		{"हरि", "हर", false},
		{"คำ", "คา", false},
		{"user_1", "user-1", false},
		{"🦊", "🐺", false},
	} {
		a, b := skeleton(tt.a), skeleton(tt.b)
		if (a == b) != tt.alike {
			t.Errorf("%q looks like %q (%q, %q): %v, want %v", tt.a, tt.b, a, b, a == b, tt.alike)
		}
	}
}

// Whichever of two names comes first, the other is known as a look-alike.
func TestLooksMeet(t *testing.T) {
	for _, tt := range []struct {
		a, b  string
		alike bool
	}{
		{"Ενα", "Eva", true},
		{"Ενα", "Ena", true}, // ΕΝΑ
		{"νονα", "vova", true},
		{"ᎪᏞᎥᏟᎬ", "Alice", true}, // Cherokee
		{"ꓮꓡꓲꓚꓰ", "ALICE", true}, // Lisu
		{"ⲀⲚⲚⲀ", "Anna", true},   // Coptic
		{"Օսօ", "Ouo", true},     // Armenian
		{"Սսս", "Uuu", true},
		{"հօո", "hon", true},
		{"Տօո", "Son", true}, // in its capital
		{"🅰🅳🅰", "Ada", true},
		{"🅐🅓🅐", "ada", true},
		{"Ad@", "Ada", true},
		{"$am", "Sam", true},
		{"Ⱥda", "Ada", true},
		{"саша", "cawa", true},
		{"Даша", "Dawa", false},
		{"Ενα", "Ida", false},
		{"Հակոբ", "Hakob", false},
		{"Anna", "Hanna", false},
	} {
		a1, a2 := looks(tt.a)
		b1, b2 := looks(tt.b)
		meet := a1 == b1 || a1 == b2 || a2 != "" && (a2 == b1 || a2 == b2)
		if meet != tt.alike {
			t.Errorf("%q (%q, %q) looks like %q (%q, %q): %t, want %t", tt.a, a1, a2, tt.b, b1, b2, meet, tt.alike)
		}
	}
}

func TestGreekThatLooksLatinAsItStands(t *testing.T) {
	for _, tt := range []struct {
		greek, latin string
		alike        bool
	}{
		{"Ενα", "Eva", true},
		{"ΕΝΑ", "Eva", false},
		{"ΕΝΑ", "Ena", true},
		{"Τοη", "Ton", true},
		{"νονα", "vova", true},
		{"Ενάς", "Evas", false}, // ς is only Greek
		{"Δενα", "Deva", false},
	} {
		if got := spoofed(tt.greek) == skeleton(tt.latin); got != tt.alike {
			t.Errorf("%q looks like %q: %v, want %v", tt.greek, tt.latin, got, tt.alike)
		}
	}
	for _, name := range []string{"Ada", "Мария", "李雷", "Γιάννης"} {
		if spoofed(name) != skeleton(name) {
			t.Errorf("spoofed(%q) = %q is not its skeleton %q", name, spoofed(name), skeleton(name))
		}
	}
}

// A prototype that is itself in the table would make a skeleton depend on how
// often it is made.
func TestSkeletonTableIsClosed(t *testing.T) {
	for r, p := range lookalikes {
		if got := skeleton(p); got != p {
			t.Errorf("%q looks like %q, which looks like %q", r, p, got)
		}
	}
	for r := range lookalikes {
		if f := skeleton(string(r)); f != lookalikes[r] {
			t.Errorf("%q (%U) is in the table as %q, and never found there: %q", r, r, lookalikes[r], f)
		}
	}
}

func TestCleanLine(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		code     Code
	}{
		{"  Tea   at five ", "Tea at five", ""},
		{"Кафе Java 東京", "Кафе Java 東京", ""}, // scripts may mix
		{"system", "system", ""},
		{"", "", ""},
		{" \u2003 ", "", ""},
		{strings.Repeat("x", 80), strings.Repeat("x", 80), ""},
		{strings.Repeat("x", 81), "", TooLarge},
		{strings.Repeat("x", 8000), "", TooLarge},
		{"a\nb", "", BadRequest},
		{"a\u202eb", "", BadRequest},
		{"a\x00", "", BadRequest},
		{"x̂̃̄", "", BadRequest},
	} {
		got, err := cleanLine("title", tt.in, 80)
		if got != tt.want || CodeOf(err) != tt.code {
			t.Errorf("cleanLine(%q) = %q, %v; want %q, %q", tt.in, got, err, tt.want, tt.code)
		}
		e, ok := errors.AsType[*Error](err)
		if ok && (e.Field != "title" || e.Code == TooLarge && e.Limit != 80) {
			t.Errorf("cleanLine(%q): %+v lacks field or limit", tt.in, e)
		}
	}
}

func TestShorten(t *testing.T) {
	for _, tt := range []struct {
		in   string
		n    int
		want string
	}{
		{"Ada", 5, "Ada"}, {"Ada", 2, "Ad"}, {"Ada", 0, ""}, {"Ada L", 4, "Ada"}, {"ệệệ", 2, "ệệ"}, {"हरि", 1, "ह"},
	} {
		if got := shorten(tt.in, tt.n); got != tt.want {
			t.Errorf("shorten(%q, %d) = %q, want %q", tt.in, tt.n, got, tt.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, s := range []string{"Ada", "Ａ\u00a0d\u0301", "👩‍💻", "Ενα", "김 Kim", "x̂̃̄", "\xff", "\u202e", "ﷺ", "ǅ", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		name, err := cleanName(in, 32)
		if err != nil {
			if CodeOf(err) != NameInvalid {
				t.Fatalf("cleanName(%q): %v", in, err)
			}
			return
		}
		if n := uniseg.GraphemeClusterCount(name); n < 1 || n > 32 || !utf8.ValidString(name) {
			t.Fatalf("cleanName(%q) = %q: %d graphemes", in, name, n)
		}
		if again, err := cleanName(name, 32); err != nil || again != name {
			t.Fatalf("cleanName(%q) = %q, then %q, %v", in, name, again, err)
		}
		key := skeleton(name)
		if key == "" || skeleton(strings.ToUpper(name)) != key && skeleton(strings.ToLower(name)) != key {
			t.Fatalf("skeleton(%q) = %q, upper %q, lower %q", name, key,
				skeleton(strings.ToUpper(name)), skeleton(strings.ToLower(name)))
		}
		if spoofed(name) == "" {
			t.Fatalf("spoofed(%q) is empty", name)
		}
	})
}
