// Names as faces.

const segmenter = typeof Intl.Segmenter === 'function' ? new Intl.Segmenter() : undefined

/** The first character as people count them: an emoji or a letter with its marks is one. */
function first(word: string): string {
  const segment = segmenter?.segment(word)[Symbol.iterator]().next().value
  return segment?.segment ?? [...word][0] ?? ''
}

/** One or two initials: "Maria Silva" is MS, "李小龙" is 李. */
export function initials(name: string): string {
  const words = name.split(/[\s\-_.]+/).filter(word => /[\p{L}\p{N}\p{S}]/u.test(word))
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].flatMap(word => (word === undefined ? [] : [first(word)]))
  // Two wide characters do not fit into a face.
  const shown = letters.some(letter => /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Extended_Pictographic}]/u.test(letter)) ? letters.slice(0, 1) : letters
  return shown.join('').toLocaleUpperCase() || first(name.trim()).toLocaleUpperCase() || '?'
}

/** The class of a member's colour; the palette has 16, and what is not in it is 0. */
export function colorClass(color: number): string {
  return `hue-${Number.isInteger(color) && color >= 0 && color < 16 ? color : 0}`
}
