import '../theme/moderation.css'
import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import { Dialog } from '../parts/Dialog.tsx'
import { Face } from '../presence/Face.tsx'
import { rankOf } from '../rooms/rights.ts'
import type { Room } from '../rooms/room.ts'
import type { Failure, Member } from '../wire.ts'
import { sanction } from './measures.ts'
import { untilWords } from './MemberDialog.tsx'
import { useOutlaws, type Sort } from './outlaws.ts'

/** Who is banned and who is muted, and the way back for them. */
export function OutlawsDialog({ app, room, close }: { app: App; room: Room; close: () => void }) {
  const may = rankOf(room.you.value) > 0
  return (
    <Dialog title="Banned and muted" close={close}>
      {!may && <p>Owners and moderators see this. You are neither any more.</p>}
      {may && app.connection.offers('ban') && <List app={app} room={room} only="banned" head="Banned" none="Nobody is banned from this room." lift="Let back in" />}
      {may && app.connection.offers('mute') && <List app={app} room={room} only="muted" head="Muted" none="Nobody is muted in this room." lift="Let write" />}
    </Dialog>
  )
}

function List({ app, room, only, head, none, lift }: { app: App; room: Room; only: Sort; head: string; none: string; lift: string }) {
  const listed = useOutlaws(app, room, only, true)
  const [failure, setFailure] = useState<Failure>()
  const free = (member: Member) => {
    setFailure(undefined)
    sanction(app, room, only === 'banned' ? 'ban' : 'mute', member.id, 0, '', setFailure)
  }
  const members = listed && 'members' in listed ? listed.members : []
  const refused = failure ?? (listed && 'failure' in listed ? listed.failure : undefined)
  return (
    <section aria-busy={listed === undefined}>
      <h3>{head}</h3>
      {refused && <p class="field-problem" role="alert">{explain(refused)}</p>}
      {listed && 'members' in listed && members.length === 0 && <p class="outlaws-none">{none}</p>}
      <ul class="outlaws" aria-label={head}>
        {members.map(member => (
          <li key={member.id} class="outlaw">
            <Face name={member.name} color={member.color} />
            <span class="outlaw-words"><bdi>{member.name}</bdi><small>{untilWords(app, member.until)}</small></span>
            <button type="button" class="button" aria-label={`${lift}: ${member.name}`} onClick={() => free(member)}>{lift}</button>
          </li>
        ))}
      </ul>
      {listed && 'members' in listed && listed.count > members.length && <p class="outlaws-none">and {listed.count - members.length} more</p>}
    </section>
  )
}
