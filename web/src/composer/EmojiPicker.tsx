import { useEffect, useRef, useState } from 'preact/hooks'
import { readJSON, type Store } from '../app/storage.ts'
import { Dialog } from '../parts/Dialog.tsx'
import { touching } from '../parts/touch.ts'
import { emoji as table } from './emoji.ts'

const mostRecent = 16
const isList = (value: unknown): value is string[] => Array.isArray(value) && value.every(each => typeof each === 'string')

/** The emoji, found by a word or by looking; those used last come first. */
export function EmojiPicker({ store, pick, close }: { store: Store; pick: (emoji: string) => void; close: () => void }) {
  const [query, setQuery] = useState('')
  const [recent] = useState(() => readJSON(store, 'emoji', isList, []))
  const grid = useRef<HTMLDivElement>(null)
  const wanted = query.trim().toLowerCase().replace(/^:|:$/g, '')
  const once = new Map(table.filter(([code]) => code.includes(wanted)).map(([code, emoji]) => [emoji, code]))
  const shown = [...(wanted === '' ? recent : []), ...[...once.keys()].filter(emoji => wanted !== '' || !recent.includes(emoji))]
  const nameOf = (emoji: string) => (once.get(emoji) ?? table.find(each => each[1] === emoji)?.[0] ?? emoji).replaceAll('_', ' ')

  useEffect(() => grid.current?.scrollTo(0, 0), [wanted])
  const take = (emoji: string) => {
    store.set('emoji', JSON.stringify([emoji, ...recent.filter(each => each !== emoji)].slice(0, mostRecent)))
    close()
    pick(emoji)
  }
  /** The arrows go over the grid as it is laid out. */
  const keyDown = (event: KeyboardEvent) => {
    const all = [...grid.current!.querySelectorAll('button')]
    const i = all.indexOf(document.activeElement as HTMLButtonElement)
    if (all.length === 0) return
    const columns = getComputedStyle(grid.current!).gridTemplateColumns.split(' ').length
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: i < 0 ? 1 : columns, ArrowUp: -columns }[event.key]
    if (step === undefined || (i < 0 && event.key !== 'ArrowDown')) return
    event.preventDefault()
    const next = i + step
    if (next < 0) grid.current!.parentElement!.querySelector('input')!.focus()
    else all[Math.min(next, all.length - 1)]!.focus()
  }
  return (
    <Dialog title="Emoji" kind="picker" close={close}>
      <div class="picker-box" onKeyDown={keyDown}>
        <form onSubmit={event => { event.preventDefault(); if (shown[0] !== undefined) take(shown[0]) }}>
          <input class="switch-field" aria-label="Find an emoji" placeholder="Find one" value={query} autocomplete="off" autocapitalize="off" spellcheck={false} autofocus={!touching()} onInput={event => setQuery(event.currentTarget.value)} />
        </form>
        <div ref={grid} class="picker-grid" role="group" aria-label="Emoji">
          {shown.map((emoji, i) => <button key={emoji} type="button" tabIndex={i === 0 ? 0 : -1} title={nameOf(emoji)} aria-label={nameOf(emoji)} onClick={() => take(emoji)}>{emoji}</button>)}
          {shown.length === 0 && <p class="picker-none">No emoji of that name.</p>}
        </div>
      </div>
    </Dialog>
  )
}
