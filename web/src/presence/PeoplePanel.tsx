import type { App } from '../app/app.ts'
import { Icon } from '../parts/Icon.tsx'
import { rankOf } from '../rooms/rights.ts'
import type { Room } from '../rooms/room.ts'
import { Face } from './Face.tsx'
import { isLost } from './people.ts'

/** Who is here. */
export function PeoplePanel({ app, room }: { app: App; room: Room }) {
  const { people } = room
  const members = people.sorted.value
  const count = people.count.value
  const more = count - members.length
  return (
    <div class="panel people">
      <header class="panel-head">
        <h2>Here <span class="count">{count}</span></h2>
        <button type="button" class="icon-button drawer-close" aria-label="Close" onClick={() => { app.drawer.value = undefined }}><Icon name="close" /></button>
      </header>
      <ul class="members" aria-label="Who is here">
        {members.map(member => (
          <li key={member.id} class={`member${isLost(member) ? ' lost' : ''}`} title={isLost(member) ? `${member.name} has lost the connection` : undefined}>
            <button type="button" class="member-button" aria-haspopup="dialog" onClick={() => app.open({ member })}>
              <Face name={member.name} color={member.color} lost={isLost(member)} />
              <bdi class="member-name">{member.name}</bdi>
              <small class="member-note">{noteOf(member.role, member.id === people.me.value, isLost(member))}</small>
            </button>
          </li>
        ))}
        {more > 0 && <li class="member more">and {more} more</li>}
      </ul>
      <footer class="panel-foot">
        {rankOf(room.you.value) > 0 && (app.connection.offers('ban') || app.connection.offers('mute')) && (
          <button type="button" class="button quiet wide" aria-haspopup="dialog" onClick={() => app.open('outlaws')}><Icon name="block" />Banned and muted</button>
        )}
        <button type="button" class="button quiet wide" onClick={() => app.open('rename')}><Icon name="pencil" />Change my name</button>
        <button type="button" class="button quiet wide" onClick={() => app.leave(room)}><Icon name="leave" />Leave room</button>
      </footer>
    </div>
  )
}

function noteOf(role: string, me: boolean, lost: boolean): string {
  if (lost) return 'away'
  const rank = role === 'owner' ? 'owner' : role === 'moderator' ? 'moderator' : ''
  return [me && 'you', rank].filter(Boolean).join(' · ')
}
