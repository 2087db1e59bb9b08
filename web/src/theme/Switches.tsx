import type { App } from '../app/app.ts'
import { Icon } from '../parts/Icon.tsx'

const themeIcon = { auto: 'auto', light: 'sun', dark: 'moon' } as const
const themeName = { auto: 'as the system', light: 'light', dark: 'dark' } as const

/** Colours, sound, notifications, and the list of keys. */
export function Switches({ app }: { app: App }) {
  const { theme, attention } = app
  const choice = theme.choice.value
  const sound = attention.sound.value
  const notify = attention.notify.value
  return (
    <div class="switches">
      <button type="button" class="icon-button" aria-label={`Colours: ${themeName[choice]}`} title={`Colours: ${themeName[choice]}`} onClick={() => theme.next()}>
        <Icon name={themeIcon[choice]} />
      </button>
      <button type="button" class="icon-button" aria-pressed={sound} aria-label="Sound" title={sound ? 'Sound is on' : 'Sound is off'} onClick={() => attention.switchSound(!sound)}>
        <Icon name={sound ? 'sound' : 'mute'} />
      </button>
      {attention.permission !== 'absent' && attention.permission !== 'denied' && (
        <button type="button" class="icon-button" aria-pressed={notify} aria-label="Notifications" title={notify ? 'Notifications are on' : 'Notifications are off'} onClick={() => void attention.switchNotify(!notify)}>
          <Icon name="bell" />
        </button>
      )}
      <button type="button" class="icon-button" aria-label="Keys" title="Keys (?)" onClick={() => app.open('keys')}><Icon name="keys" /></button>
    </div>
  )
}
