import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Member } from '../wire.ts'
import { People } from './people.ts'
import { tellTyping, TypingNotice, Typists } from './typing.ts'

const member = (id: string, more: Partial<Member> = {}): Member => ({ id, name: id.toUpperCase(), color: 0, role: 'member', state: 'here', ...more })
const presence = (more: object) => ({ room: 'r', at: '', count: 1, ...more })

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('follows who comes, goes and changes', () => {
  const people = new People()
  people.replace([member('a')], 1)
  people.apply(presence({ count: 2, joined: [member('b')] }), 5)
  people.apply(presence({ count: 2, changed: [member('b', { state: 'lost' })] }), 5)
  people.apply(presence({ count: 1, left: [{ id: 'b', reason: 'disconnected' }] }), 6)
  expect([...people.members.value.keys()]).toEqual(['a'])
  expect(people.comings.value.map(({ after, name, came }) => [after, name, came])).toEqual([[5, 'B', true], [6, 'B', false]])
})

it('leaves it to the log to tell who was put out, and remembers them', () => {
  const people = new People()
  people.replace([member('a'), member('b', { role: 'moderator' }), member('c'), member('d')], 4)
  people.apply(presence({ count: 1, left: [{ id: 'b', reason: 'kicked' }, { id: 'c', reason: 'banned' }, { id: 'd', reason: 'some new reason' }] }), 6)
  expect(people.comings.value.map(({ name }) => name)).toEqual(['D'])
  expect(people.find('b')?.role).toBe('moderator')
  expect(people.find('x')).toBeUndefined()
})

it('tells nothing of who was there already, or was never known', () => {
  const people = new People()
  people.replace([member('a')], 1)
  people.apply(presence({ joined: [member('a', { name: 'Anne' })], left: [{ id: 'x', reason: 'left' }] }), 1)
  expect(people.comings.value).toEqual([])
  expect(people.members.value.get('a')!.name).toBe('Anne')
})

it('doubts its list when the numbers differ, unless nobody is listed any more', () => {
  const people = new People()
  people.replace([member('a')], 1)
  expect(people.doubtful).toBe(false)
  people.apply(presence({ count: 3 }), 1)
  expect(people.doubtful).toBe(true)
  people.apply(presence({ count: 1001 }), 1)
  expect(people.doubtful).toBe(false)
})

it('sorts yourself first, then by rank, the lost last', () => {
  const people = new People()
  people.me.value = 'me'
  people.replace([member('z'), member('l', { state: 'lost' }), member('a'), member('own', { role: 'owner' }), member('me'), member('mod', { role: 'moderator' }), member('n', { role: 'baron', state: 'floating' })], 7)
  expect(people.sorted.value.map(({ id }) => id)).toEqual(['me', 'own', 'mod', 'a', 'n', 'z', 'l'])
})

it('says who is writing, for five seconds or until told', () => {
  const typists = new Typists()
  typists.heard('a', 'Ana')
  vi.advanceTimersByTime(3000)
  typists.heard('b', 'Ben')
  expect(tellTyping(typists.names.value)).toBe('Ana and Ben are writing…')
  vi.advanceTimersByTime(2000)
  expect(tellTyping(typists.names.value)).toBe('Ben is writing…')
  typists.stopped('b')
  expect(tellTyping(typists.names.value)).toBe('')
})

it('mentions my writing every two seconds at most, and at once after a message', () => {
  const mentions = vi.fn()
  const notice = new TypingNotice(mentions)
  for (let i = 0; i < 50; i++) {
    notice.wrote()
    vi.advanceTimersByTime(100)
  }
  expect(mentions).toHaveBeenCalledTimes(3)
  notice.sent()
  notice.wrote()
  expect(mentions).toHaveBeenCalledTimes(4)
})
