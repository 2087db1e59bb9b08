import type { App } from '../app/app.ts'
import { momentOf } from '../log/time.ts'
import { Icon } from '../parts/Icon.tsx'
import { explain } from './failure.ts'

/** Says that the connection is missing, or refused; and, quietly, that a newer page is there. */
export function Banner({ app }: { app: App }) {
  const { connection } = app
  const barred = connection.barred.value
  return (
    <>
      <div role="status">
        {barred ? <p class="banner" role="alert">{tellBarred(barred.until)}</p> : connection.troubled.value && (
          <p class="banner">
            <span class="pulse" aria-hidden="true" />
            {connection.welcome.value ? 'Connection lost. Coming back…' : 'Looking for the server…'}
            {connection.welcome.value && <span class="banner-more"> What you write is kept and goes out then.</span>}
          </p>
        )}
      </div>
      {connection.outdated.value && (
        <button type="button" class="chip" onClick={() => app.reload()}><Icon name="auto" />A new version is here · Reload</button>
      )}
    </>
  )
}

function tellBarred(until: number | undefined): string {
  return `${explain({ code: 'banned', scope: 'server', message: '' })} ${until === undefined ? 'It is for good.' : `You may come back at ${momentOf(until, Date.now())}.`}`
}
