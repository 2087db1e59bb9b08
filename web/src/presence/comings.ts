// Who came and went, told in the talk. These lines are not in the log: they
// stand where they happened while the page lives, and runs of them fold into one.

export interface Coming {
  /** The newest seq when it happened: the line stands after that entry. */
  after: number
  /** Makes the line's key, and keeps it while the line grows. */
  n: number
  id: string
  name: string
  came: boolean
}

/** What becomes of one person in a run of comings and goings. */
interface Story { name: string; first: boolean; last: boolean }

/** Says in one sentence what happened in a run; empty if it comes to nothing. */
export function tell(run: readonly Coming[]): string {
  const stories = new Map<string, Story>()
  for (const { id, name, came } of run) {
    const story = stories.get(id)
    if (story) Object.assign(story, { name, last: came })
    else stories.set(id, { name, first: came, last: came })
  }
  const people = [...stories.values()]
  const named = (which: (story: Story) => boolean) => people.filter(which).map(story => story.name)
  return [
    phrase(named(s => s.first && s.last), 'joined'),
    phrase(named(s => s.first && !s.last), 'came and went'),
    phrase(named(s => !s.first && !s.last), 'left'),
  ].filter(Boolean).join(' · ')
}

function phrase(names: readonly string[], what: string): string {
  return names.length === 0 ? '' : `${list(names)} ${what}`
}

/** "Ana", "Ana and Ben", "Ana, Ben and Cleo", "Ana, Ben and 8 others". */
export function list(names: readonly string[], most = 3): string {
  if (names.length === 0) return ''
  if (names.length === 1) return names[0]!
  if (names.length <= most) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
  return `${names.slice(0, most - 1).join(', ')} and ${names.length - most + 1} others`
}
