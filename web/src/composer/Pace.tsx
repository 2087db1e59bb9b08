import { useEffect, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { isForGood, momentOf } from '../log/time.ts'
import { Countdown } from '../parts/Countdown.tsx'
import { Icon } from '../parts/Icon.tsx'
import type { Room } from '../rooms/room.ts'

/** Until when the reader is muted, in words; nothing if they are not. A mute that ends by itself ends here, too. */
export function useMute(app: App, room: Room): string | undefined {
  const [, look] = useState(0)
  const until = room.mutedUntil.value
  const end = until === undefined ? 0 : isForGood(until) ? Infinity : app.connection.local(until)
  const left = end - Date.now()
  useEffect(() => {
    if (left <= 0 || left === Infinity) return
    const timer = setTimeout(() => look(n => n + 1), Math.min(left, 60_000))
    return () => clearTimeout(timer)
  })
  return left <= 0 ? undefined : left === Infinity ? 'You are muted here.' : `You may not write here until ${momentOf(end, Date.now())}.`
}

/** Why what is written does not go out at once: the reader is muted, or the room takes its time. */
export function Pace({ room, muted }: { room: Room; muted: string | undefined }) {
  const until = room.outbox.heldUntil.value
  // What is over before it is read is not said.
  const held = until !== undefined && until - Date.now() > 1000 ? until : undefined
  return (
    <>
      <p class="pace" role="status">{muted !== undefined && <><Icon name="mute" /><span>{muted} What you write is kept.</span></>}</p>
      {muted === undefined && held !== undefined && (
        <p class="pace"><Icon name="clock" /><span>{room.info.value?.slow ? 'This room takes its time: yours' : 'That was fast: it'} goes by itself in <Countdown key={held} until={held} /></span></p>
      )}
    </>
  )
}
