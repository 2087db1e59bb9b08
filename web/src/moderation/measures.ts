// What owners and moderators do to members, as it is asked of the server.
import type { App } from '../app/app.ts'
import type { Asker } from '../connection/requests.ts'
import type { Room } from '../rooms/room.ts'
import type { Failure } from '../wire.ts'

export type Sanction = 'kick' | 'ban' | 'mute'

/** How long each may last; without seconds it is for good. The first is what is proposed. */
export const spans: Record<Sanction, ReadonlyArray<readonly [seconds: number | undefined, words: string]>> = {
  kick: [[60, 'for 1 minute'], [300, 'for 5 minutes'], [900, 'for 15 minutes'], [3600, 'for 1 hour'], [86_400, 'for 1 day']],
  ban: [[86_400, 'for 1 day'], [3600, 'for 1 hour'], [604_800, 'for 7 days'], [2_592_000, 'for 30 days'], [undefined, 'for good']],
  mute: [[600, 'for 10 minutes'], [60, 'for 1 minute'], [3600, 'for 1 hour'], [86_400, 'for 1 day'], [604_800, 'for 7 days'], [undefined, 'for good']],
}

/** A pace of the server's that is over so soon is waited out (s). */
const worthWaiting = 15

/** Asks until it is done or refused; what only was too fast goes again by itself. */
function insist(ask: Asker, settle: (failure?: Failure) => void): Asker {
  const again: Asker = (event, object, done, patience) => ask(event, object, answer => {
    if (answer.ok) done(answer)
    else if (answer.error.code === 'rate_limited' && (answer.error.retryAfter ?? 1) <= worthWaiting) setTimeout(() => again(event, object, done, patience), Math.max(0.2, answer.error.retryAfter ?? 1) * 1000)
    else settle(answer.error)
  }, patience)
  return again
}

/** Kicks, bans or mutes: for `seconds`, for good without them; 0 lifts a ban or a mute. */
export function sanction(app: App, room: Room, deed: Sanction, member: string, seconds: number | undefined, reason: string, settle: (failure?: Failure) => void): void {
  insist(app.connection.ask, settle)(deed, { room: room.code.peek(), member, ...(seconds !== undefined && { seconds }), ...(reason && { reason }) }, () => settle())
}

export function grant(app: App, room: Room, member: string, role: string, settle: (failure?: Failure) => void): void {
  insist(app.connection.ask, settle)('role', { room: room.code.peek(), member, role }, () => settle())
}

/** Deletes all that somebody has said, once the reader has said that it is meant. */
export function askToClear(app: App, room: Room, { id, name }: { id: string; name: string }, mine: boolean): void {
  app.open({
    ask: `All that ${mine ? 'you have' : `${name} has`} said in “${room.title.peek()}” is deleted, for everybody and for good.`,
    say: mine ? 'Delete all my messages' : 'Delete all their messages',
    // Each is a line of the log: a thousand take their time.
    act: () => insist(app.connection.ask, failure => failure && app.complain(failure))('clear', { room: room.code.peek(), member: id }, answer => {
      if (answer.ok && answer.count === 0) app.say('There was nothing to delete.')
    }, 60_000),
  })
}
