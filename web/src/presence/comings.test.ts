import { expect, it } from 'vitest'
import { list, tell, type Coming } from './comings.ts'

const event = (name: string, came: boolean): Coming => ({ after: 1, n: 1, id: name, name, came })

it('lists names', () => {
  expect(list([])).toBe('')
  expect(list(['Ana'])).toBe('Ana')
  expect(list(['Ana', 'Ben'])).toBe('Ana and Ben')
  expect(list(['Ana', 'Ben', 'Cleo'])).toBe('Ana, Ben and Cleo')
  expect(list(['Ana', 'Ben', 'Cleo', 'Dan'])).toBe('Ana, Ben and 2 others')
})

it('folds ten joins into one sentence', () => {
  const run = Array.from({ length: 10 }, (_, i) => event(`P${i}`, true))
  expect(tell(run)).toBe('P0, P1 and 8 others joined')
})

it('tells what it comes to', () => {
  expect(tell([event('Ana', true), event('Ben', false)])).toBe('Ana joined · Ben left')
  expect(tell([event('Ana', true), event('Ana', false)])).toBe('Ana came and went')
  expect(tell([event('Ana', false), event('Ana', true)])).toBe('')
  expect(tell([event('Ana', false)])).toBe('Ana left')
})
