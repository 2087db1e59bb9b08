// Who one is: the owner's link of a room, and the way to another device. What is secret stands in fragments alone.
import type { BrowserContext, Locator, Page } from '../../web/node_modules/@playwright/test'
import { expect, test } from './fixture.ts'
import type { Person } from './person.ts'

/** What is asked for, by URL: secrets must not be among it. */
function asked(context: BrowserContext): string[] {
  const urls: string[] = []
  context.on('request', request => urls.push(request.url()))
  return urls
}

const role = (someone: Person) => someone.page.locator('.member-note').first()

test('the owner’s link is shown once; opened it leaves the address at once and makes an owner', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const code = await maria.start({ title: 'Walk' })
  await maria.page.getByRole('button', { name: 'Keep the owner’s link', exact: true }).click()
  const dialog = maria.page.getByRole('dialog', { name: 'Keep the owner’s link' })
  const link = await dialog.locator('code').innerText()
  expect(link).toMatch(new RegExp(`^${maria.net.url}/r/${code}#key=[\\w-]{16,}$`))
  const key = link.split('=').pop()!
  await dialog.getByRole('button', { name: 'Later' }).click()
  await maria.page.getByRole('button', { name: 'The room is yours: keep its owner’s link' }).click()
  await dialog.getByRole('button', { name: 'I have kept it' }).click()
  await expect(maria.page.getByRole('button', { name: /owner’s link/ })).toHaveCount(0)
  expect(await maria.page.evaluate(() => JSON.stringify({ ...localStorage }))).not.toContain(key)

  // Somebody new: asked for a name with the key in hand.
  const eve = await person('Eve')
  const urls = asked(eve.context)
  await eve.page.goto(link.replace(maria.net.url, eve.net.url))
  await expect(eve.page.getByLabel('Your name')).toBeVisible()
  expect(eve.page.url()).toBe(`${eve.net.url}/r/${code}`)
  await eve.page.getByLabel('Your name').fill('Eve')
  await eve.page.getByRole('button', { name: 'Enter' }).click()
  await eve.isIn()
  await expect(role(eve)).toHaveText('you · owner')
  await expect(eve.page.getByRole('status').filter({ hasText: 'You own this room now.' })).toBeVisible()
  expect(urls.filter(url => url.includes(key))).toEqual([])
  // The key has done its work: demoted, one does not come back as an owner.
  await maria.page.getByRole('list', { name: 'Who is here' }).getByRole('button', { name: 'Eve' }).click()
  await maria.page.getByRole('button', { name: 'Make a plain member' }).click()
  await expect(role(eve)).toHaveText('you')
  eve.net.cut()
  await eve.say('after a new connection')
  await expect(role(eve)).toHaveText('you')

  // In the room already: by the address bar, and by what is pasted on the landing page.
  await eve.page.evaluate(hash => { location.hash = hash }, `#key=${key}`)
  await expect(role(eve)).toHaveText('you · owner')
  expect(eve.page.url()).toBe(`${eve.net.url}/r/${code}`)
  const tom = await person('Tom')
  await tom.page.goto(tom.net.url)
  await tom.page.getByLabel('Your name').fill('Tom')
  await tom.page.getByLabel('Room code or link').fill(link)
  await tom.page.getByRole('button', { name: 'Join' }).click()
  await tom.isIn()
  await expect(role(tom)).toHaveText('you · owner')

  // By what is pasted into a command, from another room and from the room itself.
  const ben = await person('Ben')
  const own = await ben.start()
  await ben.write(`/join ${link}`)
  await expect(ben.page.getByRole('heading', { level: 1, name: 'Walk' })).toBeVisible()
  await expect(role(ben)).toHaveText('you · owner')
  expect(ben.page.url()).toBe(`${ben.net.url}/r/${code}`)
  const ann = await person('Ann')
  await ann.join(code)
  await expect(role(ann)).toHaveText('you')
  await ann.write(`/join ${link}`)
  await expect(role(ann)).toHaveText('you · owner')
  await ben.write(`/join ${own}`)
  await expect(ben.page.getByRole('heading', { level: 1, name: own })).toBeVisible()
})

test('a wrong owner’s key is told, and one is let in as before', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await tom.page.evaluate(() => { location.hash = '#key=nonsense' })
  await expect(tom.page.getByRole('alert')).toContainText('That owner’s link is not one of this room.')
  await tom.say('still here')
  await expect(role(tom)).toHaveText('you')
})

/** Asks for a code, and finds it and its link. */
async function codeOf(someone: Person): Promise<{ code: string; dialog: Locator }> {
  await someone.page.getByRole('button', { name: 'Use another device, too' }).click()
  const dialog = someone.page.getByRole('dialog', { name: 'Use another device, too' })
  await expect(dialog.locator('.move-code')).toHaveText(/^[A-Z]{4}-[A-Z]{4}-[A-Z]{4}$/)
  return { code: await dialog.locator('.move-code').innerText(), dialog }
}

async function takeOver(page: Page, code: string): Promise<void> {
  await page.getByLabel('Code from the other device').fill(code)
  await page.getByRole('button', { name: 'Take over here' }).click()
}

test('another device takes over by a code that is typed; wrong and used ones are explained', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const room = await maria.start({ title: 'Walk' })
  await maria.say('from the desk')
  const urls = asked(maria.context)
  const { code, dialog } = await codeOf(maria)
  await expect(dialog.getByText(/It works once, and for [45]:\d\d/)).toBeVisible()
  // The picture is drawn, and no address that was asked for has the code.
  await expect.poll(() => dialog.locator('img.qr').evaluate(picture => (picture as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
  expect(urls.some(url => url.endsWith('/api/v1/qr'))).toBe(true)
  expect(urls.filter(url => url.toLowerCase().replaceAll('-', '').includes(code.toLowerCase().replaceAll('-', '')))).toEqual([])

  const phone = await person('the phone')
  await phone.page.goto(phone.net.url)
  await phone.page.getByRole('button', { name: 'I come from another device' }).click()
  await takeOver(phone.page, 'ABCD-EFGH-JKLM')
  await expect(phone.page.getByRole('alert')).toContainText('wrong, was used already, or is too old')
  await takeOver(phone.page, code.toLowerCase().replaceAll('-', ' '))
  await expect(phone.page.getByRole('button', { name: 'Start a room' })).toBeVisible()
  await phone.page.goto(`${phone.net.url}/r/${room}`)
  await phone.page.getByLabel('Your name').fill('Maria')
  await phone.page.getByRole('button', { name: 'Enter' }).click()
  await phone.isIn()
  await expect(phone.members).toHaveText(['Maria'])
  await expect(role(phone)).toHaveText('you · owner')
  await expect(phone.page.locator('.message.mine')).toHaveCount(1)
  await expect(maria.notes).toHaveCount(0) // nobody came: it is she

  const eve = await person('Eve')
  await eve.page.goto(eve.net.url)
  await eve.page.getByRole('button', { name: 'I come from another device' }).click()
  await takeOver(eve.page, code)
  await expect(eve.page.getByRole('alert')).toContainText('wrong, was used already, or is too old')
  await eve.page.getByRole('button', { name: 'Start as somebody new' }).click()
  await eve.start()
  await expect(eve.members).toHaveText(['Eve'])
})

test('another device takes over by a link, with the name and the rooms, only if it is meant', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const first = await maria.start({ title: 'First' })
  await maria.page.goto(maria.net.url)
  const second = await maria.start({ title: 'Second' })
  const { code, dialog } = await codeOf(maria)
  // What the picture shows, as its copy button gives it.
  await maria.page.evaluate(() => { navigator.clipboard.writeText = async text => { (window as unknown as { copied: string }).copied = text } })
  await dialog.getByRole('button', { name: 'Copy as a link' }).click()
  const link = await maria.page.evaluate(() => (window as unknown as { copied: string }).copied)
  expect(link).toBe(`${maria.net.url}/#move=${code}&name=Maria&rooms=${second}%2C${first}`)

  // This browser is somebody in a room already, who is given up.
  const phone = await person('Old me')
  await phone.start({ title: 'Mine' })
  const urls = asked(phone.context)
  await phone.page.goto(link.replace(maria.net.url, phone.net.url))
  await expect(phone.page.getByRole('heading', { name: 'Be Maria here, too?' })).toBeVisible()
  await expect(phone.page.getByText('Who this browser was until now is given up.')).toBeVisible()
  expect(phone.page.url()).toBe(`${phone.net.url}/`)
  await phone.page.getByRole('button', { name: 'Take over here' }).click()
  await expect(phone.page.getByRole('heading', { level: 1, name: 'Second' })).toBeVisible()
  await expect(phone.members).toHaveText(['Maria'])
  await expect(phone.page.locator('.room-item')).toHaveText(['Second', 'First', 'Mine'])
  await phone.say('from the phone')
  await expect(maria.page.locator('.message.mine')).toHaveText(/from the phone/)
  await phone.page.reload()
  await phone.isIn()
  await expect(role(phone)).toHaveText('you · owner')
  expect(urls.filter(url => url.includes(code))).toEqual([])
})

test('a code that has run out says so, and makes room for a new one', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  await maria.page.clock.install()
  await maria.start()
  const { code, dialog } = await codeOf(maria)
  await maria.page.clock.fastForward('05:01')
  await expect(dialog.getByRole('alert')).toContainText('The code has run out.')
  await expect(dialog.locator('.move-code')).toHaveCount(0)
  await maria.page.clock.resume()
  await dialog.getByRole('button', { name: 'Make a new one' }).click()
  await expect(dialog.locator('.move-code')).not.toHaveText(code, { timeout: 20_000 })
})
