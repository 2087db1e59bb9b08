import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { isForGood, momentOf } from '../log/time.ts'
import { CopyLink } from '../parts/CopyLink.tsx'
import { Countdown } from '../parts/Countdown.tsx'
import { Icon, Mark } from '../parts/Icon.tsx'
import type { Removed } from '../wire.ts'
import type { Room } from './room.ts'

const reasons: Record<string, [head: string, text: string]> = {
  left: ['You have left this room', 'It was left from another window or device of yours.'],
  kicked: ['You were asked to leave', 'Somebody who looks after this room has put you out for a while.'],
  banned: ['This room is closed to you', 'Somebody who looks after it has decided so.'],
  destroyed: ['This room is gone', 'Its owner has ended it, with all that was said in it.'],
  retention: ['This room has ended', 'It was not meant to outlast its last guest.'],
}

/** In place of the talk, for who is out: why, until when, and what can be done. */
export function Gone({ app, room, removed }: { app: App; room: Room; removed: Removed }) {
  const [head, text] = reasons[removed.reason] ?? ['You are out of this room', 'Something has ended your stay.']
  const until = removed.until === undefined || isForGood(removed.until) ? undefined : app.connection.local(removed.until)
  const [waiting, setWaiting] = useState(until !== undefined && until > Date.now())
  const put = removed.reason === 'kicked' || removed.reason === 'banned'
  const back = removed.reason === 'left' || (put && until !== undefined)
  return (
    <div class="log-frame gone-frame">
      <div class="gone" role="alert">
        <Mark />
        <h2>{head}</h2>
        <p>{text}</p>
        {removed.note !== undefined && <blockquote class="gone-note" dir="auto">{removed.note}</blockquote>}
        {put && until === undefined && <p>It is for good. If you think that is a mistake, ask them on another way.</p>}
        {until !== undefined && waiting && <p>You may come back <time dateTime={removed.until}>at {momentOf(until, Date.now())}</time>.</p>}
      </div>
      <Unsaid room={room} />
      <p class="gone-actions">
        {back && (
          <button type="button" class="button" disabled={waiting} onClick={() => room.enter({})}>
            {waiting ? <><Icon name="clock" />Back in <Countdown until={until!} over={() => setWaiting(false)} /></> : 'Go back in'}
          </button>
        )}
        <button type="button" class="button primary" onClick={() => app.drop(room)}>To the start</button>
      </p>
    </div>
  )
}

/** What was begun, and what was on its way: it is not lost with the room. */
function Unsaid({ room }: { room: Room }) {
  const said = [...room.outbox.items.value.filter(({ state }) => state !== 'sent').map(({ text }) => text), room.desk.text].filter(text => text.trim() !== '')
  if (said.length === 0) return null
  const text = said.join('\n')
  return (
    <section class="unsaid" aria-label="What you had not sent">
      <h3>What you had not sent</h3>
      <p dir="auto">{text}</p>
      <CopyLink link={text} label="Copy it" failed={() => {}} />
    </section>
  )
}
