import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { io } from 'socket.io-client'
import { io as io3 } from 'socket.io-client-3'
import { startServer, within } from '../../server.mjs'
import { closeAll, connect, createRoom, ways } from './person.mjs'

// What a client may get wrong, and how others of the official versions speak.

let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

const offered = ['edit', 'delete', 'react', 'search', 'read', 'typing', 'set', 'destroy', 'kick', 'ban', 'mute', 'clear', 'role', 'move']

for (const [way, options] of Object.entries(ways)) {
  describe(`over ${way}`, () => {
    test('an unknown event is answered unsupported', async () => {
      const ada = await connect(server.url, options)
      for (const event of ['no such event', 'Send', 'welcome', 'constructor', '__proto__', 'toString']) {
        assert.equal((await ada.refused(event, {})).code, 'unsupported', event)
      }
      ada.socket.emit('no such event', {}) // without an ack: nothing comes of it
      await ada.must('create', {})
    })

    test('binary where an object belongs is a bad request, and the connection lives', async () => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      assert.equal((await ada.refused('send', Buffer.from('bytes'))).code, 'bad_request')
      const error = await ada.refused('send', { room, text: Buffer.from('bytes') })
      assert.deepEqual({ code: error.code, field: error.field }, { code: 'bad_request', field: 'text' })
      await ada.must('send', { room, text: 'text' })
      await ada.hear('message')
    })

    test('a forged token is refused for good', async () => {
      for (const token of ['forged', '', 'A'.repeat(200), 7, null, { a: 1 }]) {
        const socket = io(server.url, { ...options, forceNew: true, auth: { token } })
        try {
          const err = await within(20_000, 'the refusal', new Promise((resolve, reject) => {
            socket.once('connect_error', resolve)
            socket.once('connect', () => reject(new Error(`connected with the token ${JSON.stringify(token)}`)))
          }))
          assert.equal(err.message, 'invalid token')
          assert.equal(err.data.code, 'unauthorized')
          assert.equal(socket.active, false)
        } finally {
          socket.disconnect()
        }
      }
    })

    test('the token is an identity, whatever the connection', async () => {
      const ada = await connect(server.url, options)
      const again = await connect(server.url, { ...options, token: ada.token })
      assert.equal(again.token, ada.token)
      const stranger = await connect(server.url, options)
      assert.notEqual(stranger.token, ada.token)
      const made = await (await fetch(`${server.url}/api/v1/token`, { method: 'POST' })).json()
      const bot = await connect(server.url, { ...options, token: made.token })
      assert.equal(bot.token, made.token)
    })

    test('socket.io-client 3.1 connects, talks and gets its answers', async t => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const old = io3(server.url, { ...options, forceNew: true })
      t.after(() => old.disconnect())
      const ask = (event, object) => within(20_000, `the answer to ${event}`, new Promise(answer => old.emit(event, object, answer)))
      const heard = new Promise(resolve => old.once('message', resolve))
      const welcome = await within(20_000, 'the welcome', new Promise(resolve => old.once('welcome', resolve)))
      assert.equal(welcome.protocol, 1)
      assert.equal((await ask('join', { room, name: 'Old' })).ok, true)
      await ada.must('send', { room, text: 'to an old client' })
      assert.equal((await within(20_000, 'the message', heard)).text, 'to an old client')
      assert.equal((await ask('send', { room, text: 'from an old client' })).ok, true)
      await ada.hear('message', m => m.text === 'from an old client')
    })
  })
}

test('welcome says what the server is and what it allows', async () => {
  const ada = await connect(server.url)
  ada.socket.disconnect().connect()
  const welcome = await ada.hear('welcome')
  assert.equal(welcome.protocol, 1)
  assert.equal(welcome.token, ada.token)
  assert.ok(Array.isArray(welcome.features))
  for (const event of offered) assert.ok(welcome.features.includes(event), event)
  assert.match(welcome.server.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.equal(typeof welcome.server.name, 'string')
  assert.equal(typeof welcome.server.version, 'string')
  for (const name of ['textBytes', 'textChars', 'nameChars', 'titleChars', 'queryChars', 'pageBytes', 'pageEntries', 'roomsPerSocket', 'editSeconds']) {
    assert.equal(typeof welcome.limits[name], 'number', name)
  }
  assert.equal(typeof welcome.limits.rate.perSecond, 'number')
  assert.equal(typeof welcome.limits.rate.burst, 'number')
})

test('an event without an acknowledgement is served all the same', async () => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  ada.socket.emit('join', { room, name: 'Ada' })
  ada.socket.emit('send', { room, text: 'unasked' })
  assert.equal((await ada.hear('message')).text, 'unasked')
})
