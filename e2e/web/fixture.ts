// What every browser test has at hand: a server, people, bots.
import { expect, test as base, type BrowserContextOptions } from '../../web/node_modules/@playwright/test'
import type { Proxy } from '../proxy.mjs'
import { Bot } from './bot.ts'
import { Person } from './person.ts'
import { Seats, type Seat } from './seats.ts'
import { Server } from './server.ts'

/** Failed requests, and packets for a connection that is just closing, are what many of these tests are about; anything else is a defect. */
const expected = /Failed to load resource|WebSocket connection|WebSocket is already in CLOSING|net::ERR|NS_ERROR|can.t establish a connection|The connection to .* was interrupted|A ServiceWorker intercepted the request|error occurred when fetching the script/

interface Fixtures {
  /** The server of this test: shared by the worker's tests unless `ownServer` is asked for. */
  server: Server
  /** A server that the test may stop, kill and start again. */
  ownServer: Server
  /** Opens a browser for somebody. */
  person: (name: string, options?: BrowserContextOptions & { server?: Server }) => Promise<Person>
  bot: (room: string, name: string) => Promise<Bot>
}

export const test = base.extend<Fixtures, { sharedServer: Server; seats: Seats }>({
  // oxlint-disable-next-line no-empty-pattern -- Playwright reads from this pattern what a fixture needs
  sharedServer: [async ({}, use) => {
    const server = new Server()
    await server.start()
    await use(server)
    await server.remove()
  }, { scope: 'worker' }],

  seats: [async ({ browser }, use) => {
    const seats = new Seats(browser)
    await use(seats)
    await seats.closeAll()
  }, { scope: 'worker' }],

  server: async ({ sharedServer }, use) => use(sharedServer),

  // oxlint-disable-next-line no-empty-pattern -- as above
  ownServer: async ({}, use) => {
    const server = new Server()
    await server.start()
    await use(server)
    await server.remove()
  },

  person: async ({ seats, server, contextOptions, locale, timezoneId }, use) => {
    const open: Array<{ net: Proxy; seat: Seat }> = []
    const problems: string[] = []
    await use(async (name, { server: at = server, ...options } = {}) => {
      const net = await seats.network(at.port)
      const seat = await seats.take({ ...contextOptions, locale, timezoneId, ...options })
      open.push({ net, seat })
      seat.hear = text => { if (!expected.test(text)) problems.push(`${name}: ${text}`) }
      return new Person(name, seat.context, seat.page, net)
    })
    for (const { net, seat } of open) {
      await seats.giveBack(seat)
      await net.close()
    }
    expect(problems, 'errors in the pages').toEqual([])
  },

  bot: async ({ server }, use) => {
    const bots: Bot[] = []
    await use(async (room, name) => {
      const bot = await Bot.join(server.url, room, name)
      bots.push(bot)
      return bot
    })
    for (const bot of bots) bot.leave()
  },
})

export { expect }
