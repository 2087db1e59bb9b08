import { createServer, connect } from 'node:net'

/**
 * Starts a TCP proxy on 127.0.0.1 in front of a server there, to give tests a
 * network that fails. It passes until told otherwise, and every mode lasts
 * until the next is chosen:
 *
 *   pass()    what was held goes on, nothing is lost: as TCP does after a stall
 *   cut()     ends all open connections, then passes
 *   hole(way) packets vanish: nothing is passed and nobody is told. way is 'both',
 *             'up' (what clients say is held) or 'down' (what they would be told:
 *             requests arrive, their answers do not)
 *   refuse()  ends all open connections and every new one at once
 *
 * refusals are the moments at which a connection was refused.
 *
 * retarget(port) sends connections to come to another port, which is what a
 * server started again on port 0 needs. close() ends everything; the caller
 * owes it one call.
 */
export async function startProxy(targetPort) {
  const links = new Set()
  const refusals = []
  let way = null // what is held; null: nothing
  let refusing = false
  let target = targetPort

  const listener = createServer({ allowHalfOpen: true }, client => {
    if (refusing) {
      refusals.push(Date.now())
      return void client.resetAndDestroy()
    }
    const link = new Link(client, way, () => target, () => links.delete(link))
    links.add(link)
  })
  const hold = next => {
    way = next
    for (const link of links) link.hold(way)
  }
  const end = () => { for (const link of links) link.end() }

  await new Promise((listening, failed) => listener.once('error', failed).listen(0, '127.0.0.1', listening))
  const { port } = listener.address()
  return {
    port,
    refusals,
    url: `http://127.0.0.1:${port}`,
    pass() { refusing = false; hold(null) },
    cut() { refusing = false; end(); way = null },
    hole(direction = 'both') { refusing = false; hold(direction) },
    refuse() { refusing = true; end(); way = null },
    retarget(port) { target = port },
    close() { end(); return new Promise(closed => listener.close(closed)) },
  }
}

// A Link is one client's connection and, once it may be made, the server's.
class Link {
  constructor(client, way, target, gone) {
    this.client = client
    this.target = target
    this.gone = gone
    this.ended = new Set() // ends whose news is held, like their bytes
    this.watch(client)
    this.hold(way)
  }

  // hold stops the bytes of one way or both by reading no more of them.
  hold(way) {
    this.way = way
    const up = way === 'both' || way === 'up'
    const down = way === 'both' || way === 'down'
    if (!up && !this.server) this.dial()
    if (up) this.client.pause()
    else if (this.server) this.client.resume()
    if (down) this.server?.pause()
    else this.server?.resume()
    for (const side of this.ended) this.over(side)
  }

  dial() {
    this.server = connect({ port: this.target(), host: '127.0.0.1', allowHalfOpen: true })
    this.watch(this.server)
    forward(this.client, this.server, () => this.way === 'both' || this.way === 'up')
    forward(this.server, this.client, () => this.way === 'both' || this.way === 'down')
  }

  watch(side) {
    side.setNoDelay(true)
    side.on('error', () => {}) // 'close' follows, and is all that matters here
    side.on('close', () => this.over(side))
  }

  // over ends the other side too, unless the news of it is to be held.
  over(side) {
    const held = this.way === 'both' || this.way === (side === this.client ? 'up' : 'down')
    if (held) this.ended.add(side)
    else this.end()
  }

  end() {
    this.client.destroy()
    this.server?.destroy()
    this.gone()
  }
}

// forward passes bytes and their end, as fast as they are taken, while not held.
function forward(from, to, held) {
  from.on('data', chunk => { if (!to.write(chunk)) from.pause() })
  to.on('drain', () => { if (!held()) from.resume() })
  from.on('end', () => to.end())
}
