// One room as this window has it. Views only show what is here; the connection
// only feeds it.
import { batch, computed, signal } from '@preact/signals'
import type { Store } from '../app/storage.ts'
import { Desk } from '../composer/desk.ts'
import { Draft } from '../composer/drafts.ts'
import { Outbox } from '../composer/outbox.ts'
import type { Connection } from '../connection/connection.ts'
import { Log } from '../log/log.ts'
import { Window } from '../log/window.ts'
import { People } from '../presence/people.ts'
import { Roll } from '../presence/roll.ts'
import { Typists, TypingNotice } from '../presence/typing.ts'
import type { Entry, Failure, HistoryReply, Info, JoinReply, Me, Member, Presence, Removed, SetRequest, Typing } from '../wire.ts'
import { Deeds } from './deeds.ts'
import { Quotes } from './quotes.ts'
import { Unread } from './unread.ts'

export type Phase =
  /** `after` a refusal the reader is still at the door. */
  | { at: 'joining'; after?: Failure }
  | { at: 'in' }
  /** Refused; the door says why and what may help. Until then waiting helps (ms, by this browser's clock). */
  | { at: 'door'; failure: Failure; until?: number }
  | { at: 'removed'; removed: Removed }

/** What the room tells the app around it. */
export interface Neighbourhood {
  /** The reader sees the end of this room's talk right now. */
  watched(room: Room): boolean
  /** `byKey`: the reader has shown the owner's key. */
  joined(room: Room, byKey: boolean): void
  refused(failure: Failure): void
  news(room: Room, entry: Entry): void
  /** A message was deleted: nothing may repeat it. */
  withdrawn(room: Room, seq: number): void
}

export interface Entrance {
  name: string
  passphrase?: string
  key?: string
}

type Line = Pick<Connection, 'ask' | 'mention' | 'offers'>

/** So much of the log is kept in memory. */
const mostInMemory = 4000
/** Whoever has to wait longer comes back by themselves (ms). */
export const longestWait = 3_600_000

export class Room {
  readonly code = signal('')
  readonly phase = signal<Phase>({ at: 'joining' })
  readonly info = signal<Info | undefined>(undefined)
  readonly you = signal<Member | undefined>(undefined)
  readonly mutedUntil = signal<string | undefined>(undefined)
  readonly people = new People()
  private readonly roll = new Roll(this.people, (after, settle) => this.line.ask('members', { room: this.code.peek(), limit: 100, ...(after !== undefined && { after }) }, answer => settle(answer.ok && this.phase.peek().at === 'in' ? answer : undefined)))
  readonly typists = new Typists()
  readonly log = new Log(() => this.heal(), entry => this.news(entry))
  readonly window = new Window(this.log)
  readonly outbox: Outbox
  readonly desk: Desk
  /** What the reader does to messages that are there already. */
  readonly deeds = new Deeds(({ kind, id, ...deed }, epoch, settle) => this.line.ask(kind, { room: this.code.peek(), id, ...(epoch && { epoch }), ...deed } as never, settle), failure => this.around.refused(failure))
  readonly quotes = new Quotes(seq => this.log.find(seq), (seq, settle) => this.line.ask('history', { room: this.code.peek(), around: seq, limit: 1 }, answer => settle(answer.ok ? answer.entries.find(entry => entry.seq === seq) : undefined, answer.ok || !answer.error.retry)))
  readonly unread: Unread
  readonly typing = new TypingNotice(() => this.line.mention('typing', { room: this.code.peek() }))
  /** The row that the reader points at, by its key. */
  readonly aim = signal<string | undefined>(undefined)
  /** The key of a room just made, until the reader has kept it. */
  readonly ownerKey = signal<string | undefined>(undefined)
  /** Rises when somebody was put out, muted, given a role and the like. */
  readonly measures = signal(0)
  /** A page of older messages is on its way. */
  readonly loading = signal(false)

  readonly title = computed(() => this.info.value?.title || this.code.value)
  private entrance: Entrance
  private healing = false
  private rejoin: ReturnType<typeof setTimeout> | undefined

  constructor(code: string, entrance: Entrance, store: Store, private readonly line: Line, private readonly around: Neighbourhood) {
    this.code.value = code
    this.entrance = entrance
    this.desk = new Desk(new Draft(store, code))
    this.outbox = new Outbox(store, code, (request, settle) => this.line.ask('send', { room: this.code.peek(), ...request }, settle, Infinity))
    this.unread = new Unread(
      seq => { if (line.offers('read')) line.ask('read', { room: this.code.peek(), seq, ...(this.log.epoch && { epoch: this.log.epoch }) }, () => {}) },
      seq => this.log.live.entries.filter(entry => entry.seq > seq && entry.kind === 'message' && entry.from.id !== this.you.peek()?.id).length,
    )
  }

  /** Knocks with what the door asked for. */
  enter(entrance: Partial<Entrance>): void {
    this.entrance = { ...this.entrance, ...entrance }
    const was = this.phase.peek()
    const after = was.at === 'door' ? was.failure : was.at === 'joining' ? was.after : undefined
    this.phase.value = { at: 'joining', ...(after && { after }) }
    this.join()
  }

  get name(): string {
    return this.you.peek()?.name ?? this.entrance.name
  }

  /** Joins, and again at every connect. What was missed comes by the cursor. */
  join(): void {
    const phase = this.phase.peek().at
    if (phase !== 'joining' && phase !== 'in') return
    clearTimeout(this.rejoin)
    const after = this.log.cursor
    const { name, passphrase, key } = this.entrance
    this.line.ask('join', { room: this.code.peek(), name, ...(passphrase && { passphrase }), ...(key && { key }), ...(after && { after }) }, answer => {
      if (answer.ok) batch(() => this.joined(answer, after !== undefined))
      else this.refused(answer.error)
    })
  }

  /** The connection is lost: what follows waits for the next one. */
  lost(): void {
    this.outbox.pause()
    this.deeds.pause()
    this.typists.clear()
    this.healing = false
    this.loading.value = false
  }

  receive(entry: Entry): void {
    if (this.phase.peek().at !== 'in') return
    batch(() => {
      this.log.receive(entry)
      this.window.settle()
    })
  }

  heardPresence(presence: Presence): void {
    if (this.phase.peek().at !== 'in') return
    batch(() => {
      for (const { id } of presence.left ?? []) this.typists.stopped(id)
      this.people.apply(presence, this.log.seq)
      const me = presence.changed?.find(member => member.id === this.you.peek()?.id)
      if (me) this.you.value = me
    })
    this.roll.check()
  }

  heardTyping({ id, name }: Typing): void {
    if (id !== this.you.peek()?.id) this.typists.heard(id, name)
  }

  heardMe({ you, read, mutedUntil }: Me): void {
    if (you) {
      this.you.value = you
      this.people.put(you)
    }
    if (read !== undefined) this.unread.heard(read)
    if (mutedUntil !== undefined) this.mutedUntil.value = mutedUntil
  }

  removed(removed: Removed): void {
    this.phase.value = { at: 'removed', removed }
    this.outbox.pause()
    this.typists.clear()
  }

  resync(): void {
    this.heal()
    this.roll.ask()
  }

  /** The reader may be looking; on coming to the room (`fresh`) the unread line is drawn first. */
  look(fresh = false): void {
    if (fresh) this.unread.drawLine()
    if (this.phase.peek().at === 'in' && this.around.watched(this)) this.unread.read(this.log.seq)
  }

  /** Says something; it is in the talk at once, and in the log when the server has it. */
  say(text: string, replyTo?: number): void {
    batch(() => {
      this.outbox.add(text, replyTo)
      this.unread.eraseLine()
      this.window.toEnd()
    })
    this.typing.sent()
  }

  /** The reader's newest message that may still be edited. */
  lastOfMine(): Entry | undefined {
    const me = this.you.peek()?.id
    return this.log.live.entries.findLast(entry => entry.kind === 'message' && entry.from.id === me && entry.deleted === undefined)
  }

  rename(name: string, settle: (failure?: Failure) => void): void {
    this.line.ask('rename', { room: this.code.peek(), name }, answer => {
      if (!answer.ok) return settle(answer.error)
      this.you.value = answer.you
      this.people.put(answer.you)
      this.entrance = { ...this.entrance, name: answer.you.name }
      settle()
    })
  }

  /** Changes what is given of the room; the server says what came of it. */
  set(change: Omit<SetRequest, 'room'>, settle: (failure?: Failure) => void): void {
    this.line.ask('set', { room: this.code.peek(), ...change }, answer => {
      if (answer.ok) this.info.value = answer.info
      settle(answer.ok ? undefined : answer.error)
    })
  }

  /** Leaves for good; the others are told. */
  leave(): void {
    this.line.ask('leave', { room: this.code.peek(), all: true }, () => {})
    this.close()
  }

  close(): void {
    this.roll.close()
    clearTimeout(this.rejoin)
    this.outbox.close()
    this.deeds.pause()
    this.log.close()
    this.unread.close()
    this.typists.clear()
  }

  /** Takes in older talk, from memory or from the server. */
  older(): void {
    if (this.window.older() || this.log.shown.atStart || this.loading.peek() || this.phase.peek().at !== 'in') return
    this.loading.value = true
    const run = this.log.shown
    this.line.ask('history', { room: this.code.peek(), before: run.low, limit: 100 }, answer => {
      this.loading.value = false
      if (!answer.ok || run !== this.log.shown || this.stale(answer)) return
      batch(() => {
        this.log.prepend(answer)
        this.window.older()
      })
    })
  }

  /** Takes in newer talk, when a part of long ago is shown. */
  newer(): void {
    const { past } = this.log
    if (this.window.newer() || !past || this.loading.peek()) return
    const seq = past.entries.at(-1)?.seq ?? past.low
    this.loading.value = true
    this.line.ask('history', { room: this.code.peek(), after: { epoch: this.log.epoch, seq }, limit: 100 }, answer => {
      this.loading.value = false
      if (!answer.ok || past !== this.log.past || this.stale(answer)) return
      batch(() => {
        this.log.extend(answer)
        this.window.settle()
      })
    })
  }

  /** Shows a message and what is around it. */
  visit(seq: number, settle: (found: boolean) => void): void {
    if (this.log.past && !this.log.find(seq)) this.log.present()
    if (seq >= this.log.shown.low) {
      if (this.log.find(seq)) this.window.around(seq)
      return settle(this.log.find(seq) !== undefined)
    }
    this.line.ask('history', { room: this.code.peek(), around: seq, limit: 100 }, answer => {
      if (!answer.ok || this.stale(answer)) return settle(false)
      batch(() => {
        this.log.visit(answer)
        this.window.around(seq)
      })
      settle(this.log.find(seq) !== undefined)
    })
  }

  private joined(reply: JoinReply, resumed: boolean): void {
    this.code.value = reply.room
    this.info.value = reply.info
    this.you.value = reply.you
    this.people.me.value = reply.you.id
    this.people.replace(reply.members, reply.count)
    this.phase.value = { at: 'in' }
    this.mutedUntil.value = reply.mutedUntil
    // It has done its work, and would do it again at each connect.
    const byKey = this.entrance.key !== undefined
    delete this.entrance.key
    this.healing = false
    if (this.log.epoch !== reply.epoch) this.quotes.forget()
    if (!resumed || reply.reset) {
      this.log.open(reply)
      this.window.toEnd()
    } else {
      this.log.fill(reply, true)
      if (reply.more) this.heal()
      else this.log.caughtUp(reply.head)
      this.window.settle()
    }
    this.unread.begin(reply.read, reply.unread)
    this.look(!resumed)
    this.outbox.begin(reply.epoch, id => this.log.has(reply.you.id, id))
    this.deeds.begin(reply.epoch)
    this.roll.check()
    this.around.joined(this, byKey)
  }

  private refused(failure: Failure): void {
    if (failure.code === 'interrupted') return // the next connect joins again
    const inside = this.log.epoch !== ''
    if (failure.field === 'key') {
      // Without it one is in all the same, or may be.
      delete this.entrance.key
      this.around.refused(failure)
      if (inside) return this.join()
    }
    if (inside && failure.code === 'not_found') return this.removed({ room: this.code.peek(), reason: 'destroyed' })
    const wait = failure.retry ? Math.max(0.5, failure.retryAfter ?? 2) * 1000 : undefined
    // Some things are over before one could read of them; and who is in stays in, but for a ban.
    const told = wait === undefined || failure.code === 'banned' || (!inside && (failure.code === 'full' || failure.code === 'rate_limited'))
    if (told) this.phase.value = { at: 'door', failure, ...(wait !== undefined && { until: Date.now() + wait }) }
    if (wait !== undefined && wait < longestWait) this.rejoin = setTimeout(() => this.enter({}), wait)
  }

  /** Asks for everything after the cursor, as often as it takes. */
  private heal(): void {
    const after = this.log.cursor
    if (this.healing || after === undefined) return
    this.healing = true
    this.line.ask('history', { room: this.code.peek(), after, limit: 1000 }, answer => {
      this.healing = false
      if (!answer.ok) {
        if (answer.error.code !== 'interrupted' && answer.error.retry) this.rejoin = setTimeout(() => this.heal(), (answer.error.retryAfter ?? 1) * 1000)
        return
      }
      batch(() => {
        if (answer.reset) {
          this.log.open(answer)
          return this.window.toEnd()
        }
        this.log.fill(answer, true)
        if (!answer.more) this.log.caughtUp(answer.head)
        this.window.settle()
      })
      if (answer.more && !answer.reset) this.heal()
    })
  }

  private news(entry: Entry): void {
    const me = this.you.peek()
    const mine = entry.from.id === me?.id
    if (mine && entry.id !== undefined) {
      this.outbox.arrived(entry.id)
      this.deeds.arrived(entry.id)
    }
    if (mine && entry.kind === 'react' && entry.target !== undefined && entry.emoji !== undefined) this.log.mark(entry.target, entry.emoji, entry.on === true)
    this.quotes.heard(entry)
    if (entry.kind === 'delete' && entry.target !== undefined) this.around.withdrawn(this, entry.target)
    if (entry.kind === 'room' && entry.info && this.info.peek()) this.info.value = { ...this.info.peek()!, ...entry.info }
    if (entry.kind === 'moderation') this.measures.value++
    if (entry.kind !== 'message') return
    this.typists.stopped(entry.from.id)
    if (this.window.sticking && this.window.atTail) this.log.trim(mostInMemory)
    if (mine) return
    if (this.around.watched(this)) this.unread.read(entry.seq)
    else this.unread.news()
    this.around.news(this, entry)
  }

  private stale(reply: HistoryReply): boolean {
    return reply.epoch !== this.log.epoch
  }
}
