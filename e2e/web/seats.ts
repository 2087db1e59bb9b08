// Browser windows that serve one test after the other. To open one takes Firefox two processes
// and longer than most tests; what a page keeps hangs on its origin, and everybody has their own.
import type { Browser, BrowserContext, BrowserContextOptions, Page } from '../../web/node_modules/@playwright/test'
import { startProxy, type Proxy } from '../proxy.mjs'

/** A window that somebody has for the length of a test. */
export interface Seat {
  readonly context: BrowserContext
  readonly page: Page
  /** Hears what goes wrong in the pages. */
  hear: (problem: string) => void
}

/** What leaves a trace that cannot be taken back. */
const contextTraces = ['addInitScript', 'route', 'routeWebSocket', 'exposeFunction', 'exposeBinding', 'grantPermissions', 'setOffline', 'setExtraHTTPHeaders'] as const
const pageTraces = ['addInitScript', 'route', 'routeWebSocket', 'exposeFunction', 'exposeBinding', 'emulateMedia', 'setViewportSize'] as const
const clockTraces = ['install', 'setFixedTime', 'setSystemTime'] as const

const most = 6

/** The windows of one worker. */
export class Seats {
  private readonly free: Array<Seat & { key: string }> = []
  private readonly keys = new Map<BrowserContext, string>()
  private readonly spoiled = new Set<BrowserContext>()
  private readonly ports = new Set<number>()

  constructor(private readonly browser: Browser) {}

  async take(options: BrowserContextOptions): Promise<Seat> {
    const key = JSON.stringify(options)
    const i = this.free.findLastIndex(seat => seat.key === key)
    if (i >= 0) {
      const seat = this.free.splice(i, 1)[0]!
      await front(seat.page)
      return seat
    }
    const context = await this.browser.newContext(options)
    this.keys.set(context, key)
    this.watch(context, contextTraces, context)
    const seat: Omit<Seat, 'page'> & { key: string } = { context, key, hear: () => {} }
    context.on('page', page => {
      this.watch(page, pageTraces, context)
      this.watch(page.clock, clockTraces, context)
      page.on('pageerror', error => seat.hear(error.message)) // Firefox counts lost connections among these
      // Playwright keeps the reason to itself when a page fails to load.
      page.on('requestfailed', request => { if (request.isNavigationRequest()) console.log(`${request.url()}: ${request.failure()?.errorText}`) })
      page.on('console', message => { if (message.type() === 'error') seat.hear(message.text()) })
    })
    const page = await context.newPage()
    await front(page)
    return Object.assign(seat, { page })
  }

  /** Takes a window back, for the next test if it is as new. */
  async giveBack(seat: Seat): Promise<void> {
    const { context } = seat
    seat.hear = () => {}
    const [page, ...others] = context.pages()
    if (!page || this.spoiled.has(context) || this.free.length >= most) return this.close(context)
    for (const other of others) await other.close()
    try {
      await page.goto('about:blank')
    } catch {
      return this.close(context)
    }
    this.free.push(Object.assign(seat, { page, key: this.keys.get(context)! }))
  }

  /** A network of somebody's own; no two of a worker ever have the same origin. */
  async network(port: number): Promise<Proxy> {
    for (;;) {
      const net = await startProxy(port)
      if (!this.ports.has(net.port)) {
        this.ports.add(net.port)
        return net
      }
      await net.close()
    }
  }

  async closeAll(): Promise<void> {
    for (const { context } of this.free.splice(0)) await this.close(context)
  }

  private async close(context: BrowserContext): Promise<void> {
    this.keys.delete(context)
    this.spoiled.delete(context)
    await context.close()
  }

  /** Notes when one of the methods is called. */
  private watch<T extends object>(object: T, names: readonly (keyof T & string)[], context: BrowserContext): void {
    for (const name of names) {
      const method = object[name] as (...args: unknown[]) => unknown
      Object.defineProperty(object, name, { configurable: true, value: (...args: unknown[]) => {
        this.spoiled.add(context)
        return method.apply(object, args)
      } })
    }
  }
}

/** Gives a window the focus, which one at a time has: in Firefox the last one that was closed may take it along, a moment later. */
async function front(page: Page): Promise<void> {
  for (const end = Date.now() + 5000; Date.now() < end;) {
    await page.bringToFront()
    if (await page.evaluate(() => document.hasFocus())) return
  }
}
