import type { App } from '../app/app.ts'
import { carry } from '../app/place.ts'
import { CopyLink } from '../parts/CopyLink.tsx'
import { Dialog } from '../parts/Dialog.tsx'
import type { Room } from './room.ts'

/** The owner's link of a room that was just made: it is never shown again. */
export function KeyDialog({ app, room, close }: { app: App; room: Room; close: () => void }) {
  const key = room.ownerKey.value
  if (key === undefined) return null
  const link = carry(app.linkOf(room), { key })
  const kept = () => {
    close()
    room.ownerKey.value = undefined
  }
  return (
    <Dialog title="Keep the owner’s link" close={close}>
      <p class="dialog-say">The room is yours, on this browser. Should it ever forget you, or should somebody own the room with you: this link makes an owner of whoever opens it, whatever was done to them before.</p>
      <div class="secret">
        <code>{link}</code>
        <CopyLink link={link} label="Copy the owner’s link" failed={() => app.say('Please copy the link by hand.')} />
      </div>
      <p class="dialog-say">Keep it where you keep passwords. It is shown only now, and it is no invitation: for that, the room’s own link is there.</p>
      <div class="dialog-choice">
        <button type="button" class="button" onClick={close}>Later</button>
        <button type="button" class="button primary" onClick={kept}>I have kept it</button>
      </div>
    </Dialog>
  )
}
