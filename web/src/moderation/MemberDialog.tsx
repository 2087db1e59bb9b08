import '../theme/moderation.css'
import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import { isForGood, momentOf } from '../log/time.ts'
import { Dialog } from '../parts/Dialog.tsx'
import { Icon, type IconName } from '../parts/Icon.tsx'
import { Face } from '../presence/Face.tsx'
import { isLost } from '../presence/people.ts'
import { outranks, rankOf } from '../rooms/rights.ts'
import type { Room } from '../rooms/room.ts'
import type { Author, Failure } from '../wire.ts'
import { askToClear, grant, sanction, type Sanction } from './measures.ts'
import { MeasureForm } from './MeasureForm.tsx'
import { useOutlaws } from './outlaws.ts'

const titles: Record<Sanction, (name: string) => string> = { kick: name => `Put ${name} out`, ban: name => `Ban ${name}`, mute: name => `Mute ${name}` }

/** About a member: who they are here, and what the reader may do. */
export function MemberDialog({ app, room, who, close }: { app: App; room: Room; who: Author; close: () => void }) {
  const [form, setForm] = useState<Sanction>()
  const { name } = room.people.members.value.get(who.id) ?? room.people.find(who.id) ?? who
  return (
    <Dialog title={form ? titles[form](name) : name} close={close}>
      {form
        ? <MeasureForm key={form} app={app} room={room} deed={form} who={{ id: who.id, name }} back={() => setForm(undefined)} done={close} />
        : <Card app={app} room={room} who={{ ...who, name }} choose={setForm} close={close} />}
    </Dialog>
  )
}

function Card({ app, room, who, choose, close }: { app: App; room: Room; who: Author; choose: (form: Sanction) => void; close: () => void }) {
  const [failure, setFailure] = useState<Failure>()
  const members = room.people.members.value
  const member = room.people.find(who.id)
  const here = members.has(who.id)
  const mine = who.id === room.you.value?.id
  const above = outranks(room, who.id)
  const offers = (feature: string) => app.connection.offers(feature)
  const ban = standing(useOutlaws(app, room, 'banned', above && offers('ban')), who.id)
  const mute = standing(useOutlaws(app, room, 'muted', above && offers('mute')), who.id)
  const out = ban ?? (above && !here && offers('ban') ? kickedUntil(app, room, who.id) : undefined)
  const done = (refused?: Failure) => (refused ? setFailure(refused) : close())
  const lift = (deed: 'ban' | 'mute') => sanction(app, room, deed, who.id, 0, '', done)
  const give = (role: string) => grant(app, room, who.id, role, done)
  /** Nobody gives away their own key to the house by a slip. */
  const stepDown = (role: string) => {
    app.open({ ask: 'What only owners may do you cannot do any more then, this among it.', say: 'Step down', act: () => grant(app, room, who.id, role, refused => refused && app.complain(refused)) })
  }
  const rank = rankOf(member)
  const owner = rankOf(room.you.value) > 1 && offers('role')
  const hail = () => {
    close()
    const begun = room.desk.text
    room.desk.text = `${begun}${/\S$/.test(begun) ? ' ' : ''}@${who.name} `
    room.desk.changed.value++
  }
  const deeds: Array<[IconName, string, () => void, boolean, danger?: boolean]> = [
    ['pencil', 'Change my name', () => app.open('rename'), mine],
    ['at', 'Write to them by name', hail, !mine && here],
    ['crown', 'Make an owner', () => give('owner'), owner && !mine && rank < 2],
    ['shield', mine ? 'Step down to moderator…' : 'Make a moderator', () => (mine ? stepDown('moderator') : give('moderator')), owner && rank !== 1 && (!mine || others(room))],
    ['person', mine ? 'Step down to plain member…' : 'Make a plain member', () => (mine ? stepDown('member') : give('member')), owner && rank > 0 && (!mine || others(room))],
    ['sound', 'Let them write again', () => lift('mute'), mute !== undefined],
    ['mute', 'Mute…', () => choose('mute'), above && offers('mute') && mute === undefined],
    ['leave', 'Put out for a while…', () => choose('kick'), above && here && offers('kick'), true],
    ['check', 'Let them back in', () => lift('ban'), out !== undefined],
    ['block', 'Ban…', () => choose('ban'), above && offers('ban') && ban === undefined, true],
    ['trash', mine ? 'Delete all my messages…' : 'Delete all their messages…', () => askToClear(app, room, who, mine), offers('clear') && (above || (mine && rankOf(room.you.value) > 0)), true],
  ]
  return (
    <>
      <div class="who">
        <Face name={who.name} color={member?.color ?? who.color} lost={!here || (member !== undefined && isLost(member))} />
        <p class="who-words">
          <span>{[mine && 'you', rank === 2 ? 'owner' : rank === 1 ? 'moderator' : member && 'member', !here ? 'not here now' : member && isLost(member) ? 'connection lost' : !mine && 'here now'].filter(Boolean).join(' · ')}</span>
          {out !== undefined && <span class="who-standing">{ban === undefined ? 'put out' : 'banned'} {out}</span>}
          {mute !== undefined && <span class="who-standing">muted {mute}</span>}
          <small title="The first signs of what this room knows them by. It stays when the name changes, and proves nothing.">tag <code>{who.id.slice(0, 4)}</code></small>
        </p>
      </div>
      {failure && <p class="field-problem" role="alert">{explain(failure)}</p>}
      <ul class="deeds">
        {deeds.filter(([, , , may]) => may).map(([icon, label, act, , danger]) => (
          <li key={label}><button type="button" class={`button quiet wide${danger ? ' danger-text' : ''}`} onClick={act}><Icon name={icon} />{label}</button></li>
        ))}
      </ul>
    </>
  )

  function standing(listed: ReturnType<typeof useOutlaws>, id: string): string | undefined {
    const found = listed && 'members' in listed ? listed.members.find(each => each.id === id) : undefined
    return found && untilWords(app, found.until)
  }
}

/** Until when somebody is out who was kicked, as far as this page has seen it: there is no list of them. Lifting a ban ends a kick, too. */
function kickedUntil(app: App, room: Room, id: string): string | undefined {
  const put = room.log.live.entries.findLast(({ kind, deed, member }) => kind === 'moderation' && member?.id === id && (deed === 'kick' || deed === 'ban'))
  if (put?.deed !== 'kick' || put.until === undefined || app.connection.local(put.until) <= Date.now()) return undefined
  return untilWords(app, put.until)
}

/** "until 14:20", or "for good". */
export function untilWords(app: App, until: string | undefined): string {
  return until === undefined || isForGood(until) ? 'for good' : `until ${momentOf(app.connection.local(until), Date.now())}`
}

/** A room keeps its last owner: stepping down is offered where another one is to be seen. */
function others(room: Room): boolean {
  return [...room.people.members.value.values()].some(member => member.role === 'owner' && member.id !== room.you.peek()?.id)
}
