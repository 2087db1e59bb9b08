import { io } from 'socket.io-client'

const sleep = seconds => new Promise(done => setTimeout(done, seconds * 1000))
const newID = () => `${Date.now().toString(36)}-${crypto.getRandomValues(new Uint32Array(3)).join('-')}`

/**
 * Enters a room and stays in it, whatever the network does: each entry is shown once, in order, and what is said
 * is stored once. me is {name, passphrase?, key?}; on has entry(entry) and may have token(string), to be kept for
 * next time; joined(ack); reset(), "drop what was shown"; gone(error or removal), the end. say(text) resolves
 * when it is stored. What is not in the log, presence and typing, is for the caller to hear on the socket.
 */
export function enter(url, { room, me, token, on, ...options }) {
  let cursor // {epoch, seq}: everything up to seq was shown
  let joined = false, healing = false, sending = false, hole
  const ahead = new Map() // entries beyond the cursor, by seq
  const outbox = [] // what was said and is not known to be stored, oldest first

  const socket = io(url, { auth: answer => answer({ token }), reconnectionDelay: 300, ...options })
  const here = handle => event => event.room === room && handle(event)
  const end = why => { socket.disconnect(); on.gone?.(why) }
  socket.on('welcome', welcome => { token = welcome.token; on.token?.(token) })
  socket.on('connect', join) // each time: hearing is the connection's
  socket.on('disconnect', () => { joined = false; ahead.clear() })
  socket.on('connect_error', err => socket.active || end(err.data ?? err)) // active: it comes back by itself
  socket.on('message', here(take))
  socket.on('entry', here(take))
  socket.on('resync', here(heal))
  socket.on('removed', here(end))

  // ask asks until the answer is one that waiting does not change. null: the connection was lost meanwhile.
  async function ask(event, fields) {
    const { id } = socket
    while (socket.connected && socket.id === id) {
      const ack = await socket.timeout(10_000).emitWithAck(event, { room, ...fields() }).catch(() => null)
      if (ack && !ack.error?.retry) return ack
      if (ack) await sleep(ack.error.retryAfter ?? 1)
    }
    return null
  }

  async function join() {
    const ack = await ask('join', () => ({ ...me, after: cursor }))
    if (!ack) return // the next connect asks again
    if (!ack.ok) return end(ack.error)
    room = ack.room // as events write it
    joined = true
    on.joined?.(ack)
    if (turn(ack)) heal()
    pump()
  }

  // turn takes a page, and says whether the log holds more.
  function turn(page) {
    const log = cursor && !page.reset
    if (!log) {
      if (cursor) on.reset?.()
      cursor = { epoch: page.epoch, seq: page.head }
    }
    for (const entry of page.entries) log ? take(entry) : on.entry(entry)
    drain()
    return log && page.more
  }

  function take(entry) {
    ahead.set(entry.seq, entry)
    drain()
  }

  function drain() {
    if (!joined) return // what comes before the join's answer waits for it
    for (const seq of ahead.keys()) if (seq <= cursor.seq) ahead.delete(seq)
    for (let entry; (entry = ahead.get(cursor.seq + 1)); on.entry(entry)) ahead.delete(++cursor.seq)
    if (ahead.size) hole ??= setTimeout(heal, 300) // it may only be late
  }

  // heal asks for what lies after the cursor.
  async function heal() {
    clearTimeout(hole)
    hole = undefined
    if (healing) return
    healing = true
    for (let more = true; joined && more;) {
      const page = await ask('history', () => ({ after: cursor, limit: 200 }))
      more = !page || (page.ok && turn(page)) // no page, and joined again meanwhile: asked again
    }
    healing = false
  }

  // pump sends one after the other, so that what is refused and tried again keeps its place.
  async function pump() {
    if (sending) return
    sending = true
    while (joined && outbox.length) {
      const { message, stored, refused } = outbox[0]
      const ack = await ask('send', () => message)
      if (!ack) continue // perhaps stored: asked again under the same id, once joined again
      outbox.shift()
      if (ack.ok) stored(ack)
      else refused(Object.assign(new Error(ack.error.message), ack.error))
    }
    sending = false
  }

  const say = (text, id = newID()) => new Promise((stored, refused) => {
    outbox.push({ message: { text, id, epoch: cursor?.epoch }, stored, refused }) // never into a log restored since
    pump()
  })
  const leave = async () => {
    if (joined) await ask('leave', () => ({}))
    socket.disconnect()
  }
  return { socket, say, leave }
}
