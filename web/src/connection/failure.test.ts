import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { explain } from './failure.ts'

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
/** The codes that the protocol promises, and those that the server has. */
const promised = [...read('docs/protocol.md').split('## Errors')[1]!.split('\n## ')[0]!.matchAll(/^\| `([a-z_]+)` \|/gm)].map(match => match[1]!)
const served = [...read('internal/chat/error.go').matchAll(/^\t\w+ +Code = "([a-z_]+)"/gm)].map(match => match[1]!)

it('finds the codes', () => {
  expect(promised).toHaveLength(19)
  expect([...served].sort()).toEqual([...promised].sort())
})

it.each(promised)('has words of its own for %s, with and without a time to wait', code => {
  const unknown = [explain({ code: 'brand_new', message: '' }), explain({ code: 'brand_new', message: '', retry: true })]
  for (const more of [{}, { retry: true as const }, { retry: true as const, retryAfter: 90 }]) {
    const said = explain({ code, message: 'secret detail', ...more })
    expect(said).toMatch(/^[A-Z].*\.$/)
    expect(said).not.toContain('secret')
    expect(said).not.toContain('_')
    expect(said).not.toMatch(/undefined|NaN/)
    expect(unknown).not.toContain(said)
  }
  const others = promised.filter(other => other !== code).map(other => explain({ code: other, message: '' }))
  expect(others).not.toContain(explain({ code, message: '' }))
})

// What the protocol tells apart by field, scope or limit, it says in words of their own.
it.each([
  { code: 'bad_request', field: 'code' }, { code: 'bad_request', field: 'text' }, { code: 'bad_request', field: 'title' }, { code: 'bad_request', field: 'reason' },
  { code: 'not_found', field: 'seq' }, { code: 'not_found', field: 'member' }, { code: 'unauthorized', field: 'move' },
  { code: 'forbidden', field: 'member' }, { code: 'forbidden', field: 'role' }, { code: 'forbidden', field: 'seq' }, { code: 'forbidden', field: 'key' },
  { code: 'conflict', field: 'code' }, { code: 'conflict', field: 'epoch' }, { code: 'name_invalid', field: 'name', limit: 32 },
  { code: 'full', scope: 'room' }, { code: 'full', scope: 'connection' }, { code: 'full', scope: 'message' }, { code: 'full', scope: 'server' },
  { code: 'rate_limited', scope: 'room' }, { code: 'rate_limited', scope: 'address' }, { code: 'rate_limited', scope: 'server' },
])('tells $code of $field$scope$limit from $code', failure => {
  expect(explain({ message: '', ...failure })).not.toBe(explain({ code: failure.code, message: '' }))
})

it('judges an unknown code by retry, and leaves out a field it has no words for', () => {
  expect(explain({ code: 'brand_new', message: '' })).toBe('That did not work.')
  expect(explain({ code: 'brand_new', message: '', retry: true })).toBe('That did not work just now.')
  expect(explain({ code: 'bad_request', message: '', field: 'mood' })).toBe('The server did not understand this.')
})

it.each([
  ['rate_limited', 1.2, 'Try again in 2 seconds.'],
  ['banned', 600, 'again in 10 minutes.'],
  ['muted', 86_400, 'again in 1 day.'],
])('says how long: %s for %d s', (code, retryAfter, words) => {
  expect(explain({ code, message: '', retry: true, retryAfter })).toContain(words)
})
