// What a line that begins with a slash means.

export interface Command { name: string; hint: string; what: string }

export const commands: readonly Command[] = [
  { name: 'help', hint: '', what: 'what can be written here' },
  { name: 'name', hint: 'new name', what: 'change your name in this room' },
  { name: 'me', hint: 'waves', what: 'say what you do' },
  { name: 'join', hint: 'code or link', what: 'open another room' },
  { name: 'room', hint: '', what: 'the room’s link and settings' },
  { name: 'search', hint: 'words', what: 'find what was said here' },
  { name: 'leave', hint: '', what: 'leave this room' },
  { name: 'theme', hint: 'light, dark or auto', what: 'change the colours' },
  { name: 'keys', hint: '', what: 'the keys that work here' },
]

export type Written = { say: string } | { command: string; rest: string } | { unknown: string } | undefined

/** Reads what was written; nothing at all if it is only white space. */
export function read(written: string): Written {
  const text = written.replace(/\s+$/u, '').replace(/^(\s*\n)+/u, '')
  if (text.trim() === '') return undefined
  if (text.startsWith('//')) return { say: text.slice(1) }
  const [, name, rest] = /^\/([^\s/]*)(?:\s+([\s\S]*))?$/.exec(text) ?? []
  if (name === undefined) return { say: text } // "/usr/bin" and the like is talk
  // "/me" goes over the wire as it is, as elsewhere (XEP-0245); whoever shows it makes it an action.
  if (name === 'me') return rest ? { say: `/me ${rest}` } : { unknown: 'me' }
  if (commands.some(command => command.name === name)) return { command: name, rest: rest?.trim() ?? '' }
  return { unknown: name }
}

/** What somebody does, if the message says so. */
export function actionIn(text: string): string | undefined {
  return text.startsWith('/me ') ? text.slice(4) : undefined
}
