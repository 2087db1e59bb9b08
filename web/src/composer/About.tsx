import { plain } from '../log/text.ts'
import { Icon } from '../parts/Icon.tsx'
import type { Room } from '../rooms/room.ts'

/** What is being written about: the message that is edited, or replied to. */
export function About({ room }: { room: Room }) {
  const { desk } = room
  const edited = desk.editing.value
  const replied = desk.replyTo.value
  if (edited === undefined && replied === undefined) return null
  void room.quotes.version.value
  const quote = replied === undefined ? undefined : room.quotes.of(replied)
  return (
    <div class="about">
      <Icon name={edited === undefined ? 'reply' : 'pencil'} />
      <span class="about-text">
        {edited !== undefined ? 'Editing your message'
          : quote === undefined || quote === 'gone' ? 'Replying'
            : <>Replying to <bdi>{quote.from.name}</bdi>: <bdi class="about-quote">{plain(quote.text)}</bdi></>}
      </span>
      <button type="button" class="icon-button" aria-label={edited === undefined ? 'Do not reply' : 'Stop editing'} title="Esc" onClick={() => desk.stop()}><Icon name="close" /></button>
    </div>
  )
}
