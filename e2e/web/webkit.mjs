// What the tests in WebKit have at hand: a server, a network of one's own, a
// browser, and others without one. One browser serves all tests of a file.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { after, afterEach, before, beforeEach } from 'node:test'
import { io } from '../../web/node_modules/socket.io-client/build/esm/index.js'
import { startProxy } from '../proxy.mjs'
import { startServer } from '../server.mjs'
import { openWebKit, until } from './webdriver.mjs'

const axe = createRequire(import.meta.url).resolve('../../web/node_modules/axe-core/axe.min.js')
export const desk = [1200, 800]

export let server, net, maria
const guests = []

/** Somebody else, without a browser. */
export async function guest(name, room) {
  const socket = io(server.url, { transports: ['websocket'], forceNew: true })
  guests.push(socket)
  await new Promise((welcomed, failed) => socket.once('welcome', welcomed).once('connect_error', failed))
  const ask = async (event, object) => {
    const answer = await socket.timeout(10_000).emitWithAck(event, { room, ...object })
    assert.ok(answer.ok, `${event}: ${answer.error?.code}`)
    return answer
  }
  const heard = []
  socket.on('message', ({ text }) => heard.push(text))
  await ask('join', { name })
  return { socket, heard, ask, say: (...texts) => Promise.all(texts.map(text => ask('send', { text }))) }
}

/** Starts a room from the landing page, and gives its code. */
export async function start(browser, title = '') {
  await browser.goto(net.url)
  await browser.click('input[name=name]')
  await browser.run(() => document.activeElement.select())
  await browser.keyboard('Maria')
  if (title) {
    await browser.click('summary')
    await browser.type('input[name=title]', title)
  }
  await browser.click('.start-form button[type=submit]')
  await isIn(browser)
  return (await browser.run(() => location.pathname)).split('/').pop()
}

export const isIn = browser => until('in the room', () => browser.run(() => document.querySelector('[role=log]') !== null))
export const shows = (browser, css, texts, ms) => until(css, async () => {
  const now = await browser.texts(css)
  return JSON.stringify(now) === JSON.stringify(texts) || now
}, ms)
export const messages = (browser, texts, ms) => shows(browser, '.message .text', texts, ms)
export const numbered = (n, word = 'line') => Array.from({ length: n }, (_, i) => `${word} ${i + 1}`)

/** Presses the button of those words. */
export async function choose(browser, words, inside = 'dialog[open]') {
  await until(words, () => browser.run((words, inside) => {
    const button = [...document.querySelectorAll(`${inside} button`)].find(each => each.innerText.trim() === words)
    button?.click()
    return button !== undefined
  }, words, inside))
}

/** What axe finds serious or worse, once all motion has come to rest. */
export async function problems(browser) {
  await until('rest', () => browser.run(() => document.getAnimations().every(({ effect }) => effect.getComputedTiming().iterations === Infinity)))
  await browser.load(axe)
  return browser.runAsync(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.map(node => node.html.slice(0, 120)).join(' | ')}`)
  })
}

/** Does something, and finds the topmost visible message where it was. */
export async function still(browser, what, act) {
  const top = key => browser.run(key => {
    const log = document.querySelector('.log')
    const edge = log.getBoundingClientRect().top
    const row = [...log.querySelectorAll('.message')].find(each => (key ? each.dataset.key === key : each.getBoundingClientRect().bottom > edge))
    return { key: row?.dataset.key, offset: row ? row.getBoundingClientRect().top - edge : null }
  }, key ?? null)
  const { key, offset } = await top()
  await act()
  const now = (await top(key)).offset
  assert.ok(now !== null && Math.abs(now - offset) <= 1, `${what}: from ${offset} to ${now}`)
}

before(async () => {
  server = await startServer()
  maria = await openWebKit()
  await maria.resize(...desk)
})
beforeEach(async () => { net = await startProxy(server.port) })
afterEach(async () => {
  for (const socket of guests.splice(0)) socket.close()
  await net.close()
})
after(async () => {
  await maria?.close()
  await server?.close()
})
