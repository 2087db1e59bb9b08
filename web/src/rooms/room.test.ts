import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStore, type Store } from '../app/storage.ts'
import { interrupted } from '../connection/requests.ts'
import { rowsOf } from '../log/rows.ts'
import type { Entry, JoinReply, Member } from '../wire.ts'
import { Room, type Neighbourhood } from './room.ts'

interface Asked { event: string; object: Record<string, unknown>; settle: (answer: object) => void }

const me: Member = { id: 'me', name: 'Maria', color: 3, role: 'owner', state: 'here' }
const tom: Member = { id: 'tom', name: 'Tom', color: 4, role: 'member', state: 'here' }
const message = (seq: number, more: Partial<Entry> = {}): Entry => ({ room: 'ABC', seq, kind: 'message', at: '2026-01-01T00:00:00.000Z', from: tom, text: `m${seq}`, ...more })
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i))
const info = { code: 'ABC', title: '', epoch: 'e', head: 0, first: 1, createdAt: '', keep: '30d', locked: false, passphrase: false, slow: 0, count: 1 }
const joined = (more: Partial<JoinReply> = {}) => ({ ok: true, room: 'ABC', info, you: me, members: [me], count: 1, entries: [], more: false, epoch: 'e', head: 0, read: 0, unread: 0, ...more })
const refused = (code: string, more = {}) => ({ ok: false, error: { code, message: '', ...more } })

let asked: Asked[]
let watching: boolean
let store: Store
let room: Room

const line = {
  ask: (event: string, object: object, settle: (answer: object) => void) => void asked.push({ event, object: object as Record<string, unknown>, settle }),
  mention: (event: string, object: object) => void asked.push({ event, object: object as Record<string, unknown>, settle: () => {} }),
  offers: () => true,
}
const around: Neighbourhood = { watched: () => watching, joined: () => {}, refused: () => {}, withdrawn: () => {}, news: () => {} }
const take = (event: string): Asked => {
  const i = asked.findIndex(each => each.event === event)
  expect(i, `${event} was asked`).toBeGreaterThanOrEqual(0)
  return asked.splice(i, 1)[0]!
}
const texts = () => {
  vi.advanceTimersByTime(50) // a burst is drawn together
  return rowsOf(room).flatMap(row => (row.kind === 'message' ? [row.text] : []))
}

beforeEach(() => {
  vi.useFakeTimers()
  asked = []
  watching = true
  store = openStore(() => undefined)
  room = new Room('abc', { name: 'Maria' }, store, line as never, around)
  room.join()
})
afterEach(() => vi.useRealTimers())

it('joins without a cursor at first, and with it at every later connect', () => {
  expect(take('join').object).toEqual({ room: 'abc', name: 'Maria' })
  room.join()
  take('join').settle(joined({ entries: run(1, 3), head: 3 }))
  expect(room.code.value).toBe('ABC')
  room.lost()
  room.join()
  expect(take('join').object).toEqual({ room: 'ABC', name: 'Maria', after: { epoch: 'e', seq: 3 } })
})

it('takes entries that come right behind the answer', () => {
  take('join').settle(joined({ entries: run(1, 3), head: 3 }))
  room.receive(message(4))
  expect(texts()).toEqual(['m1', 'm2', 'm3', 'm4'])
})

it('fills in all that was missed, page by page, while news wait', () => {
  take('join').settle(joined({ entries: run(1, 3), head: 3 }))
  room.lost()
  room.join()
  take('join').settle(joined({ entries: run(4, 5), head: 8, more: true }))
  room.receive(message(9))
  const page = take('history')
  expect(page.object).toMatchObject({ after: { epoch: 'e', seq: 5 } })
  page.settle({ ok: true, entries: run(6, 7), more: true, epoch: 'e', head: 9 })
  take('history').settle({ ok: true, entries: run(8, 9), more: false, epoch: 'e', head: 9 })
  expect(texts()).toEqual(run(1, 9).map(entry => entry.text))
})

it('begins anew on reset', () => {
  take('join').settle(joined({ entries: run(1, 3), head: 3 }))
  room.lost()
  room.join()
  take('join').settle(joined({ entries: [message(1, { text: 'new' })], head: 1, epoch: 'f', reset: true }))
  expect(texts()).toEqual(['new'])
  expect(room.log.cursor).toEqual({ epoch: 'f', seq: 1 })
})

it('heals a gap after 300 ms with one question', () => {
  take('join').settle(joined({ entries: run(1, 3), head: 3 }))
  room.receive(message(5))
  room.receive(message(6))
  vi.advanceTimersByTime(300)
  take('history').settle({ ok: true, entries: run(4, 6), more: false, epoch: 'e', head: 6 })
  expect(texts()).toEqual(run(1, 6).map(entry => entry.text))
  expect(asked.filter(({ event }) => event === 'history')).toEqual([])
})

it('asks for entries and members on resync', () => {
  take('join').settle(joined({ entries: run(1, 3), head: 3 }))
  room.resync()
  expect(take('history').object).toMatchObject({ after: { epoch: 'e', seq: 3 } })
  take('members').settle({ ok: true, members: [me, tom], count: 2, more: false })
  expect(room.people.members.value.size).toBe(2)
})

describe('at the door', () => {
  it('says why, and knocks again with what was asked for', () => {
    take('join').settle(refused('wrong_passphrase'))
    expect(room.phase.value).toMatchObject({ at: 'door', failure: { code: 'wrong_passphrase' } })
    room.enter({ passphrase: 'sesame' })
    expect(room.phase.value).toMatchObject({ at: 'joining', after: { code: 'wrong_passphrase' } })
    const knock = take('join')
    expect(knock.object).toEqual({ room: 'abc', name: 'Maria', passphrase: 'sesame' })
    knock.settle(joined())
    expect(room.phase.value.at).toBe('in')
  })
  it('tries again by itself what may pass', () => {
    take('join').settle(refused('shutting_down', { retry: true, retryAfter: 1 }))
    expect(room.phase.value.at).toBe('joining')
    vi.advanceTimersByTime(1000)
    take('join')
  })
  it('leaves an interrupted join to the next connect', () => {
    take('join').settle(interrupted)
    vi.advanceTimersByTime(60_000)
    expect(asked).toEqual([])
  })
  it('knows a room that has ended while we were away', () => {
    take('join').settle(joined())
    room.join()
    take('join').settle(refused('not_found'))
    expect(room.phase.value).toMatchObject({ at: 'removed', removed: { reason: 'destroyed' } })
  })
})

describe('reading', () => {
  it('counts what is not seen, and tells the server what is', () => {
    take('join').settle(joined({ entries: run(1, 3), head: 3, read: 3 }))
    watching = false
    room.receive(message(4))
    room.receive(message(5, { from: me }))
    expect(room.unread.count.value).toBe(1)
    watching = true
    room.look()
    expect(room.unread.count.value).toBe(0)
    vi.advanceTimersByTime(1000)
    expect(take('read').object).toMatchObject({ seq: 5 })
  })
  it('draws the line where reading stopped, not on a first visit', () => {
    watching = false
    take('join').settle(joined({ entries: run(1, 5), head: 5, read: 3, unread: 2 }))
    expect(room.unread.line.value).toBe(3)
    const fresh = new Room('abc', { name: 'Maria' }, store, line as never, around)
    fresh.join()
    take('join').settle(joined({ entries: run(1, 5), head: 5, read: 0, unread: 5 }))
    expect(fresh.unread.line.value).toBeUndefined()
  })
  it('follows what another device has read', () => {
    watching = false
    take('join').settle(joined({ entries: run(1, 5), head: 5, read: 1, unread: 4 }))
    room.heardMe({ room: 'ABC', read: 4 })
    expect(room.unread.count.value).toBe(1)
  })
})

it('shows a message of mine once, whichever comes first', () => {
  take('join').settle(joined())
  room.say('hello')
  const send = take('send')
  const id = send.object.id as string
  room.receive(message(1, { from: me, id, text: 'hello' }))
  expect(texts()).toEqual(['hello'])
  send.settle({ ok: true, seq: 1, at: '' })
  expect(texts()).toEqual(['hello'])
  room.say('again')
  const second = take('send')
  second.settle({ ok: true, seq: 2, at: '' })
  expect(texts()).toEqual(['hello', 'again'])
  room.receive(message(2, { from: me, id: second.object.id as string, text: 'again' }))
  expect(texts()).toEqual(['hello', 'again'])
})

it('asks who is here when the numbers differ, at most every 10 s', () => {
  take('join').settle(joined())
  room.heardPresence({ room: 'ABC', at: '', count: 2 })
  vi.advanceTimersByTime(0)
  take('members').settle({ ok: true, members: [me, tom], count: 3, more: false })
  vi.advanceTimersByTime(9999)
  expect(asked).toEqual([])
  vi.advanceTimersByTime(1)
  take('members')
})

describe('a refusal that ends', () => {
  it('of a ban is said at the door, and the door is tried again by itself', () => {
    take('join').settle(refused('banned', { retry: true, retryAfter: 60 }))
    expect(room.phase.value).toMatchObject({ at: 'door', failure: { code: 'banned' }, until: Date.now() + 60_000 })
    vi.advanceTimersByTime(59_999)
    expect(asked).toEqual([])
    vi.advanceTimersByTime(1)
    take('join').settle(joined())
    expect(room.phase.value).toEqual({ at: 'in' })
  })

  it('of years is not waited for, nor taken for none by the timer', () => {
    take('join').settle(refused('banned', { retry: true, retryAfter: 3e9 }))
    vi.advanceTimersByTime(7_200_000)
    expect(asked).toEqual([])
    expect(room.phase.value).toMatchObject({ at: 'door' })
  })

  it('puts out who was banned while the connection was lost, but bears with a full or hasty server', () => {
    take('join').settle(joined({ entries: run(1, 1), head: 1 }))
    for (const code of ['full', 'rate_limited', 'internal']) {
      room.lost()
      room.join()
      take('join').settle(refused(code, { retry: true, retryAfter: 1 }))
      expect(room.phase.value).toEqual({ at: 'in' })
      vi.advanceTimersByTime(1000)
      take('join').settle(joined({ head: 1 }))
    }
    room.join()
    take('join').settle(refused('banned'))
    expect(room.phase.value).toEqual({ at: 'door', failure: { code: 'banned', message: '' } })
  })

  it('of another sort is over before it could be read', () => {
    take('join').settle(refused('storage_unavailable', { retry: true }))
    expect(room.phase.value).toEqual({ at: 'joining' })
    vi.advanceTimersByTime(2000)
    take('join')
  })
})

describe('the owner\u2019s key', () => {
  it('is shown once, and not again at the next connect', () => {
    take('join').settle(joined())
    room.enter({ key: 'k' })
    expect(take('join')).toMatchObject({ object: { key: 'k', after: { epoch: 'e', seq: 0 } } })
    room.join()
    take('join').settle(joined())
    room.lost()
    room.join()
    expect(take('join').object).not.toHaveProperty('key')
  })

  it('that is wrong costs nobody their place', () => {
    take('join').settle(joined())
    room.enter({ key: 'wrong' })
    take('join').settle(refused('forbidden', { field: 'key' }))
    expect(take('join').object).not.toHaveProperty('key')
  })
})

it('knows from joining on that it is muted', () => {
  take('join').settle(joined({ mutedUntil: '2026-01-01T01:00:00.000Z' }))
  expect(room.mutedUntil.value).toBe('2026-01-01T01:00:00.000Z')
  room.join()
  take('join').settle(joined())
  expect(room.mutedUntil.value).toBeUndefined()
})
