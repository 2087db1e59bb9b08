import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from '../../proxy.mjs'
import { startServer } from '../../server.mjs'
import { closeAll, connect, createRoom, ways } from './person.mjs'

let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

for (const [way, options] of Object.entries(ways)) {
  describe(`over ${way}`, () => {
    test('two people start a room, join, talk, and see each other come, type, change and leave', async () => {
      const ada = await connect(server.url, options)
      const made = await ada.must('create', { title: 'Tea' })
      assert.match(made.room, /^[A-HJ-NP-Z]{8}$/)
      assert.equal(made.info.code, made.room)
      assert.equal(made.info.title, 'Tea')
      assert.equal(typeof made.ownerKey, 'string')
      const { room } = made

      const first = await ada.must('join', { room, name: 'Ada' })
      assert.equal(first.you.role, 'owner')
      assert.equal(first.count, 1)
      assert.deepEqual(first.members, [first.you])
      assert.deepEqual(first.entries, [])
      assert.equal(first.more, false)

      const bob = await connect(server.url, options)
      const second = await bob.must('join', { room: room.toLowerCase(), name: 'Bob' })
      assert.equal(second.room, room)
      assert.equal(second.you.role, 'member')
      assert.equal(second.count, 2)
      assert.deepEqual(new Set(second.members.map(m => m.id)), new Set([first.you.id, second.you.id]))
      const came = await ada.hear('presence')
      assert.deepEqual(came.joined, [second.you])
      assert.equal(came.count, 2)

      const typing = setInterval(() => ada.socket.emit('typing', { room }), 100) // one may be lost
      assert.deepEqual(await bob.hear('typing').finally(() => clearInterval(typing)), { room, id: first.you.id, name: 'Ada' })

      const sent = await ada.must('send', { room, text: 'hello 👋', id: 'a-1' })
      assert.equal(sent.seq, first.head + 1)
      const [atAda, atBob] = await Promise.all([ada.hear('message'), bob.hear('message')])
      assert.deepEqual(atBob, {
        room, seq: sent.seq, kind: 'message', at: sent.at, from: { id: first.you.id, name: 'Ada', color: first.you.color }, text: 'hello 👋', id: 'a-1',
      })
      assert.deepEqual(atAda, atBob)
      const answered = await bob.must('send', { room, text: 'hi', replyTo: sent.seq })
      assert.equal(answered.seq, sent.seq + 1)
      assert.equal((await ada.hear('message')).replyTo, sent.seq)

      const renamed = await bob.must('rename', { room, name: 'Bobby' })
      assert.equal(renamed.you.name, 'Bobby')
      assert.equal(renamed.you.id, second.you.id)
      const line = await ada.hear('entry')
      assert.equal(line.kind, 'name')
      assert.equal(line.was, 'Bob')
      assert.equal(line.from.name, 'Bobby')

      await bob.must('leave', { room })
      const left = await ada.hear('presence', change => change.left)
      assert.deepEqual(left.left, [{ id: second.you.id, reason: 'left' }])
      assert.equal(left.count, 1)
      if (way !== 'upgrade') assert.equal(ada.transport, way)
      else assert.equal(ada.transport, 'websocket')
      await bob.quiet(100, 'resync', 'removed')
    })

    test('leave, and a goodbye, reach the others within 250 ms', async () => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const goings = [
        ['leave', 'left', bob => bob.socket.emit('leave', { room })],
        ['goodbye', 'disconnected', bob => bob.close()],
      ]
      for (const [how, reason, go] of goings) {
        const waits = []
        for (let round = 0; round < 3; round++) { // the machine may be busy: the best of three counts
          const bob = await connect(server.url, options)
          const { you } = await bob.must('join', { room, name: `Bob ${how} ${round}` })
          const start = performance.now()
          go(bob)
          const left = await ada.hearing('presence', change => change.left?.some(one => one.id === you.id))
          assert.deepEqual(left.data.left, [{ id: you.id, reason }])
          waits.push(left.at - start)
        }
        assert.ok(Math.min(...waits) <= 250, `${how}: ${waits.map(Math.round)} ms`)
      }
    })

    test('a connection that closes is told within 2 s, and not before the grace of a reload', async t => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const proxy = await startProxy(server.port)
      t.after(() => proxy.close())
      const bob = await connect(proxy.url, options)
      const { you } = await bob.must('join', { room, name: 'Bob' })
      await sleep(500) // until the upgrade is done, or a poll waits: that one is cut is what tells
      const start = performance.now()
      proxy.refuse()
      const left = await ada.hearing('presence', change => change.left)
      assert.deepEqual(left.data.left, [{ id: you.id, reason: 'disconnected' }])
      const ms = left.at - start
      assert.ok(ms >= 1_400 && ms <= 2_000, `${ms} ms`)
    })

    test('a reload keeps the seat and makes no sound', async () => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      const elsewhere = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const carl = await connect(server.url, options)
      await carl.must('join', { room: elsewhere, name: 'Carl' })
      const bob = await connect(server.url, options)
      const { you } = await bob.must('join', { room, name: 'Bob' })
      await ada.hear('presence')

      bob.socket.io.engine.close() // as a page that is reloaded: no DISCONNECT packet
      await bob.hear('welcome')
      const again = await bob.must('join', { room, name: 'Somebody' })
      assert.deepEqual(again.you, you)
      assert.equal(again.count, 2)
      await ada.quiet(2_000, 'presence')
      await carl.quiet(0, 'presence', 'message', 'entry', 'typing')
    })
  })
}
