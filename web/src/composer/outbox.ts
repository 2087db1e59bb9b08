// What was written and is not yet in the log. It survives the page: each item
// is kept under its own key until the server has it on disk, so that tabs do
// not overwrite each other's. Its id is made once, so that sending it again,
// from wherever, is harmless.
import { signal } from '@preact/signals'
import type { Answer } from '../connection/requests.ts'
import type { Store } from '../app/storage.ts'
import type { Failure, SendReply, SendRequest } from '../wire.ts'
import { newId } from './ids.ts'

export interface Outgoing {
  readonly id: string
  readonly text: string
  /** When it was written, by this browser's clock, in ms. */
  readonly at: number
  readonly replyTo?: number
  /** The log it was written for; an item never goes into another ("epoch"). */
  readonly epoch?: string
  /** `waiting` for its turn, `underway`, `sent` when acknowledged, `failed` when refused. */
  readonly state: 'waiting' | 'underway' | 'sent' | 'failed'
  readonly failure?: Failure
  readonly seq?: number
  /** Has waited too long for the reader to believe in it; it still goes when it can. */
  readonly late: boolean
}

/** Sends; `settle` is called once. */
export type Sender = (request: Omit<SendRequest, 'room'>, settle: (answer: Answer<SendReply>) => void) => void

/** After this long it says "not sent". */
export const lateAfter = 30_000
/** Older ones, found again on opening, are not sent without being asked to. */
const staleAfter = 24 * 3_600_000
/** The slowest pace that a room may have ("set"), in s. */
const longestPace = 86_400
/** How many go at once: enough to share a commit, few enough to stay in order when one is refused. */
const mostUnderway = 8

export class Outbox {
  readonly items = signal<readonly Outgoing[]>([])
  /** What is here was too fast for the server, and goes by itself then (ms). */
  readonly heldUntil = signal<number | undefined>(undefined)

  private open = false
  private epoch: string | undefined
  private resume: ReturnType<typeof setTimeout> | undefined
  private lateTimer: ReturnType<typeof setTimeout> | undefined
  private readonly since = new Map<string, number>()
  private readonly key: string

  constructor(private readonly store: Store, room: string, private readonly send: Sender) {
    this.key = `out.${room.toLowerCase()}.`
    const now = Date.now()
    this.items.value = store.keys(this.key).flatMap(key => revive(store.get(key), now))
    for (const { id } of this.items.value) this.since.set(id, now)
    this.watchTime()
  }

  /** Takes a message on; it goes out now, or as soon as it can. */
  add(text: string, replyTo?: number): Outgoing {
    const item: Outgoing = { id: newId(), text, at: Date.now(), state: 'waiting', late: false, ...(replyTo !== undefined && { replyTo }), ...(this.epoch !== undefined && { epoch: this.epoch }) }
    this.items.value = [...this.items.value, item]
    this.keep(item)
    this.since.set(item.id, item.at)
    this.watchTime()
    this.flush()
    return item
  }

  /** The room is joined: `epoch` is its log, `has` knows what is in it already. */
  begin(epoch: string, has: (id: string) => boolean): void {
    this.epoch = epoch
    this.items.value = this.items.value.flatMap(item => {
      if (has(item.id)) return this.forget(item.id)
      if (item.state === 'failed') return [item]
      if (item.state === 'sent') return this.forget(item.id) // on disk, though no page showed it
      if (item.epoch !== undefined && item.epoch !== epoch) {
        return [this.keep({ ...item, state: 'failed', failure: { code: 'conflict', message: 'written for another log', epoch } })]
      }
      return [{ ...item, epoch, state: 'waiting' }]
    })
    this.open = true
    this.flush()
  }

  /** The connection is lost: what was under way may or may not have arrived. */
  pause(): void {
    this.open = false
    clearTimeout(this.resume)
    this.resume = undefined
    this.heldUntil.value = undefined
    this.items.value = this.items.value.map(item => (item.state === 'underway' ? { ...item, state: 'waiting' } : item))
  }

  /** The message of that id is in the log. */
  arrived(id: string): void {
    if (this.items.peek().some(item => item.id === id)) this.remove(id)
  }

  retry(id: string): void {
    this.since.set(id, Date.now())
    // Asked for, it may go into the log there is now.
    this.change(id, ({ text, at, replyTo }) => ({ id, text, at, state: 'waiting', late: false, ...(replyTo !== undefined && { replyTo }), ...(this.epoch !== undefined && { epoch: this.epoch }) }))
    this.watchTime()
    this.flush()
  }

  remove(id: string): void {
    this.forget(id)
    this.items.value = this.items.value.filter(item => item.id !== id)
    this.flush()
  }

  close(): void {
    this.pause()
    clearTimeout(this.lateTimer)
  }

  private flush(): void {
    if (!this.open || this.resume !== undefined) return
    let underway = this.items.peek().filter(item => item.state === 'underway').length
    for (const item of this.items.peek()) {
      if (item.state !== 'waiting') continue
      if (++underway > mostUnderway) return
      this.change(item.id, was => ({ ...was, state: 'underway' }), false)
      const { id, text, replyTo, epoch } = item
      this.send({ text, id, ...(replyTo !== undefined && { replyTo }), ...(epoch !== undefined && { epoch }) }, answer => this.settle(id, answer))
      if (!this.open) return
    }
  }

  private settle(id: string, answer: Answer<SendReply>): void {
    const item = this.items.peek().find(each => each.id === id)
    if (item?.state !== 'underway') return
    if (answer.ok) {
      this.forget(id)
      this.change(id, was => ({ ...was, state: 'sent', late: false, seq: answer.seq }), false)
      this.flush()
    } else if (answer.error.code === 'interrupted') {
      this.change(id, was => ({ ...was, state: 'waiting' }), false)
    } else if (answer.error.retry && answer.error.code !== 'muted') { // at the end of a mute it would come as a surprise
      // In order: nothing more goes until this one may.
      this.change(id, was => ({ ...was, state: 'waiting', failure: answer.error }), false)
      const paced = answer.error.code === 'rate_limited'
      this.wait(Math.min(paced ? longestPace : 60, Math.max(0.2, answer.error.retryAfter ?? 2)) * 1000, paced)
    } else {
      this.change(id, was => ({ ...was, state: 'failed', failure: answer.error }))
      this.flush()
    }
  }

  private wait(ms: number, paced: boolean): void {
    if (this.resume !== undefined) return
    if (paced) this.heldUntil.value = Date.now() + ms
    this.watchTime()
    this.resume = setTimeout(() => {
      this.resume = undefined
      this.heldUntil.value = undefined
      // From here on it is the server that is waited for.
      if (paced) for (const { id } of this.items.peek()) this.since.set(id, Date.now())
      this.flush()
      this.watchTime()
    }, ms)
  }

  private change(id: string, make: (item: Outgoing) => Outgoing, keep = true): void {
    this.items.value = this.items.peek().map(item => {
      if (item.id !== id) return item
      const now = make(item)
      return keep ? this.keep(now) : now
    })
  }

  private keep(item: Outgoing): Outgoing {
    this.store.set(this.key + item.id, JSON.stringify(item))
    return item
  }

  private forget(id: string): [] {
    this.store.remove(this.key + id)
    this.since.delete(id)
    return []
  }

  /** Marks what has waited too long, and comes back for the next. */
  private watchTime(): void {
    clearTimeout(this.lateTimer)
    const now = Date.now()
    // What waits for its pace is as good as sent.
    const held = this.heldUntil.peek() ?? 0
    const due = (item: Outgoing) => Math.max(this.since.get(item.id) ?? now, held) + lateAfter
    const hoping = (item: Outgoing) => !item.late && (item.state === 'waiting' || item.state === 'underway')
    if (this.items.peek().some(item => hoping(item) && due(item) <= now)) {
      this.items.value = this.items.peek().map(item => (hoping(item) && due(item) <= now ? { ...item, late: true } : item))
    }
    const next = Math.min(...this.items.peek().filter(hoping).map(due))
    if (next !== Infinity) this.lateTimer = setTimeout(() => this.watchTime(), next - now)
  }
}

function revive(text: string | undefined, now: number): Outgoing[] {
  try {
    const item = JSON.parse(text ?? '') as Outgoing
    if (typeof item.id !== 'string' || typeof item.text !== 'string' || typeof item.at !== 'number') return []
    const stale = now - item.at > staleAfter
    return [{ ...item, late: false, state: item.state === 'failed' || stale ? 'failed' : 'waiting' }]
  } catch {
    return []
  }
}
