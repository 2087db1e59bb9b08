import { expect, it } from 'vitest'
import { newId } from './ids.ts'

it('is a UUIDv7 of the given time', () => {
  const now = Date.now() + 1_000_000
  const id = newId(now)
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now)
})

it('sorts by making, even 10,000 in one millisecond and with a clock that goes back', () => {
  const now = Date.now() + 2_000_000
  const ids = Array.from({ length: 10_000 }, (_, i) => newId(now - (i % 3)))
  expect([...ids].sort()).toEqual(ids)
  expect(new Set(ids).size).toBe(ids.length)
})
