import { expect, it } from 'vitest'
import { readAnswer, readRefusal } from './requests.ts'

it('takes proper answers as they are', () => {
  expect(readAnswer({ ok: true, seq: 1 })).toEqual({ ok: true, seq: 1 })
  const refusal = { ok: false, error: { code: 'muted', message: 'm' } }
  expect(readAnswer(refusal)).toEqual(refusal)
})

it.each([undefined, null, 'ok', 1, {}, { ok: 'yes' }, { ok: false }, { ok: false, error: 'x' }, { ok: false, error: {} }])('makes %j an internal error', value => {
  expect(readAnswer(value)).toMatchObject({ ok: false, error: { code: 'internal' } })
})

it('reads why a connection is refused, from the namespace or from a request', () => {
  const request = (responseText: string, wait: string | null) => Object.assign(new Error('xhr poll error'), { context: { responseText, getResponseHeader: () => wait } })
  expect(readRefusal(Object.assign(new Error('invalid token'), { data: { code: 'unauthorized' } }))).toEqual({ code: 'unauthorized' })
  expect(readRefusal(request('{"code":"banned","message":"m"}', '90'))).toEqual({ code: 'banned', message: 'm', retryAfter: 90 })
  expect(readRefusal(request('{"code":"banned","message":"m"}', null))).toEqual({ code: 'banned', message: 'm' })
  for (const silent of [new Error('websocket error'), request('', null), request('<h1>Bad gateway</h1>', '5')]) expect(readRefusal(silent)).toBeUndefined()
})
