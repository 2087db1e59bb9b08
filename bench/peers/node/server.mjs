// What of Snug's chat protocol `snug bench fanout` needs, on socket.io as its
// documentation says to use it, in memory: node server.mjs PORT
import { createServer } from 'node:http'
import { randomBytes } from 'node:crypto'
import { Server } from 'socket.io'

const rooms = new Map() // code -> {head, members: Map of socket id -> member}
const http = createServer()
const io = new Server(http, { pingInterval: 9000, pingTimeout: 5000, maxHttpBufferSize: 65536, perMessageDeflate: false })

io.on('connection', socket => {
  const names = new Map() // by room
  socket.emit('welcome', { token: randomBytes(32).toString('base64url'), protocol: 1, features: [] })

  socket.on('create', (_, ack) => {
    const room = randomBytes(4).toString('hex').toUpperCase()
    rooms.set(room, { head: 0, members: new Map() })
    ack({ ok: true, room })
  })

  socket.on('join', ({ room, name } = {}, ack) => {
    const here = rooms.get(room)
    if (!here || typeof name !== 'string') return ack({ ok: false, error: { code: 'not_found' } })
    const you = { id: socket.id, name, color: here.members.size % 16 }
    here.members.set(socket.id, you)
    names.set(room, you)
    socket.join(room)
    if (here.members.size <= 200) socket.to(room).emit('presence', { room, count: here.members.size, joined: [you] })
    ack({ ok: true, room, you, count: here.members.size, entries: [], head: here.head })
  })

  socket.on('send', ({ room, text, id } = {}, ack) => {
    const here = rooms.get(room)
    const from = names.get(room)
    if (!here || !from || typeof text !== 'string' || text === '' || text.length > 4000) return ack({ ok: false, error: { code: 'bad_request' } })
    const entry = { room, seq: ++here.head, kind: 'message', at: new Date().toISOString(), from, id, text }
    io.to(room).emit('message', entry)
    ack({ ok: true, seq: entry.seq, at: entry.at })
  })

  socket.on('disconnecting', () => {
    for (const room of names.keys()) rooms.get(room).members.delete(socket.id)
  })
})

http.listen(Number(process.argv[2]), '127.0.0.1')
