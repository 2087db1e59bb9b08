import { expect, it } from 'vitest'
import { sizeOf } from './size.ts'

const limits = { textChars: 100, textBytes: 300 }

it('counts from 90 % on', () => {
  expect(sizeOf('x'.repeat(89), limits)).toMatchObject({ near: false, over: false })
  expect(sizeOf('x'.repeat(90), limits)).toEqual({ left: 10, near: true, over: false })
  expect(sizeOf('x'.repeat(100), limits)).toEqual({ left: 0, near: true, over: false })
  expect(sizeOf('x'.repeat(101), limits)).toEqual({ left: -1, near: true, over: true })
})

it('counts code points, not UTF-16 units', () => {
  expect(sizeOf('😀'.repeat(50), limits)).toMatchObject({ near: false, over: false })
  expect(sizeOf('😀'.repeat(75), limits)).toMatchObject({ left: 0, near: true, over: false })
})

it('knows when bytes are the tighter limit', () => {
  expect(sizeOf('😀'.repeat(76), limits)).toMatchObject({ near: true, over: true })
})
