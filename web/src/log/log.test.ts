import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Entry } from '../wire.ts'
import { indexOf, Log } from './log.ts'

const author = { id: 'a', name: 'Ana', color: 1 }
const message = (seq: number, more: Partial<Entry> = {}): Entry => ({ room: 'r', seq, kind: 'message', at: '2026-01-01T00:00:00.000Z', from: author, text: `m${seq}`, ...more })
const run = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i))
const seqs = (log: Log) => log.shown.entries.map(entry => entry.seq)

let gaps: number
let news: number[]
let log: Log

beforeEach(() => {
  vi.useFakeTimers()
  gaps = 0
  news = []
  log = new Log(() => gaps++, entry => news.push(entry.seq))
})
afterEach(() => vi.useRealTimers())

describe('live entries', () => {
  beforeEach(() => log.open({ entries: run(4, 6), more: true, epoch: 'e', head: 6 }))

  it('follow the page', () => {
    log.receive(message(7))
    expect(seqs(log)).toEqual([4, 5, 6, 7])
    expect(log.cursor).toEqual({ epoch: 'e', seq: 7 })
    expect(news).toEqual([7])
  })
  it('are taken once', () => {
    for (const seq of [6, 7, 7, 5]) log.receive(message(seq))
    expect(seqs(log)).toEqual([4, 5, 6, 7])
    expect(news).toEqual([7])
  })
  it('that come early wait for those between, and no longer than 300 ms', () => {
    log.receive(message(9))
    log.receive(message(8))
    expect(seqs(log)).toEqual([4, 5, 6])
    vi.advanceTimersByTime(299)
    expect(gaps).toBe(0)
    log.receive(message(7))
    expect(seqs(log)).toEqual([4, 5, 6, 7, 8, 9])
    vi.advanceTimersByTime(1000)
    expect(gaps).toBe(0)
    log.receive(message(12))
    vi.advanceTimersByTime(300)
    expect(gaps).toBe(1)
    log.fill({ entries: [message(10), message(11)] }, true)
    expect(seqs(log)).toEqual([4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(news).toEqual([7, 8, 9, 10, 11, 12])
  })
  it('of unknown kinds move the cursor', () => {
    log.receive(message(7, { kind: 'poll' }))
    log.receive(message(8))
    expect(log.seq).toBe(8)
  })
  it('pass over seqs that no page shows any more', () => {
    log.receive(message(9))
    log.caughtUp(8)
    expect(seqs(log)).toEqual([4, 5, 6, 9])
  })
})

it('keeps nothing of another epoch', () => {
  log.open({ entries: run(1, 3), more: false, epoch: 'e', head: 3 })
  log.receive(message(9))
  log.open({ entries: run(1, 8), more: false, epoch: 'f', head: 8 })
  expect(log.cursor).toEqual({ epoch: 'f', seq: 8 })
  expect(seqs(log)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

it('keeps what overtook a page of the same epoch', () => {
  log.open({ entries: run(1, 3), more: false, epoch: 'e', head: 3 })
  log.receive(message(9))
  log.open({ entries: run(1, 8), more: false, epoch: 'e', head: 8 })
  expect(log.seq).toBe(9)
})

it('ignores live entries before the first page', () => {
  log.receive(message(1))
  expect(log.cursor).toBeUndefined()
  expect(seqs(log)).toEqual([])
})

describe('folding', () => {
  const deed = (seq: number, kind: string, target: number, more: Partial<Entry> = {}): Entry => ({ room: 'r', seq, kind, at: '2026-01-02T00:00:00.000Z', from: author, target, ...more })
  beforeEach(() => log.open({ entries: [message(1), message(2, { rev: 5, text: 'edited' }), message(3, { replyTo: 1, reactions: [{ emoji: '👍', count: 1 }] })], more: false, epoch: 'e', head: 5 }))

  it('applies a deed once, and only if it is newer than what is folded in', () => {
    log.fill({ entries: [deed(6, 'edit', 1, { text: 'new' })] })
    expect(log.find(1)).toMatchObject({ text: 'new', rev: 6, edited: '2026-01-02T00:00:00.000Z' })
    log.open({ entries: [message(2, { rev: 9, text: 'newest' })], more: true, epoch: 'e', head: 5 })
    log.fill({ entries: [deed(6, 'edit', 2, { text: 'older' })] })
    expect(log.find(2)!.text).toBe('newest')
  })
  it('keeps the text of a superseded edit, which brings none', () => {
    log.fill({ entries: [deed(6, 'edit', 1)] })
    expect(log.find(1)).toMatchObject({ text: 'm1', rev: 6 })
  })
  it('takes everything from a deleted message', () => {
    log.fill({ entries: [deed(6, 'delete', 3)] })
    expect(log.find(3)).toEqual({ ...message(3), text: undefined, deleted: '2026-01-02T00:00:00.000Z', rev: 6 })
  })
  it('counts reactions', () => {
    log.fill({ entries: [deed(6, 'react', 3, { emoji: '👍', on: true }), deed(7, 'react', 3, { emoji: '🎉', on: true }), deed(8, 'react', 3, { emoji: '👍', on: false })] })
    expect(log.find(3)!.reactions).toEqual([{ emoji: '👍', count: 1 }, { emoji: '🎉', count: 1 }])
    log.fill({ entries: [deed(9, 'react', 3, { emoji: '👍', on: false })] })
    expect(log.find(3)!.reactions).toEqual([{ emoji: '🎉', count: 1 }])
  })
  it('passes over unknown targets, and shows no deed as a line', () => {
    log.fill({ entries: [deed(6, 'edit', 99, { text: 'x' }), deed(7, 'delete', 4)] })
    expect(seqs(log)).toEqual([1, 2, 3])
    expect(log.seq).toBe(7)
  })
})

describe('long ago', () => {
  beforeEach(() => log.open({ entries: run(81, 100), more: true, epoch: 'e', head: 100 }))

  it('older pages go before what is shown', () => {
    log.prepend({ entries: run(61, 80), more: true, epoch: 'e', head: 100 })
    expect([seqs(log)[0], log.live.low, log.live.atStart]).toEqual([61, 61, false])
    log.prepend({ entries: run(1, 60), more: false, epoch: 'e', head: 100 })
    expect([seqs(log).length, log.live.atStart]).toEqual([100, true])
  })
  it('a visited page grows until it meets the present', () => {
    log.visit({ entries: run(21, 40), more: true, epoch: 'e', head: 100 })
    expect(seqs(log)).toEqual(run(21, 40).map(entry => entry.seq))
    log.receive(message(101))
    expect(seqs(log)).not.toContain(101)
    log.extend({ entries: run(41, 60) })
    expect(log.past).toBeDefined()
    log.extend({ entries: run(61, 101) })
    expect(log.past).toBeUndefined()
    expect(seqs(log)).toEqual(run(21, 101).map(entry => entry.seq))
  })
  it('a visited page that reaches what is here becomes part of it', () => {
    for (const last of [80, 95]) {
      log.open({ entries: run(81, 100), more: true, epoch: 'e', head: 100 })
      log.visit({ entries: run(31, last), more: true, epoch: 'e', head: 100 })
      expect(log.past).toBeUndefined()
      expect(seqs(log)).toEqual(run(31, 100).map(entry => entry.seq))
      expect([log.live.low, log.live.atStart]).toEqual([31, false])
    }
  })
  it('goes back to the present', () => {
    log.visit({ entries: run(21, 40), more: true, epoch: 'e', head: 100 })
    log.present()
    expect(seqs(log)[0]).toBe(81)
  })
  it('forgets the oldest when there is too much', () => {
    log.fill({ entries: run(101, 400) })
    log.trim(100)
    expect([seqs(log)[0], log.live.low, log.live.atStart]).toEqual([301, 301, false])
  })
})

it('knows whose id it has', () => {
  log.open({ entries: [message(1, { id: 'x' })], more: false, epoch: 'e', head: 1 })
  expect([log.has('a', 'x'), log.has('b', 'x'), log.has('a', 'y')]).toEqual([true, false, false])
})

it('finds by seq', () => {
  const entries = [2, 4, 6].map(seq => message(seq))
  expect([1, 2, 3, 6, 7].map(seq => indexOf(entries, seq))).toEqual([0, 0, 1, 2, 3])
})
