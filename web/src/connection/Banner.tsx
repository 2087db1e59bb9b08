import type { App } from '../app/app.ts'
import { Icon } from '../parts/Icon.tsx'

/** Says that the connection is missing; and, quietly, that a newer page is there. */
export function Banner({ app }: { app: App }) {
  const { connection } = app
  const away = connection.troubled.value
  return (
    <>
      <div role="status">
        {away && (
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
