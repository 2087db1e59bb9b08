import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy } from '../../proxy.mjs'
import { startServer, within } from '../../server.mjs'
import { closeAll, connect, createRoom, ways } from './person.mjs'
import { enter } from './room.mjs'

// The reference client against a network that fails and a server that is killed.

let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

/** Enters a room by the reference client, and keeps what it is told. */
async function stay(t, url, room, name, options) {
  const it = { entries: [], joins: [], resets: 0 }
  let joined
  const inside = new Promise(resolve => { joined = resolve })
  Object.assign(it, enter(url, {
    room, me: { name }, forceNew: true, ...options,
    on: {
      entry: entry => it.entries.push(entry),
      joined: ack => { it.joins.push(ack); joined() },
      reset: () => { it.resets++; it.entries = [] },
      token: token => { it.token = token },
      gone: why => { it.gone = why },
    },
  }))
  t.after(() => it.socket.disconnect())
  await within(20_000, `${name} to join`, inside)
  it.texts = () => it.entries.filter(entry => entry.kind === 'message').map(entry => entry.text)
  it.until = (what, ms = 30_000) => within(ms, `what ${name} is shown (${it.entries.length} entries)`, (async () => {
    while (!what()) await sleep(20)
  })())
  return it
}

const dense = entries => assert.deepEqual(entries.map(entry => entry.seq), entries.map((_, i) => entries[0].seq + i))

for (const [way, options] of Object.entries(ways)) {
  describe(`over ${way}`, () => {
    test('a connection cut again and again loses, doubles and announces nothing', async t => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const proxy = await startProxy(server.port)
      t.after(() => proxy.close())
      const bob = await stay(t, proxy.url, room, 'Bob', options)
      await ada.hear('presence')
      const said = []
      for (let round = 1; round <= 4; round++) {
        said.push(bob.say(`bob ${round} before`))
        await ada.must('send', { room, text: `ada ${round} before` })
        proxy.cut()
        said.push(bob.say(`bob ${round} cut`))
        await ada.must('send', { room, text: `ada ${round} cut` })
        await bob.until(() => bob.entries.length >= 4 * round)
      }
      await Promise.all(said)
      // Every cut between two polls may go unnoticed, but a WebSocket cannot miss one.
      if (way !== 'polling') assert.ok(bob.joins.length > 1)
      dense(bob.entries)
      const texts = bob.texts()
      assert.deepEqual(texts.filter(text => text.startsWith('bob')), [1, 2, 3, 4].flatMap(n => [`bob ${n} before`, `bob ${n} cut`]))
      assert.deepEqual(texts.filter(text => text.startsWith('ada')), [1, 2, 3, 4].flatMap(n => [`ada ${n} before`, `ada ${n} cut`]))
      await ada.quiet(2_000, 'presence')
      assert.deepEqual(ada.all('message').map(m => m.seq), bob.entries.map(entry => entry.seq))
    })

    test('a message whose acknowledgement was lost is stored once', async t => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const proxy = await startProxy(server.port)
      t.after(() => proxy.close())
      const bob = await stay(t, proxy.url, room, 'Bob', options)
      if (way === 'upgrade') await bob.until(() => bob.socket.io.engine.transport.name === 'websocket')
      for (let round = 1; round <= 3; round++) {
        proxy.hole('down')
        const said = bob.say(`lost ack ${round}`, `lost-${round}`)
        const live = await ada.hear('message') // it is stored, and Bob cannot know
        proxy.cut()
        const ack = await within(30_000, 'the acknowledgement', said)
        assert.deepEqual({ seq: ack.seq, at: ack.at, duplicate: ack.duplicate }, { seq: live.seq, at: live.at, duplicate: true })
        await bob.until(() => bob.texts().length === round)
      }
      await ada.quiet(200, 'message')
      dense(bob.entries)
    })

    test('killed with -9 and started again on the same data, everything is there', async t => {
      const own = await startServer()
      t.after(() => own.close())
      const proxy = await startProxy(own.port)
      t.after(() => proxy.close())
      const founder = await connect(proxy.url, options)
      const { room } = await founder.must('create', { title: 'Kept' })
      founder.close()
      const ada = await stay(t, proxy.url, room, 'Ada', { ...options, token: founder.token })
      const bob = await stay(t, proxy.url, room, 'Bob', options)
      const [before] = ada.joins
      const acks = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? ada : bob).say(`before ${i}`)))
      proxy.refuse()
      await own.kill()
      const offline = [ada.say('while it was down'), bob.say('so did I')]
      await own.start()
      proxy.retarget(own.port)
      proxy.pass()
      acks.push(...await within(30_000, 'the messages said meanwhile', Promise.all(offline)))

      await Promise.all([ada, bob].map(one => one.until(() => one.entries.length === 22)))
      assert.deepEqual(ada.entries, bob.entries)
      dense(ada.entries)
      assert.deepEqual(acks.map(ack => ack.seq).sort((a, b) => a - b), ada.entries.map(entry => entry.seq))
      assert.equal(ada.resets + bob.resets, 0)
      const again = ada.joins.at(-1)
      assert.deepEqual({ ...again.you, role: 'owner' }, { ...before.you })
      assert.equal(again.epoch, before.epoch)
      assert.equal(again.info.title, 'Kept')

      const late = await connect(proxy.url, options)
      const page = await late.must('join', { room, name: 'Late' })
      assert.deepEqual(page.entries, ada.entries)
    })
  })
}

test('stopped and started again, nobody is told that anybody left or came', async t => {
  const own = await startServer()
  t.after(() => own.close())
  const proxy = await startProxy(own.port)
  t.after(() => proxy.close())
  const founder = await connect(proxy.url)
  const room = await createRoom(founder)
  founder.close()
  const people = []
  for (const [way, options] of Object.entries(ways)) {
    const one = await stay(t, proxy.url, room, `Over ${way}`, options)
    one.heard = []
    one.socket.on('presence', change => one.heard.push(change))
    people.push(one)
  }
  await people[0].say('before')
  await people[0].until(() => people[0].heard.length === 2)
  for (const one of people) one.heard = []
  const unanswered = people[1].say('while it stops')
  assert.equal(await own.stop(), 0)
  await own.start()
  proxy.retarget(own.port)
  for (const one of people) await one.until(() => one.joins.length === 2)
  await within(30_000, 'what was said while it stopped', unanswered)
  await people[2].say('after')
  for (const one of people) {
    await one.until(() => one.entries.length === 3)
    assert.deepEqual(one.texts(), ['before', 'while it stops', 'after'])
    assert.deepEqual(one.heard.filter(change => change.left || change.joined), [])
    assert.equal(one.resets, 0)
  }
})

test('a hole that the network leaves is healed from the log, in order', async t => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  const bob = await stay(t, server.url, room, 'Bob', ways.websocket)
  const packets = bob.socket.io.decoder
  let eat = 3
  const add = packets.add.bind(packets)
  packets.add = packet => {
    if (eat > 0 && typeof packet === 'string' && packet.startsWith('2["message"')) eat--
    else add(packet)
  }
  for (let i = 1; i <= 6; i++) await ada.must('send', { room, text: `${i}` })
  await bob.until(() => bob.entries.length === 6)
  assert.equal(eat, 0)
  assert.deepEqual(bob.texts(), ['1', '2', '3', '4', '5', '6'])

  // Nothing comes after these: the server says itself that it lost its place.
  eat = 2
  for (let i = 7; i <= 8; i++) await ada.must('send', { room, text: `${i}` })
  while (eat > 0) await sleep(20)
  add(`2["resync",{"room":"${room}","head":8}]`)
  await bob.until(() => bob.entries.length === 8)
  dense(bob.entries)
  assert.equal(bob.joins.length, 1)
})

test('in a restored world the cursor is reset, and what was pending is refused', async t => {
  // Two servers that know the same tokens: one stands for the other, restored.
  const first = await startServer()
  t.after(() => first.close())
  await first.stop()
  const data = mkdtempSync(join(tmpdir(), 'snug-e2e-'))
  t.after(() => rmSync(data, { recursive: true, force: true }))
  cpSync(first.data, data, { recursive: true })
  await first.start()
  const second = await startServer({ data })
  t.after(() => second.close())
  const room = 'the-same-code'
  for (const server of [first, second]) {
    const ada = await connect(server.url)
    await ada.must('create', { code: room })
    await ada.must('join', { room, name: 'Ada' })
    for (let i = 1; i <= 3; i++) await ada.must('send', { room, text: `${i} on ${server === first ? 'the first' : 'the second'}` })
  }
  const proxy = await startProxy(first.port)
  t.after(() => proxy.close())
  const bob = await stay(t, proxy.url, room, 'Bob')
  await bob.say('hello')
  proxy.refuse()
  await bob.until(() => !bob.socket.connected)
  const pending = bob.say('for the first alone')
  proxy.retarget(second.port)
  proxy.pass()
  await assert.rejects(pending, { code: 'conflict', field: 'epoch' })
  assert.equal(bob.resets, 1)
  assert.deepEqual(bob.texts(), ['1 on the second', '2 on the second', '3 on the second'])
  await bob.say('for the second')
  await bob.until(() => bob.texts().length === 4)
  dense(bob.entries)
})

test('a thousand missed entries come in pages, in order, once', async t => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  const proxy = await startProxy(server.port)
  t.after(() => proxy.close())
  const bob = await stay(t, proxy.url, room, 'Bob')
  proxy.refuse()
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => ada.must('send', { room, text: `${i}` })))
  proxy.pass()
  await ada.must('send', { room, text: 'after' })
  await bob.until(() => bob.entries.length === 1_001)
  dense(bob.entries)
  assert.deepEqual(bob.texts(), [...Array.from({ length: 1_000 }, (_, i) => `${i}`), 'after'])
})

test('a cursor of another epoch is answered with reset and the newest talk', async () => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  const { epoch } = await ada.must('join', { room, name: 'Ada' })
  for (let i = 1; i <= 3; i++) await ada.must('send', { room, text: `${i}` })
  for (const after of [{ epoch: `${epoch}x`, seq: 1 }, { epoch, seq: 4_000_000 }]) {
    const joined = await ada.must('join', { room, name: 'Ada', after })
    assert.equal(joined.reset, true)
    const page = await ada.must('history', { room, after })
    assert.equal(page.reset, true)
    for (const { entries, head } of [joined, page]) {
      assert.deepEqual(entries.map(entry => entry.text), ['1', '2', '3'])
      assert.equal(head, entries.at(-1).seq)
    }
  }
  const page = await ada.must('history', { room, after: { epoch, seq: 1 } })
  assert.equal(page.reset, undefined)
  assert.deepEqual(page.entries.map(entry => entry.text), ['2', '3'])
  const error = await ada.refused('send', { room, text: 'not into this log', epoch: `${epoch}x` })
  assert.equal(error.code, 'conflict')
  assert.equal(error.epoch, epoch)
})
