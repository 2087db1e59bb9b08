import '../theme/shell.css'
import '../theme/log.css'
import '../theme/actions.css'
import '../theme/composer.css'
import { useEffect, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { keepShell } from '../app/shell.ts'
import { Composer } from '../composer/Composer.tsx'
import { LogView } from '../log/LogView.tsx'
import { CopyLink } from '../parts/CopyLink.tsx'
import { Icon } from '../parts/Icon.tsx'
import '../parts/icons.ts'
import { PeoplePanel } from '../presence/PeoplePanel.tsx'
import { Gone } from './Gone.tsx'
import type { Room } from './room.ts'
import { RoomList } from './RoomList.tsx'

/** A room on the screen: the rooms, the talk, who is here. */
export function RoomView({ app, room }: { app: App; room: Room }) {
  const phase = room.phase.value
  const drawer = app.drawer.value
  // Not before: whoever only looks at the door is spared the whole app.
  useEffect(() => void keepShell(app), [])
  return (
    <div class={`shell${drawer ? ` drawer-${drawer}` : ''}`}>
      <aside class="side side-rooms" aria-label="Rooms"><RoomList app={app} /></aside>
      <main class="talk">
        <RoomHeader app={app} room={room} />
        {phase.at === 'removed'
          ? <Gone key={phase.removed.until} app={app} room={room} removed={phase.removed} />
          : room.log.epoch === '' ? <Skeleton /> : <LogView key={room.code.value} app={app} room={room} />}
        {phase.at !== 'removed' && <Composer key={room.code.value} app={app} room={room} />}
      </main>
      <aside class="side side-people" aria-label="People">{phase.at !== 'removed' && <PeoplePanel app={app} room={room} />}</aside>
      {drawer && <div class="shade" onClick={() => { app.drawer.value = undefined }} />}
    </div>
  )
}

function RoomHeader({ app, room }: { app: App; room: Room }) {
  const out = room.phase.value.at === 'removed'
  const phase = room.phase.value
  const ended = phase.at === 'removed' && (phase.removed.reason === 'destroyed' || phase.removed.reason === 'retention')
  const info = room.info.value
  const bare = !info?.title // the code stands above, in place of a title
  const count = out ? 0 : room.people.count.value // who is there is not ours to know any more
  const others = app.rooms.value.some(each => each !== room && each.unread.count.value > 0)
  const open = (drawer: 'rooms' | 'people') => { app.drawer.value = drawer }
  return (
    <header class="room-head">
      <button type="button" class="icon-button open-rooms" aria-label={others ? 'Rooms, with unread messages' : 'Rooms'} aria-expanded={app.drawer.value === 'rooms'} onClick={() => open('rooms')}>
        <Icon name="menu" />{others && <span class="dot" />}
      </button>
      <div class="room-name">
        <h1><bdi>{room.title.value}</bdi></h1>
        {/* Its place is kept while it is not known who is here. */}
        {!(out && bare) && <p>{!bare && <bdi class="room-code">{room.code.value}</bdi>}{!bare && count > 0 && ' · '}{count === 0 ? '\u00a0' : count === 1 ? 'only you here' : `${count} here`}{info?.passphrase && <Icon name="lock" />}</p>}
      </div>
      {!ended && room.ownerKey.value !== undefined && <button type="button" class="icon-button" aria-label="Keep the owner’s link" title="Keep the owner’s link" aria-haspopup="dialog" onClick={() => app.open('key')}><Icon name="key" /><span class="dot" /></button>}
      {!out && app.connection.offers('search') && <button type="button" class="icon-button" aria-label="Search" title="Search" aria-haspopup="dialog" onClick={() => app.open('search')}><Icon name="search" /></button>}
      {!out && <button type="button" class="icon-button" aria-label="About this room" title="About this room" aria-haspopup="dialog" onClick={() => app.open('room')}><Icon name="info" /></button>}
      {!out && <CopyLink link={app.linkOf(room)} label="Copy link" failed={link => app.say(`Please copy it by hand: ${link}`)} />}
      {!out && <button type="button" class="icon-button open-people" aria-label="People" aria-expanded={app.drawer.value === 'people'} onClick={() => open('people')}><Icon name="people" /></button>}
    </header>
  )
}

/** Grey lines where the talk will be, but only if it takes its time. */
function Skeleton() {
  const [late, setLate] = useState(false)
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), 200)
    return () => clearTimeout(timer)
  }, [])
  return (
    <div class="log-frame" aria-busy="true" aria-label="Loading">
      {late && <div class="skeleton">{Array.from({ length: 7 }, (_, i) => <div key={i} class="skeleton-row"><span class="skeleton-face" /><span class="skeleton-lines"><span /><span /></span></div>)}</div>}
    </div>
  )
}
