// The one connection of a window. It keeps the identity's token, comes back by
// itself, and hands on what the server says; it knows nothing of rooms.
import { signal } from '@preact/signals'
import { io, type Socket } from 'socket.io-client'
import type { Store } from '../app/storage.ts'
import type * as wire from '../wire.ts'
import { interrupted, readAnswer, readRefusal, type Answer, type Asker, type Event } from './requests.ts'

/** Who hears what the server says. */
export interface Listener {
  /** Connected and welcomed: rooms are to be joined, again if need be. */
  ready(): void
  lost(): void
  /** The server did not know our token: we are somebody new to it. */
  forgotten(): void
  entry(entry: wire.Entry): void
  presence(presence: wire.Presence): void
  typing(typing: wire.Typing): void
  me(me: wire.Me): void
  removed(removed: wire.Removed): void
  resync(resync: wire.Resync): void
  notice(notice: wire.Notice): void
}

/** `ready` when welcomed, `away` when lost and coming back. */
export type Phase = 'connecting' | 'ready' | 'away'

/** A loss shorter than this is nobody's business. */
const silentBlip = 1500
const patience = 10_000
/** Beyond it a browser's timer goes off at once. */
export const longestTimer = 2 ** 31 - 1

export class Connection {
  readonly phase = signal<Phase>('connecting')
  /** The connection has been missing long enough to say so. */
  readonly troubled = signal(false)
  readonly welcome = signal<wire.Welcome | undefined>(undefined)
  /** The server is another version than the one this page came from. */
  readonly outdated = signal(false)
  /** The one who runs the server lets nobody in from here, until then (ms by this browser's clock) or for good. */
  readonly barred = signal<{ until: number | undefined } | undefined>(undefined)

  private readonly socket: Socket
  private readonly underWay = new Set<() => void>()
  private trouble: ReturnType<typeof setTimeout> | undefined
  private attempting = true
  private opening: ReturnType<typeof setTimeout> | undefined
  /** Somebody wanted an attempt while there was one. */
  private again = false
  private sentToken: string | undefined
  private firstVersion: string | undefined
  /** Whom we are about to become. */
  private moving: { code: string; settle: (failure?: wire.Failure) => void } | undefined
  /** How far the server's clock is ahead of this browser's, in ms. */
  private ahead = 0

  constructor(base: URL, private readonly store: Store, private readonly listener: Listener) {
    this.socket = io(base.origin, {
      path: base.pathname + 'socket.io/',
      // A function, so that each reconnect carries the token of the day ("Connecting").
      auth: give => {
        this.sentToken = undefined
        if (this.moving) return give({ move: this.moving.code })
        this.sentToken = store.get('token')
        give(this.sentToken === undefined ? {} : { token: this.sentToken })
      },
      reconnectionDelay: 300,
      reconnectionDelayMax: 5000,
      randomizationFactor: 0.5,
      rememberUpgrade: true,
      timeout: 8000,
      autoConnect: false,
    })
    this.fret()
    this.listen()
    // Once the page has been drawn: that is what the reader waits for. A page in the background is never drawn.
    let begun = false
    const begin = () => {
      if (!begun) this.connect()
      begun = true
    }
    requestAnimationFrame(() => setTimeout(begin))
    setTimeout(begin, 200)
  }

  /** Asks the server; while not connected the answer is `interrupted` at once. */
  readonly ask: Asker = (event, object, settle, wait = patience) => {
    if (this.phase.peek() !== 'ready') return settle(interrupted)
    let timer: ReturnType<typeof setTimeout> | undefined
    const once = (answer: unknown) => {
      if (!this.underWay.delete(giveUp)) return
      clearTimeout(timer)
      settle(answer === interrupted ? interrupted : readAnswer(answer))
    }
    const giveUp = () => once(interrupted)
    this.underWay.add(giveUp)
    if (wait !== Infinity) timer = setTimeout(giveUp, wait)
    this.socket.emit(event, object, once)
  }

  /** The same as a promise, for what need not keep its place among the server's events. */
  request<E extends Event>(event: E, object: Parameters<typeof this.ask<E>>[1]): Promise<Parameters<Parameters<typeof this.ask<E>>[2]>[0]> {
    return new Promise(resolve => this.ask(event, object, resolve))
  }

  /** Says something that may get lost. */
  mention(event: Event, object: object): void {
    if (this.phase.peek() === 'ready') this.socket.volatile.emit(event, object)
  }

  offers(feature: string): boolean {
    return this.welcome.value?.features.includes(feature) ?? false
  }

  /** Becomes who asked for the code on another device. `settle` is called before rooms are joined. */
  takeOver(code: string, settle: (failure?: wire.Failure) => void): void {
    this.moving = { code, settle }
    this.socket.disconnect()
    this.connect()
  }

  /** A time of the server's, in ms by this browser's clock. */
  local(at: string): number {
    return Date.parse(at) - this.ahead
  }

  /** Tries at once instead of waiting for the next attempt. */
  wake(): void {
    if (this.socket.connected || this.barred.peek()) return
    if (this.attempting) {
      // It may be about to fail: then the next one follows at once.
      this.again = true
      return
    }
    // Unconnected, this says nothing to the server; it only ends the waiting.
    this.socket.disconnect()
    this.connect()
  }

  /** The network has changed: what looks like a connection may be none. */
  renew(): void {
    // Not disconnect(): that would tell the others that we have left.
    if (this.socket.connected) this.socket.io.engine.close()
    this.attempting = false // nor need an attempt that began before
    this.barred.value = undefined // who comes from elsewhere may be let in
    this.wake()
  }

  private connect(): void {
    clearTimeout(this.opening)
    this.barred.value = undefined
    this.attempting = true
    this.again = false
    this.socket.connect()
  }

  private listen(): void {
    const { socket, listener } = this
    socket.on('welcome', (welcome: wire.Welcome) => this.welcomed(welcome))
    socket.on('disconnect', reason => {
      this.lost()
      // Only these two are not followed by an attempt of the library's own.
      if (reason === 'io server disconnect') setTimeout(() => this.connect(), 1000)
    })
    socket.on('connect_error', error => {
      this.attempting = false
      const refused = readRefusal(error)
      const { moving } = this
      if (refused?.code === 'banned') {
        this.bar(refused)
      } else if (moving && refused?.code) {
        this.moving = undefined
        moving.settle({ ...refused, field: 'move' })
        this.connect() // as who we were
      } else if (refused?.code === 'unauthorized' && this.sentToken !== undefined) {
        if (this.store.get('token') === this.sentToken) this.store.remove('token')
        listener.forgotten()
        this.connect()
      } else if (!socket.active) {
        setTimeout(() => this.connect(), 5000)
      } else if (this.again) {
        this.again = false
        setTimeout(() => this.wake()) // once the library has planned its own, which this takes the place of
      }
    })
    socket.io.on('reconnect_attempt', () => { this.attempting = true })
    const room = <T extends { room: string }>(event: string, hear: (object: T) => void) =>
      socket.on(event, (object: T) => { if (typeof object?.room === 'string') hear(object) })
    room<wire.Entry>('message', entry => listener.entry(entry))
    room<wire.Entry>('entry', entry => listener.entry(entry))
    room<wire.Presence>('presence', presence => listener.presence(presence))
    room<wire.Typing>('typing', typing => listener.typing(typing))
    room<wire.Me>('me', me => listener.me(me))
    room<wire.Removed>('removed', removed => listener.removed(removed))
    room<wire.Resync>('resync', resync => listener.resync(resync))
    socket.on('notice', (notice: wire.Notice) => { if (typeof notice?.text === 'string') listener.notice(notice) })
  }

  private welcomed(welcome: wire.Welcome): void {
    const { moving } = this
    this.moving = undefined
    if (moving) this.store.set('token', welcome.token)
    const kept = this.store.get('token')
    if (kept === undefined) {
      this.store.set('token', welcome.token)
    } else if (kept !== welcome.token && this.sentToken === undefined) {
      // Another tab was given a token while we were: one browser, one person.
      this.attempting = false
      return this.renew()
    }
    this.attempting = false
    this.firstVersion ??= welcome.server.version
    this.outdated.value = this.firstVersion !== welcome.server.version
    this.ahead = Date.parse(welcome.server.time) - Date.now() || 0
    this.welcome.value = welcome
    clearTimeout(this.trouble)
    this.trouble = undefined
    this.troubled.value = false
    this.phase.value = 'ready'
    moving?.settle()
    this.listener.ready()
  }

  /** Stays away until the server may let us in. */
  private bar(failure: wire.Failure): void {
    const { moving } = this
    this.moving = undefined
    this.socket.disconnect() // ends the library's own attempts
    const wait = failure.retryAfter === undefined ? undefined : failure.retryAfter * 1000
    this.barred.value = { until: wait && Date.now() + wait }
    if (wait !== undefined && wait <= longestTimer) this.opening = setTimeout(() => this.connect(), wait)
    moving?.settle({ ...failure, scope: 'server' })
  }

  private lost(): void {
    this.attempting = false
    if (this.phase.peek() === 'ready') {
      this.phase.value = 'away'
      this.listener.lost()
    }
    for (const giveUp of this.underWay) giveUp()
    this.fret()
  }

  private fret(): void {
    this.trouble ??= setTimeout(() => { this.troubled.value = true }, silentBlip)
  }
}

export type { Answer }
