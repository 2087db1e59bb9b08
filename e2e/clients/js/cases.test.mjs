import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, afterEach, before, test } from 'node:test'
import { startServer } from '../../server.mjs'
import { closeAll, connect, ways } from './person.mjs'

// Runs docs/protocol-cases.json as its "about" says.

const { cases } = JSON.parse(readFileSync(new URL('../../../docs/protocol-cases.json', import.meta.url), 'utf8'))
let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

/** Builds the room and the people that each case has for its own, but for what it does not mention. */
async function stage(mentioned) {
  const names = ['owner', 'member', ...['stranger', 'other'].filter(name => mentioned.includes(`"${name}"`))]
  const people = Object.fromEntries(await Promise.all(names.map(async name => [name, await connect(server.url, ways.websocket)])))
  const { owner, member } = people
  const made = await owner.must('create', {})
  const room = made.room
  const ada = (await owner.must('join', { room, name: 'Ada' })).you
  await Promise.all(['one', 'two', 'three'].map(text => owner.must('send', { room, text })))
  const bob = (await member.must('join', { room, name: 'Bob' })).you
  const words = { $room: room, $rOOM: room.toLowerCase(), $epoch: made.info.epoch, $ownerKey: made.ownerKey, $ownerId: ada.id, $memberId: bob.id }
  if (mentioned.includes('"$locked"')) words.$locked = (await owner.must('create', { passphrase: 'sesame' })).room
  return { people, words }
}

/** Puts the stage's words in the place of their names. */
function spell(value, words) {
  if (typeof value === 'string') return Object.hasOwn(words, value) ? words[value] : value
  if (Array.isArray(value)) return value.map(item => spell(item, words))
  if (value === null || typeof value !== 'object') return value
  if (value.$repeat) return value.$repeat[0].repeat(value.$repeat[1])
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, spell(item, words)]))
}

const any = {
  $string: value => typeof value === 'string' && value !== '',
  $number: value => typeof value === 'number',
  $list: value => Array.isArray(value),
  $time: value => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value),
  $absent: value => value === undefined,
}

/** Fails unless got holds what want names; at says where in the answer that is. */
function holds(got, want, at) {
  if (Object.hasOwn(any, want)) return assert.ok(any[want](got), `${at} is ${JSON.stringify(got)}, want ${want}`)
  if (want === null || typeof want !== 'object') return assert.equal(got, want, `${at} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
  assert.ok(got !== null && typeof got === 'object', `${at} is ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
  if (Array.isArray(want)) assert.equal(got.length, want.length, `${at} has ${got.length} items, want ${want.length}`)
  for (const [name, item] of Object.entries(want)) holds(got[name], item, `${at}.${name}`)
}

for (const one of cases) {
  const { name, as = 'member', before: ahead = [], send, expect } = one
  test(name, async () => {
    const { people, words } = await stage(JSON.stringify(one))
    for (const [event, object, by = as] of ahead) await people[by].must(event, spell(object, words))
    const [event, ...object] = spell(send, words)
    const ack = await people[as].socket.timeout(20_000).emitWithAck(event, ...object)
    try {
      holds(ack, spell(expect, words), 'the answer')
    } catch (err) {
      err.message += `\n${JSON.stringify(ack)}`
      throw err
    }
    // Whatever was wrong, the connection is there and serves.
    await people[as].must('create', {})
  })
}

test('the cases name each event, and each has a name of its own', () => {
  const names = cases.map(one => one.name)
  assert.equal(new Set(names).size, names.length)
  const events = new Set(cases.map(one => one.send[0]))
  for (const event of ['create', 'join', 'leave', 'send', 'history', 'search', 'read', 'typing', 'rename', 'members']) assert.ok(events.has(event), event)
})
