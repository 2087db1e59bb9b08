// Refusals in the reader's words. The server's own message is English for logs.
import { spanOf } from '../log/time.ts'
import type { Failure } from '../wire.ts'

/** By code; what a code means in a narrower sense, by the field at fault or by what a limit counts, is "code.field". */
const words: Record<string, string> = {
  'bad_request': 'The server did not understand this.',
  'bad_request.code': 'A code is 3 to 40 small letters, digits and dashes.',
  'bad_request.title': 'That title does not work here.',
  'bad_request.reason': 'That reason does not work here.',
  'bad_request.text': 'There are signs in it that cannot be sent.',
  'bad_request.passphrase': 'That passphrase does not work here.',
  'unauthorized': 'The server does not know this browser any more.',
  'unauthorized.move': 'That code is wrong, was used already, or is too old. Ask for a new one on the other device.',
  'not_found': 'There is no such room.',
  'not_found.seq': 'That message is not here any more.',
  'not_found.member': 'The room does not know them any more.',
  'not_member': 'You are not in this room.',
  'name_taken': 'Somebody here has that name, or one that looks like it.',
  'name_invalid': 'That cannot be a name here: use letters of one script, no signs that nobody sees, and no title such as “admin”.',
  'wrong_passphrase': 'That is not the passphrase of this room.',
  'banned': 'You may not enter this room.',
  'banned.server': 'Whoever runs this server has shut it to the address that you come from. Others may share it with you.',
  'muted': 'You may not write here at the moment.',
  'locked': 'This room is locked: nobody new may enter.',
  'full': 'There is no place left here.',
  'full.room': 'The room is full at the moment.',
  'full.server': 'This server has as many rooms as it can hold.',
  'full.connection': 'You are in as many rooms as one browser can be. Leave one first.',
  'full.message': 'There are as many different reactions on it as there can be.',
  'forbidden': 'You may not do that here.',
  'forbidden.member': 'Nobody can do that to somebody of the same or a higher role.',
  'forbidden.role': 'A room keeps its last owner. Make somebody else an owner first.',
  'forbidden.seq': 'That message is not yours to change, or it is too old.',
  'forbidden.key': 'That owner’s link is not one of this room.',
  'conflict': 'That was done already, in another way.',
  'conflict.code': 'That code is taken. Choose another, or leave it empty.',
  'conflict.epoch': 'This room is not the one it was when you wrote that.',
  'too_large': 'That is too long.',
  'rate_limited': 'That was a little fast.',
  'rate_limited.room': 'This room takes its time.',
  'rate_limited.address': 'Too much has come from your network.',
  'rate_limited.server': 'Too many people are trying at once.',
  'storage_unavailable': 'The server has no space left to keep it.',
  'shutting_down': 'The server is restarting.',
  'unsupported': 'This server cannot do that.',
  'internal': 'Something went wrong on the server.',
  'interrupted': 'The connection was lost.',
}

/** How long it lasts, said behind the reason. */
const lasting: Record<string, (span: string) => string> = {
  rate_limited: span => ` Try again in ${span}.`,
  banned: span => ` It is open to you again in ${span}.`,
  muted: span => ` You may again in ${span}.`,
}

/** Says why; a code we do not know is judged by whether trying again may help ("Growing"). */
export function explain(failure: Failure): string {
  const { code, field, scope, limit, retry, retryAfter } = failure
  if (code === 'name_invalid' && limit !== undefined) return `A name is at most ${limit} letters long.`
  const reason = words[`${code}.${field}`] ?? words[`${code}.${scope}`] ?? words[code] ?? (retry ? 'That did not work just now.' : 'That did not work.')
  const span = retryAfter !== undefined && retryAfter >= 1 ? lasting[code]?.(spanOf(Math.ceil(retryAfter))) : undefined
  return reason + (span ?? '')
}
