// Who is in a room.
import { computed, signal } from '@preact/signals'
import type { Member, Presence } from '../wire.ts'
import type { Coming } from './comings.ts'

/** Above this the server names nobody any more, it only counts ("presence"). */
const mostListed = 1000
/** So many comings and goings are remembered. */
const mostComings = 400
/** So many of those who went are remembered. */
const mostGone = 400

export class People {
  readonly members = signal<ReadonlyMap<string, Member>>(new Map())
  readonly count = signal(0)
  readonly comings = signal<readonly Coming[]>([])

  /** Yourself first, then by rank, those who are there, and by name. */
  readonly sorted = computed(() => {
    const me = this.me.value
    const rank = (m: Member) => (m.id === me ? 0 : m.role === 'owner' ? 1 : m.role === 'moderator' ? 2 : 3)
    return [...this.members.value.values()].sort((a, b) => rank(a) - rank(b) || Number(isLost(a)) - Number(isLost(b)) || a.name.localeCompare(b.name))
  })

  readonly me = signal('')
  private n = 0
  private readonly gone = new Map<string, Member>()

  /** The list as the server gives it; whoever it does not name is not here. */
  replace(members: readonly Member[], count: number): void {
    this.members.value = new Map(members.map(member => [member.id, member]))
    this.count.value = count
  }

  /** Takes a change; `after` is the room's newest seq, where its line will stand. */
  apply(presence: Presence, after: number): void {
    const members = new Map(this.members.peek())
    const comings: Coming[] = []
    for (const member of presence.joined ?? []) {
      if (!members.has(member.id)) comings.push({ after, n: ++this.n, id: member.id, name: member.name, came: true })
      members.set(member.id, member)
    }
    for (const { id, reason } of presence.left ?? []) {
      const member = members.get(id)
      // Who was put out, and by whom, stands in the log.
      if (member && reason !== 'kicked' && reason !== 'banned') comings.push({ after, n: ++this.n, id, name: member.name, came: false })
      if (member) this.remember(member)
      members.delete(id)
    }
    // Changed members may be new to our list: they came without a word.
    for (const member of presence.changed ?? []) members.set(member.id, member)
    this.members.value = members
    this.count.value = presence.count
    if (comings.length > 0) this.comings.value = [...this.comings.peek(), ...comings].slice(-mostComings)
  }

  /** Somebody who is here, or was since the page was opened. */
  find(id: string): Member | undefined {
    return this.members.value.get(id) ?? this.gone.get(id)
  }

  put(member: Member): void {
    this.members.value = new Map(this.members.peek()).set(member.id, member)
  }

  private remember(member: Member): void {
    this.gone.delete(member.id)
    this.gone.set(member.id, member)
    for (const oldest of this.gone.keys()) if (this.gone.size > mostGone) this.gone.delete(oldest)
  }

  /** Our list does not number what the server counts: `members` is to be asked. */
  get doubtful(): boolean {
    return this.count.value <= mostListed && this.members.value.size !== this.count.value
  }
}

/** An unknown state counts as `here` ("Growing"). */
export function isLost(member: Member): boolean {
  return member.state === 'lost'
}
