// What entries that are no messages say.
import type { Entry } from '../wire.ts'
import { spanOf } from './time.ts'

/** The line of an entry; empty for kinds that we do not know. */
export function describe(entry: Entry): string {
  switch (entry.kind) {
    case 'name': return `${entry.was ?? 'Somebody'} is now called ${entry.from.name}`
    case 'room': return changed(entry)
    case 'moderation': return moderated(entry)
    default: return ''
  }
}

function changed({ from, info = {} }: Entry): string {
  const { title, locked, keep, passphrase, slow } = info
  const said = [
    title !== undefined && (title === '' ? 'took the title away' : `named the room “${title}”`),
    locked !== undefined && (locked ? 'locked the room' : 'unlocked the room'),
    passphrase !== undefined && (passphrase ? 'set a passphrase' : 'removed the passphrase'),
    keep !== undefined && 'changed how long messages are kept',
    slow !== undefined && (slow > 0 ? `slowed the talk to a message every ${spanOf(slow)}` : 'let everybody talk at their own speed'),
  ].filter(part => part !== false)
  return said.length === 0 ? '' : `${from.name} ${said.join(' and ')}`
}

/** "Ada put Bob out for 1 minute: too loud". Deeds that we do not know say nothing. */
function moderated(entry: Entry): string {
  const { from, member, reason } = entry
  if (!member) return ''
  const did = deedOf(entry, member.id === from.id ? 'themselves' : member.name)
  return did === '' ? '' : `${from.name} ${did}${reason ? `: ${reason}` : ''}`
}

function deedOf({ deed, at, until, lifted, role, count = 0 }: Entry, whom: string): string {
  const span = until === undefined ? ' for good' : ` for ${spanOf((Date.parse(until) - Date.parse(at)) / 1000)}`
  switch (deed) {
    case 'kick': return `put ${whom} out${span}`
    case 'ban': return lifted ? `let ${whom} back in` : `banned ${whom}${span}`
    case 'mute': return lifted ? `let ${whom} write again` : `muted ${whom}${span}`
    case 'clear': return count === 1 ? `deleted a message of ${whom}` : `deleted ${count} messages of ${whom}`
    case 'role': return role === 'owner' ? `made ${whom} an owner` : role === 'moderator' ? `made ${whom} a moderator` : `made ${whom} a plain member again`
    default: return ''
  }
}
