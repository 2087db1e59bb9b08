// Who is banned from a room, and who is muted in it: for owners and moderators, by the server's own list.
import { useEffect, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import type { Room } from '../rooms/room.ts'
import type { Failure, Member } from '../wire.ts'

/** What one can be listed for. */
export type Sort = 'banned' | 'muted'

/** So many are listed of each sort; who is beyond is found when those before are let go. */
const most = 1000

export type Listed = { members: readonly Member[]; count: number } | { failure: Failure } | undefined

/** The list, asked for anew whenever somebody is dealt with. */
export function useOutlaws(app: App, room: Room, only: Sort, may: boolean): Listed {
  const [listed, setListed] = useState<Listed>()
  const measures = room.measures.value
  const ready = app.connection.phase.value === 'ready'
  useEffect(() => {
    if (!may || !ready) return
    let here = true
    list(app, room, only, [], found => { if (here) setListed(found) })
    return () => { here = false }
  }, [room, only, may, ready, measures])
  return listed
}

function list(app: App, room: Room, only: Sort, found: readonly Member[], settle: (listed: Listed) => void): void {
  const after = found.at(-1)?.id
  app.connection.ask('members', { room: room.code.peek(), only, limit: 200, ...(after !== undefined && { after }) }, answer => {
    if (!answer.ok) return settle({ failure: answer.error })
    const members = [...found, ...answer.members]
    if (answer.more && answer.members.length > 0 && members.length < most) return list(app, room, only, members, settle)
    settle({ members, count: answer.count })
  })
}
