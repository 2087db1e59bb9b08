// Who is writing: others, as the server tells; and myself, as others are told.
import { signal } from '@preact/signals'
import { list } from './comings.ts'

/** "It ends after 5 s or with a message" ("typing"). */
const lasts = 5000
const mentionEvery = 2000

export class Typists {
  readonly names = signal<readonly string[]>([])
  private readonly writing = new Map<string, { name: string; until: number }>()
  private timer: ReturnType<typeof setTimeout> | undefined

  heard(id: string, name: string): void {
    this.writing.set(id, { name, until: Date.now() + lasts })
    this.tidy()
  }

  stopped(id: string): void {
    if (this.writing.delete(id)) this.tidy()
  }

  clear(): void {
    this.writing.clear()
    this.tidy()
  }

  private tidy(): void {
    clearTimeout(this.timer)
    const now = Date.now()
    for (const [id, { until }] of this.writing) if (until <= now) this.writing.delete(id)
    const names = [...this.writing.values()].map(({ name }) => name)
    if (names.join('\n') !== this.names.peek().join('\n')) this.names.value = names
    const next = Math.min(...[...this.writing.values()].map(({ until }) => until))
    if (next !== Infinity) this.timer = setTimeout(() => this.tidy(), next - now)
  }
}

export function tellTyping(names: readonly string[]): string {
  if (names.length === 0) return ''
  if (names.length > 3) return 'Several people are writing…'
  return `${list(names)} ${names.length === 1 ? 'is' : 'are'} writing…`
}

/** Calls `mention` while I write, at most every 2 s. */
export class TypingNotice {
  private last = -Infinity

  constructor(private readonly mention: () => void) {}

  wrote(): void {
    const now = Date.now()
    if (now - this.last < mentionEvery) return
    this.last = now
    this.mention()
  }

  sent(): void {
    this.last = -Infinity
  }
}
