// Keeps the list of who is here complete: it is asked for where it does not
// number what the server counts, though not too often ("Presence").
import type { Member, MembersReply } from '../wire.ts'
import type { People } from './people.ts'

const every = 10_000
/** So many are listed. */
const most = 1200

/** Asks for the members behind one; `settle` is told nothing if there is nothing to be had. */
export type Asking = (after: string | undefined, settle: (reply: MembersReply | undefined) => void) => void

export class Roll {
  private asked = -Infinity
  private timer: ReturnType<typeof setTimeout> | undefined

  constructor(private readonly people: People, private readonly request: Asking) {}

  check(): void {
    if (!this.people.doubtful || this.timer !== undefined) return
    const wait = Math.max(0, this.asked + every - Date.now())
    this.timer = setTimeout(() => {
      this.timer = undefined
      if (this.people.doubtful) this.ask()
    }, wait)
  }

  ask(found: readonly Member[] = []): void {
    if (found.length === 0) this.asked = Date.now()
    this.request(found.at(-1)?.id, reply => {
      if (!reply) return
      const all = [...found, ...reply.members]
      if (reply.more && reply.members.length > 0 && all.length < most) return this.ask(all)
      this.people.replace(all, reply.count)
      this.check()
    })
  }

  close(): void {
    clearTimeout(this.timer)
  }
}
