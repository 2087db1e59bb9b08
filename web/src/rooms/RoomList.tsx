import type { App } from '../app/app.ts'
import { Icon, Mark } from '../parts/Icon.tsx'
import { Switches } from '../theme/Switches.tsx'
import type { Room } from './room.ts'

/** The rooms that are open in this window. */
export function RoomList({ app }: { app: App }) {
  return (
    <div class="panel rooms">
      <header class="panel-head">
        <a class="home" href={app.base.href} onClick={event => { event.preventDefault(); app.visit() }}><Mark />Snug</a>
        <button type="button" class="icon-button drawer-close" aria-label="Close" onClick={() => { app.drawer.value = undefined }}><Icon name="close" /></button>
      </header>
      <nav aria-label="Rooms">
        <ul class="room-list">
          {app.rooms.value.map(room => <RoomItem key={room.code.value} app={app} room={room} />)}
        </ul>
      </nav>
      <button type="button" class="button quiet wide" onClick={() => app.visit()}><Icon name="plus" />Another room</button>
      {app.connection.offers('move') && <button type="button" class="button quiet wide" aria-haspopup="dialog" onClick={() => app.open('move')}><Icon name="device" />Use another device, too</button>}
      <footer class="panel-foot"><Switches app={app} /></footer>
    </div>
  )
}

function RoomItem({ app, room }: { app: App; room: Room }) {
  const unread = room.unread.count.value
  const here = app.active.value === room
  const away = room.phase.value.at === 'removed' || room.phase.value.at === 'door'
  return (
    <li>
      <a class={`room-item${here ? ' here' : ''}${away ? ' away' : ''}`} href={app.linkOf(room)} aria-current={here ? 'page' : undefined}
        onClick={event => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return
          event.preventDefault()
          app.visit(room.code.peek())
        }}>
        <bdi class="room-title">{room.title.value}</bdi>
        {unread > 0 && <span class="badge" aria-label={`${unread} unread`}>{unread > 99 ? '99+' : unread}</span>}
      </a>
    </li>
  )
}
