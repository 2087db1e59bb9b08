import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startServer } from '../../server.mjs'
import { closeAll, connect, createRoom, ways } from './person.mjs'

// One identity with several connections is one member.

let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

for (const [way, options] of Object.entries(ways)) {
  describe(`over ${way}`, () => {
    test('two connections of one identity are one member, who leaves with the last', async () => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const tab = await connect(server.url, options)
      const { you } = await tab.must('join', { room, name: 'Bob' })
      await ada.hear('presence')
      const other = await connect(server.url, { ...options, token: tab.token })
      const joined = await other.must('join', { room, name: 'Another name' })
      assert.deepEqual(joined.you, you)
      assert.equal(joined.count, 2)

      await tab.must('send', { room, text: 'from the first', id: 'x' })
      for (const one of [ada, tab, other]) assert.equal((await one.hear('message')).from.id, you.id)
      const typing = setInterval(() => tab.socket.emit('typing', { room }), 100) // one may be lost
      await ada.hear('typing').finally(() => clearInterval(typing))
      await other.quiet(200, 'typing') // never to one's own
      await tab.quiet(0, 'typing')

      await tab.must('leave', { room })
      await ada.quiet(300, 'presence')
      await other.must('send', { room, text: 'still here' })
      await ada.hear('message')
      await tab.quiet(100, 'message') // its hearing is over, its membership is not
      await tab.must('send', { room, text: 'unheard by the sender' })
      await other.hear('message', m => m.text === 'unheard by the sender')

      await other.must('leave', { room })
      const left = await ada.hear('presence')
      assert.deepEqual(left.left, [{ id: you.id, reason: 'left' }])
      assert.equal((await other.refused('send', { room, text: 'gone' })).code, 'not_member')
    })

    test('leaving with all ends every connection, and says so there', async () => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const tab = await connect(server.url, options)
      const { you } = await tab.must('join', { room, name: 'Bob' })
      const other = await connect(server.url, { ...options, token: tab.token })
      await other.must('join', { room, name: 'Bob' })
      await ada.hear('presence')
      await tab.must('leave', { room, all: true })
      const removed = await other.hear('removed')
      assert.equal(removed.room, room)
      assert.equal(removed.reason, 'left')
      assert.deepEqual((await ada.hear('presence')).left, [{ id: you.id, reason: 'left' }])
      await ada.must('send', { room, text: 'they are gone' })
      await other.quiet(200, 'message', 'presence')
    })
  })
}

test('a second room hears nothing of the first', async () => {
  const ada = await connect(server.url)
  const one = await createRoom(ada)
  const two = await createRoom(ada)
  await ada.must('join', { room: one, name: 'Ada' })
  const carl = await connect(server.url)
  await carl.must('join', { room: two, name: 'Carl' })
  const bob = await connect(server.url)
  await bob.must('join', { room: one, name: 'Bob' })
  await bob.must('send', { room: one, text: 'for the first' })
  bob.socket.emit('typing', { room: one })
  await bob.must('rename', { room: one, name: 'Rob' })
  await bob.must('leave', { room: one })
  await ada.hear('presence', change => change.left)
  await carl.quiet(300, 'message', 'entry', 'presence', 'typing', 'me', 'removed')
})

test('one member has another id in each room, and keeps its color in one', async () => {
  const ada = await connect(server.url)
  const one = await createRoom(ada)
  const two = await createRoom(ada)
  const here = await ada.must('join', { room: one, name: 'Ada' })
  const there = await ada.must('join', { room: two, name: 'Ada' })
  assert.notEqual(here.you.id, there.you.id)
  await ada.must('leave', { room: one })
  const again = await ada.must('join', { room: one, name: 'Ada' })
  assert.deepEqual(again.you, here.you)
})

test('names that look alike are refused, with one that would do', async () => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Paul' })
  const bob = await connect(server.url)
  for (const name of ['Paul', 'paul', 'PAUL', 'Pauⅼ', '  Paul ']) {
    const error = await bob.refused('join', { room, name })
    assert.equal(error.code, 'name_taken', name)
    const other = await connect(server.url)
    const joined = await other.must('join', { room, name: error.suggestion })
    assert.equal(joined.you.name, error.suggestion)
    await other.must('leave', { room })
  }
  await bob.must('join', { room, name: 'Роре' }) // all of it Cyrillic
  const carl = await connect(server.url)
  for (const name of ['Pope', 'pope', 'РОРЕ']) assert.equal((await carl.refused('join', { room, name })).code, 'name_taken', name)
  assert.equal((await carl.refused('join', { room, name: 'Саrl' })).code, 'name_invalid') // two scripts
  await carl.must('join', { room, name: 'Carl' })
  assert.equal((await carl.refused('rename', { room, name: 'paul' })).code, 'name_taken')
})
