import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import type { Room } from '../rooms/room.ts'
import { commands } from './commands.ts'
import { complete, matchEmoji, matchNames, tokenAt, type Candidate, type Token } from './completion.ts'

type Table = ReadonlyArray<readonly [string, string]>

export interface Completion {
  candidates: readonly Candidate[]
  chosen: number
  aria: Record<string, string | boolean>
  /** Handles the keys that choose; reports whether the key was one. */
  keyDown(event: KeyboardEvent): boolean
  look(): void
  close(): void
  take(candidate: Candidate): void
}

/** Completes names, emoji and commands in a field. */
export function useCompletion(app: App, room: Room, text: string, write: (text: string, caret: number) => void, field: RefObject<HTMLTextAreaElement | null>): Completion {
  const [caret, setCaret] = useState(0)
  const [closed, setClosed] = useState<string>()
  const [chosen, setChosen] = useState(0)
  const [table, setTable] = useState<Table>()
  const token = tokenAt(text, caret)
  const sign = token && `${token.kind}${token.start}`
  useEffect(() => {
    if (token?.kind === 'emoji' && !table) void import('./emoji.ts').then(({ emoji }) => setTable(emoji))
  }, [token?.kind])
  // With the drawing and not a frame later: the key that chooses may come at once.
  useLayoutEffect(() => setChosen(0), [sign, token?.query])
  useLayoutEffect(() => {
    const at = field.current?.selectionStart
    if (at !== undefined) setCaret(at)
    if (text === '') setClosed(undefined)
  }, [text])

  const candidates = useMemo(() => (token && sign !== closed ? find(token, room, table) : []), [sign, token?.query, closed, table, room.people.members.value])
  const take = (candidate: Candidate) => {
    if (!token) return
    const now = complete(text, caret, token, candidate)
    setClosed(undefined)
    setCaret(now.caret)
    write(now.text, now.caret)
  }
  const open = candidates.length > 0
  void app
  return {
    candidates, chosen, take,
    aria: open
      ? { role: 'combobox', 'aria-autocomplete': 'list', 'aria-expanded': true, 'aria-controls': 'completions', 'aria-activedescendant': `completion-${chosen}` }
      : {},
    look: () => setCaret(field.current?.selectionStart ?? 0),
    close: () => setClosed(sign),
    keyDown(event) {
      if (!open) return false
      const n = candidates.length
      if (event.key === 'ArrowDown') setChosen((chosen + 1) % n)
      else if (event.key === 'ArrowUp') setChosen((chosen + n - 1) % n)
      else if (event.key === 'Escape') setClosed(sign)
      else if (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey)) {
        // A command that is written out is done, not completed.
        if (event.key === 'Enter' && candidates[chosen]!.insert.trim() === text.trim()) return false
        take(candidates[chosen]!)
      } else return false
      event.preventDefault()
      event.stopPropagation()
      return true
    },
  }
}

function find(token: Token, room: Room, table: Table | undefined): Candidate[] {
  const { query } = token
  switch (token.kind) {
    case 'name': return matchNames(room.people.sorted.value.filter(member => member.id !== room.you.value?.id).map(member => member.name), query)
    case 'emoji': return table ? matchEmoji(table, query) : []
    case 'command': return commands.filter(({ name }) => name.startsWith(query)).map(({ name, hint, what }) => ({ insert: `/${name}${hint && ' '}`, show: `/${name} ${hint}`, sign: what }))
  }
}

export function Completions({ of }: { of: Completion }) {
  if (of.candidates.length === 0) return null
  return (
    <ul class="completions" id="completions" role="listbox" aria-label="Suggestions">
      {of.candidates.map((candidate, i) => (
        <li key={candidate.show} id={`completion-${i}`} role="option" aria-selected={i === of.chosen}
          onPointerDown={event => { event.preventDefault(); of.take(candidate) }}>
          <bdi>{candidate.show}</bdi>{candidate.sign !== undefined && <span>{candidate.sign}</span>}
        </li>
      ))}
    </ul>
  )
}
