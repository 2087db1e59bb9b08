import type { App } from '../app/app.ts'
import type { Room } from '../rooms/room.ts'

/** A room's link for telephones, drawn by the server. It is told where we found
 * it: behind a proxy it does not know its own address. */
export function QRCode({ app, room }: { app: App; room: Room }) {
  const src = new URL(`r/${encodeURIComponent(room.code.value)}/qr.svg?base=${encodeURIComponent(app.base.href)}`, app.base).href
  return <img class="qr" src={src} width={152} height={152} alt="The link as a QR code" draggable={false} onError={event => { event.currentTarget.hidden = true }} />
}
