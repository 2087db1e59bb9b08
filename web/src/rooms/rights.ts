// What the reader may do here. The server has the last word; what it would
// refuse anyway is not offered.
import type { App } from '../app/app.ts'
import type { Entry, Member } from '../wire.ts'
import type { Room } from './room.ts'

const ranks: Record<string, number> = { owner: 2, moderator: 1 }

/** An unknown role counts as `member` ("Growing"). */
export function rankOf(member: Member | undefined): number {
  return ranks[member?.role ?? ''] ?? 0
}

/** Whether the reader may kick, ban, mute or clear somebody: "nobody acts on an equal or higher role".
 * Of whom nothing is known, the server decides. */
export function outranks(room: Room, id: string): boolean {
  const mine = rankOf(room.you.value)
  return mine > 0 && id !== room.you.value?.id && mine > rankOf(room.people.find(id))
}

/** Whether a message is young enough for its author to change it ("limits.editSeconds"). */
export function young(app: App, { at }: Pick<Entry, 'at'>): boolean {
  const seconds = app.connection.welcome.peek()?.limits.editSeconds ?? Infinity
  return Date.now() - Date.parse(at) < seconds * 1000
}

/** Deletes a message once the reader has said that it is meant. */
export function askToDelete(app: App, room: Room, seq: number): void {
  app.open({
    ask: 'It is deleted for everybody, and cannot be brought back.', say: 'Delete the message',
    act: () => {
      if (room.desk.editing.peek() === seq) room.desk.stop()
      room.deeds.do({ kind: 'delete', seq })
    },
  })
}
