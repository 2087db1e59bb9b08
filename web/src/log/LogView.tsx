import { computed } from '@preact/signals'
import { Component, createRef } from 'preact'
import type { App } from '../app/app.ts'
import type { Route } from '../app/place.ts'
import { CopyLink } from '../parts/CopyLink.tsx'
import { Icon, Mark } from '../parts/Icon.tsx'
import { QRCode } from '../parts/QRCode.tsx'
import type { Room } from '../rooms/room.ts'
import { MessageView } from './MessageView.tsx'
import { keyOf, rowsOf, type Row } from './rows.ts'
import { dayName, timeOf } from './time.ts'

interface Props { app: App; room: Room }

/** This close to the end counts as being there, in px. */
const nearEnd = 100
/** Older talk is fetched this many screens ahead. */
const ahead = 1.5

/** The talk. It keeps the reader's place: at the end it sticks, elsewhere the
 * topmost visible row stays where it is, whatever happens around it. The
 * browsers' own anchoring is off: not all have it, and two would quarrel. */
export class LogView extends Component<Props> {
  private readonly scroller = createRef<HTMLDivElement>()
  private readonly list = createRef<HTMLOListElement>()
  private observer: ResizeObserver | undefined
  private anchors: { node: Element; top: number }[] = []
  private lastTop = 0
  private resizing = false
  private sought: Route | undefined
  private readonly rows = computed(() => rowsOf(this.props.room))

  override componentDidMount(): void {
    const { room } = this.props
    this.observer = new ResizeObserver(() => this.settle())
    this.observer.observe(this.scroller.current!)
    this.observer.observe(this.list.current!)
    visualViewport?.addEventListener('resize', this.resized)
    const place = room.window.place
    if (place && !room.window.sticking) this.show(place.key, place.offset)
    this.settle()
    this.seek()
  }

  override componentWillUnmount(): void {
    this.observer?.disconnect()
    visualViewport?.removeEventListener('resize', this.resized)
  }

  // Just before the rows change: where is the reader now? The scroll event may be yet to come.
  override getSnapshotBeforeUpdate(): null {
    this.look()
    return null
  }

  override componentDidUpdate(): void {
    this.settle()
    this.seek()
  }

  /** Notes whether the reader is at the end, and what they see first. */
  private look(): void {
    const scroller = this.scroller.current
    if (!scroller) return
    const { window } = this.props.room
    const rest = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop
    // Only scrolling leaves the end; growing talk or a growing composer does not. In a window that
    // changes its size it was the browser that scrolled, and settling is yet to come.
    const scrolled = scroller.scrollTop !== this.lastTop && !this.resizing
    if (scrolled || rest <= nearEnd) window.sticking = rest <= nearEnd && window.atTail
    this.lastTop = scroller.scrollTop
    this.anchors = []
    if (window.sticking) return
    const edge = scroller.getBoundingClientRect().top
    const rows = this.list.current!.children
    for (let i = firstBelow(rows, edge); i < rows.length && this.anchors.length < 4; i++) {
      // A day line moves up when older talk of that day comes: it holds nobody's place.
      if (rows[i]!.matches('.message, .note:not(.beginning)')) this.anchors.push({ node: rows[i]!, top: rows[i]!.getBoundingClientRect().top - edge })
    }
    const first = this.anchors[0]
    window.place = first && { key: (first.node as HTMLElement).dataset.key ?? '', offset: first.top }
  }

  /** Puts the reader back to where they were. */
  private settle(): void {
    const scroller = this.scroller.current
    if (!scroller) return
    const { room } = this.props
    if (room.window.sticking && room.window.atTail) {
      scroller.scrollTop = scroller.scrollHeight
    } else {
      const kept = this.anchors.find(({ node }) => node.isConnected)
      if (kept) {
        const moved = kept.node.getBoundingClientRect().top - scroller.getBoundingClientRect().top - kept.top
        if (Math.abs(moved) >= 0.5) scroller.scrollTop += moved
      }
    }
    this.lastTop = scroller.scrollTop
    this.fetch()
  }

  // A keyboard that goes and comes back within a frame moves the talk and leaves the size as it was:
  // no observer tells. The scroll event comes after this one and before the frame.
  private readonly resized = (): void => {
    this.resizing = true
    requestAnimationFrame(() => {
      this.resizing = false
      this.settle()
    })
  }

  private readonly scrolled = (): void => {
    const { room } = this.props
    const stuck = room.window.sticking
    this.look()
    if (room.window.sticking && !stuck) room.look()
    this.fetch()
  }

  private fetch(): void {
    const scroller = this.scroller.current
    const { room } = this.props
    // A browser tells of scrolling a frame later: by then another room may be shown.
    if (!scroller || room.phase.peek().at !== 'in') return
    const reach = scroller.clientHeight * ahead
    // At the end, enough is enough: taking in more would push the end out of the page.
    if (scroller.scrollTop < reach && !(room.window.sticking && this.list.current!.childElementCount > 150)) room.older()
    else if (scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop < reach && !room.window.atTail) room.newer()
  }

  /** Goes to the message that the address names, once it is here. */
  private seek(): void {
    const { app, room } = this.props
    const route = app.route.peek()
    if (route.page !== 'room' || route.seq === undefined || room.phase.peek().at !== 'in') return
    // Each visit makes a route of its own: the same link leads there again.
    if (this.sought === route) return
    this.sought = route
    const { seq } = route
    room.visit(seq, found => {
      if (!found) return app.say('That message is not available.')
      requestAnimationFrame(() => {
        const scroller = this.scroller.current
        if (scroller) this.show(keyOf(this.isMine(seq), seq, room.log.find(seq)?.id), scroller.clientHeight / 3, true)
      })
    })
  }

  private isMine(seq: number): boolean {
    const { room } = this.props
    return room.log.find(seq)?.from.id === room.you.peek()?.id
  }

  private show(key: string, offset: number, light = false): void {
    const scroller = this.scroller.current!
    const row = this.list.current!.querySelector(`[data-key="${CSS.escape(key)}"]`)
    if (!row) return
    scroller.scrollTop += row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - offset
    if (light) {
      row.classList.add('sought')
      setTimeout(() => row.classList.remove('sought'), 2500)
    }
    this.look()
  }

  /** The reader points at a row, with a mouse, a finger or the focus. */
  private readonly aim = (event: Event): void => {
    const { room } = this.props
    const touch = event instanceof PointerEvent && event.pointerType !== 'mouse'
    const target = event.target as Element
    const key = target.closest<HTMLElement>('.message')?.dataset.key
    if (event.type === 'click') {
      // A finger has no other way to point; a second tap takes the first one back.
      if (touch && !target.closest('a, button, pre')) room.aim.value = room.aim.peek() === key ? undefined : key
    } else if (event.type !== 'pointerover' || !touch) {
      room.aim.value = key
    }
  }

  private readonly unaim = ({ pointerType }: PointerEvent): void => {
    // A finger leaves whenever it is lifted.
    if (pointerType === 'mouse' && !this.list.current!.contains(document.activeElement)) this.props.room.aim.value = undefined
  }

  private readonly toEnd = (): void => {
    const { room } = this.props
    room.window.toEnd()
    room.look()
    this.settle()
  }

  render({ app, room }: Props) {
    void app.route.value // a link to a message of the room that is open already
    const rows = this.rows.value
    return (
      <div class="log-frame">
        {/* News are announced by a live region of their own: this one would read out history, too. */}
        <div ref={this.scroller} class="log" role="log" aria-live="off" aria-label={`Messages in ${room.title.value}`} tabIndex={0} onScroll={this.scrolled}>
          <ol ref={this.list} class="rows" onPointerOver={this.aim} onClick={this.aim} onFocusIn={this.aim} onPointerLeave={this.unaim}>
            {rows.length === 1 && rows[0]!.kind === 'start'
              ? <Empty key="empty" app={app} room={room} />
              : rows.map(row => <RowView key={row.key} app={app} room={room} row={row} />)}
          </ol>
        </div>
        <ToEnd room={room} go={this.toEnd} />
      </div>
    )
  }
}

/** The way back to the end, with the number of those who came there meanwhile. */
function ToEnd({ room, go }: { room: Room; go: () => void }) {
  void room.window.version.value
  void room.log.version.value
  const unread = room.unread.count.value
  if (room.window.stuck.value && room.window.atTail) return null
  return (
    <button type="button" class="to-end" onClick={go} aria-label={unread > 0 ? `${unread} new, go to the end` : 'Go to the end'}>
      <Icon name="down" />{unread > 0 && <span>{unread} new</span>}
    </button>
  )
}

function RowView({ app, room, row }: { app: App; room: Room; row: Row }) {
  switch (row.kind) {
    case 'message': return <MessageView app={app} room={room} row={row} />
    case 'start': return <li class="row note beginning" data-key={row.key}>This is the beginning of the room.</li>
    case 'day': return <li class="row day" data-key={row.key}><time dateTime={row.at.slice(0, 10)}>{dayName(row.at, new Date())}</time></li>
    case 'unread': return <li class="row unread-line" data-key={row.key}><span>New</span></li>
    case 'note': return <li class="row note" data-key={row.key}><span dir="auto">{row.text}</span>{row.at !== undefined && <time dateTime={row.at}>{timeOf(row.at)}</time>}</li>
  }
}

/** A room in which nobody has said anything yet. */
function Empty({ app, room }: Props) {
  const link = app.linkOf(room)
  return (
    <li class="empty" data-key="empty">
      <Mark />
      <h2>It is quiet in here.</h2>
      <p>Send this link to whom you would like to talk with.</p>
      <code class="empty-link">{link}</code>
      <CopyLink link={link} label="Copy the link" failed={() => app.say('Please copy the link by hand.')} />
      <QRCode app={app} room={room} />
      {room.ownerKey.value !== undefined && <p><button type="button" class="text-button" onClick={() => app.open('key')}>The room is yours: keep its owner’s link</button></p>}
    </li>
  )
}

/** The index of the first row that reaches below the edge. */
function firstBelow(rows: HTMLCollection, edge: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (rows[middle]!.getBoundingClientRect().bottom <= edge) low = middle + 1
    else high = middle
  }
  return low
}
