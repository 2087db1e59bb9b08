import { beforeEach, expect, it, vi } from 'vitest'
import { interrupted, type Answer } from '../connection/requests.ts'
import type { Entry, SendReply } from '../wire.ts'
import { Deeds, foresee, type Deed } from './deeds.ts'

let asked: Array<{ deed: Deed; epoch: string | undefined; settle: (answer: Answer<SendReply>) => void }>
const refused = vi.fn()
const make = () => new Deeds((deed, epoch, settle) => void asked.push({ deed, epoch, settle }), refused)
const ok = { ok: true, seq: 9, at: '' } as const
const entry = (more: Partial<Entry> = {}): Entry => ({ room: 'r', seq: 5, kind: 'message', at: 't', from: { id: 'a', name: 'A', color: 0 }, text: 'hello', ...more })

beforeEach(() => {
  asked = []
  refused.mockReset()
  vi.useFakeTimers()
})

it('does a deed again under the same id after a lost connection, until its entry is there', () => {
  const deeds = make()
  deeds.do({ kind: 'edit', seq: 5, text: 'new' })
  expect(asked).toEqual([]) // not joined yet
  deeds.begin('e')
  deeds.pause()
  asked[0]!.settle(interrupted)
  deeds.begin('e')
  expect(asked.map(({ deed, epoch }) => [deed.id, epoch])).toEqual([[asked[0]!.deed.id, 'e'], [asked[0]!.deed.id, 'e']])
  asked[1]!.settle(ok)
  expect(deeds.items.value).toHaveLength(1) // the entry is yet to come
  deeds.arrived(asked[0]!.deed.id)
  expect(deeds.items.value).toEqual([])
})

it('takes back what was refused, and says why', () => {
  const deeds = make()
  deeds.begin('e')
  deeds.do({ kind: 'delete', seq: 5 })
  asked[0]!.settle({ ok: false, error: { code: 'forbidden', message: '' } })
  expect(deeds.items.value).toEqual([])
  expect(refused).toHaveBeenCalledOnce()
})

it('tries again what may succeed later', () => {
  const deeds = make()
  deeds.begin('e')
  deeds.do({ kind: 'react', seq: 5, emoji: '👍', on: true })
  asked[0]!.settle({ ok: false, error: { code: 'rate_limited', message: '', retry: true, retryAfter: 1 } })
  vi.advanceTimersByTime(999)
  expect(asked).toHaveLength(1)
  vi.advanceTimersByTime(1)
  expect(asked[1]!.deed.id).toBe(asked[0]!.deed.id)
})

it('does not wait for the end of a mute', () => {
  const deeds = make()
  deeds.begin('e')
  deeds.do({ kind: 'react', seq: 5, emoji: '👍', on: true })
  asked[0]!.settle({ ok: false, error: { code: 'muted', message: '', retry: true, retryAfter: 600 } })
  expect(deeds.items.value).toEqual([])
  expect(refused).toHaveBeenCalledOnce()
})

it('drops what was meant for another log, and says so', () => {
  const deeds = make()
  deeds.begin('e')
  deeds.do({ kind: 'delete', seq: 5 })
  deeds.pause()
  deeds.begin('f')
  expect(deeds.items.value).toEqual([])
  expect(asked).toHaveLength(1)
  expect(refused.mock.calls).toEqual([[expect.objectContaining({ code: 'conflict', field: 'epoch' })]])
  deeds.begin('g')
  expect(refused).toHaveBeenCalledOnce()
})

it('drops what changed nothing, as no entry will come', () => {
  const deeds = make()
  deeds.begin('e')
  deeds.do({ kind: 'edit', seq: 5, text: 'hello' })
  asked[0]!.settle({ ...ok, duplicate: true })
  expect(deeds.items.value).toEqual([])
})

const deed = (act: object) => ({ id: 'x', seq: 5, ...act }) as Deed

it.each([
  ['counts a reaction of mine', entry({ reactions: [{ emoji: '👍', count: 2 }] }), [], [deed({ kind: 'react', emoji: '👍', on: true })], [{ emoji: '👍', count: 3, mine: true }]],
  ['not twice once the log has it', entry({ reactions: [{ emoji: '👍', count: 3 }] }), ['👍'], [deed({ kind: 'react', emoji: '👍', on: true })], [{ emoji: '👍', count: 3, mine: true }]],
  ['adds the first of its kind', entry(), [], [deed({ kind: 'react', emoji: '🎉', on: true })], [{ emoji: '🎉', count: 1, mine: true }]],
  ['takes off the last one', entry({ reactions: [{ emoji: '🎉', count: 1 }] }), ['🎉'], [deed({ kind: 'react', emoji: '🎉', on: false })], []],
  ['leaves other messages alone', entry(), [], [deed({ seq: 6, kind: 'react', emoji: '🎉', on: true })], []],
])('%s', (_, message, mine, deeds, reactions) => {
  expect(foresee(message, new Set(mine), deeds).reactions).toEqual(reactions)
})

it('shows an edited text and an empty place at once', () => {
  expect(foresee(entry(), undefined, [deed({ kind: 'edit', text: 'new' })])).toMatchObject({ text: 'new', edited: 't', deleted: false })
  expect(foresee(entry({ reactions: [{ emoji: '👍', count: 1 }] }), undefined, [deed({ kind: 'delete' })])).toEqual({ text: undefined, edited: undefined, deleted: true, reactions: [] })
})
