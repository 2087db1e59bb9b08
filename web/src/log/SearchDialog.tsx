import { useEffect, useRef, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import { Dialog } from '../parts/Dialog.tsx'
import { Face } from '../presence/Face.tsx'
import type { Room } from '../rooms/room.ts'
import type { Entry } from '../wire.ts'
import { plain } from './text.ts'
import { dayName, timeOf } from './time.ts'

interface Found { query: string; entries: readonly Entry[]; more: boolean }

/** After so long without a key it is asked for, in ms. */
const pause = 250

/** Finds what was said in the room, and leads there. */
export function SearchDialog({ app, room, close }: { app: App; room: Room; close: () => void }) {
  const [query, setQuery] = useState(app.searched.peek())
  const [found, setFound] = useState<Found>()
  const [problem, setProblem] = useState<string>()
  const asked = useRef('')
  const limit = app.connection.welcome.value?.limits.queryChars ?? 100

  const ask = (words: string, before?: number) => {
    asked.current = words
    app.connection.ask('search', { room: room.code.peek(), query: words, ...(before !== undefined && { before }) }, answer => {
      if (asked.current !== words) return // something else is looked for by now
      if (!answer.ok) return setProblem(explain(answer.error))
      setProblem(undefined)
      setFound(was => ({ query: words, more: answer.more, entries: [...(before === undefined ? [] : was?.entries ?? []), ...answer.entries] }))
    })
  }
  const words = query.trim()
  useEffect(() => {
    app.searched.value = query
    if (words === '') {
      asked.current = ''
      return setFound(undefined)
    }
    const timer = setTimeout(() => ask(words), pause)
    return () => clearTimeout(timer)
  }, [words])

  const go = (entry: Entry) => {
    close()
    app.visit(room.code.peek(), entry.seq)
  }
  return (
    <Dialog title={`Search in ${room.title.value}`} close={close}>
      <form class="dialog-form" role="search" onSubmit={event => { event.preventDefault(); if (words !== '') ask(words) }}>
        <input class="switch-field" inputMode="search" aria-label="Words" placeholder="Words that were said" value={query} maxLength={limit * 2} dir="auto" autocomplete="off" enterkeyhint="search" autofocus
          onInput={event => setQuery(event.currentTarget.value)} />
      </form>
      <p class="search-count" role={problem === undefined ? 'status' : 'alert'}>{problem ?? (found && tell(found))}</p>
      {found && (
        <ul class="hits">
          {found.entries.map(entry => (
            <li key={entry.seq}>
              <button type="button" class="hit" onClick={() => go(entry)}>
                <Face name={entry.from.name} color={entry.from.color} />
                <span class="hit-head"><bdi>{entry.from.name}</bdi><time dateTime={entry.at}>{dayName(entry.at, new Date())}, {timeOf(entry.at)}</time></span>
                <span class="hit-text" dir="auto">{plain(entry.text ?? '')}</span>
              </button>
            </li>
          ))}
          {found.more && <li><button type="button" class="button quiet wide" onClick={() => ask(found.query, found.entries.at(-1)!.seq)}>Older ones</button></li>}
        </ul>
      )}
    </Dialog>
  )
}

function tell({ entries, more }: Found): string {
  if (entries.length === 0) return 'Nothing like it was said here.'
  return `${entries.length}${more ? ' and more' : ''} found, the newest first`
}
