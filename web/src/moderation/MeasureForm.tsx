import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import type { Room } from '../rooms/room.ts'
import type { Failure } from '../wire.ts'
import { sanction, spans, type Sanction } from './measures.ts'

const words: Record<Sanction, [does: string, means: string]> = {
  kick: ['Put out', 'They are out at once, and may come back after that.'],
  ban: ['Ban', 'They are out at once. As long as it lasts nobody new comes in from the same address, either.'],
  mute: ['Mute', 'They can read, but not write.'],
}

/** How long, and why. */
export function MeasureForm({ app, room, deed, who, back, done }: { app: App; room: Room; deed: Sanction; who: { id: string; name: string }; back: () => void; done: () => void }) {
  const [span, setSpan] = useState(0)
  const [reason, setReason] = useState('')
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure>()
  const [does, means] = words[deed]
  const act = (event: Event) => {
    event.preventDefault()
    if (busy) return
    setBusy(true)
    setFailure(undefined)
    sanction(app, room, deed, who.id, spans[deed][span]![0], reason.trim(), refused => {
      setBusy(false)
      if (refused) setFailure(refused)
      else done()
    })
  }
  return (
    <form class="dialog-form" onSubmit={act} noValidate>
      <p class="dialog-say">{means}</p>
      <label class="field">
        <span class="field-label">How long</span>
        <select name="span" value={String(span)} onChange={event => setSpan(Number(event.currentTarget.value))} ref={field => { if (field && !field.dataset.seen) { field.dataset.seen = '1'; field.focus() } }}>
          {spans[deed].map(([, text], i) => <option key={text} value={String(i)}>{text}</option>)}
        </select>
      </label>
      <label class="field">
        <span class="field-label">Reason, for everybody to read</span>
        <input name="reason" value={reason} dir="auto" autocomplete="off" placeholder="none" maxLength={(app.connection.welcome.value?.limits.titleChars ?? 80) * 4} aria-invalid={failure?.field === 'reason'} onInput={event => { setReason(event.currentTarget.value); setFailure(undefined) }} />
      </label>
      {failure && <p class="field-problem" role="alert">{explain(failure)}</p>}
      <div class="dialog-choice">
        <button type="button" class="button" onClick={back}>Back</button>
        <button type="submit" class="button danger" aria-busy={busy}>{does} {spans[deed][span]![1]}</button>
      </div>
    </form>
  )
}
