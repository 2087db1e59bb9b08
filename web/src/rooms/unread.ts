// How far the reader has read. The mark itself is the server's, so that it is
// the same on every device.
import { signal } from '@preact/signals'

/** Marks are told to the server at most this often. */
const tellEvery = 400

export class Unread {
  readonly count = signal(0)
  /** The unread line stands after this seq while the room is open. */
  readonly line = signal<number | undefined>(undefined)
  private mark = 0
  private told = 0
  private timer: ReturnType<typeof setTimeout> | undefined

  /** `tell` raises the server's mark; `countAfter` counts others' messages after a seq, as far as they are here. */
  constructor(private readonly tell: (seq: number) => void, private readonly countAfter: (seq: number) => number) {}

  /** What the server says on joining. */
  begin(mark: number, count: number): void {
    this.mark = Math.max(this.mark, mark)
    this.told = mark
    this.count.value = count
    if (this.mark > mark) this.raise()
  }

  news(): void {
    this.count.value++
  }

  /** Everything up to `seq` has been before the reader's eyes. */
  read(seq: number): void {
    if (this.count.peek() !== 0) this.count.value = 0
    if (seq <= this.mark) return
    this.mark = seq
    this.raise()
  }

  /** Another device of mine has read. */
  heard(mark: number): void {
    this.told = Math.max(this.told, mark)
    if (mark <= this.mark) return
    this.mark = mark
    this.count.value = Math.min(this.count.peek(), this.countAfter(mark))
  }

  /** Opening the room: the line goes where reading stopped. */
  drawLine(): void {
    this.line.value = this.count.peek() > 0 && this.mark > 0 ? this.mark : undefined
  }

  eraseLine(): void {
    this.line.value = undefined
  }

  close(): void {
    clearTimeout(this.timer)
  }

  private raise(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined
      if (this.mark <= this.told) return
      this.told = this.mark
      this.tell(this.mark)
    }, tellEvery)
  }
}
