import type { App } from '../app/app.ts'
import { linkTo, sameCode } from '../app/place.ts'
import { agoOf } from '../log/time.ts'
import { Icon } from '../parts/Icon.tsx'

/** The rooms this browser knows, the last one first. */
export function RecentRooms({ app, withName }: { app: App; withName: (go: (name: string) => void) => void }) {
  const list = app.recent.list.value
  if (list.length === 0) return null
  const now = Date.now()
  return (
    <section class="recent" aria-labelledby="recent-head">
      <h2 id="recent-head">Your rooms</h2>
      <ul>
        {list.map(known => {
          const room = app.rooms.value.find(each => sameCode(each.code.value, known.code))
          const unread = room?.unread.count.value ?? 0
          const title = known.title || known.code
          return (
            <li key={known.code} class="recent-room">
              <a href={linkTo(app.base, known.code)} onClick={event => {
                event.preventDefault()
                withName(name => {
                  app.keepName(name)
                  app.visit(known.code)
                })
              }}>
                <bdi class="room-title">{title}</bdi>
                <small>{room ? (unread > 0 ? `${unread} new` : 'open') : agoOf(known.at, now)}</small>
              </a>
              {!room && <button type="button" class="icon-button" aria-label={`Forget ${title}`} title="Forget" onClick={() => app.recent.forget(known.code)}><Icon name="close" /></button>}
            </li>
          )
        })}
      </ul>
    </section>
  )
}
