import { useComputed } from '@preact/signals'
import type { App } from '../app/app.ts'
import { Actions } from '../app/views.ts'
import { explain } from '../connection/failure.ts'
import { memo } from '../parts/memo.ts'
import { Face } from '../presence/Face.tsx'
import { colorClass } from '../presence/names.ts'
import type { Room } from '../rooms/room.ts'
import type { MessageRow } from './rows.ts'
import { Text } from './Text.tsx'
import { plain } from './text.ts'
import { fullTimeOf, timeOf } from './time.ts'

export interface Props {
  app: App
  room: Room
  row: MessageRow
}

const shown = ['key', 'seq', 'first', 'state', 'text', 'deleted', 'edited', 'outgoing', 'replyTo', 'hails'] as const

/** One message. Its key is the same from writing to history, and so is its node.
 * Rows are made anew with every change of the talk, most of them saying the same. */
export const MessageView = memo<Props>(
  ({ app, room, row }) => (
    <li class={`row message${row.first ? ' first' : ''}${row.mine ? ' mine' : ''}${row.hails ? ' hails' : ''} ${row.state}`} data-key={row.key} data-seq={row.seq} data-state={row.state}>
      {row.replyTo !== undefined && <Quoted app={app} room={room} row={row} seq={row.replyTo} />}
      {row.first && <Face name={row.from.name} color={row.from.color} />}
      {row.first
        ? <div class="said-by"><Name app={app} room={room} from={row.from} /><When app={app} room={room} row={row} /></div>
        : <When app={app} room={room} row={row} />}
      {row.deleted ? <div class="text gone">This message was deleted.</div> : <Text text={row.text ?? ''} name={row.from.name} />}
      {row.edited !== undefined && !row.deleted && <small class="edited" title={fullTimeOf(row.edited)}>edited</small>}
      {row.reactions.length > 0 && <Reactions app={app} room={room} row={row} />}
      {row.state === 'failed' && <Failed room={room} row={row} />}
      {row.seq !== undefined && !row.deleted && <Aimed app={app} room={room} row={row} />}
    </li>
  ),
  ({ room, row: was }, { room: same, row: now }) => room === same && shown.every(field => was[field] === now[field]) && was.from.name === now.from.name && was.from.color === now.from.color
    && alike(was.reactions, now.reactions) && alike(was.quote, now.quote),
)

const alike = (was: unknown, now: unknown) => was === now || JSON.stringify(was) === JSON.stringify(now)

/** Who said it; behind the name is their card. Nobody is anybody before the first joining. */
function Name({ app, room, from }: Pick<Props, 'app' | 'room'> & { from: MessageRow['from'] }) {
  if (from.id === '') return <bdi class={`name ${colorClass(from.color)}`}>{from.name}</bdi>
  return <button type="button" class={`name name-button ${colorClass(from.color)}`} aria-haspopup="dialog" onClick={() => app.open({ member: room.people.find(from.id) ?? from })}><bdi>{from.name}</bdi></button>
}

/** What can be done with the message, while the reader points at it. */
function Aimed({ app, room, row }: Props) {
  const aimed = useComputed(() => room.aim.value === row.key)
  return aimed.value ? <Actions app={app} room={room} row={row} /> : null
}

function Quoted({ app, room, row, seq }: Props & { seq: number }) {
  const { quote } = row
  if (quote === 'gone') return <div class="quoted">Message not available</div>
  return (
    <a class="quoted" href={app.linkOf(room, seq)} onClick={event => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return
      event.preventDefault()
      app.visit(room.code.peek(), seq)
    }}>
      {quote ? <><bdi class={`name ${colorClass(quote.from.color)}`}>{quote.from.name}</bdi> <bdi class="quoted-text">{plain(quote.text)}</bdi></> : '…'}
    </a>
  )
}

function Reactions({ app, room, row }: Props) {
  const may = app.connection.offers('react') && row.seq !== undefined
  return (
    <ul class="reactions" aria-label="Reactions">
      {row.reactions.map(({ emoji, count, mine }) => (
        <li key={emoji}>
          <button type="button" class="reaction" aria-pressed={mine} disabled={!may} aria-label={`${emoji} ${count}`}
            onClick={() => room.deeds.do({ kind: 'react', seq: row.seq!, emoji, on: !mine })}>
            <span>{emoji}</span>{count}
          </button>
        </li>
      ))}
    </ul>
  )
}

function When({ app, room, row }: Props) {
  const full = fullTimeOf(row.at)
  const time = <time dateTime={row.at}>{timeOf(row.at)}</time>
  if (row.seq === undefined) return <span class="when" title={full}>{time}</span>
  return <a class="when" href={app.linkOf(room, row.seq)} title={full} data-full={full} aria-label={`${timeOf(row.at)}, ${full}`}>{time}</a>
}

function Failed({ room, row }: { room: Room; row: MessageRow }) {
  const item = row.outgoing!
  const edit = () => {
    room.desk.add(item.text)
    room.outbox.remove(item.id)
  }
  const reason = item.failure ? `: ${explain(item.failure)}` : ''
  return (
    <div class="not-sent" role="alert">
      <span>Not sent{reason}</span>
      <button type="button" class="text-button" onClick={() => room.outbox.retry(item.id)}>Retry</button>
      <button type="button" class="text-button" onClick={edit}>Edit</button>
      <button type="button" class="text-button" onClick={() => room.outbox.remove(item.id)}>Delete</button>
    </div>
  )
}
