import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { codeIn } from '../app/place.ts'
import { TakeOver } from '../app/views.ts'
import { explain } from '../connection/failure.ts'
import { Icon, Mark } from '../parts/Icon.tsx'
import { Switches } from '../theme/Switches.tsx'
import { NameField } from './NameField.tsx'
import { RecentRooms } from './RecentRooms.tsx'
import { StartForm } from './StartForm.tsx'

/** The page without a room: who are you, and where to? */
export function Landing({ app }: { app: App }) {
  const [name, setName] = useState(app.name.peek())
  const [problem, setProblem] = useState<string>()
  const [coming, setComing] = useState(false)
  const limit = app.connection.welcome.value?.limits.nameChars ?? 32
  const moving = coming || app.offered.value !== undefined

  /** Gives the name to whoever needs one, or asks for it. */
  const withName = (go: (name: string) => void) => {
    const said = name.trim()
    if (said !== '') {
      setProblem(undefined)
      return go(said)
    }
    setProblem('Please tell your name first.')
    document.querySelector<HTMLInputElement>('input[name=name]')?.focus()
  }

  return (
    <main class="landing">
      <div class="landing-box">
        <header class="landing-head">
          <Mark />
          <h1>Snug</h1>
          <p>A room to talk in. No account, no fuss: send a link, and talk.</p>
        </header>
        {moving ? <TakeOver app={app} cancel={() => setComing(false)} /> : (
          <section class="card">
            <NameField name={name} set={setName} limit={limit} invalid={problem} autofocus={app.name.peek() === ''} />
            <StartForm app={app} withName={withName} nameRefused={setProblem} />
            <p class="or"><span>or</span></p>
            <JoinForm app={app} withName={withName} />
          </section>
        )}
        <RecentRooms app={app} withName={withName} />
        <footer class="landing-foot">
          {/* Its place is kept until the server has said what it offers: nothing jumps. */}
          {!moving && (
            <p class="aside devices">
              {app.connection.offers('move') && <button type="button" class="button quiet" onClick={() => setComing(true)}>I come from another device</button>}
              {app.connection.offers('move') && app.recent.list.value.length > 0 && <button type="button" class="button quiet" onClick={() => app.open('move')}>Use another device, too</button>}
            </p>
          )}
          <Switches app={app} />
        </footer>
      </div>
    </main>
  )
}

function JoinForm({ app, withName }: { app: App; withName: (go: (name: string) => void) => void }) {
  const [written, setWritten] = useState('')
  const [problem, setProblem] = useState<string>()
  const join = (event: Event) => {
    event.preventDefault()
    if (codeIn(written) === '') return setProblem(written.trim() === '' ? 'Please put in a room’s code or link.' : explain({ code: 'bad_request', field: 'code', message: '' }))
    withName(name => {
      app.keepName(name)
      app.go(written)
    })
  }
  return (
    <form class="join-form" onSubmit={join} noValidate>
      <label class="field">
        <span class="field-label">Room code or link</span>
        <span class="field-row">
          <input name="code" value={written} onInput={event => { setWritten(event.currentTarget.value); setProblem(undefined) }} autocomplete="off" autocapitalize="off" spellcheck={false} enterkeyhint="go" aria-invalid={problem !== undefined} />
          <button type="submit" class="button">Join<Icon name="send" /></button>
        </span>
        {problem !== undefined && <span class="field-problem" role="alert">{problem}</span>}
      </label>
    </form>
  )
}
