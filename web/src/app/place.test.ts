import { describe, expect, it } from 'vitest'
import { baseOf, carriedIn, carry, codeIn, linkTo, routeOf, sameCode, seqIn } from './place.ts'

describe('the base', () => {
  it.each([
    ['http://host/assets/index-x.js', 'http://host/'],
    ['https://host/chat/assets/index-x.js', 'https://host/chat/'],
    ['http://host/assets/deep/assets/index-x.js', 'http://host/assets/deep/'],
    ['http://localhost:5173/src/main.tsx', 'http://localhost:5173/'],
  ])('of %s is %s', (script, base) => {
    expect(baseOf(script).href).toBe(base)
  })
})

describe('routes', () => {
  const base = new URL('http://host/chat/')
  it('finds the room and the message', () => {
    expect(routeOf(base, 'http://host/chat/r/ABCD')).toEqual({ page: 'room', code: 'ABCD' })
    expect(routeOf(base, 'http://host/chat/r/ABCD/')).toEqual({ page: 'room', code: 'ABCD' })
    expect(routeOf(base, 'http://host/chat/r/my-room#17')).toEqual({ page: 'room', code: 'my-room', seq: 17 })
    expect(routeOf(base, 'http://host/chat/r/my-room#x17')).toEqual({ page: 'room', code: 'my-room' })
  })
  it('takes everything else for the landing page', () => {
    for (const path of ['', 'r/', 'r/a/b', 'x/r/ABCD', '../r/ABCD']) {
      expect(routeOf(base, new URL(path, base).href)).toEqual({ page: 'landing' })
    }
  })
  it('survives a broken escape', () => {
    expect(routeOf(base, 'http://host/chat/r/%E0%A4')).toEqual({ page: 'room', code: '%E0%A4' })
  })
  it('finds the message in a link that was pasted', () => {
    expect(['http://host/chat/r/ABCD#12\n', 'http://host/chat/r/ABCD', 'http://host/chat/r/ABCD#key=1'].map(seqIn)).toEqual([12, undefined, undefined])
  })
  it('is the reverse of a link', () => {
    expect(routeOf(base, linkTo(base, 'ABCD', 3))).toEqual({ page: 'room', code: 'ABCD', seq: 3 })
    expect(linkTo(base, 'ABCD')).toBe('http://host/chat/r/ABCD')
  })
})

describe('codes', () => {
  it.each([
    [' abcdefgh ', 'abcdefgh'],
    ['my-room', 'my-room'],
    ['https://elsewhere.example/chat/r/ABCDEFGH#3', 'ABCDEFGH'],
    ['host/r/ABCDEFGH?x', 'ABCDEFGH'],
    ['two words', ''],
    ['ab', ''],
    ['', ''],
  ])('in %j is %j', (input, code) => {
    expect(codeIn(input)).toBe(code)
  })
  it('are case-blind', () => {
    expect(sameCode('ABC', 'abc')).toBe(true)
    expect(sameCode('ABC', 'abd')).toBe(false)
  })
})

it.each([
  ['https://h/r/ABC#key=k3y-_', { key: 'k3y-_' }],
  ['https://h/chat/#move=KQWE-RTZA-BCDF&name=Zo%C3%AB+M&rooms=ABCDEFGH,my-room', { move: 'KQWE-RTZA-BCDF', name: 'Zoë M', rooms: ['ABCDEFGH', 'my-room'] }],
  ['https://h/r/ABC#42', {}],
  ['https://h/r/ABC', {}],
  ['https://h/r/ABC?key=no', {}],
  ['#key=', {}],
  ['#rooms=../x,ok-room', { rooms: ['ok-room'] }],
])('reads what %s carries', (link, carried) => {
  expect(carriedIn(link)).toEqual(carried)
})

it('carries in the fragment alone', () => {
  const all = { key: 'k', move: 'A-B', name: 'Zoë & #1', rooms: ['one', 'two'] }
  const link = carry('https://h/r/ABC', all)
  expect(new URL(link).search + new URL(link).pathname).toBe('/r/ABC')
  expect(carriedIn(link)).toEqual(all)
  expect(carry('https://h/', { move: 'A', rooms: [] })).toBe('https://h/#move=A')
})
