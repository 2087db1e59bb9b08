import { Dialog } from './Dialog.tsx'

/** Asks whether something is meant that cannot be taken back. */
export function ConfirmDialog({ ask, say, act, close }: { ask: string; say: string; act: () => void; close: () => void }) {
  const meant = () => {
    close()
    act()
  }
  return (
    <Dialog title={`${say}?`} close={close}>
      <p>{ask}</p>
      <div class="dialog-choice">
        <button type="button" class="button" onClick={close}>Cancel</button>
        <button type="button" class="button danger" autofocus onClick={meant}>{say}</button>
      </div>
    </Dialog>
  )
}
