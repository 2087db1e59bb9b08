import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import { CopyLink } from '../parts/CopyLink.tsx'
import { Dialog } from '../parts/Dialog.tsx'
import { QRCode } from '../parts/QRCode.tsx'
import type { SetRequest } from '../wire.ts'
import { keeps } from './keeps.ts'
import { rankOf } from './rights.ts'
import type { Room } from './room.ts'

const slows = [[0, 'as fast as they like'], [5, 'every 5 seconds'], [15, 'every 15 seconds'], [60, 'once a minute'], [300, 'every 5 minutes'], [3600, 'once an hour']] as const

/** About the room: how one gets in, how it is kept, and, for those who may, all of it to be changed. */
export function RoomDialog({ app, room, close }: { app: App; room: Room; close: () => void }) {
  const link = app.linkOf(room)
  const info = room.info.value
  const rank = rankOf(room.you.value)
  const may = rank > 0 && app.connection.offers('set')
  return (
    <Dialog title="About this room" close={close}>
      <div class="invite">
        <QRCode app={app} room={room} />
        <div class="invite-words">
          <p>Whoever has the link can come in{info?.passphrase ? ', with the passphrase' : info?.locked ? ', but the room is locked to those who are new' : ''}.</p>
          <code class="invite-link">{link}</code>
          <CopyLink link={link} label="Copy link" failed={() => app.say('Please copy the link by hand.')} />
        </div>
      </div>
      {may && info ? <Settings key={info.epoch} app={app} room={room} owner={rank > 1} close={close} /> : <Facts room={room} />}
      {rank > 1 && app.connection.offers('destroy') && (
        <button type="button" class="button quiet danger-text wide" onClick={() => {
          app.open({
            ask: `All that was said in “${room.title.peek()}” is deleted, for everybody and for good.`, say: 'End this room',
            act: () => app.connection.ask('destroy', { room: room.code.peek() }, answer => {
              if (!answer.ok) app.complain(answer.error)
            }),
          })
        }}>End this room…</button>
      )}
    </Dialog>
  )
}

function Facts({ room }: { room: Room }) {
  const info = room.info.value
  if (!info) return null
  const facts: Array<[string, string]> = [
    ['Messages are kept', keepWords(info.keep)],
    ...(info.slow > 0 ? [['Everybody may write', slowWords(info.slow)] as [string, string]] : []),
    ['Since', new Date(info.createdAt).toLocaleDateString(undefined, { dateStyle: 'medium' })],
  ]
  return <dl class="key-list">{facts.map(([what, how]) => <div key={what}><dt>{what}</dt><dd>{how}</dd></div>)}</dl>
}

function Settings({ app, room, owner, close }: { app: App; room: Room; owner: boolean; close: () => void }) {
  const info = room.info.value!
  // Only what was touched is sent: others may change the rest meanwhile.
  const [change, setChange] = useState<Omit<SetRequest, 'room'>>({})
  const [problem, setProblem] = useState<{ text: string; field?: string | undefined }>()
  const [busy, setBusy] = useState(false)
  const set = (next: Omit<SetRequest, 'room'>) => {
    setChange({ ...change, ...next })
    setProblem(undefined)
  }
  const save = (event: Event) => {
    event.preventDefault()
    if (busy) return
    if (Object.keys(change).length === 0) return close()
    setBusy(true)
    room.set(change, failure => {
      setBusy(false)
      if (!failure) return close()
      setProblem({ text: explain(failure), field: failure.field })
    })
  }
  const keep = change.keep ?? info.keep
  const slow = change.slow ?? info.slow
  const locked = change.passphrase === undefined ? info.passphrase : change.passphrase !== ''
  return (
    <form class="dialog-form" onSubmit={save} noValidate>
      {owner && (
        <>
          <label class="field">
            <span class="field-label">Title</span>
            <input name="title" value={change.title ?? info.title} dir="auto" autocomplete="off" maxLength={(app.connection.welcome.value?.limits.titleChars ?? 80) * 4} aria-invalid={problem?.field === 'title'} onInput={event => set({ title: event.currentTarget.value })} />
          </label>
          <label class="field">
            <span class="field-label">Messages are kept</span>
            <select name="keep" value={keep} onChange={event => set({ keep: event.currentTarget.value })}>
              {keeps.filter(([value]) => value !== '').map(([value, label]) => <option key={value} value={value}>{label}</option>)}
              {!keeps.some(([value]) => value === keep) && <option value={keep}>{keepWords(keep)}</option>}
            </select>
          </label>
          <label class="field">
            <span class="field-label">Passphrase</span>
            <span class="field-row">
              <input name="passphrase" type="text" value={change.passphrase ?? ''} placeholder={locked ? 'there is one; write another' : 'none'} autocomplete="off" autocapitalize="off" spellcheck={false} onInput={event => set({ passphrase: event.currentTarget.value })} />
              {info.passphrase && change.passphrase !== '' && <button type="button" class="button" onClick={() => set({ passphrase: '' })}>Remove</button>}
            </span>
          </label>
        </>
      )}
      <label class="field">
        <span class="field-label">Everybody may write</span>
        <select name="slow" value={String(slow)} onChange={event => set({ slow: Number(event.currentTarget.value) })}>
          {slows.map(([value, label]) => <option key={value} value={String(value)}>{label}</option>)}
          {!slows.some(([value]) => value === slow) && <option value={String(slow)}>{slowWords(slow)}</option>}
        </select>
      </label>
      <label class="check">
        <input name="locked" type="checkbox" checked={change.locked ?? info.locked} onChange={event => set({ locked: event.currentTarget.checked })} />
        <span>Locked: nobody new may enter</span>
      </label>
      {problem && <p class="field-problem" role="alert">{problem.text}</p>}
      <button type="submit" class="button primary wide" aria-busy={busy}>Save</button>
    </form>
  )
}

function keepWords(keep: string): string {
  const days = /^(\d+)d$/.exec(keep)?.[1]
  return keeps.find(([value]) => value === keep)?.[1] ?? (days === undefined ? keep : `${days} days`)
}

function slowWords(seconds: number): string {
  return slows.find(([value]) => value === seconds)?.[1] ?? `every ${seconds} seconds`
}
