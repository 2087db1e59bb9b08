// What stands below each other in the talk: messages, day lines, notes, the
// unread line, what is still on its way.
import type { Outgoing } from '../composer/outbox.ts'
import { tell, type Coming } from '../presence/comings.ts'
import { foresee, type Deed, type Shown } from '../rooms/deeds.ts'
import type { Found } from '../rooms/quotes.ts'
import type { Room } from '../rooms/room.ts'
import type { Author, Entry } from '../wire.ts'
import { describe } from './notes.ts'
import { dayKey } from './time.ts'

/** How far a message of mine has come. Others' are always `sent`. */
export type State = 'sent' | 'pending' | 'failed'

export type Row =
  | { kind: 'start'; key: string }
  | { kind: 'day'; key: string; at: string }
  | { kind: 'unread'; key: string }
  | { kind: 'note'; key: string; text: string; at?: string }
  | MessageRow

export interface MessageRow {
  kind: 'message'
  /** Lasts from the moment of writing on, so that the row's node does. */
  key: string
  seq: number | undefined
  from: Author
  at: string
  text: string | undefined
  deleted: boolean
  edited: string | undefined
  replyTo: number | undefined
  /** What it replies to, as far as that is known. */
  quote: Found
  reactions: readonly Shown[]
  /** Calls the reader by name. */
  hails: boolean
  /** Opens a group: the name is shown. */
  first: boolean
  mine: boolean
  state: State
  outgoing: Outgoing | undefined
}

export interface Source {
  entries: readonly Entry[]
  comings: readonly Coming[]
  pending: readonly Outgoing[]
  me: Author | undefined
  /** What the reader has done to messages, and the log does not show yet. */
  deeds: readonly Deed[]
  /** The reader's own reactions on a message. */
  mine(seq: number): ReadonlySet<string> | undefined
  quote(seq: number): Found
  /** There is nothing older than the first entry. */
  atStart: boolean
  /** The end of the talk is shown, not a part of long ago. */
  atTail: boolean
  /** The line goes before the first message of others after this one. */
  unreadAfter: number | undefined
}

/** Messages of one person this close together are one group. */
const groupSpan = 5 * 60_000

export const mostRows = 300

/** The rows of a room as it is now. */
export function rowsOf(room: Room): Row[] {
  void room.log.version.value
  void room.window.version.value
  void room.quotes.version.value
  const me = room.you.value
  return buildRows({
    entries: room.window.slice(),
    comings: room.people.comings.value,
    pending: room.outbox.items.value.filter(item => !me || !room.log.has(me.id, item.id)),
    me,
    deeds: room.deeds.items.value,
    mine: seq => room.log.mine.get(seq),
    quote: seq => room.quotes.of(seq),
    atStart: room.window.atTop && room.log.shown.atStart,
    atTail: room.window.atTail,
    unreadAfter: room.unread.line.value,
  })
}

export function buildRows(source: Source): Row[] {
  const builder = new Builder(source)
  if (source.atStart) builder.rows.push({ kind: 'start', key: 'start' })
  for (const entry of source.entries) builder.entry(entry)
  if (source.atTail) {
    builder.comingsBefore(Infinity)
    for (const outgoing of source.pending) builder.outgoing(outgoing)
  }
  return source.atTail ? builder.rows.slice(-mostRows) : builder.rows.slice(0, mostRows)
}

class Builder {
  readonly rows: Row[] = []
  private day = ''
  private begun = '' // the moment under whose day line the talk is
  private previous: MessageRow | undefined
  private unreadDone = false
  private nextComing: number

  constructor(private readonly source: Source) {
    const first = source.entries[0]?.seq ?? 0
    // What happened before the first entry shown is not shown either, unless the talk begins here.
    this.nextComing = source.atStart ? 0 : source.comings.findIndex(coming => coming.after >= first)
    if (this.nextComing < 0) this.nextComing = source.comings.length
  }

  entry(entry: Entry): void {
    this.comingsBefore(entry.seq)
    const { me, unreadAfter } = this.source
    const mine = me !== undefined && entry.from.id === me.id
    if (entry.kind === 'message') {
      if (!this.unreadDone && unreadAfter !== undefined && entry.seq > unreadAfter && !mine) {
        this.unreadDone = true
        this.dayLine(entry.at)
        this.note({ kind: 'unread', key: 'unread' })
      }
      const seen = foresee(entry, this.source.mine(entry.seq), this.source.deeds)
      this.message({
        kind: 'message', key: keyOf(mine, entry.seq, entry.id), seq: entry.seq, from: entry.from, at: entry.at, ...seen, hails: !mine && hails(seen.text, me),
        ...this.replyOf(seen.deleted ? undefined : entry.replyTo), first: true, mine, state: 'sent', outgoing: undefined,
      })
      return
    }
    const text = describe(entry)
    if (text === '') return
    this.dayLine(entry.at)
    this.note({ kind: 'note', key: `e${entry.seq}`, text, at: entry.at })
  }

  outgoing(item: Outgoing): void {
    const from = this.source.me ?? { id: '', name: 'You', color: 0 }
    this.message({
      kind: 'message', key: keyOf(true, undefined, item.id), seq: item.seq, from, at: new Date(item.at).toISOString(), text: item.text,
      deleted: false, edited: undefined, reactions: [], hails: false, ...this.replyOf(item.replyTo), first: true, mine: true,
      state: item.state === 'sent' ? 'sent' : item.state === 'failed' || item.late ? 'failed' : 'pending', outgoing: item,
    })
  }

  /** Puts down what happened before entry `seq`, as one line. */
  comingsBefore(seq: number): void {
    const { comings } = this.source
    const begin = this.nextComing
    while (this.nextComing < comings.length && comings[this.nextComing]!.after < seq) this.nextComing++
    if (begin === this.nextComing) return
    const text = tell(comings.slice(begin, this.nextComing))
    if (text !== '') this.note({ kind: 'note', key: `c${comings[begin]!.n}`, text })
  }

  private replyOf(seq: number | undefined): Pick<MessageRow, 'replyTo' | 'quote'> {
    return { replyTo: seq, quote: seq === undefined ? undefined : this.source.quote(seq) }
  }

  private message(row: MessageRow): void {
    this.dayLine(row.at)
    const { previous } = this
    if (previous && previous.from.id === row.from.id && previous.from.name === row.from.name) {
      row.first = row.replyTo !== undefined || Math.abs(Date.parse(row.at) - Date.parse(previous.at)) >= groupSpan
    }
    this.rows.push(row)
    this.previous = row
  }

  private note(row: Row): void {
    this.rows.push(row)
    this.previous = undefined
  }

  private dayLine(at: string): void {
    const day = dayKey(at)
    // A clock of this browser that runs behind must not put a line of yesterday under today's talk.
    if (day === this.day || at < this.begun) return
    this.day = day
    this.begun = at
    this.note({ kind: 'day', key: `d${day}`, at })
  }
}

/** A message's key is the client's own name for it where it is mine, from before it has a seq. */
export function keyOf(mine: boolean, seq: number | undefined, id: string | undefined): string {
  return mine && id !== undefined ? `m${id}` : `s${seq}`
}

/** Whether a text calls somebody: @ and the name, as a word. */
export function hails(text: string | undefined, who: Author | undefined): boolean {
  if (!text?.includes('@') || !who) return false
  const called = `@${who.name}`.toLocaleLowerCase()
  const said = text.toLocaleLowerCase()
  for (let at = said.indexOf(called); at >= 0; at = said.indexOf(called, at + 1)) {
    if (!/[\p{L}\p{N}]/u.test(said.charAt(at + called.length)) && !/[\p{L}\p{N}]/u.test(said.charAt(at - 1))) return true
  }
  return false
}
