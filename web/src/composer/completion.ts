// Completing names after @ and emoji after a colon.

/** What stands before the caret and may be completed. */
export interface Token { kind: 'name' | 'emoji' | 'command'; start: number; query: string }

export interface Candidate { insert: string; show: string; sign?: string }

/** The token that ends at the caret. "10:30" and "a@b" are none: it begins a word. */
export function tokenAt(text: string, caret: number): Token | undefined {
  const before = text.slice(0, caret)
  const command = /^\/([a-z]*)$/.exec(before)
  if (command) return { kind: 'command', start: 0, query: command[1]! }
  const name = /(?:^|[\s(])@([^\s@]{0,32})$/u.exec(before)
  if (name) return { kind: 'name', start: caret - name[1]!.length - 1, query: name[1]! }
  const emoji = /(?:^|[\s(])(:[a-z][a-z0-9_+-]{1,30})$/.exec(before)
  if (emoji) return { kind: 'emoji', start: caret - emoji[1]!.length, query: emoji[1]!.slice(1) }
  return undefined
}

const most = 6

/** Names that begin with the query, or hold a word that does. */
export function matchNames(names: readonly string[], query: string): Candidate[] {
  const wanted = fold(query)
  const good = (name: string) => fold(name).startsWith(wanted)
  const fair = (name: string) => name.split(/\s+/).some(word => fold(word).startsWith(wanted))
  return [...names.filter(good), ...names.filter(name => !good(name) && fair(name))].slice(0, most).map(name => ({ insert: `@${name} `, show: name }))
}

export function matchEmoji(table: ReadonlyArray<readonly [code: string, emoji: string]>, query: string): Candidate[] {
  const good = table.filter(([code]) => code.startsWith(query))
  const fair = table.filter(([code]) => !code.startsWith(query) && code.includes(query))
  return [...good, ...fair].slice(0, most).map(([code, emoji]) => ({ insert: `${emoji} `, show: `:${code}:`, sign: emoji }))
}

/** Puts a candidate in the place of the token. */
export function complete(text: string, caret: number, token: Token, candidate: Candidate): { text: string; caret: number } {
  const rest = text.slice(caret)
  const insert = rest.startsWith(' ') ? candidate.insert.trimEnd() : candidate.insert
  return { text: text.slice(0, token.start) + insert + rest, caret: token.start + insert.length + (insert === candidate.insert ? 0 : 1) }
}

function fold(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase()
}
