import { expect, it } from 'vitest'
import { isForGood, momentOf, spanOf } from './time.ts'

it.each([
  [0, '1 second'], [1, '1 second'], [59.99, '1 minute'], [60, '1 minute'], [90, '90 seconds'], [200, '3 minutes'], [600, '10 minutes'], [3600, '1 hour'],
  [5400, '90 minutes'], [86_400, '1 day'], [129_600, '36 hours'], [604_800, '7 days'], [30 * 86_400, '30 days'], [400 * 86_400 + 5, '400 days'],
])('%d s is %j', (seconds, words) => {
  expect(spanOf(seconds)).toBe(words)
})

it('says the time of today, and the date of another day', () => {
  const noon = new Date(2026, 2, 10, 12).getTime()
  expect(momentOf(new Date(2026, 2, 10, 15, 5).getTime(), noon)).toMatch(/^0?3:05|^15:05/)
  expect(momentOf(new Date(2026, 2, 11, 15, 5).getTime(), noon)).toMatch(/11.*:05/)
  expect(momentOf(new Date(2027, 2, 11, 15, 5).getTime(), noon)).toMatch(/11.*2027/)
  expect(momentOf(new Date(2027, 2, 11, 15, 5).getTime(), noon)).not.toContain(':05')
})

it('knows what never ends', () => {
  expect(isForGood('9999-12-31T23:59:59.999Z')).toBe(true)
  expect(isForGood('2126-01-01T00:00:00.000Z')).toBe(false)
})
