import { expect, it } from 'vitest'
import type { Entry } from '../wire.ts'
import { Log } from './log.ts'
import { mostShown, Window } from './window.ts'

const message = (seq: number): Entry => ({ room: 'r', seq, kind: 'message', at: '2026-01-01T00:00:00.000Z', from: { id: 'a', name: 'Ana', color: 1 }, text: 'x' })
const entries = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i))

function opened(head: number): { log: Log; window: Window } {
  const log = new Log(() => {})
  log.open({ entries: entries(1, head), more: false, epoch: 'e', head })
  return { log, window: new Window(log) }
}
const span = (window: Window) => [window.slice()[0]!.seq, window.slice().at(-1)!.seq]

it('shows a short room whole', () => {
  const { window } = opened(50)
  expect(span(window)).toEqual([1, 50])
  expect([window.atTop, window.atTail]).toEqual([true, true])
  expect([window.older(), window.newer()]).toEqual([false, false])
})

it('drops the oldest while sticking to the end', () => {
  const { log, window } = opened(50)
  for (let seq = 51; seq <= 1000; seq++) {
    log.receive(message(seq))
    window.settle()
    expect(window.slice().length).toBeLessThanOrEqual(mostShown)
  }
  expect(span(window)[1]).toBe(1000)
})

it('lets the newest go when the reader is elsewhere', () => {
  const { log, window } = opened(100)
  window.sticking = false
  log.fill({ entries: entries(101, 600) })
  window.settle()
  expect(span(window)).toEqual([1, mostShown])
  expect(window.atTail).toBe(false)
  while (window.newer());
  expect(span(window)[1]).toBe(600)
  expect(window.atTail).toBe(true)
})

it('walks back and forth without growing', () => {
  const { window } = opened(1000)
  window.settle()
  window.sticking = false
  let steps = 0
  while (window.older()) {
    expect(window.slice().length).toBeLessThanOrEqual(mostShown)
    steps++
  }
  expect(steps).toBeGreaterThan(5)
  expect(window.atTop).toBe(true)
  expect(span(window)[0]).toBe(1)
  window.toEnd()
  expect(window.atTail).toBe(true)
  expect(window.slice().length).toBeLessThanOrEqual(mostShown)
})

it('holds its place when an older page comes', () => {
  const log = new Log(() => {})
  log.open({ entries: entries(101, 150), more: true, epoch: 'e', head: 150 })
  const window = new Window(log)
  expect(window.older()).toBe(false)
  log.prepend({ entries: entries(1, 100), more: false, epoch: 'e', head: 150 })
  expect(span(window)).toEqual([101, 150])
  expect(window.older()).toBe(true)
  expect(span(window)[0]).toBe(41)
})

it('shows what is around a message', () => {
  const { window } = opened(1000)
  window.around(500)
  const [first, last] = span(window)
  expect(first! < 500 && last! > 500).toBe(true)
  expect([window.atTail, window.sticking]).toEqual([false, false])
})
