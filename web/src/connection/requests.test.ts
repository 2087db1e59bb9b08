import { expect, it } from 'vitest'
import { readAnswer } from './requests.ts'

it('takes proper answers as they are', () => {
  expect(readAnswer({ ok: true, seq: 1 })).toEqual({ ok: true, seq: 1 })
  const refusal = { ok: false, error: { code: 'muted', message: 'm' } }
  expect(readAnswer(refusal)).toEqual(refusal)
})

it.each([undefined, null, 'ok', 1, {}, { ok: 'yes' }, { ok: false }, { ok: false, error: 'x' }, { ok: false, error: {} }])('makes %j an internal error', value => {
  expect(readAnswer(value)).toMatchObject({ ok: false, error: { code: 'internal' } })
})
