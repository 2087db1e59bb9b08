import { expect, it } from 'vitest'
import type { Entry } from '../wire.ts'
import { describe } from './notes.ts'

const ada = { id: 'a', name: 'Ada', color: 1 }
const bob = { id: 'b', name: 'Bob', color: 2 }
const entry = (more: Partial<Entry>): Entry => ({ room: 'r', seq: 1, kind: 'moderation', at: '2026-03-01T09:31:00.000Z', from: ada, member: bob, ...more })
const later = (seconds: number) => new Date(Date.parse('2026-03-01T09:31:00.000Z') + seconds * 1000).toISOString()

it.each<[Partial<Entry>, string]>([
  [{ deed: 'kick', until: later(60), reason: 'too loud' }, 'Ada put Bob out for 1 minute: too loud'],
  [{ deed: 'kick', until: later(59.98) }, 'Ada put Bob out for 1 minute'],
  [{ deed: 'ban', until: later(86_400) }, 'Ada banned Bob for 1 day'],
  [{ deed: 'ban', reason: 'spam' }, 'Ada banned Bob for good: spam'],
  [{ deed: 'ban', lifted: true, until: later(0) }, 'Ada let Bob back in'],
  [{ deed: 'mute', until: later(600) }, 'Ada muted Bob for 10 minutes'],
  [{ deed: 'mute' }, 'Ada muted Bob for good'],
  [{ deed: 'mute', lifted: true }, 'Ada let Bob write again'],
  [{ deed: 'clear', count: 12 }, 'Ada deleted 12 messages of Bob'],
  [{ deed: 'clear', count: 1 }, 'Ada deleted a message of Bob'],
  [{ deed: 'role', role: 'owner' }, 'Ada made Bob an owner'],
  [{ deed: 'role', role: 'moderator' }, 'Ada made Bob a moderator'],
  [{ deed: 'role', role: 'member' }, 'Ada made Bob a plain member again'],
  [{ deed: 'role', role: 'member', member: ada }, 'Ada made themselves a plain member again'],
  [{ deed: 'knight' }, ''],
  [{ kind: 'brand new' }, ''],
  [{ kind: 'name', was: 'Adele' }, 'Adele is now called Ada'],
  [{ kind: 'room', info: { slow: 300, locked: true } }, 'Ada locked the room and slowed the talk to a message every 5 minutes'],
])('%j says %j', (more, line) => {
  expect(describe(entry(more))).toBe(line)
})

it('says nothing of a deed to nobody', () => {
  const { member: _, ...nobody } = entry({ deed: 'kick' })
  expect(describe(nobody)).toBe('')
})
