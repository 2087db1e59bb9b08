import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { newId } from '../composer/ids.ts'
import { explain } from '../connection/failure.ts'
import { keeps } from '../rooms/keeps.ts'
import type { CreateRequest } from '../wire.ts'

interface Wish { title: string; code: string; keep: string; passphrase: string }

/** Starts a room. What one may wish for besides stays folded until asked for. */
export function StartForm({ app, withName, nameRefused }: { app: App; withName: (go: (name: string) => void) => void; nameRefused: (problem: string) => void }) {
  const [wish, setWish] = useState<Wish>({ title: '', code: '', keep: '', passphrase: '' })
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<{ text: string; field?: string | undefined }>()
  // Made once for one wish: pressing again after a lost answer makes no second room.
  const [id, setId] = useState(newId)
  const set = (change: Partial<Wish>) => {
    setWish({ ...wish, ...change })
    setId(newId())
    setProblem(undefined)
  }

  const start = (event: Event) => {
    event.preventDefault()
    if (busy) return
    withName(name => {
      setBusy(true)
      setProblem(undefined)
      app.start(name, requestOf(wish, id), failure => {
        setBusy(false)
        if (!failure) return
        if (failure.field === 'name') return nameRefused(explain(failure))
        setProblem({ text: explain(failure), field: failure.field })
      })
    })
  }

  return (
    <form class="start-form" onSubmit={start} noValidate>
      <button type="submit" class="button primary wide" aria-busy={busy}>{busy ? 'Starting…' : 'Start a room'}</button>
      {problem && <p class="field-problem" role="alert">{problem.text}</p>}
      <details class="options" open={problem?.field === 'code' || problem?.field === 'title' || undefined}>
        <summary>Options</summary>
        <label class="field">
          <span class="field-label">Title</span>
          <input name="title" value={wish.title} dir="auto" autocomplete="off" onInput={event => set({ title: event.currentTarget.value })} maxLength={(app.connection.welcome.value?.limits.titleChars ?? 80) * 4} />
        </label>
        <label class="field">
          <span class="field-label">Code of your own</span>
          <input name="own-code" value={wish.code} placeholder="my-room" autocomplete="off" autocapitalize="off" spellcheck={false} maxLength={40} aria-invalid={problem?.field === 'code'} onInput={event => set({ code: event.currentTarget.value })} />
        </label>
        <label class="field">
          <span class="field-label">Messages are kept</span>
          <select name="keep" value={wish.keep} onChange={event => set({ keep: event.currentTarget.value })}>
            {keeps.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
          </select>
        </label>
        <label class="field">
          <span class="field-label">Passphrase</span>
          <input name="passphrase" type="text" value={wish.passphrase} placeholder="none" autocomplete="off" autocapitalize="off" spellcheck={false} onInput={event => set({ passphrase: event.currentTarget.value })} />
        </label>
      </details>
    </form>
  )
}

function requestOf({ title, code, keep, passphrase }: Wish, id: string): CreateRequest {
  return {
    id,
    ...(title.trim() && { title: title.trim() }),
    ...(code.trim() && { code: code.trim().toLowerCase() }),
    ...(keep && { keep }),
    ...(passphrase && { passphrase }),
  }
}
