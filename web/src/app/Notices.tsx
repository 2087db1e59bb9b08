import { Icon } from '../parts/Icon.tsx'
import type { App } from './app.ts'

export function Notices({ app }: { app: App }) {
  return (
    <>
      {app.notices.value.map(notice => (
        <div key={notice.n} class="notice" role={notice.alert ? 'alert' : 'status'}>
          <span>{notice.text}</span>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => app.dismiss(notice)}><Icon name="close" /></button>
        </div>
      ))}
    </>
  )
}
