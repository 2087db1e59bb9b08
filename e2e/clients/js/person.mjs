import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { io } from 'socket.io-client'
import { within } from '../../server.mjs'

/** The ways to be connected, as options of io(). */
export const ways = {
  polling: { transports: ['polling'] },
  websocket: { transports: ['websocket'] },
  upgrade: {},
}

const open = new Set()

/** Connects someone and waits for the welcome. options are io()'s, and token. */
export async function connect(url, { token, ...options } = {}) {
  const person = new Person(url, token, options)
  try {
    await within(20_000, 'the welcome', Promise.all([person.hear('welcome'), person.connected]))
  } catch (err) {
    person.close()
    throw err
  }
  return person
}

/** Ends every connection that connect made: for afterEach. */
export function closeAll() {
  for (const person of open) person.close()
}

/** A room of its own for a test: its canonical code. */
export async function createRoom(person, fields = {}) {
  const ack = await person.must('create', fields)
  return ack.room
}

/** One connection with the official client, and what it has heard. */
class Person {
  constructor(url, token, options) {
    this.token = token
    this.heard = [] // {event, data, at}, and what hear() took is out of it
    this.waiting = new Set()
    this.socket = io(url, {
      forceNew: true, reconnectionDelay: 200, randomizationFactor: 0,
      auth: answer => answer(this.token === undefined ? {} : { token: this.token }), ...options,
    })
    this.connected = new Promise((resolve, reject) => {
      this.socket.once('connect', resolve)
      this.socket.once('connect_error', reject)
    })
    this.connected.catch(() => {}) // connect() may have given up before
    this.socket.on('welcome', welcome => { this.token = welcome.token })
    this.socket.onAny((event, data) => {
      const got = { event, data, at: performance.now() }
      for (const wait of this.waiting) if (wait(got)) return
      this.heard.push(got)
    })
    open.add(this)
  }

  get transport() { return this.socket.io.engine.transport.name }

  /** Asks, and returns the acknowledgement. */
  ask(event, object) {
    return this.socket.timeout(10_000).emitWithAck(event, object)
  }

  /** Asks, and returns an acknowledgement that must be ok. */
  async must(event, object) {
    const ack = await this.ask(event, object)
    assert.ok(ack.ok, `${event} ${JSON.stringify(object)}: ${JSON.stringify(ack)}`)
    return ack
  }

  /** Asks, and returns the error that must come. */
  async refused(event, object) {
    const ack = await this.ask(event, object)
    assert.equal(ack.ok, false, `${event} ${JSON.stringify(object)}: ${JSON.stringify(ack)}`)
    assert.equal(typeof ack.error.message, 'string')
    return ack.error
  }

  /** Returns the first event of that name, heard or to come, that match likes, and forgets it. */
  async hear(event, match = () => true, ms = 20_000) {
    return (await this.hearing(event, match, ms)).data
  }

  /** As hear, with the time of its coming: {data, at}. */
  hearing(event, match = () => true, ms = 5_000) {
    const fits = got => got.event === event && match(got.data)
    const at = this.heard.findIndex(fits)
    if (at >= 0) return Promise.resolve(this.heard.splice(at, 1)[0])
    let wait
    const come = new Promise(resolve => {
      wait = got => {
        if (!fits(got)) return false
        this.waiting.delete(wait)
        resolve(got)
        return true
      }
      this.waiting.add(wait)
    })
    return within(ms, `"${event}" (heard: ${JSON.stringify(this.heard.map(got => [got.event, got.data]))})`, come)
      .finally(() => this.waiting.delete(wait))
  }

  /** All events of that name heard so far and not taken. */
  all(event) {
    return this.heard.filter(got => got.event === event).map(got => got.data)
  }

  /** Fails if an event of one of these names is there or comes within ms. */
  async quiet(ms, ...events) {
    await sleep(ms)
    assert.deepEqual(this.heard.filter(got => events.includes(got.event)).map(got => [got.event, got.data]), [])
  }

  close() {
    open.delete(this)
    this.socket.disconnect()
  }
}
