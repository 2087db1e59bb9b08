import assert from 'node:assert/strict'
import { after, afterEach, before, describe, test } from 'node:test'
import { startServer } from '../../server.mjs'
import { closeAll, connect, createRoom, ways } from './person.mjs'

// What is acknowledged is in the log once, in the order of sending.

let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

for (const [way, options] of Object.entries(ways)) {
  describe(`over ${way}`, () => {
    test('three retries with one id are stored once and get the first answer', async () => {
      const ada = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const first = await ada.must('send', { room, text: 'once', id: 'same' })
      assert.equal(first.duplicate, undefined)
      const other = await connect(server.url, { ...options, token: ada.token }) // membership is the identity's
      for (const from of [ada, ada, other]) {
        assert.deepEqual(await from.must('send', { room, text: 'whatever else it carries', id: 'same' }), { ...first, duplicate: true })
      }
      const atOnce = await Promise.all(range(1, 3).map(() => ada.must('send', { room, text: 'twice', id: 'at-once' })))
      assert.deepEqual(new Set(atOnce.map(ack => ack.seq)), new Set([first.seq + 1]))
      assert.equal(atOnce.filter(ack => ack.duplicate).length, 2)
      const page = await ada.must('history', { room })
      assert.deepEqual(page.entries.map(entry => entry.text), ['once', 'twice'])
      await ada.hear('message', m => m.text === 'twice')
      await ada.quiet(100, 'entry')
      assert.equal(ada.all('message').length, 1) // "once"; "twice" was taken
    })

    test('64 sends under way on one connection are stored in the order sent', async () => {
      const ada = await connect(server.url, options)
      const bob = await connect(server.url, options)
      const room = await createRoom(ada)
      await ada.must('join', { room, name: 'Ada' })
      const { head } = await bob.must('join', { room, name: 'Bob' })
      const acks = await Promise.all(range(1, 64).map(n => ada.must('send', { room, text: `${n}`, id: `n${n}` })))
      assert.deepEqual(acks.map(ack => ack.seq), range(head + 1, head + 64))
      await bob.hear('message', m => m.text === '64')
      const live = bob.all('message')
      assert.deepEqual(live.map(m => m.text), range(1, 63).map(String))
      assert.deepEqual(live.map(m => m.seq), range(head + 1, head + 63))
    })
  })
}

test('60 concurrent sends of two people make one dense order that both see alike', async () => {
  const ada = await connect(server.url, ways.websocket)
  const bob = await connect(server.url, ways.polling)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  const { head } = await bob.must('join', { room, name: 'Bob' })
  const acks = await Promise.all(range(1, 60).map(n => (n % 2 ? ada : bob).must('send', { room, text: `${n}` })))
  assert.deepEqual(acks.map(ack => ack.seq).sort((a, b) => a - b), range(head + 1, head + 60))
  for (const one of [ada, bob]) {
    await one.hear('message', m => m.seq === head + 60)
    assert.deepEqual(one.all('message').map(m => m.seq), range(head + 1, head + 59))
  }
  assert.deepEqual(ada.all('message'), bob.all('message'))
  const odd = ada.all('message').filter(m => m.text % 2).map(m => Number(m.text))
  assert.deepEqual(odd, odd.toSorted((a, b) => a - b))
})

test('a late comer gets the newest 50 and pages the rest', async () => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  const sent = await Promise.all(range(1, 173).map(n => ada.must('send', { room, text: `${n}` })))
  const late = await connect(server.url)
  const joined = await late.must('join', { room, name: 'Late' })
  assert.equal(joined.entries.length, 50)
  assert.equal(joined.more, true)
  assert.equal(joined.head, sent.at(-1).seq)
  assert.equal(joined.entries.at(-1).seq, joined.head)

  let entries = joined.entries
  let pages = 1
  for (let page = joined; page.more; pages++) {
    page = await late.must('history', { room, before: entries[0].seq })
    assert.ok(page.entries.length <= 50)
    entries = [...page.entries, ...entries]
  }
  assert.equal(pages, 4)
  assert.deepEqual(entries.map(entry => entry.text), range(1, 173).map(String))

  const around = await late.must('history', { room, around: sent[99].seq, limit: 11 })
  assert.ok(around.entries.some(entry => entry.seq === sent[99].seq))
  assert.ok(around.entries.length <= 11)
  const log = await late.must('history', { room, after: { epoch: joined.epoch, seq: sent[9].seq }, limit: 100 })
  assert.deepEqual(log.entries.map(entry => entry.text), range(11, 110).map(String))
  assert.equal(log.more, true)
})

test('joining in the middle of traffic shows every entry once', async () => {
  const ada = await connect(server.url, ways.websocket)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  let stop = false
  let last
  const talking = (async () => {
    while (!stop) last = (await Promise.all(range(1, 8).map(n => ada.must('send', { room, text: `${n}` })))).at(-1)
  })()
  for (let round = 1; round <= 5; round++) {
    const bob = await connect(server.url, round % 2 ? ways.websocket : ways.polling)
    const joined = await bob.must('join', { room, name: `Bob ${round}` })
    for (let n = 0; n < 20; n++) await bob.hear('message', m => m.seq === joined.head + 1 + n)
    if (round === 5) {
      const again = await bob.must('join', { room, name: 'Bob', after: { epoch: joined.epoch, seq: joined.head } })
      const live = await bob.hear('message', m => m.seq > again.head)
      assert.equal(live.seq, again.head + 1)
      assert.deepEqual(again.entries.map(entry => entry.seq), range(joined.head + 1, joined.head + again.entries.length))
    }
    bob.close()
  }
  stop = true
  await talking
  await ada.hear('message', m => m.seq === last.seq)
  assert.deepEqual(ada.all('message').map(m => m.seq), range(1, last.seq - 1))
})
