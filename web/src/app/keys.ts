// The keys that work everywhere.
import type { App } from './app.ts'

export function watchKeys(app: App): void {
  document.addEventListener('keydown', event => {
    if (event.defaultPrevented || event.isComposing) return
    const act = actionOf(app, event)
    if (!act) return
    event.preventDefault()
    act()
  })
}

function actionOf(app: App, event: KeyboardEvent): (() => void) | undefined {
  const { key } = event
  if ((event.ctrlKey || event.metaKey) && !event.altKey && key.toLowerCase() === 'k') return () => (app.dialog.peek()?.show === 'switch' ? app.shut() : app.open('switch'))
  if (app.dialog.peek()) return undefined // the dialog has its own
  if (event.altKey && !event.ctrlKey && !event.metaKey && (key === 'ArrowUp' || key === 'ArrowDown')) return () => app.step(key === 'ArrowUp' ? -1 : 1)
  if (key === 'Escape' && app.drawer.peek()) return () => { app.drawer.value = undefined }
  const room = app.active.peek()
  if (key === 'Escape' && room && !room.window.sticking) return () => room.window.toEnd()
  if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return undefined
  if (key === '?') return () => app.open('keys')
  return undefined
}

function inField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}
