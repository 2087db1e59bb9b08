import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { Icon } from '../parts/Icon.tsx'
import { touching } from '../parts/touch.ts'
import { tellTyping } from '../presence/typing.ts'
import { askToDelete, young } from '../rooms/rights.ts'
import type { Room } from '../rooms/room.ts'
import { About } from './About.tsx'
import { read } from './commands.ts'
import { Completions, useCompletion } from './Completions.tsx'
import { Pace, useMute } from './Pace.tsx'
import { run } from './run.ts'
import { sizeOf } from './size.ts'

/** Where one writes. It is never switched off: what cannot go out now goes out later. */
export function Composer({ app, room }: { app: App; room: Room }) {
  const field = useRef<HTMLTextAreaElement>(null)
  const place = useRef<number | undefined>(undefined) // of the caret, once the text is drawn
  const [text, setText] = useState(room.desk.text)
  const limits = app.connection.welcome.value?.limits
  const size = sizeOf(text, limits)
  const muted = useMute(app, room)

  const write = (next: string, caret?: number) => {
    room.desk.text = next
    setText(next)
    place.current = caret
  }
  // With the text and not a frame later: by then the reader may have selected something. Before
  // completion looks where the caret is.
  useLayoutEffect(() => {
    if (place.current !== undefined) field.current!.setSelectionRange(place.current, place.current)
    place.current = undefined
  })
  const completion = useCompletion(app, room, text, write, field)

  // The desk keeps what is written; it is shown anew when something else has put text there.
  const changed = room.desk.changed.value
  useEffect(() => {
    if (changed === 0) return
    setText(room.desk.text)
    place.current = room.desk.text.length
    field.current?.focus()
  }, [room, changed])
  useLayoutEffect(() => grow(field.current!), [text])
  useEffect(() => { if (!touching()) field.current?.focus() }, [room])

  const { editing, replyTo } = room.desk
  const save = (seq: number) => {
    const was = room.log.find(seq)?.text
    const now = text.trim()
    if (now === '') return askToDelete(app, room, seq)
    if (now !== was) room.deeds.do({ kind: 'edit', seq, text: now })
    room.desk.stop()
  }
  const send = () => {
    const hushed = () => app.say(`${muted} What you wrote is kept.`, true)
    if (editing.peek() !== undefined) return size.over ? undefined : muted === undefined ? save(editing.peek()!) : hushed()
    const written = read(text)
    if (!written || size.over) return
    if ('say' in written) {
      if (muted !== undefined) return hushed()
      room.say(written.say, replyTo.peek())
      replyTo.value = undefined
    } else if ('unknown' in written) {
      return app.say(written.unknown === 'me' ? 'Write what you do after /me.' : `There is no command /${written.unknown}. Write // to begin with a slash.`, true)
    } else if (!run(app, room, written.command, written.rest)) {
      return
    }
    write('')
    field.current?.focus()
  }

  /** ↑ edits the last message, Esc brings the draft back. */
  const steer = (event: KeyboardEvent): boolean => {
    if (event.key === 'Escape' && (editing.peek() !== undefined || replyTo.peek() !== undefined)) {
      room.desk.stop()
    } else if (event.key === 'ArrowUp' && editing.peek() === undefined && event.currentTarget instanceof HTMLTextAreaElement && event.currentTarget.selectionEnd === 0 && !event.altKey && !event.shiftKey) {
      const last = app.connection.offers('edit') ? room.lastOfMine() : undefined
      if (!last || !young(app, last)) return false
      room.desk.edit(last.seq, last.text ?? '')
    } else return false
    event.preventDefault()
    return true
  }

  const keyDown = (event: KeyboardEvent) => {
    // While an input method composes, Enter is its own (keyCode 229: Safari ends composing before this).
    if (event.isComposing || event.keyCode === 229) return
    if (completion.keyDown(event) || steer(event)) return
    if (event.key !== 'Enter' || event.shiftKey || event.altKey || touching()) return
    event.preventDefault()
    if (!event.repeat) send()
  }

  return (
    <form class="composer" onSubmit={event => { event.preventDefault(); send() }}>
      <p class="typing" aria-live="off">{tellTyping(room.typists.names.value)}</p>
      <Completions of={completion} />
      <Pace room={room} muted={muted} />
      <About room={room} />
      <div class={`composer-box${size.over ? ' over' : ''}`}>
        <textarea
          ref={field} rows={1} value={text} dir="auto" aria-label={`Write to ${room.title.value}`} placeholder="Say something…" enterkeyhint={touching() ? 'enter' : 'send'}
          autocomplete="off" autocapitalize="sentences" spellcheck={true} maxLength={-1} {...completion.aria}
          onInput={event => {
            const next = event.currentTarget.value
            write(next)
            if (muted === undefined && editing.peek() === undefined && next.trim() !== '' && !next.startsWith('/') && app.connection.offers('typing')) room.typing.wrote()
          }}
          onKeyDown={keyDown} onSelect={completion.look} onBlur={completion.close}
        />
        <button type="button" class="icon-button pick" aria-label="Emoji" title="Emoji" aria-haspopup="dialog" onClick={() => {
          const at = field.current!.selectionEnd
          field.current!.focus() // where the dialog gives the focus back to
          app.open({ emoji: emoji => write(text.slice(0, at) + emoji + text.slice(at), at + emoji.length) })
        }}>
          <Icon name="smile" />
        </button>
        {size.near && <span class="counter" role={size.over ? 'alert' : undefined}>{size.left}</span>}
        <button type="submit" class="send" aria-label={editing.value === undefined ? 'Send' : 'Save'} disabled={size.over || text.trim() === ''}
          // The field keeps the focus, and a phone its keyboard.
          onPointerDown={event => event.preventDefault()}>
          <Icon name={editing.value === undefined ? 'send' : 'check'} />
        </button>
      </div>
    </form>
  )
}

/** The field is as high as its text; the style sheet sets the most. */
function grow(field: HTMLTextAreaElement): void {
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
