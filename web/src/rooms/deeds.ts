// What the reader does to messages that are in the log already. A deed shows at
// once, and is made true by its entry. Its id is made once, so doing it again
// after a lost connection is harmless.
import { signal } from '@preact/signals'
import { newId } from '../composer/ids.ts'
import type { Answer } from '../connection/requests.ts'
import type { Entry, Failure, SendReply } from '../wire.ts'

export type Act =
  | { kind: 'edit'; seq: number; text: string }
  | { kind: 'delete'; seq: number }
  | { kind: 'react'; seq: number; emoji: string; on: boolean }

export type Deed = Act & { readonly id: string }

/** Asks the server; `settle` is called once. */
export type Doer = (deed: Deed, epoch: string | undefined, settle: (answer: Answer<SendReply>) => void) => void

/** An entry follows its acknowledgement at once, or has come before. */
const entryWithin = 2000

export class Deeds {
  /** Those that the log does not show yet, in the order they were done. */
  readonly items = signal<readonly Deed[]>([])
  private epoch: string | undefined
  private open = false
  private readonly timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(private readonly ask: Doer, private readonly refused: (failure: Failure) => void) {}

  do(act: Act): void {
    const deed: Deed = { ...act, id: newId() }
    this.items.value = [...this.items.peek(), deed]
    if (this.open) this.send(deed)
  }

  /** The room is joined: what was under way is done again. Nothing goes into another log than it was meant for: that is said. */
  begin(epoch: string): void {
    if (this.epoch !== undefined && this.epoch !== epoch && this.items.peek().length > 0) {
      this.items.value = []
      this.refused({ code: 'conflict', field: 'epoch', message: '' })
    }
    this.epoch = epoch
    this.open = true
    for (const deed of this.items.peek()) this.send(deed)
  }

  pause(): void {
    this.open = false
    for (const timer of this.timers) clearTimeout(timer)
    this.timers.clear()
  }

  /** The log shows the deed of that id. */
  arrived(id: string): void {
    if (this.items.peek().some(deed => deed.id === id)) this.items.value = this.items.peek().filter(deed => deed.id !== id)
  }

  private send(deed: Deed): void {
    this.ask(deed, this.epoch, answer => {
      if (answer.ok) {
        // What changes nothing makes no entry that could arrive.
        if (answer.duplicate) this.arrived(deed.id)
        else this.later(entryWithin, () => this.arrived(deed.id))
      } else if (answer.error.code === 'interrupted') {
        // Begun again with the next joining.
      } else if (answer.error.retry && answer.error.code !== 'muted') { // by the end of a mute it would come as a surprise
        this.later(Math.max(0.2, answer.error.retryAfter ?? 2) * 1000, () => this.send(deed))
      } else {
        this.arrived(deed.id)
        this.refused(answer.error)
      }
    })
  }

  private later(wait: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer)
      act()
    }, wait)
    this.timers.add(timer)
  }
}

/** A reaction as it is shown. */
export interface Shown { emoji: string; count: number; mine: boolean }

/** A message as it will be when what was done to it is in the log. */
export interface Seen { text: string | undefined; deleted: boolean; edited: string | undefined; reactions: readonly Shown[] }

export function foresee(entry: Entry, mine: ReadonlySet<string> | undefined, deeds: readonly Deed[]): Seen {
  const seen = {
    text: entry.text, deleted: entry.deleted !== undefined, edited: entry.edited,
    reactions: (entry.reactions ?? []).map(({ emoji, count }) => ({ emoji, count, mine: mine?.has(emoji) ?? false })),
  }
  for (const deed of deeds) {
    if (deed.seq !== entry.seq || seen.deleted) continue
    switch (deed.kind) {
      case 'delete':
        seen.deleted = true
        seen.text = undefined
        seen.reactions = []
        break
      case 'edit':
        seen.text = deed.text
        seen.edited ??= entry.at
        break
      case 'react': {
        const known = seen.reactions.find(({ emoji }) => emoji === deed.emoji)
        if (!known && deed.on) seen.reactions.push({ emoji: deed.emoji, count: 1, mine: true })
        if (known && known.mine !== deed.on) {
          known.mine = deed.on
          known.count += deed.on ? 1 : -1
        }
      }
    }
  }
  seen.reactions = seen.reactions.filter(({ count }) => count > 0)
  return seen
}
