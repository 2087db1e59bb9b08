import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openStore, type Store } from '../app/storage.ts'
import { interrupted, type Answer } from '../connection/requests.ts'
import type { SendReply } from '../wire.ts'
import { lateAfter, Outbox } from './outbox.ts'

interface Sent { text: string; id?: string; epoch?: string; settle: (answer: Answer<SendReply>) => void }

let store: Store
let sent: Sent[]
const make = () => new Outbox(store, 'Room', (request, settle) => sent.push({ ...request, settle }))
const refuse = (code: string, more = {}) => ({ ok: false as const, error: { code, message: '', ...more } })
const ok = (seq = 1) => ({ ok: true as const, seq, at: '' })
const states = (outbox: Outbox) => outbox.items.value.map(item => item.state)
const none = () => false

beforeEach(() => {
  vi.useFakeTimers()
  store = openStore(() => undefined)
  sent = []
})
afterEach(() => vi.useRealTimers())

it('sends nothing before the room is joined, then everything in order', () => {
  const outbox = make()
  for (const text of ['1', '2', '3', '4', '5']) outbox.add(text)
  expect(sent).toEqual([])
  outbox.begin('e', none)
  expect(sent.map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5'])
  expect(new Set(sent.map(({ id }) => id)).size).toBe(5)
  expect(sent[0]!.epoch).toBe('e')
})

it('has only so many under way', () => {
  const outbox = make()
  outbox.begin('e', none)
  for (let i = 0; i < 20; i++) outbox.add(`${i}`)
  expect(sent.length).toBe(8)
  sent[0]!.settle(ok())
  expect(sent.length).toBe(9)
})

it('forgets what is acknowledged, but shows it until the log has it', () => {
  const outbox = make()
  outbox.begin('e', none)
  const { id } = outbox.add('1')
  sent[0]!.settle(ok(7))
  expect(outbox.items.value).toMatchObject([{ state: 'sent', seq: 7 }])
  expect(store.keys('out.')).toEqual([])
  outbox.arrived(id)
  expect(outbox.items.value).toEqual([])
})

it('is content with the broadcast, should it come before the answer', () => {
  const outbox = make()
  outbox.begin('e', none)
  outbox.arrived(outbox.add('1').id)
  sent[0]!.settle(ok())
  expect(outbox.items.value).toEqual([])
  expect(store.keys('out.')).toEqual([])
})

it('sends again under the same id after the connection was lost', () => {
  const outbox = make()
  outbox.begin('e', none)
  outbox.add('1')
  outbox.add('2')
  sent[0]!.settle(interrupted)
  sent[1]!.settle(interrupted)
  outbox.pause()
  outbox.begin('e', id => id === sent[0]!.id)
  expect(sent.map(({ text }) => text)).toEqual(['1', '2', '2'])
  expect(sent[2]!.id).toBe(sent[1]!.id)
})

it('outlives the page, in order', () => {
  const first = make()
  first.add('1')
  first.add('2')
  const again = make()
  again.begin('e', none)
  expect(sent.map(({ text }) => text)).toEqual(['1', '2'])
})

it('does not send by itself what is a day old', () => {
  make().add('old')
  vi.advanceTimersByTime(25 * 3_600_000)
  const again = make()
  again.begin('e', none)
  expect(sent).toEqual([])
  expect(states(again)).toEqual(['failed'])
})

describe('a refusal', () => {
  it('is final, says why, and holds up nobody', () => {
    const outbox = make()
    outbox.begin('e', none)
    outbox.add('1')
    outbox.add('2')
    sent[0]!.settle(refuse('muted'))
    sent[1]!.settle(ok())
    expect(outbox.items.value[0]).toMatchObject({ state: 'failed', text: '1', failure: { code: 'muted' } })
    expect(make().items.value).toMatchObject([{ state: 'failed', text: '1' }])
  })
  it('that may pass is tried again after the time it names, in order', () => {
    const outbox = make()
    outbox.begin('e', none)
    outbox.add('1')
    sent[0]!.settle(refuse('rate_limited', { retry: true, retryAfter: 3 }))
    outbox.add('2')
    expect(sent.length).toBe(1)
    vi.advanceTimersByTime(2900)
    expect(sent.length).toBe(1)
    vi.advanceTimersByTime(200)
    expect(sent.map(({ text }) => text)).toEqual(['1', '1', '2'])
    expect(sent[1]!.id).toBe(sent[0]!.id)
  })
  it('is tried again by hand', () => {
    const outbox = make()
    outbox.begin('e', none)
    const { id } = outbox.add('1')
    sent[0]!.settle(refuse('muted'))
    outbox.retry(id)
    expect(sent[1]).toMatchObject({ id, text: '1' })
    sent[1]!.settle(refuse('muted'))
    outbox.remove(id)
    expect(outbox.items.value).toEqual([])
    expect(store.keys('out.')).toEqual([])
  })
})

it('says after 30 s that a message is not sent, yet still sends it when it can', () => {
  const outbox = make()
  outbox.add('1')
  vi.advanceTimersByTime(lateAfter - 1)
  expect(outbox.items.value[0]!.late).toBe(false)
  vi.advanceTimersByTime(1)
  expect(outbox.items.value[0]!.late).toBe(true)
  outbox.begin('e', none)
  expect(sent.length).toBe(1)
  sent[0]!.settle(ok())
  expect(outbox.items.value[0]).toMatchObject({ state: 'sent', late: false })
})

it('never sends into another log what was written for one', () => {
  const outbox = make()
  outbox.begin('e', none)
  outbox.pause()
  const { id } = outbox.add('1')
  outbox.begin('f', none)
  expect(sent).toEqual([])
  expect(outbox.items.value[0]).toMatchObject({ state: 'failed', failure: { code: 'conflict' } })
  outbox.retry(id)
  expect(sent[0]).toMatchObject({ id, epoch: 'f' })
})

it('survives rubbish in the storage', () => {
  store.set('out.room.x', '{')
  store.set('out.room.y', '{"id":1}')
  expect(make().items.value).toEqual([])
})

it('waits out the pace of a room by itself, however long, and does not call it "not sent"', () => {
  const outbox = make()
  outbox.begin('e', none)
  outbox.add('1')
  outbox.add('2')
  sent[0]!.settle(refuse('rate_limited', { retry: true, retryAfter: 120, scope: 'room' }))
  sent[1]!.settle(refuse('rate_limited', { retry: true, retryAfter: 120, scope: 'room' }))
  expect(outbox.heldUntil.value).toBe(Date.now() + 120_000)
  vi.advanceTimersByTime(119_999)
  expect(outbox.items.value.map(({ state, late }) => [state, late])).toEqual([['waiting', false], ['waiting', false]])
  expect(sent).toHaveLength(2)
  vi.advanceTimersByTime(1)
  expect(outbox.heldUntil.value).toBeUndefined()
  expect(sent.slice(2).map(({ text }) => text)).toEqual(['1', '2'])
  expect(outbox.items.value.some(({ late }) => late)).toBe(false)
  vi.advanceTimersByTime(lateAfter)
  expect(outbox.items.value.every(({ late }) => late)).toBe(true)
})

it('does not send by itself at the end of a mute', () => {
  const outbox = make()
  outbox.begin('e', none)
  outbox.add('1')
  sent[0]!.settle(refuse('muted', { retry: true, retryAfter: 10 }))
  vi.advanceTimersByTime(60_000)
  expect(sent).toHaveLength(1)
  expect(outbox.items.value).toMatchObject([{ text: '1', state: 'failed', failure: { code: 'muted' } }])
  expect(store.keys('out.')).toHaveLength(1)
})
