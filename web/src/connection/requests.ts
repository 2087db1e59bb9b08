// What may be asked of the server, and what an answer looks like.
import type * as wire from '../wire.ts'

/** The events a client sends, each with its object and what its acknowledgement adds to `ok`. */
export interface Requests {
  create: [wire.CreateRequest, wire.CreateReply]
  join: [wire.JoinRequest, wire.JoinReply]
  leave: [wire.LeaveRequest, object]
  send: [wire.SendRequest, wire.SendReply]
  edit: [wire.EditRequest, wire.SendReply]
  delete: [wire.DeleteRequest, wire.SendReply]
  react: [wire.ReactRequest, wire.SendReply]
  search: [wire.SearchRequest, wire.SearchReply]
  set: [wire.SetRequest, wire.SetReply]
  destroy: [wire.DestroyRequest, object]
  kick: [wire.SanctionRequest, object]
  ban: [wire.SanctionRequest, object]
  mute: [wire.SanctionRequest, object]
  clear: [wire.ClearRequest, wire.ClearReply]
  role: [wire.RoleRequest, object]
  move: [wire.MoveRequest, wire.MoveReply]
  history: [wire.HistoryRequest, wire.HistoryReply]
  members: [wire.MembersRequest, wire.MembersReply]
  rename: [wire.RenameRequest, wire.RenameReply]
  read: [wire.ReadRequest, object]
  typing: [wire.TypingRequest, object]
}

export type Event = keyof Requests
export type Ask<E extends Event> = Requests[E][0]
export type Reply<E extends Event> = Requests[E][1]

/** An acknowledgement. One code is ours: `interrupted`, when the connection was
 * lost or too slow to tell; the server may have done what was asked. */
export type Answer<T> = ({ ok: true } & T) | { ok: false; error: wire.Failure }

export const interrupted: { ok: false; error: wire.Failure } = {
  ok: false,
  error: { code: 'interrupted', message: 'the connection was lost before the answer', retry: true },
}

/** Asks the server. `settle` is called once, and in order with the events that
 * the server sends: that is why it is no promise, whose callbacks would run
 * after entries which arrived together with the answer. */
export type Asker = <E extends Event>(event: E, object: Ask<E>, settle: (answer: Answer<Reply<E>>) => void, patience?: number) => void

/** What the server says for its refusing a connection: in its answer to the namespace, or to a request. A WebSocket's tells nothing. */
export function readRefusal(error: Error): wire.Failure | undefined {
  const { data, context: request } = error as { data?: wire.Failure; context?: XMLHttpRequest }
  if (data || !request?.responseText) return data
  try {
    const failure = JSON.parse(request.responseText) as wire.Failure
    const retryAfter = Number(request.getResponseHeader('Retry-After'))
    return { ...failure, ...(retryAfter > 0 && { retryAfter }) }
  } catch {
    return undefined // a proxy's page, or the like
  }
}

/** Checks the shape of an acknowledgement: a server may be anything. */
export function readAnswer<T>(value: unknown): Answer<T> {
  if (typeof value === 'object' && value !== null && 'ok' in value) {
    if (value.ok === true) return value as { ok: true } & T
    if ('error' in value && typeof value.error === 'object' && value.error !== null && 'code' in value.error && typeof value.error.code === 'string') {
      return value as { ok: false; error: wire.Failure }
    }
  }
  return { ok: false, error: { code: 'internal', message: 'the server gave no proper answer' } }
}
