// A room's log, as far as this window has it: entries in seq order, a cursor
// that moves by entries alone, and the folding of edits into messages.
import { signal } from '@preact/signals'
import type { Cursor, Entry, Mine } from '../wire.ts'

/** A run of entries without holes: all talk from `low` on to its last one. */
export interface Segment {
  entries: Entry[]
  low: number
  /** There is nothing older. */
  atStart: boolean
}

/** A page of the talk, as joining and history give it. */
export interface Page {
  entries: readonly Entry[]
  more: boolean
  epoch: string
  head: number
  mine?: Mine
}

/** How long an entry ahead of the cursor may wait for those between ("Order"). */
const reorderPatience = 300
/** The least time between two drawings, in ms. */
const drawEvery = 50

export class Log {
  /** Rises with every change of what there is to show. */
  readonly version = signal(0)
  epoch = ''
  /** "I have everything up to here." 0 before the first page. */
  seq = 0
  live: Segment = { entries: [], low: 1, atStart: false }
  /** A run from long ago, shown in place of `live` while it has not grown up to it. */
  past: Segment | undefined

  /** The reader's own reactions, by seq. */
  readonly mine = new Map<number, Set<string>>()

  private readonly ahead = new Map<number, Entry>()
  private readonly ids = new Set<string>()
  private pause: ReturnType<typeof setTimeout> | undefined
  private waiting = false
  private gapTimer: ReturnType<typeof setTimeout> | undefined

  /** `onGap` is called when entries are missing: what follows the cursor is to
   * be asked for. `onNews` hears each live entry once, in order. */
  constructor(private readonly onGap: () => void, private readonly onNews: (entry: Entry) => void = () => {}) {}

  get cursor(): Cursor | undefined {
    return this.epoch === '' ? undefined : { epoch: this.epoch, seq: this.seq }
  }

  get shown(): Segment {
    return this.past ?? this.live
  }

  /** Begins anew with the newest page of the talk. */
  open(page: Page): void {
    const fresh = page.epoch !== this.epoch
    this.epoch = page.epoch
    this.seq = page.head
    this.live = segment(page)
    this.past = undefined
    this.ids.clear()
    this.mine.clear()
    this.own(page)
    this.remember(page.entries)
    // Entries of this log that overtook the page stay; those of another do not.
    if (fresh) this.ahead.clear()
    this.drain()
    this.changed()
  }

  /** Takes a page of the log, which begins after the cursor. */
  fill(page: Pick<Page, 'entries' | 'mine'>, news = false): void {
    this.own(page)
    for (const entry of page.entries) {
      if (entry.seq <= this.seq) continue
      this.accept(entry, news)
    }
    this.drain()
    this.changed()
  }

  /** Nothing is left to be filled in before `head`: seqs that no page shows any more are passed over. */
  caughtUp(head: number): void {
    if (head > this.seq) this.seq = head
    this.drain()
    this.changed()
  }

  /** Takes a live entry. */
  receive(entry: Entry): void {
    if (entry.seq <= this.seq || this.epoch === '') return
    if (entry.seq > this.seq + 1) {
      this.ahead.set(entry.seq, entry)
      this.gapTimer ??= setTimeout(() => {
        this.gapTimer = undefined
        if (this.ahead.size > 0) this.onGap()
      }, reorderPatience)
      return
    }
    this.accept(entry, true)
    this.drain()
    this.changed()
  }

  /** Puts a page of older talk before what is shown. */
  prepend(page: Page): void {
    const run = this.shown
    const older = page.entries.filter(entry => entry.seq < run.low)
    run.entries = [...older, ...run.entries]
    run.low = older[0]?.seq ?? run.low
    run.atStart = !page.more
    this.own(page)
    this.remember(older)
    this.changed()
  }

  /** Shows a page around some older message. */
  visit(page: Page): void {
    const last = page.entries.at(-1)
    if (last === undefined) return
    const run = segment(page)
    run.atStart = run.low <= 1
    this.own(page)
    this.remember(run.entries)
    if (last.seq >= this.live.low - 1) {
      // It reaches up to what is here already, so it is no run of its own.
      const older = run.entries.filter(entry => entry.seq < this.live.low)
      if (older.length > 0) this.live = { entries: [...older, ...this.live.entries], low: run.low, atStart: run.atStart }
      this.past = undefined
    } else {
      this.past = run
    }
    this.changed()
  }

  /** Takes a page of the log after the past run; joins the runs when they touch. */
  extend(page: Pick<Page, 'entries' | 'mine'>): void {
    const { past } = this
    const { entries } = page
    if (!past) return
    this.own(page)
    for (const entry of entries) {
      if (entry.seq >= this.live.low) break
      put(past, entry)
    }
    this.remember(past.entries)
    const reached = entries.length === 0 || entries.some(entry => entry.seq >= this.live.low - 1)
    if (reached) {
      this.live = { entries: [...past.entries, ...this.live.entries], low: past.low, atStart: past.atStart }
      this.past = undefined
    }
    this.changed()
  }

  /** Goes back to the newest. */
  present(): void {
    if (!this.past) return
    this.past = undefined
    this.changed()
  }

  /** Forgets the oldest of the live run when it has grown long. */
  trim(most: number): void {
    const { entries } = this.live
    if (entries.length <= most * 1.25) return
    for (const entry of entries.slice(0, -most)) this.ids.delete(nameOf(entry.from.id, entry.id))
    this.live = { entries: entries.slice(-most), low: entries.at(-most)!.seq, atStart: false }
  }

  find(seq: number): Entry | undefined {
    return at(this.live.entries, seq) ?? (this.past && at(this.past.entries, seq))
  }

  /** One of the reader's own reactions is in the log, or gone from it. */
  mark(seq: number, emoji: string, on: boolean): void {
    const marks = this.mine.get(seq) ?? new Set<string>()
    if (on) marks.add(emoji)
    else marks.delete(emoji)
    this.mine.set(seq, marks)
  }

  /** Whether the author's message of that id is here. */
  has(author: string, id: string): boolean {
    return this.ids.has(nameOf(author, id))
  }

  close(): void {
    clearTimeout(this.gapTimer)
    clearTimeout(this.pause)
  }

  private accept(entry: Entry, news: boolean): void {
    this.seq = entry.seq
    put(this.live, entry)
    if (this.past) fold(this.past, entry)
    this.remember([entry])
    if (news) this.onNews(entry)
  }

  private own({ entries, mine }: Pick<Page, 'entries' | 'mine'>): void {
    for (const { seq, kind } of entries) {
      const marks = mine?.[seq]
      if (marks) this.mine.set(seq, new Set(marks))
      else if (kind === 'message') this.mine.delete(seq)
    }
  }

  private drain(): void {
    for (const seq of this.ahead.keys()) if (seq <= this.seq) this.ahead.delete(seq)
    for (let next = this.ahead.get(this.seq + 1); next; next = this.ahead.get(this.seq + 1)) {
      this.ahead.delete(next.seq)
      this.accept(next, true)
    }
    if (this.ahead.size === 0) {
      clearTimeout(this.gapTimer)
      this.gapTimer = undefined
    }
  }

  private remember(entries: readonly Entry[]): void {
    for (const { from, id } of entries) if (id !== undefined) this.ids.add(nameOf(from.id, id))
  }

  /** Tells the views, at once but no more often than they can follow: a burst of
   * entries is drawn a few times, not once each. */
  private changed(): void {
    if (this.pause !== undefined) {
      this.waiting = true
      return
    }
    this.version.value++
    this.pause = setTimeout(() => {
      this.pause = undefined
      if (!this.waiting) return
      this.waiting = false
      this.changed()
    }, drawEvery)
  }
}

/** Kinds that are folded into a message and are no line of their own. */
const folded = new Set(['edit', 'delete', 'react'])

function segment(page: Page): Segment {
  const entries = page.entries.filter(entry => !folded.has(entry.kind))
  return { entries, low: entries[0]?.seq ?? page.head + 1, atStart: !page.more }
}

function put(run: Segment, entry: Entry): void {
  if (folded.has(entry.kind)) return fold(run, entry)
  const last = run.entries.at(-1)
  if (last === undefined || entry.seq > last.seq) run.entries.push(entry)
}

// "rev is the newest entry folded into a message; a client applies an edit,
// delete or react only if its seq > the target's rev": chat-protocol, Entries.
function fold(run: Segment, deed: Entry): void {
  if (!folded.has(deed.kind) || deed.target === undefined) return
  const i = indexOf(run.entries, deed.target)
  const was = run.entries[i]
  if (!was || was.seq !== deed.target || deed.seq <= (was.rev ?? was.seq)) return
  const now: Entry = { ...was, rev: deed.seq }
  if (deed.kind === 'delete') {
    now.deleted = deed.at
    delete now.text
    delete now.reactions
    delete now.replyTo
  } else if (deed.kind === 'edit' && deed.text !== undefined) {
    now.text = deed.text
    now.edited = deed.at
  } else if (deed.kind === 'react' && deed.emoji !== undefined) {
    now.reactions = react(was.reactions ?? [], deed.emoji, deed.on === true)
  }
  run.entries[i] = now
}

function react(reactions: readonly { emoji: string; count: number }[], emoji: string, on: boolean) {
  const known = reactions.some(reaction => reaction.emoji === emoji)
  const counted = known ? reactions.map(r => (r.emoji === emoji ? { emoji, count: r.count + (on ? 1 : -1) } : r)) : on ? [...reactions, { emoji, count: 1 }] : reactions
  return counted.filter(reaction => reaction.count > 0)
}

/** The index of the first entry whose seq is at least `seq`. */
export function indexOf(entries: readonly Entry[], seq: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return low
}

function at(entries: readonly Entry[], seq: number): Entry | undefined {
  const entry = entries[indexOf(entries, seq)]
  return entry?.seq === seq ? entry : undefined
}

function nameOf(author: string, id: string | undefined): string {
  return `${author} ${id ?? ''}`
}
