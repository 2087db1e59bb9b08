import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import { momentOf } from '../log/time.ts'
import { Mark } from '../parts/Icon.tsx'
import { longestWait } from '../rooms/room.ts'
import type { Failure } from '../wire.ts'
import { NameField } from './NameField.tsx'

/** Refusals that another name or a passphrase may cure. */
const curable = new Set(['name_taken', 'name_invalid', 'wrong_passphrase'])

/** The door of a room: asks for what is still needed, and explains what is wrong. */
export function Door({ app, code, failure, until, busy = false }: { app: App; code: string; failure?: Failure | undefined; until?: number | undefined; busy?: boolean }) {
  const [name, setName] = useState(app.name.peek())
  const [passphrase, setPassphrase] = useState('')
  const [changed, setChanged] = useState<Failure>()
  const aboutName = failure !== undefined && (failure.code === 'name_taken' || failure.code === 'name_invalid' || failure.field === 'name')
  const locked = failure?.code === 'wrong_passphrase'
  const limit = app.connection.welcome.value?.limits.nameChars ?? 32
  const fresh = changed !== failure // nothing was typed since the refusal

  if (failure && !aboutName && !curable.has(failure.code)) return <Closed app={app} code={code} failure={failure} until={until} busy={busy} />

  const enter = (event: Event) => {
    event.preventDefault()
    const said = name.trim()
    if (said !== '') app.enter(code, { name: said, ...(locked && { passphrase }) })
  }
  return (
    <main class="landing">
      <div class="landing-box">
        <header class="landing-head">
          <Mark />
          <h1>{locked ? 'This room has a passphrase' : 'Come in'}</h1>
          <p>{locked ? 'Whoever invited you knows it.' : <>You are at the door of <bdi class="door-code">{code}</bdi>.</>}</p>
        </header>
        <form class="card" onSubmit={enter} noValidate>
          {!locked && <NameField name={name} set={next => { setName(next); setChanged(failure) }} limit={limit} autofocus invalid={aboutName && fresh ? explain(failure) : undefined} />}
          {!locked && aboutName && failure.suggestion !== undefined && (
            <p class="suggestion">How about <button type="button" class="text-button" onClick={() => { setName(failure.suggestion!); app.enter(code, { name: failure.suggestion! }) }}><bdi>{failure.suggestion}</bdi></button>?</p>
          )}
          {locked && (
            <label class="field">
              <span class="field-label">Passphrase</span>
              <input name="passphrase" type="password" value={passphrase} autocomplete="off" required onInput={event => { setPassphrase(event.currentTarget.value); setChanged(failure) }}
                ref={field => { if (field && !field.dataset.seen) { field.dataset.seen = '1'; field.focus() } }} />
              {passphrase !== '' && fresh && <span class="field-problem" role="alert">{explain(failure)}</span>}
            </label>
          )}
          <button type="submit" class="button primary wide" aria-busy={busy} disabled={name.trim() === ''}>Enter</button>
        </form>
        <p class="aside"><a href={app.base.href} onClick={event => { event.preventDefault(); app.visit() }}>Somewhere else</a></p>
      </div>
    </main>
  )
}

/** A room one cannot enter, or not yet. */
function Closed({ app, code, failure, until, busy }: { app: App; code: string; failure: Failure; until: number | undefined; busy: boolean }) {
  const missing = failure.code === 'not_found' || failure.code === 'bad_request'
  const room = app.active.value
  // The time that is left is told beside it.
  const { retryAfter: _, ...reason } = failure
  return (
    <main class="landing">
      <div class="landing-box">
        <header class="landing-head">
          <Mark />
          <h1>{missing ? 'No such room' : until === undefined ? 'The door stays shut' : 'The door is shut for now'}</h1>
          <p role="alert">
            {missing
              ? <>Nothing here is called <bdi class="door-code">{code}</bdi>. The code may be mistyped, or the room has ended.</>
              : explain(reason)}
          </p>
          {until !== undefined && <p>You may try again at {momentOf(until, Date.now())}.{until - Date.now() < longestWait && ' While this page is open, it does so by itself.'}</p>}
        </header>
        <div class="card">
          <button type="button" class="button primary wide" onClick={() => { if (room) app.drop(room); else app.visit() }}>Back to the start</button>
          {room && <button type="button" class="button quiet wide" aria-busy={busy} onClick={() => room.enter({})}>Try again</button>}
        </div>
      </div>
    </main>
  )
}
