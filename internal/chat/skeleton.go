package chat

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// A skeleton is what a name looks like: two names with one skeleton are taken
// for each other. The idea is that of UTS 39, section 4; the table is our own, of
// look-alikes in Latin, Greek, Cyrillic and Armenian, digits, signs and punctuation, and of what a
// name in another script may hold. It is case-blind, and so coarser than UTS 39: i, l and 1
// are one, as are m and rn.
//
// A skeleton is stored with the membership, to be compared in the database:
// a change here lets old and new names clash less well until they are given anew.

// lookalikes says what small letters, digits and signs look like. Characters are
// looked up after case folding and without their marks.
var lookalikes = prototypes(map[string]string{
	// Latin, as it is seen through small capitals and letters of other alphabets
	// that have the same shape: first Latin, then Greek, Cyrillic, others.
	"a":  "ɑɐᴀⱥ" + "α" + "а" + "@",
	"ae": "æᴁ" + "ӕ",
	"b":  "ʙƀƅɓ" + "β" + "вьъҍ",
	"c":  "ᴄƈȼꞓɕ" + "сҫ" + "ⅽ¢",
	"d":  "đɖɗᴅðȡ" + "ԁ" + "ⅾ",
	"e":  "ɛᴇɘəɇǝ" + "εϵ" + "еєҽ" + "℮€",
	"f":  "ƒꜰ" + "ϝ" + "ք",
	"g":  "ɡɢǥɠ" + "ԍ" + "ց",
	"h":  "ħʜɦⱨɧ" + "η" + "нһңӈ" + "հ",
	"j":  "ʝȷᴊɉ" + "ϳ" + "ј" + "յ",
	"k":  "ĸᴋƙꝁⱪ" + "κϰ" + "кқҝҟӄ",
	"l":  "iı1|ɩɪɨłƚʟɫɭɬⱡꞁǀ" + "ι" + "іӏ" + "∣│｜¦ا١۱וןⅼⅰ丨",
	"n":  "ŋɴɲɳƞȵ" + "ν" + "пԥ" + "ոռ",
	"o":  "0ᴏøɵꝋ" + "οσθ" + "оөѳ" + "օסه٥۵०০੦૦୦௦౦೦൦๐໐၀ഠ〇○◦",
	"oe": "œɶ",
	"p":  "ᴘþƿꝑƥ" + "ρϱ" + "рҏ",
	"q":  "ʠɋ" + "ϙ" + "ԛ" + "զգ",
	"r":  "ʀɍɼɽɾɹɻ" + "гґғ",
	"rn": "mᴍɱ" + "μ" + "мӎ" + "ⅿ",
	"s":  "ꜱʂƽȿ" + "ѕ" + "տ" + "$",
	"ss": "ß",
	"t":  "ŧᴛƭțʈƫⱦ" + "τ" + "тҭ",
	"u":  "ᴜʉʊ" + "ս",
	"v":  "ʋᴠⱱ" + "ѵ" + "ⅴ",
	"vv": "wᴡɯⱳ" + "ω" + "ѡԝш",
	"x":  "×" + "χ" + "хҳ" + "ⅹ",
	"y":  "ʏɏƴ" + "υ" + "уүұўҮ" + "¥",
	"z":  "ᴢƶʐȥʑɀⱬ" + "ζ",
	"2":  "ƨ",
	"3":  "ʒȝɜ" + "зӡ",
	"4":  "ч",
	"6":  "б",
	"8":  "ȣ",

	// Kana and Han that differ by a hair.
	"口": "ロ", "工": "エ", "力": "カ", "二": "ニ", "八": "ハ", "卜": "ト", "夕": "タ", "へ": "ヘ", "り": "リ",

	// Signs.
	"-":  "‐‑‒–—―−⁃﹣－ー一",
	"'":  "`‘’‛′ʹʻʼʽˈ",
	"''": "\"“”„‟″",
	".":  "·•․。．∙⋅",
	",":  "‚،",
	":":  "∶ː꞉：׃",
	"/":  "⁄∕╱",
	"*":  "∗⁎٭",
	"~":  "∼〜～",
	"!":  "ǃ",
	"_":  "ˍ",
})

// prototypes turns the table around.
func prototypes(table map[string]string) map[rune]string {
	of := make(map[rune]string)
	for prototype, alike := range table {
		for _, r := range alike {
			of[r] = prototype
		}
	}
	// Letters in circles and squares, and those that flags are made of.
	for i := range rune(26) {
		prototype := of['a'+i]
		if prototype == "" {
			prototype = string('a' + i)
		}
		for _, a := range []rune{0x1F150, 0x1F170, 0x1F1E6} {
			of[a+i] = prototype
		}
	}
	return of
}

// skeleton is what a clean name looks like.
func skeleton(name string) string {
	// A Caser keeps state: one for each call.
	folded := norm.NFD.String(cases.Fold().String(norm.NFKC.String(name)))
	var b strings.Builder
	strips := false // marks on the letter before say little
	for _, r := range folded {
		switch {
		case unicode.Is(unicode.M, r):
			if !strips {
				b.WriteRune(r)
			}
			continue
		case !visible(r): // spaces, and what does not show
			continue
		}
		strips = r < 0x80 || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		if p, ok := lookalikes[r]; ok {
			b.WriteString(p)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// A shape is the Latin letters that one of another alphabet looks like as it
// stands, in its own case. The table above is blind to case, and so has only what
// holds in both, or in the commoner one: it cannot have ν, which looks like v and is the small letter of Ν.
var shapes = func() map[rune]string {
	table := make(map[rune]string)
	for latin, alike := range map[string]string{
		// Greek, Cyrillic, Armenian, Coptic, as far as they differ from the table
		// above, or are needed to read a name to its end.
		"A": "ΑАᎪꓮⲀ", "a": "αаⲁ", "B": "ΒВᏴꓐⲂ", "b": "β", "C": "СᏟꓚⲤ", "c": "сⲥ", "D": "ᎠꓓԀ", "d": "ԁδժ", "E": "ΕЕᎬꓰ", "e": "εеⲉ",
		"F": "ϜꓝԲ", "f": "ϝք", "G": "ԌᏀꓖ", "g": "ցԍ", "H": "ΗНᎻꓧⲎ", "h": "һհի", "I": "ΙІӀᏆꓲⲒ", "i": "ιіⲓᎥ", "J": "ЈᎫꓙͿ", "j": "јյϳ",
		"K": "ΚКᏦꓗⲔ", "k": "κкⲕ", "L": "ᏞꓡԼ", "l": "ӏլ", "M": "ΜМᎷꓟⲘ", "N": "ΝꓠⲚ", "n": "ηпոռղⲏ", "O": "ΟОꓳՕⲞ", "o": "οоσօⲟ",
		"P": "ΡРᏢꓑⲢ", "p": "ρрⲣթ", "Q": "Ԛ", "q": "ԛզգ", "R": "ᎡꓣԄ", "r": "г", "S": "ЅᏚꓢՏ", "s": "ѕ", "T": "ΤТᎢꓔⲦ", "t": "τтեէ", "u": "υսμцմⲩ",
		"U": "ꓴՍ", "V": "ѴᏙꓦ", "v": "νѵ", "W": "ԜᎳꓪ", "w": "ωԝապш", "X": "ΧХꓫⲬ", "x": "χхⲭ", "Y": "ΥҮꓬⲨ", "y": "γуү", "Z": "ΖᏃꓜ", "z": "ζչ",
		"m": "мտ", "2": "ՇԶ", "3": "ЗզՅ", "4": "чվ", "6": "б", "8": "Ց",
	} {
		for _, r := range alike {
			if table[r] == "" {
				table[r] = latin
			}
		}
	}
	return table
}()

// looks are what a clean name looks like: two names with any of these in common are
// taken for each other. alike is "" where it would say the same again.
func looks(name string) (plain, alike string) {
	plain, alike = skeleton(name), spoofed(name)
	if alike == plain {
		alike = ""
	}
	return plain, alike
}

// spoofed is the skeleton of the Latin name that one in another alphabet looks like
// in the case it is written in: "Ενα" as "Eva". It is the name's own skeleton
// where it holds a letter that looks like no Latin one.
func spoofed(name string) string {
	var latin strings.Builder
	foreign := false
	for _, r := range norm.NFD.String(name) {
		shape, ok := shapes[r]
		switch {
		case unicode.Is(unicode.M, r):
		case ok:
			foreign = true
			latin.WriteString(shape)
		case unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r):
			return skeleton(name)
		default:
			latin.WriteRune(r)
		}
	}
	if !foreign {
		return skeleton(name)
	}
	return skeleton(latin.String())
}
