// Measures the page in Chromium against the real server: `make bench-web`. Writes
// test-results/web-performance.json, says what it found, and fails over a limit:
//
//   first     the landing page on a processor 4 times slower: the largest paint, and how long the page did not answer (median of 5)
//   direct    the same for a room's link, with an empty cache
//   burst     10,000 messages received at once at full speed: the longest task, the nodes in the page, and how long a key takes to show
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { chromium } from '../../web/node_modules/@playwright/test/index.mjs'
import { io } from '../../web/node_modules/socket.io-client/build/esm/index.js'
import { startServer } from '../server.mjs'

const runs = 5
const slower = 4
const messages = 10_000
const limits = { 'first.largestPaint': 700, 'first.blocked': 250, 'direct.largestPaint': 700, 'direct.blocked': 250, 'burst.longestTask': 200, 'burst.nodes': 3000, 'burst.key': 50 }
const out = fileURLToPath(new URL('../../test-results/', import.meta.url))

const server = await startServer()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})

const median = numbers => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]
const round = number => Math.round(number * 10) / 10

// observe runs in the page before anything else does, and notes paints and long tasks.
function observe() {
  window.seen = { paint: 0, tasks: [] }
  new PerformanceObserver(list => { for (const entry of list.getEntries()) window.seen.paint = entry.startTime }).observe({ type: 'largest-contentful-paint', buffered: true })
  new PerformanceObserver(list => { for (const entry of list.getEntries()) window.seen.tasks.push(entry.duration) }).observe({ type: 'longtask', buffered: true })
}

async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  await page.addInitScript(observe)
  return { context, page }
}

/** One first load with an empty cache. Blocking time is what long tasks take beyond 50 ms each. */
async function load(path) {
  const { context, page } = await visitor()
  const cdp = await context.newCDPSession(page)
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: slower })
  await cdp.send('Network.enable')
  let bytes = 0
  cdp.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength })
  await page.goto(server.url + path)
  await page.getByLabel('Your name').waitFor()
  await page.waitForTimeout(1500) // what else it does by itself
  const { paint, tasks } = await page.evaluate(() => window.seen)
  await context.close()
  return { largestPaint: paint, blocked: tasks.reduce((sum, task) => sum + Math.max(0, task - 50), 0), bytes }
}

async function first(path) {
  await load(path) // the server's and the browser's own first time
  const all = []
  for (let i = 0; i < runs; i++) all.push(await load(path))
  return Object.fromEntries(Object.keys(all[0]).map(key => [key, round(median(all.map(each => each[key])))]))
}

async function burst() {
  const { context, page } = await visitor()
  await page.goto(server.url)
  await page.getByLabel('Your name').fill('Maria')
  await page.getByRole('button', { name: 'Start a room' }).click()
  await page.getByRole('log').waitFor()
  const room = page.url().split('/').pop()
  const socket = io(server.url, { transports: ['websocket'], forceNew: true })
  await new Promise(welcomed => socket.once('welcome', welcomed))
  await socket.emitWithAck('join', { room, name: 'Crowd' })
  await page.waitForTimeout(1000)
  await page.evaluate(() => { window.seen.tasks.length = 0 })
  const began = Date.now()
  for (let i = 0; i < messages; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, j) => socket.emitWithAck('send', { room, text: `message ${i + j} of many, as long as what people say to each other` })))
  }
  await page.locator('.message .text', { hasText: `message ${messages - 1} of many` }).waitFor({ timeout: 120_000 })
  const took = Date.now() - began
  const { tasks } = await page.evaluate(() => window.seen)
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length)
  // From the key to the next painted frame.
  const keys = []
  for (let i = 0; i < 20; i++) {
    const shown = page.evaluate(() => new Promise(resolve => addEventListener('keydown', () => {
      const at = performance.now()
      requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - at)))
    }, { once: true, capture: true })))
    await page.locator('.composer textarea').press('x')
    keys.push(await shown)
  }
  socket.close()
  await context.close()
  return { longestTask: round(Math.max(0, ...tasks)), nodes, key: round(median(keys)), perSecond: Math.round(messages / took * 1000) }
}

try {
  const found = { first: await first('/'), direct: await first('/r/some-room'), burst: await burst() }
  const report = {
    at: new Date().toISOString(), browser: browser.version(), processor: cpus()[0]?.model, processors: cpus().length, slower, runs, messages, limits, found,
    over: Object.entries(limits).filter(([name, limit]) => name.split('.').reduce((at, key) => at[key], found) > limit).map(([name]) => name),
  }
  mkdirSync(out, { recursive: true })
  writeFileSync(`${out}web-performance.json`, `${JSON.stringify(report, null, 2)}\n`)
  for (const [what, figures] of Object.entries(found)) {
    for (const [name, figure] of Object.entries(figures)) {
      const limit = limits[`${what}.${name}`]
      console.log(`${what.padEnd(8)} ${name.padEnd(14)} ${String(figure).padStart(8)}${limit === undefined ? '' : `  of ${limit}${figure > limit ? '  OVER' : ''}`}`)
    }
  }
  process.exitCode = report.over.length > 0 ? 1 : 0
} finally {
  await browser.close()
  await server.close()
}
