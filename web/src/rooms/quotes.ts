// What replies refer to. Most of it is in the log that is here; the rest is
// asked for once. A deleted or expired message is quoted nowhere.
import { signal } from '@preact/signals'
import type { Author, Entry } from '../wire.ts'

export interface Quote { seq: number; from: Author; text: string }

/** `undefined` while it is not known yet. */
export type Found = Quote | 'gone' | undefined

export class Quotes {
  /** Rises when there is something new to quote. */
  readonly version = signal(0)
  private readonly fetched = new Map<number, Found>()

  /** `find` looks into the log; `fetch` asks the server for one message. */
  constructor(private readonly find: (seq: number) => Entry | undefined, private readonly fetch: (seq: number, settle: (entry: Entry | undefined, sure: boolean) => void) => void) {}

  of(seq: number): Found {
    const entry = this.find(seq)
    if (entry) return quote(entry)
    if (!this.fetched.has(seq)) {
      this.fetched.set(seq, undefined)
      // Not while the talk is being drawn.
      queueMicrotask(() => this.fetch(seq, (found, sure) => {
        if (sure) this.fetched.set(seq, found ? quote(found) : 'gone')
        else this.fetched.delete(seq)
        if (sure) this.version.value++
      }))
    }
    return this.fetched.get(seq)
  }

  /** An entry has come that may change what is quoted. */
  heard({ kind, target, text }: Entry): void {
    const was = target === undefined ? undefined : this.fetched.get(target)
    if (target === undefined || was === undefined) return
    if (kind === 'delete') this.fetched.set(target, 'gone')
    else if (kind === 'edit' && text !== undefined && was !== 'gone') this.fetched.set(target, { ...was, text })
    this.version.value++
  }

  /** Another log: nothing of the old one is quoted. */
  forget(): void {
    this.fetched.clear()
  }
}

function quote(entry: Entry): Found {
  if (entry.kind !== 'message' || entry.deleted !== undefined || entry.text === undefined) return 'gone'
  return { seq: entry.seq, from: entry.from, text: entry.text }
}
