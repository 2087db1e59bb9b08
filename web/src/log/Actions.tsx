import { Icon, type IconName } from '../parts/Icon.tsx'
import { askToDelete, rankOf, young } from '../rooms/rights.ts'
import type { Props } from './MessageView.tsx'

/** At the upper edge of the talk there is no room above a message. */
const place = (bar: HTMLElement | null): void => {
  const row = bar?.closest('.message')
  const edge = bar?.closest('.log')?.getBoundingClientRect().top
  if (row && edge !== undefined) bar!.classList.toggle('below', row.getBoundingClientRect().top - edge < bar!.offsetHeight)
}

/** What can be done with a message; only what the server offers. */
export function Actions({ app, room, row }: Props) {
  void room.you.value
  const seq = row.seq!
  const offers = (feature: string) => app.connection.offers(feature)
  const copy = async () => {
    const link = app.linkOf(room, seq)
    try {
      await navigator.clipboard.writeText(link)
      app.say('The link to the message is copied.')
    } catch {
      app.say(`Please copy it by hand: ${link}`)
    }
  }
  const actions: Array<[IconName, string, () => void, boolean]> = [
    ['smile', 'React', () => app.open({ emoji: emoji => room.deeds.do({ kind: 'react', seq, emoji, on: true }) }), offers('react')],
    ['reply', 'Reply', () => room.desk.reply(seq), true],
    ['pencil', 'Edit', () => room.desk.edit(seq, room.log.find(seq)?.text ?? row.text ?? ''), offers('edit') && row.mine && young(app, row)],
    ['link', 'Copy the link to this message', () => void copy(), true],
    ['trash', 'Delete', () => askToDelete(app, room, seq), offers('delete') && ((row.mine && young(app, row)) || rankOf(room.you.peek()) > 0)],
  ]
  return (
    <div ref={place} class="actions" role="group" aria-label={`This message of ${row.from.name}`}>
      {actions.filter(([, , , may]) => may).map(([icon, name, act]) => (
        <button key={name} type="button" class="icon-button" aria-label={name} title={name} onClick={() => {
          act()
          room.aim.value = undefined
        }}><Icon name={icon} /></button>
      ))}
    </div>
  )
}
