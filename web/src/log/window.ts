// Which part of the log is in the page. There are never more than a few
// hundred rows: no virtual list is needed, and finding in the page, selecting
// and screen readers keep working.
import { signal } from '@preact/signals'
import type { Entry } from '../wire.ts'
import { indexOf, type Log } from './log.ts'

/** Most entries at once; with day lines and notes they stay under 300 rows. */
export const mostShown = 220
/** What is shown of a room on opening, or after growing too long. */
const shownAtFirst = 100
/** How many more are taken in at an edge. */
const step = 60

export class Window {
  readonly version = signal(0)
  /** The reader is at the end, and wants to stay there. The view says so. */
  readonly stuck = signal(true)
  /** Where the reader was, for coming back to the room: the view's own note. */
  place: { key: string; offset: number } | undefined

  private from = 0
  private to = Infinity

  constructor(private readonly log: Log) {}

  get sticking(): boolean {
    return this.stuck.peek()
  }

  set sticking(stuck: boolean) {
    this.stuck.value = stuck
  }

  /** Whether the end of the window is the end of the talk. */
  get atTail(): boolean {
    return this.to === Infinity && this.log.past === undefined
  }

  get atTop(): boolean {
    const { entries } = this.log.shown
    return this.start(entries) === 0
  }

  slice(): readonly Entry[] {
    const { entries } = this.log.shown
    return entries.slice(this.start(entries), this.end(entries))
  }

  /** Keeps the window small after the log has changed. */
  settle(): void {
    const { entries } = this.log.shown
    const start = this.start(entries)
    if (this.end(entries) - start <= mostShown) return
    if (this.sticking && this.atTail) {
      this.from = entries.at(-shownAtFirst)!.seq
    } else if (this.to === Infinity) {
      this.to = entries[start + mostShown - 1]!.seq
    }
  }

  /** Takes in older entries that are in memory; false if there are none. */
  older(): boolean {
    const { entries } = this.log.shown
    const start = this.start(entries)
    if (start === 0) {
      // From now on `from` says what is first, so that a page put before it waits its turn.
      this.from = entries[0]?.seq ?? 0
      return false
    }
    const first = Math.max(0, start - step)
    this.from = entries[first]!.seq
    if (this.end(entries) - first > mostShown) this.to = entries[first + mostShown - 1]!.seq
    this.version.value++
    return true
  }

  /** Takes in newer entries that are in memory; false if the end is shown. */
  newer(): boolean {
    if (this.to === Infinity) return false
    const { entries } = this.log.shown
    const last = Math.min(entries.length, this.end(entries) + step)
    this.to = last === entries.length ? Infinity : entries[last - 1]!.seq
    if (last - this.start(entries) > mostShown) this.from = entries[last - mostShown]!.seq
    this.version.value++
    return true
  }

  toEnd(): void {
    this.log.present()
    const { entries } = this.log.live
    this.sticking = true
    this.to = Infinity
    this.from = Math.max(this.from, entries.at(-shownAtFirst)?.seq ?? 0)
    if (entries.length < shownAtFirst) this.from = 0
    this.version.value++
  }

  /** Shows what lies around a message that is in memory. */
  around(seq: number): void {
    const { entries } = this.log.shown
    const i = indexOf(entries, seq)
    const first = Math.max(0, i - step)
    const last = i + step
    this.from = entries[first]?.seq ?? 0
    this.to = last >= entries.length ? Infinity : entries[last]!.seq
    this.sticking = false
    this.version.value++
  }

  private start(entries: readonly Entry[]): number {
    return this.from === 0 ? 0 : indexOf(entries, this.from)
  }

  private end(entries: readonly Entry[]): number {
    return this.to === Infinity ? entries.length : indexOf(entries, this.to + 1)
  }
}
