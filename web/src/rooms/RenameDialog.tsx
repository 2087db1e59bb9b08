import { useState } from 'preact/hooks'
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import { NameField } from '../landing/NameField.tsx'
import { Dialog } from '../parts/Dialog.tsx'
import type { Failure } from '../wire.ts'
import type { Room } from './room.ts'

export function RenameDialog({ app, room, close }: { app: App; room: Room; close: () => void }) {
  const [name, setName] = useState(room.name)
  const [failure, setFailure] = useState<Failure>()
  const save = (event: Event) => {
    event.preventDefault()
    const said = name.trim()
    if (said === '' || said === room.name) return close()
    room.rename(said, refused => {
      if (refused) return setFailure(refused)
      app.keepName(room.name)
      close()
    })
  }
  return (
    <Dialog title="Change my name" close={close}>
      <form class="dialog-form" onSubmit={save} noValidate>
        <NameField name={name} set={next => { setName(next); setFailure(undefined) }} limit={app.connection.welcome.value?.limits.nameChars ?? 32} invalid={failure && explain(failure)} autofocus />
        {failure?.suggestion !== undefined && <p class="suggestion">How about <button type="button" class="text-button" onClick={() => { setName(failure.suggestion!); setFailure(undefined) }}><bdi>{failure.suggestion}</bdi></button>?</p>}
        <button type="submit" class="button primary wide">Save</button>
      </form>
    </Dialog>
  )
}
