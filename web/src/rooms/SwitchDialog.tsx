import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { codeIn, sameCode } from '../app/place.ts'
import { Dialog } from '../parts/Dialog.tsx'

interface Target { code: string; title: string; unread: number }

/** Goes to another room by typing a part of its name, or a code. */
export function SwitchDialog({ app, close }: { app: App; close: () => void }) {
  const [query, setQuery] = useState('')
  const [chosen, setChosen] = useState(0)
  const targets = find(app, query)
  const go = (target: Target | undefined) => {
    close()
    if (target) app.visit(target.code)
  }
  const keyDown = (event: KeyboardEvent) => {
    if (event.isComposing || targets.length === 0) return
    if (event.key === 'ArrowDown') setChosen((chosen + 1) % targets.length)
    else if (event.key === 'ArrowUp') setChosen((chosen + targets.length - 1) % targets.length)
    else return
    event.preventDefault()
  }
  return (
    <Dialog title="Go to a room" close={close}>
      <form class="dialog-form" onSubmit={event => { event.preventDefault(); go(targets[chosen]) }}>
        <input class="switch-field" aria-label="Room" placeholder="Name, code or link" value={query} autocomplete="off" autocapitalize="off" spellcheck={false} role="combobox" aria-expanded={targets.length > 0}
          aria-controls="switch-list" aria-activedescendant={targets.length > 0 ? `switch-${chosen}` : undefined} autofocus onKeyDown={keyDown}
          onInput={event => { setQuery(event.currentTarget.value); setChosen(0) }} />
      </form>
      <ul class="switch-list" id="switch-list" role="listbox" aria-label="Rooms">
        {targets.map((target, i) => (
          <li key={target.code} id={`switch-${i}`} role="option" aria-selected={i === chosen} onClick={() => go(target)}>
            <bdi>{target.title}</bdi>{target.unread > 0 && <span class="badge">{target.unread}</span>}
          </li>
        ))}
      </ul>
    </Dialog>
  )
}

function find(app: App, query: string): Target[] {
  const open = app.rooms.value.map(room => ({ code: room.code.value, title: room.title.value, unread: room.unread.count.value }))
  const closed = app.recent.list.value.filter(known => !open.some(({ code }) => sameCode(code, known.code))).map(({ code, title }) => ({ code, title: title || code, unread: 0 }))
  const wanted = query.trim().toLocaleLowerCase()
  const found = [...open, ...closed].filter(({ code, title }) => `${title} ${code}`.toLocaleLowerCase().includes(wanted)).slice(0, 8)
  const code = codeIn(query)
  if (code !== '' && !found.some(target => sameCode(target.code, code))) found.push({ code, title: code, unread: 0 })
  return found
}
