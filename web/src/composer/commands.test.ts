import { expect, it } from 'vitest'
import { actionIn, read } from './commands.ts'

it.each([
  ['hello', { say: 'hello' }],
  ['  indented\n', { say: '  indented' }],
  ['\n \n x', { say: ' x' }],
  ['/help', { command: 'help', rest: '' }],
  ['/name  Maria Silva ', { command: 'name', rest: 'Maria Silva' }],
  ['/leave', { command: 'leave', rest: '' }],
  ['/nmae Maria', { unknown: 'nmae' }],
  ['/', { unknown: '' }],
  ['//help', { say: '/help' }],
  ['/usr/bin is a path', { say: '/usr/bin is a path' }],
  ['/me waves', { say: '/me waves' }],
  ['/me', { unknown: 'me' }],
  ['   ', undefined],
  [' \n\t', undefined],
  ['', undefined],
])('%j', (written, meaning) => {
  expect(read(written)).toEqual(meaning)
})

it('knows an action', () => {
  expect(actionIn('/me waves')).toBe('waves')
  expect(actionIn('/mean')).toBeUndefined()
  expect(actionIn('hello')).toBeUndefined()
})
