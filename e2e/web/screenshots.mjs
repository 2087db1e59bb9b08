// Takes a picture of each state of the page, in each size and theme, on the
// real server: `make screenshots`. Two of them are the README's.
import { cpSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from '../../web/node_modules/@playwright/test/index.mjs'
import { io } from '../../web/node_modules/socket.io-client/build/esm/index.js'
import { startProxy } from '../proxy.mjs'
import { startServer } from '../server.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const out = `${root}test-results/screenshots/`
const sizes = { phone: [360, 740], tablet: [768, 1024], desk: [1440, 900] }
mkdirSync(out, { recursive: true })
mkdirSync(`${root}docs/screenshots`, { recursive: true })

const server = await startServer()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})

// guest is somebody else in the room.
async function guest(name, room) {
  const socket = io(server.url, { forceNew: true })
  await new Promise(resolve => socket.once('welcome', resolve))
  await socket.emitWithAck('join', { room, name })
  return { socket, say: (text, more) => socket.emitWithAck('send', { room, text, ...more }), react: (seq, emoji) => socket.emitWithAck('react', { room, seq, emoji, on: true }), type: () => socket.emit('typing', { room }), go: () => socket.close() }
}

async function take(size, scheme) {
  const [width, height] = sizes[size]
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, hasTouch: size === 'phone' })
  const page = await context.newPage()
  const shot = async state => {
    await page.waitForTimeout(300) // motion has come to rest
    await page.screenshot({ path: `${out}${size}-${scheme}-${state}.png` })
  }
  await page.goto(server.url)
  await shot('landing')
  await page.fill('input[name=name]', 'Maria')
  await page.click('summary')
  await page.fill('input[name=title]', 'Sunday walk')
  await shot('options')
  await page.click('text=Start a room')
  await page.waitForSelector('.empty')
  await shot('empty')

  const room = page.url().split('/').pop()
  const tom = await guest('Tom Baker', room)
  await tom.say('Morning! Who is in for the walk today?')
  await tom.say('I thought of the river path: https://example.com/river-path, about two hours with a stop at the mill.')
  const soren = await guest('Søren', room)
  await soren.say('Good morning! I am coming, too.')
  await soren.say('What time shall we meet?')
  await page.fill('textarea', 'Morning you two. Half past nine at the bridge?\nI can bring **coffee** and those _little_ cakes.')
  await page.click('.send')
  await page.waitForTimeout(200)
  await tom.say('🎉')
  await tom.say('/me packs the map and a `compass`')
  const others = []
  for (const name of ['Ana', 'Ben', 'Cleo']) others.push(await guest(name, room))
  await soren.say('Here is how I find it:\n```\ncd walks\n./find --river --cake\n```')
  others[0].type()
  tom.type()
  await shot('talk')
  if (size === 'phone') {
    await page.click('.open-rooms')
    await shot('rooms')
    await page.keyboard.press('Escape')
  }
  if (size !== 'desk') {
    await page.waitForTimeout(300)
    await page.click('.open-people')
    await shot('people')
    await page.keyboard.press('Escape')
    await page.waitForTimeout(300)
  }
  await tom.say('Perfect.', { replyTo: 3 })
  for (const [emoji, one] of [['☕', tom], ['🎉', soren], ['🎉', tom]]) await one.react(5, emoji)
  const last = page.locator('.message[data-seq="5"]')
  if (size === 'phone') await last.locator('.text').tap()
  else await last.hover()
  await shot('actions')
  for (const [name, state] of [['About this room', 'room'], ['Emoji', 'emoji'], ['Search', 'search']]) {
    await page.getByRole('button', { name, exact: true }).click()
    if (state === 'search') await page.keyboard.type('walk')
    await page.waitForTimeout(600)
    await shot(state)
    await page.keyboard.press('Escape')
  }
  await page.fill('textarea', 'hello @')
  await shot('mention')
  await page.fill('textarea', '')
  await page.keyboard.press('Control+k')
  await shot('switch')
  await page.keyboard.press('Escape')
  await page.goto(server.url)
  await shot('recent')
  await page.goto(`${server.url}/r/nowhere-at-all`)
  await shot('not-found')
  for (const one of [tom, soren, ...others]) one.go()
  await context.close()
}

// takeHouse is what whoever runs a room sees, whoever is dealt with, and whoever comes from another device.
async function takeHouse(size, scheme) {
  const [width, height] = sizes[size]
  const options = { viewport: { width, height }, colorScheme: scheme, hasTouch: size === 'phone' }
  const open = async (name, path = '') => {
    const page = await (await browser.newContext(options)).newPage()
    await page.goto(server.url + path)
    await page.fill('input[name=name]', name)
    return page
  }
  const shot = async (page, state) => {
    await page.waitForTimeout(300)
    await page.screenshot({ path: `${out}${size}-${scheme}-${state}.png` })
  }
  const maria = await open('Maria')
  await maria.click('summary')
  await maria.fill('input[name=title]', 'Sunday walk')
  await maria.click('text=Start a room')
  await maria.waitForSelector('.empty')
  await shot(maria, 'empty-owned')
  await maria.getByRole('button', { name: 'Keep the owner’s link', exact: true }).click()
  await shot(maria, 'owners-link')
  await maria.getByRole('button', { name: 'I have kept it' }).click()
  const room = maria.url().split('/').pop()
  const tom = await open('Tom Baker', `/r/${room}`)
  await tom.click('text=Enter')
  await tom.waitForSelector('.composer')
  const ben = await guest('Ben', room)
  const cleo = await guest('Cleo', room)
  await ben.say('Buy my walking shoes! Cheap!! Everybody!')
  await cleo.say('Please, not here.')
  const card = async name => {
    if (size !== 'desk') await maria.click('.open-people')
    await maria.locator('.member-button', { hasText: name }).click()
    await maria.locator('.dialog').waitFor()
    await maria.waitForTimeout(200)
  }
  const measure = async (name, deed, span, reason) => {
    await card(name)
    await maria.getByRole('button', { name: deed }).click()
    await maria.getByLabel('How long').selectOption(span)
    await maria.getByLabel('Reason').fill(reason)
    if (deed === 'Ban…') await shot(maria, 'ban')
    await maria.locator('.dialog button[type=submit]').click()
    await maria.locator('.dialog').waitFor({ state: 'detached' })
    await maria.keyboard.press('Escape')
  }
  await card('Ben')
  await shot(maria, 'card')
  await maria.keyboard.press('Escape')
  if (size !== 'desk') await maria.keyboard.press('Escape')
  await measure('Tom Baker', 'Mute…', 'for 10 minutes', 'one at a time')
  await tom.fill('textarea', 'But I only wanted to say that the shoes are rather good.')
  await shot(tom, 'muted')
  await measure('Ben', 'Ban…', 'for 7 days', 'advertising')
  await shot(maria, 'audit')
  if (size !== 'desk') await maria.click('.open-people')
  await maria.click('text=Banned and muted')
  await shot(maria, 'banned-and-muted')
  await maria.keyboard.press('Escape')
  if (size !== 'desk') await maria.keyboard.press('Escape')
  await measure('Tom Baker', 'Put out', 'for 5 minutes', 'Have a cup of tea.')
  await shot(tom, 'put-out')
  await tom.reload()
  await tom.waitForSelector('text=The door is shut')
  await shot(tom, 'shut')
  if (size === 'phone') await maria.click('.open-rooms')
  await maria.click('text=Use another device, too')
  await maria.waitForSelector('.dialog .qr')
  await shot(maria, 'move')
  const code = await maria.locator('.move-code').innerText()
  const phone = await (await browser.newContext(options)).newPage()
  await phone.goto(`${server.url}/#move=${code}&name=Maria&rooms=${room}`)
  await shot(phone, 'take-over')
  await phone.fill('input[name=move]', 'ABCD-EFGH-JKLM')
  await phone.click('text=Take over here')
  await phone.waitForSelector('[role=alert]')
  await shot(phone, 'take-over-refused')
  for (const one of [ben, cleo]) one.go()
  for (const page of [maria, tom, phone]) await page.context().close()
}

/** What goes wrong: nothing kept, no room to keep it, refused, a slow network, none, ended. */
async function takeTrouble(size, scheme) {
  const [width, height] = sizes[size]
  const net = await startProxy(server.port)
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, hasTouch: size === 'phone' })
  await context.addInitScript(() => { if (location.hash === '#blocked') Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError') } }) })
  const page = await context.newPage()
  const shot = async state => {
    await page.waitForTimeout(300) // motion has come to rest
    await page.screenshot({ path: `${out}${size}-${scheme}-${state}.png` })
  }
  await page.goto(`${net.url}/#blocked`)
  await page.waitForSelector('.notice')
  await shot('storage-blocked')
  await page.goto('about:blank')
  await page.goto(net.url)
  await page.fill('input[name=name]', 'Maria')
  await page.click('text=Start a room')
  await page.waitForSelector('.empty')
  const room = page.url().split('/').pop()
  const tom = await guest('Tom Baker', room)
  await tom.say('Are you still there?')
  await page.fill('textarea', 'Of course\u0000 I am.')
  await page.keyboard.press('Enter')
  if (size === 'phone') await page.click('.send')
  await page.waitForSelector('.not-sent')
  net.refuse()
  await page.fill('textarea', 'Only my network is not.')
  await page.click('.send')
  await page.waitForSelector('.banner')
  await shot('offline')
  net.pass()
  await page.waitForSelector('.banner', { state: 'detached' })
  await page.evaluate(() => {
    for (let size = 1 << 22, n = 0; size >= 1; n++) {
      try {
        localStorage.setItem(`filler${n}`, 'x'.repeat(size))
      } catch {
        size /= 2
      }
    }
  })
  await page.fill('textarea', 'And no room for what I write.')
  await page.click('.send')
  await page.waitForSelector('.notice')
  await shot('storage-full')
  await page.click('.notice button')
  await page.evaluate(() => { for (const key of Object.keys(localStorage)) if (key.startsWith('filler')) localStorage.removeItem(key) })
  await page.locator('.log').focus()
  await page.keyboard.press('?')
  await page.waitForSelector('.dialog')
  await shot('keys')
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'About this room', exact: true }).click()
  await page.click('text=End this room…')
  await shot('question')
  await page.locator('.dialog').getByRole('button', { name: 'End this room', exact: true }).click()
  await page.waitForSelector('text=This room is gone')
  await shot('gone')
  net.hole()
  await page.evaluate(at => {
    history.pushState(null, '', at)
    dispatchEvent(new PopStateEvent('popstate'))
  }, `${net.url}/r/sunday-walk`)
  await page.waitForSelector('.skeleton')
  await shot('loading')
  tom.go()
  await context.close()
  await net.close()
}

// With words behind it only some are taken: node screenshots.mjs phone dark house
const asked = process.argv.slice(2)
const wanted = (...words) => asked.every(word => words.includes(word))

try {
  for (const size of Object.keys(sizes)) {
    for (const scheme of ['light', 'dark']) {
      if (wanted(size, scheme, 'talk')) await take(size, scheme)
      if (wanted(size, scheme, 'house')) await takeHouse(size, scheme)
      if (wanted(size, scheme, 'trouble')) await takeTrouble(size, scheme)
    }
  }
  if (asked.length === 0) {
    cpSync(`${out}desk-light-talk.png`, `${root}docs/screenshots/desk.png`)
    cpSync(`${out}phone-dark-talk.png`, `${root}docs/screenshots/phone.png`)
  }
  console.log(`pictures are in ${out}`)
} finally {
  await browser.close()
  await server.close()
}
