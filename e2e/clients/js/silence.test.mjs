import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startProxy } from '../../proxy.mjs'
import { startServer } from '../../server.mjs'
import { connect, createRoom, ways } from './person.mjs'

// Connections that die without a word. The tests wait side by side.

let server
before(async () => { server = await startServer() })
after(() => server?.close())

/** Someone behind a proxy of their own, in a room with Ada, who sits in front of none. */
async function behindProxy(t, options) {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  const proxy = await startProxy(server.port)
  const bob = await connect(proxy.url, options)
  t.after(() => { ada.close(); bob.close(); return proxy.close() })
  const { you } = await bob.must('join', { room, name: 'Bob' })
  await ada.hear('presence', change => change.joined)
  return { ada, bob, proxy, room, you }
}

describe('a connection that dies silently', { concurrency: true }, () => {
  for (const [way, options] of Object.entries(ways)) {
    test(`turns lost, and makes no noise when it is back, over ${way}`, async t => {
      const { ada, bob, proxy, room, you } = await behindProxy(t, options)
      const start = performance.now()
      proxy.hole()
      const lost = await ada.hearing('presence', () => true, 20_000)
      assert.deepEqual(lost.data.changed, [{ ...you, state: 'lost' }])
      assert.equal(lost.data.count, 2)
      assert.ok(lost.at - start <= 15_000, `${lost.at - start} ms`)
      proxy.pass()
      await bob.hear('welcome', () => true, 10_000)
      const again = await bob.must('join', { room, name: 'Bob' })
      assert.deepEqual(again.you, you)
      assert.deepEqual((await ada.hear('presence')).changed, [you])
      await ada.quiet(2_000, 'presence')
    })

    test(`is gone after a grace, over ${way}`, async t => {
      const { ada, proxy, you } = await behindProxy(t, options)
      const start = performance.now()
      proxy.hole()
      await ada.hear('presence', change => change.changed, 20_000)
      const left = await ada.hearing('presence', () => true, 20_000)
      assert.deepEqual(left.data.left, [{ id: you.id, reason: 'disconnected' }])
      assert.equal(left.data.count, 1)
      assert.ok(left.at - start <= 31_000, `${left.at - start} ms`)
    })
  }
})
