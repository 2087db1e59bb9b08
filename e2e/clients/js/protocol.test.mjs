// The protocol towers alone, without the chat: the official JavaScript clients
// of three generations against internal/conformance, over each transport.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { io as io4 } from 'socket.io-client'
import { io as io3 } from 'socket.io-client-3'
import io2 from 'socket.io-client-2'
import { startProxy } from '../../proxy.mjs'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const clients = { '4.8': io4, 3.1: io3, 2.5: io2 }
const transports = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] }
const dir = mkdtempSync(join(tmpdir(), 'snug-conformance-'))
let server, proxy

before(async () => {
  const bin = join(dir, 'conformance')
  execFileSync('go', ['build', '-o', bin, './internal/conformance'], { cwd: root, env: { ...process.env, CGO_ENABLED: '0' } })
  server = spawn(bin, ['-app', 'socketio', '-eio3', '-calm', '-listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const url = await new Promise((resolve, reject) => {
    server.once('exit', code => reject(new Error(`the server ended with ${code}`)))
    server.stdout.setEncoding('utf8').once('data', text => resolve(text.match(/http:\S+/)[0]))
  })
  proxy = await startProxy(Number(new URL(url).port))
})

after(async () => {
  await proxy?.close()
  if (server?.exitCode === null) {
    const gone = new Promise(resolve => server.once('exit', resolve))
    server.kill('SIGTERM')
    await gone
  }
  rmSync(dir, { recursive: true })
})

const once = (socket, event) => new Promise((resolve, reject) => {
  const late = setTimeout(() => reject(new Error(`no ${event}`)), 10_000)
  socket.once(event, (...args) => { clearTimeout(late); resolve(args) })
})
const ask = (socket, ...args) => new Promise(resolve => socket.emit('message-with-ack', ...args, (...answer) => resolve(answer)))
const same = (got, want) => assert.deepEqual(got.map(plain), want.map(plain))
// Clients of different ages give binary as Buffer or ArrayBuffer.
const plain = v => v instanceof ArrayBuffer || ArrayBuffer.isView(v) ? [...new Uint8Array(v.buffer ?? v, v.byteOffset ?? 0, v.byteLength)]
  : Array.isArray(v) ? v.map(plain) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)])) : v

for (const [version, io] of Object.entries(clients)) {
  for (const [name, list] of Object.entries(transports)) {
    test(`socket.io-client ${version}, ${name}`, { timeout: 120_000 }, async t => {
      const socket = io(proxy.url, { transports: list, reconnectionDelay: 50, forceNew: true, auth: { who: 'me' } })
      t.after(() => socket.close())
      const greeting = once(socket, 'auth')
      await once(socket, 'connect')
      same(await greeting, [version === '2.5' ? {} : { who: 'me' }])
      if (name === 'upgrade') {
        const engine = socket.io.engine
        if (engine.transport.name !== 'websocket') await once(engine, 'upgrade')
        assert.equal(engine.transport.name, 'websocket')
      }

      // Events, text and binary, and their order.
      const things = [1, 'two', { three: [null, true, '€😀'] }, Buffer.from([1, 2, 3]), { deep: [Buffer.from([4]), 'x', Buffer.from([])] }]
      for (const thing of things) {
        const back = once(socket, 'message-back')
        socket.emit('message', thing, 'and', thing)
        same(await back, [thing, 'and', thing])
      }
      const got = []
      const all = new Promise(resolve => socket.on('message-back', n => { if (got.push(n) === 300) resolve() }))
      for (let i = 0; i < 300; i++) socket.emit('message', i % 10 ? i : Buffer.from([i % 256]))
      await all
      same(got, Array.from({ length: 300 }, (_, i) => i % 10 ? i : Buffer.from([i % 256])))
      socket.off('message-back')

      // Acknowledgements.
      same(await ask(socket, 1, '2', Buffer.from([3])), [1, '2', Buffer.from([3])])

      // The other way: the server asks.
      socket.on('question', (...args) => args.pop()(...args.reverse()))
      const answered = once(socket, 'answered')
      socket.emit('ask-me', 1, 'two', Buffer.from([3]))
      same(await answered, [Buffer.from([3]), 'two', 1])

      // Namespaces share the connection; an unknown one is refused.
      const custom = socket.io.socket('/custom', { auth: { who: 'also me' } })
      t.after(() => custom.close())
      custom.open()
      await once(custom, 'auth')
      const nowhere = socket.io.socket('/nowhere')
      const refused = once(nowhere, version === '2.5' ? 'error' : 'connect_error')
      nowhere.open()
      const [why] = await refused
      assert.equal(why.message ?? why, 'Invalid namespace')
      nowhere.close()
      custom.close()
      same(await ask(socket, 'still here'), ['still here'])

      // The network goes; the client comes back by itself and is served.
      const away = once(socket, 'disconnect')
      proxy.refuse()
      await away
      const again = once(socket, 'connect')
      proxy.pass()
      await again
      same(await ask(socket, 'back'), ['back'])

      // Who is put out stays out, until told otherwise.
      const out = once(socket, 'disconnect')
      socket.emit('disconnect-me')
      assert.equal((await out)[0], 'io server disconnect')
      await new Promise(resolve => setTimeout(resolve, 300)) // several times the delay of a reconnection
      assert.equal(socket.connected, false)
      const back = once(socket, 'connect')
      socket.connect()
      await back
      same(await ask(socket, 'in again'), ['in again'])
    })
  }
}
