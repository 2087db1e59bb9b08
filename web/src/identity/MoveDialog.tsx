import '../theme/identity.css'
import { useEffect, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { carry } from '../app/place.ts'
import { explain } from '../connection/failure.ts'
import { CopyLink } from '../parts/CopyLink.tsx'
import { Countdown } from '../parts/Countdown.tsx'
import { Dialog } from '../parts/Dialog.tsx'
import '../parts/icons.ts'
import { LinkQR } from '../parts/LinkQR.tsx'
import type { Failure } from '../wire.ts'

/** A longer link makes a code too fine for a camera: rooms that have no place in it do not go along. */
const longestLink = 300

type State = { code: string; link: string; until: number } | { failure: Failure } | 'asking' | 'over'

/** Takes who one is to another device, by a code that works once and not for long. */
export function MoveDialog({ app, close }: { app: App; close: () => void }) {
  const [state, setState] = useState<State>('asking')
  const ready = app.connection.phase.value === 'ready'
  const ask = () => setState('asking')
  useEffect(() => {
    if (!ready || state !== 'asking') return
    app.connection.ask('move', {}, answer => {
      if (answer.ok) setState({ code: answer.code, link: linkWith(app, answer.code), until: app.connection.local(answer.expires) })
      else if (app.connection.phase.peek() === 'ready') setState({ failure: answer.error }) // else it is asked again when the connection is back
    })
  }, [ready, state])
  return (
    <Dialog title="Use another device, too" close={close}>
      {state === 'asking' && <p class="dialog-say" aria-busy="true">{ready ? 'A moment…' : 'As soon as the connection is back…'}</p>}
      {typeof state === 'object' && 'failure' in state && <><p class="field-problem" role="alert">{explain(state.failure)}</p><button type="button" class="button wide" onClick={ask}>Try again</button></>}
      {state === 'over' && <><p role="alert">The code has run out. Nobody can use it any more.</p><button type="button" class="button primary wide" autofocus onClick={ask}>Make a new one</button></>}
      {typeof state === 'object' && 'code' in state && (
        <>
          <p class="dialog-say">There you are the same person, with the same name and rooms; this device goes on as before. Whoever has the code becomes you: show it to nobody.</p>
          <div class="move">
            <LinkQR app={app} link={state.link} alt="A link for the other device, as a QR code" />
            <p class="dialog-say">Point its camera at this, or open <code>{app.base.href.replace(/^https?:\/\/|\/$/g, '')}</code> there, choose <b>I come from another device</b>, and write</p>
            <code class="move-code">{state.code}</code>
            <p class="move-time">It works once, and for <Countdown key={state.until} until={state.until} over={() => setState('over')} />.</p>
            <CopyLink link={state.link} label="Copy as a link" failed={() => app.say('Please write the code by hand.')} />
          </div>
        </>
      )}
    </Dialog>
  )
}

/** The link for the other device: who one is, and the rooms that are open, the one before the reader's eyes first. */
function linkWith(app: App, move: string): string {
  const active = app.active.peek()
  let link = carry(app.base.href, { move })
  const rooms: string[] = []
  const name = app.name.peek()
  for (const room of [active, ...app.rooms.peek().filter(each => each !== active)]) {
    if (room) rooms.push(room.code.peek())
    const longer = carry(app.base.href, { move, ...(name && { name }), rooms })
    if (longer.length > longestLink) break
    link = longer
  }
  return link
}
