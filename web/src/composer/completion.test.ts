import { describe, expect, it } from 'vitest'
import { complete, matchEmoji, matchNames, tokenAt } from './completion.ts'

describe('the token at the caret', () => {
  it.each([
    ['@', { kind: 'name', start: 0, query: '' }],
    ['hi @mar', { kind: 'name', start: 3, query: 'mar' }],
    ['(@mar', { kind: 'name', start: 1, query: 'mar' }],
    ['a@mar', undefined],
    ['@mar ', undefined],
    [':smi', { kind: 'emoji', start: 0, query: 'smi' }],
    ['so :smi', { kind: 'emoji', start: 3, query: 'smi' }],
    [':s', undefined],
    ['10:30', undefined],
    ['at 10:30', undefined],
    [':30', undefined],
    ['https://x', undefined],
    ['/na', { kind: 'command', start: 0, query: 'na' }],
    ['see /na', undefined],
  ])('of %j', (text, token) => {
    expect(tokenAt(text, text.length)).toEqual(token)
  })
})

it('finds names by any of their words, marks aside', () => {
  const names = ['Maria Silva', 'Ángel', 'Tom Marsh', 'Zoe']
  expect(matchNames(names, 'mar').map(c => c.show)).toEqual(['Maria Silva', 'Tom Marsh'])
  expect(matchNames(names, 'ang').map(c => c.show)).toEqual(['Ángel'])
  expect(matchNames(names, 'x')).toEqual([])
})

it('finds emoji, those that begin so first', () => {
  const table = [['heart_eyes', '😍'], ['smile', '😄'], ['cat_smile', '😺']] as const
  expect(matchEmoji(table, 'smi').map(c => c.sign)).toEqual(['😄', '😺'])
})

it('puts what was chosen in its place', () => {
  const text = 'hi @mar there'
  const token = tokenAt(text, 7)!
  expect(complete(text, 7, token, { insert: '@Maria ', show: 'Maria' })).toEqual({ text: 'hi @Maria there', caret: 10 })
  expect(complete('@m', 2, tokenAt('@m', 2)!, { insert: '@Maria ', show: 'Maria' })).toEqual({ text: '@Maria ', caret: 7 })
})
