import '../theme/identity.css'
import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { carriedIn } from '../app/place.ts'
import { explain } from '../connection/failure.ts'
import type { Failure } from '../wire.ts'

/** Becomes, on this device, who one is on another. Asked for first, even where a link has
 * brought the code: a link of somebody else's would make the reader somebody else. */
export function TakeOver({ app, cancel }: { app: App; cancel: () => void }) {
  const offered = app.offered.value
  const [written, setWritten] = useState(offered?.move ?? '')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const ready = app.connection.phase.value === 'ready'
  const known = app.recent.list.value.length > 0
  const take = (event: Event) => {
    event.preventDefault()
    if (busy) return
    if (written.trim() === '') return setFailure({ code: 'unauthorized', field: 'move', message: '' })
    setBusy(true)
    setFailure(undefined)
    // A link that was pasted brings all that the code on the screen does.
    const carried = written.includes('#') ? carriedIn(written) : { ...offered, move: written.trim() }
    app.takeOver(carried.move ?? '', carried, refused => {
      setBusy(false)
      if (refused) return setFailure(refused)
      app.say(carried.rooms?.length ? 'Here you are.' : 'Here you are. Your rooms open by their links, under your name there.')
      cancel()
    })
  }
  return (
    <section class="card">
      <h2>{offered?.name ? <>Be <bdi>{offered.name}</bdi> here, too?</> : 'Be here who you are there'}</h2>
      <p class="take-say">{offered ? 'Do this only if the code is your own, from another device of yours.' : 'On your other device, open the list of rooms and choose “Use another device, too”. It shows a code.'}{known && ' Who this browser was until now is given up.'}</p>
      <form class="take-over" onSubmit={take} noValidate>
        <label class="field">
          <span class="field-label">Code from the other device</span>
          <input name="move" value={written} placeholder="ABCD-EFGH-JKLM" autocomplete="off" autocapitalize="characters" spellcheck={false} enterkeyhint="go" aria-invalid={failure !== undefined} aria-describedby={failure && 'move-problem'}
            onInput={event => { setWritten(event.currentTarget.value); setFailure(undefined) }} ref={field => { if (field && !field.dataset.seen) { field.dataset.seen = '1'; if (!offered) field.focus() } }} />
          {failure && <span class="field-problem" id="move-problem" role="alert">{explain(failure)}</span>}
        </label>
        <button type="submit" class="button primary wide" aria-busy={busy || !ready}>{busy ? 'One moment…' : 'Take over here'}</button>
        <button type="button" class="button quiet wide" onClick={() => { app.offered.value = undefined; cancel() }}>{known ? 'Stay who I am here' : 'Start as somebody new'}</button>
      </form>
    </section>
  )
}
