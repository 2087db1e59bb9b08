import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, afterEach, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startServer, within } from '../../server.mjs'
import { closeAll, connect, createRoom } from './person.mjs'

// The program that the README shows.

let server
before(async () => { server = await startServer() })
after(() => server?.close())
afterEach(closeAll)

test('join.mjs joins, prints the talk, says what it is given, and leaves', async t => {
  const ada = await connect(server.url)
  const room = await createRoom(ada)
  await ada.must('join', { room, name: 'Ada' })
  await ada.must('send', { room, text: 'first' })

  const program = fileURLToPath(new URL('join.mjs', import.meta.url))
  const run = spawn(process.execPath, [program, server.url, room, 'Sam'], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => run.kill('SIGKILL'))
  const exit = once(run, 'exit')
  let printed = ''
  run.stdout.setEncoding('utf8').on('data', text => { printed += text })
  const prints = async text => {
    while (!printed.includes(text)) await within(20_000, `${text} (printed: ${printed})`, once(run.stdout, 'data'))
  }
  assert.equal((await ada.hear('presence')).joined[0].name, 'Sam')
  await prints('Ada: first\n')
  await ada.must('send', { room, text: 'second' })
  await prints('Ada: second\n')
  run.stdin.write('from the sample\n')
  const said = await ada.hear('message', m => m.text === 'from the sample')
  assert.equal(said.from.name, 'Sam')
  await prints('Sam: from the sample\n')
  run.stdin.end()
  assert.equal((await ada.hear('presence', change => change.left)).left[0].reason, 'left')
  assert.deepEqual(await within(20_000, 'it to end', exit), [0, null])
  assert.equal(printed, 'Ada: first\nAda: second\nSam: from the sample\n')
})
