import { expect, it } from 'vitest'
import type { Outgoing } from '../composer/outbox.ts'
import type { Coming } from '../presence/comings.ts'
import type { Entry } from '../wire.ts'
import { buildRows, mostRows, type MessageRow, type Source } from './rows.ts'

const ana = { id: 'a', name: 'Ana', color: 1 }
const ben = { id: 'b', name: 'Ben', color: 2 }
const noon = Date.parse('2026-03-10T12:00:00.000Z')
const message = (seq: number, minutes: number, from = ana, more: Partial<Entry> = {}): Entry => ({ room: 'r', seq, kind: 'message', at: new Date(noon + minutes * 60_000).toISOString(), from, text: 'x', ...more })
const source = (more: Partial<Source>): Source => ({ entries: [], comings: [], pending: [], me: ben, deeds: [], mine: () => undefined, quote: () => undefined, atStart: false, atTail: true, unreadAfter: undefined, ...more })
const kinds = (rows: { kind: string }[]) => rows.map(row => row.kind)
const messages = (more: Partial<Source>) => buildRows(source(more)).filter((row): row is MessageRow => row.kind === 'message')
const pending = (id: string, more: Partial<Outgoing> = {}): Outgoing => ({ id, text: 'p', at: noon, state: 'waiting', late: false, ...more })
const coming = (after: number, name: string, came = true): Coming => ({ after, n: after * 10, id: name, name, came })

it('groups messages of one person within five minutes', () => {
  const firsts = messages({ entries: [message(1, 0), message(2, 4), message(3, 8.9), message(4, 14), message(5, 14, ben), message(6, 14)] }).map(row => row.first)
  expect(firsts).toEqual([true, false, false, true, true, true])
})

it('begins a new group under another name', () => {
  const firsts = messages({ entries: [message(1, 0), message(2, 0, { ...ana, name: 'Anne' })] }).map(row => row.first)
  expect(firsts).toEqual([true, true])
})

it("draws a line at the reader's midnight", () => {
  // 23:00Z is midnight in the tests' time zone, Berlin.
  const rows = buildRows(source({ entries: [message(1, 10 * 60 + 59), message(2, 11 * 60), message(3, 11 * 60 + 1)] }))
  expect(kinds(rows)).toEqual(['day', 'message', 'day', 'message', 'message'])
  expect(rows.filter(row => row.kind === 'message').map(row => (row as MessageRow).first)).toEqual([true, true, false])
})

it('puts no line of yesterday under the talk of today, whatever the clock of this browser', () => {
  const rows = buildRows(source({ entries: [message(1, 0)], pending: [pending('1', { at: noon - 3 * 86_400_000 })] }))
  expect(kinds(rows)).toEqual(['day', 'message', 'message'])
})

it('draws the unread line once, before the first message of others', () => {
  const rows = buildRows(source({ unreadAfter: 2, entries: [message(1, 0), message(2, 0), message(3, 0, ben), message(4, 0), message(5, 0)] }))
  expect(kinds(rows)).toEqual(['day', 'message', 'message', 'message', 'unread', 'message', 'message'])
})

it('folds comings between two messages into one line', () => {
  const comings = [coming(1, 'P1'), coming(1, 'P2'), coming(1, 'P3'), coming(2, 'P4')]
  const rows = buildRows(source({ entries: [message(1, 0), message(2, 0)], comings }))
  expect(kinds(rows)).toEqual(['day', 'message', 'note', 'message', 'note'])
  expect(rows[2]).toMatchObject({ text: 'P1, P2 and P3 joined' })
})

it('leaves out comings before what is shown, and those that come to nothing', () => {
  expect(kinds(buildRows(source({ entries: [message(5, 0)], comings: [coming(3, 'P1')] })))).toEqual(['day', 'message'])
  expect(kinds(buildRows(source({ entries: [message(5, 0)], comings: [coming(5, 'P', false), coming(5, 'P', true)] })))).toEqual(['day', 'message'])
})

it('shows comings of a room where nothing was said', () => {
  expect(kinds(buildRows(source({ atStart: true, comings: [coming(0, 'P1')] })))).toEqual(['start', 'note'])
})

it('keeps the key of a message from writing to history', () => {
  const before = messages({ pending: [pending('id1')] })[0]!
  const after = messages({ entries: [message(9, 0, ben, { id: 'id1' })] })[0]!
  expect([before.key, before.state, after.key, after.state]).toEqual(['mid1', 'pending', 'mid1', 'sent'])
})

it("tells others' ids from mine", () => {
  expect(messages({ entries: [message(9, 0, ana, { id: 'id1' })] })[0]!.key).toBe('s9')
})

it('says what is not sent', () => {
  const states = messages({ pending: [pending('1'), pending('2', { state: 'underway' }), pending('3', { state: 'sent', seq: 4 }), pending('4', { state: 'failed' }), pending('5', { late: true })] }).map(row => row.state)
  expect(states).toEqual(['pending', 'pending', 'sent', 'failed', 'failed'])
})

it('shows what waits only at the end of the talk', () => {
  expect(messages({ atTail: false, pending: [pending('1')] })).toEqual([])
})

it('tells names and rooms, and keeps silent about kinds it does not know', () => {
  const entries = [message(1, 0, ana, { kind: 'name', was: 'Anna' }), message(2, 0, ana, { kind: 'room', info: { title: 'Walk' } }), message(3, 0, ana, { kind: 'poll' }), message(4, 0, ana, { kind: 'room', info: {} })]
  const notes = buildRows(source({ entries })).flatMap(row => (row.kind === 'note' ? [row.text] : []))
  expect(notes).toEqual(['Anna is now called Ana', 'Ana named the room “Walk”'])
})

it('never has too many rows', () => {
  const entries = Array.from({ length: 220 }, (_, i) => message(i + 1, i * 2000))
  const rows = buildRows(source({ entries }))
  expect(rows.length).toBe(mostRows)
  expect(rows.at(-1)).toMatchObject({ seq: 220 })
  expect(buildRows(source({ entries, atTail: false }))[1]).toMatchObject({ seq: 1 })
})

it.each([
  ['hello @Ben', true], ['@ben, come', true], ['@Benno', false], ['a@Ben', false], ['Ben', false], ['(@Ben)', true], ['@Ben', true],
])('knows whether %j calls Ben', (text, called) => {
  expect(messages({ entries: [message(1, 0, ana, { text })] })[0]!.hails).toBe(called)
})

it('a reply opens a group of its own, and carries what it replies to', () => {
  const quote = { seq: 1, from: ana, text: 'first' }
  const rows = messages({ entries: [message(1, 0), message(2, 0, ana, { replyTo: 1 }), message(3, 0, ana, { replyTo: 1, deleted: 't', text: '' })], quote: seq => (seq === 1 ? quote : 'gone') })
  expect(rows.map(({ first, quote: found }) => [first, found])).toEqual([[true, undefined], [true, quote], [false, undefined]])
})
