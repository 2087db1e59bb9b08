// One window: the address it shows, the rooms that are open in it, and the
// connection they share.
import { batch, computed, effect, signal } from '@preact/signals'
import { newId } from '../composer/ids.ts'
import { Connection, longestTimer, type Listener } from '../connection/connection.ts'
import { explain } from '../connection/failure.ts'
import { Recent } from '../rooms/recent.ts'
import { Room, type Entrance, type Neighbourhood } from '../rooms/room.ts'
import { Theme } from '../theme/theme.ts'
import type { Author, CreateRequest, Entry, Failure, Notice as Announcement } from '../wire.ts'
import { Attention } from './attention.ts'
import { carriedIn, codeIn, linkTo, routeOf, sameCode, seqIn, type Carried, type Route } from './place.ts'
import type { Store } from './storage.ts'

/** A short word to the reader that goes away by itself. */
export interface Notice { n: number; text: string; alert: boolean }

/** A dialog over the page, and what it is about. */
export type Dialog = 'keys' | 'rename' | 'switch' | 'help' | 'room' | 'search' | 'outlaws'
  | 'key' | 'move' | { member: Author }
  | { ask: string; say: string; act: () => void }
  | { emoji: (emoji: string) => void }

const noticeLasts = 6000

export class App {
  readonly route = signal<Route>({ page: 'landing' })
  readonly rooms = signal<readonly Room[]>([])
  readonly name = signal('')
  readonly notices = signal<readonly Notice[]>([])
  /** Which drawer is open, on a phone. */
  readonly drawer = signal<'rooms' | 'people' | undefined>(undefined)
  /** What was looked for last. */
  readonly searched = signal('')
  /** Which dialog is open. Each opening is one of its own, though it may show what the last one did. */
  readonly dialog = signal<{ readonly show: Dialog } | undefined>(undefined)
  /** The identity that a link offers to this browser. */
  readonly offered = signal<Carried | undefined>(undefined)
  readonly recent: Recent
  readonly theme: Theme
  readonly attention: Attention
  readonly connection: Connection

  /** The room that the address names, if it is open. */
  readonly active = computed(() => {
    const route = this.route.value
    return route.page === 'room' ? this.rooms.value.find(room => sameCode(room.code.value, route.code)) : undefined
  })
  readonly unread = computed(() => this.rooms.value.reduce((sum, room) => sum + room.unread.count.value, 0))

  /** Loads the page anew; the service worker, where there is one, knows a better way. */
  reload = (): void => location.reload()

  private readonly looking = signal(true)
  private n = 0
  /** What the one who runs the server said last. */
  private heeded: Notice | undefined
  /** Makes us an owner of a room, once it is joined. */
  private held: { code: string; key: string } | undefined

  constructor(readonly base: URL, readonly store: Store) {
    this.name.value = store.get('name') ?? ''
    this.recent = new Recent(store)
    this.theme = new Theme(store)
    this.attention = new Attention(store, base, code => this.visit(code))
    this.take()
    this.route.value = routeOf(base, location.href)
    this.connection = new Connection(base, store, this.listener())
    this.openRooms()
    this.enterRoute()
    this.watchWindow()
    this.attention.badge(this.unread, computed(() => this.active.value?.title.value ?? 'Snug'))
    if (!store.lasting) this.say('This browser keeps nothing here: your name and drafts will be gone with this window.', false, true)
    store.full = () => this.say('This browser has no room left: what you write from now on will be gone with this window.', true, true)
  }

  /** Goes to a room, or to the landing page. */
  visit(code?: string, seq?: number): void {
    const href = code === undefined ? this.base.href : linkTo(this.base, code, seq)
    if (href !== location.href) history.pushState(null, '', href)
    this.follow()
  }

  /** Goes where a code or a link leads, as if the link had been opened; false if it is neither. */
  go(written: string): boolean {
    const code = codeIn(written)
    if (code === '') return false
    const { key } = carriedIn(written.trim())
    if (key !== undefined) this.hold(code, key)
    this.visit(code, seqIn(written))
    return true
  }

  linkOf(room: Room, seq?: number): string {
    return linkTo(this.base, room.code.value, seq)
  }

  /** Opens a room under a name. */
  enter(code: string, { ...entrance }: Entrance): Room {
    this.keepName(entrance.name)
    if (this.held && sameCode(this.held.code, code)) {
      entrance.key = this.held.key
      this.held = undefined
    }
    const open = this.rooms.peek().find(room => sameCode(room.code.peek(), code))
    if (open) {
      open.enter(entrance)
      return open
    }
    const room = this.makeRoom(code, entrance)
    this.rooms.value = [...this.rooms.peek(), room]
    room.join()
    return room
  }

  /** Keeps an owner's key for when the room is entered. */
  private hold(code: string, key: string): void {
    this.held = { code, key }
  }

  /** Becomes who asked for the code on another device, in the rooms that are open here and in those that were there. */
  takeOver(code: string, { name = '', rooms = [] }: Carried, settle: (failure?: Failure) => void): void {
    this.connection.takeOver(code, failure => {
      if (failure) return settle(failure)
      this.keepName(name)
      for (const each of rooms.toReversed()) if (!this.recent.list.peek().some(known => known.open && sameCode(known.code, each))) this.recent.keep(each, '')
      // Those that are open were joined by somebody else.
      for (const room of this.rooms.peek()) room.close()
      this.openRooms()
      this.offered.value = undefined
      settle()
      this.visit(rooms[0])
    })
  }

  /** Starts a room and goes there. */
  start(name: string, wish: CreateRequest, settle: (failure?: Failure) => void): void {
    this.keepName(name)
    // The id makes trying again after a lost answer harmless.
    const request = { ...wish, id: wish.id ?? newId() }
    this.connection.ask('create', request, answer => {
      if (!answer.ok) return settle(answer.error)
      this.enter(answer.room, { name, ...(wish.passphrase && { passphrase: wish.passphrase }) }).ownerKey.value = answer.ownerKey
      this.visit(answer.room)
      settle()
    })
  }

  open(show: Dialog): void {
    this.dialog.value = { show }
  }

  /** Shuts the dialog; where an opening is given, only if it is still that one. */
  shut(opening = this.dialog.peek()): void {
    if (this.dialog.peek() === opening) this.dialog.value = undefined
  }

  leave(room: Room): void {
    room.leave()
    this.drop(room)
  }

  /** Takes a room out of the window without a word to the server. */
  drop(room: Room): void {
    room.close()
    const was = this.active.peek() === room
    this.recent.shut(room.code.peek())
    this.rooms.value = this.rooms.peek().filter(each => each !== room)
    if (was) this.visit()
  }

  keepName(name: string): void {
    if (name === '' || name === this.name.peek()) return
    this.name.value = name
    this.store.set('name', name)
  }

  /** Tells the reader something: for a moment, or until it is dismissed. */
  say(text: string, alert = false, stays = false): void {
    const notice = this.show(text, alert)
    if (!stays) setTimeout(() => this.dismiss(notice), noticeLasts)
  }

  private show(text: string, alert: boolean): Notice {
    const notice = { n: ++this.n, text, alert }
    this.notices.value = [...this.notices.peek().slice(-2), notice]
    return notice
  }

  /** Shows what the one who runs the server says, until that is over or the next is said. */
  private heed(said: Announcement): void {
    if (this.heeded) this.dismiss(this.heeded)
    const notice = this.heeded = this.show(said.text, said.level === 'warning')
    const left = this.connection.local(said.until ?? '') - Date.now() // NaN: nobody knows
    if (left <= longestTimer) setTimeout(() => this.dismiss(notice), left)
  }

  complain(failure: Failure): void {
    this.say(explain(failure), true)
  }

  dismiss(notice: Notice): void {
    this.notices.value = this.notices.peek().filter(each => each !== notice)
  }

  /** The next open room, or the one before. */
  step(by: 1 | -1): void {
    const rooms = this.rooms.peek()
    if (rooms.length === 0) return
    const i = rooms.indexOf(this.active.peek()!)
    this.visit(rooms[(i + by + rooms.length) % rooms.length]!.code.peek())
  }

  /** Takes the address as it is now. */
  private follow(): void {
    this.take()
    batch(() => {
      this.active.peek()?.unread.eraseLine()
      this.route.value = routeOf(this.base, location.href)
      this.drawer.value = undefined
      this.shut()
      this.enterRoute()
    })
  }

  /** Takes out of the address what it carries for us alone, before it is shown or shared. */
  private take(): void {
    const { key, ...offered } = carriedIn(location.href)
    if (key === undefined && offered.move === undefined) return
    history.replaceState(null, '', location.href.split('#')[0])
    const route = routeOf(this.base, location.href)
    if (offered.move !== undefined) this.offered.value = offered
    else if (key !== undefined && route.page === 'room') this.hold(route.code, key)
  }

  private openRooms(): void {
    this.rooms.value = this.recent.list.peek().filter(known => known.open && this.name.peek() !== '').map(known => this.makeRoom(known.code))
  }

  private enterRoute(): void {
    const route = this.route.peek()
    if (route.page !== 'room') return
    const open = this.active.peek()
    if (open && !(this.held && sameCode(this.held.code, route.code))) {
      open.look(true)
    } else if (this.name.peek() !== '') {
      this.enter(route.code, { name: this.name.peek() })
    }
  }

  private makeRoom(code: string, entrance: Entrance = { name: this.name.peek() }): Room {
    return new Room(code, entrance, this.store, this.connection, this.neighbourhood)
  }

  private readonly neighbourhood: Neighbourhood = {
    watched: room => this.looking.peek() && this.active.peek() === room && room.window.sticking && room.window.atTail,
    joined: (room, byKey) => {
      if (byKey) this.say('You own this room now.')
      this.keepName(room.name)
      this.recent.keep(room.code.peek(), room.info.peek()?.title ?? '')
      const route = this.route.peek()
      // The address bar shows the code as the server writes it.
      if (route.page === 'room' && route.code !== room.code.peek() && sameCode(route.code, room.code.peek())) {
        history.replaceState(null, '', linkTo(this.base, room.code.peek(), route.seq))
        this.route.value = { ...route, code: room.code.peek() }
      }
    },
    refused: failure => this.complain(failure),
    withdrawn: (room, seq) => this.attention.withdrawn(room, seq),
    news: (room, entry: Entry) => this.attention.news(room, entry, this.neighbourhood.watched(room), this.active.peek() === room),
  }

  private listener(): Listener {
    const to = <T extends { room: string }>(hear: (room: Room, object: T) => void) => (object: T) => {
      const room = this.rooms.peek().find(each => sameCode(each.code.peek(), object.room))
      if (room) hear(room, object)
    }
    return {
      ready: () => {
        // The room before the reader's eyes goes first.
        const active = this.active.peek()
        active?.join()
        for (const room of this.rooms.peek()) if (room !== active) room.join()
      },
      lost: () => { for (const room of this.rooms.peek()) room.lost() },
      forgotten: () => this.say('This server did not know your browser any more: you are somebody new to it. Your drafts are kept.', true, true),
      entry: to<Entry>((room, entry) => room.receive(entry)),
      presence: to((room, presence) => room.heardPresence(presence)),
      typing: to((room, typing) => room.heardTyping(typing)),
      me: to((room, me) => room.heardMe(me)),
      removed: to((room, removed) => {
        room.removed(removed)
        if (room === this.active.peek()) {
          this.shut()
          this.drawer.value = undefined
        }
        this.recent.shut(room.code.peek())
      }),
      resync: to(room => room.resync()),
      notice: said => this.heed(said),
    }
  }

  private watchWindow(): void {
    const look = () => {
      this.looking.value = document.visibilityState === 'visible' && document.hasFocus()
    }
    // A browser may tell of the focus before we listen: who points or types is here.
    for (const event of ['focus', 'blur', 'pageshow', 'pointerdown', 'keydown']) window.addEventListener(event, look)
    document.addEventListener('visibilitychange', look)
    look()
    effect(() => { if (this.looking.value) this.active.peek()?.look() })
    const wake = () => { if (document.visibilityState === 'visible') this.connection.wake() }
    window.addEventListener('online', () => this.connection.renew())
    window.addEventListener('focus', wake)
    window.addEventListener('pageshow', wake)
    document.addEventListener('visibilitychange', wake)
    window.addEventListener('popstate', () => this.follow()) // also when only what is behind the # has changed
  }
}
