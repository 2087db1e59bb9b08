// Behaviours 57 to 61: the first minute, and what changes behind one's back.
import { execFileSync } from 'node:child_process'
import { existsSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Bot } from './bot.ts'
import { expect, test } from './fixture.ts'
import { serveUnder } from './subpath.ts'

/** The same server under another version; built once for all browsers. */
function nextVersion(binary: string): string {
  const next = `${binary}-next`
  if (!existsSync(next) || statSync(next).mtimeMs < statSync(binary).mtimeMs) {
    const made = `${next}.${process.pid}`
    execFileSync('go', ['build', '-trimpath', '-o', made, '-ldflags', '-s -w -X main.version=the-next-one', './cmd/snug'], { cwd: join(__dirname, '../..'), env: { ...process.env, CGO_ENABLED: '0' } })
    renameSync(made, next)
  }
  return next
}

test('57 link, name, in: two actions, and one for those who have been here', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.page.goto(`${tom.net.url}/r/${code.toLowerCase()}`)
  await expect(tom.page.getByLabel('Your name')).toBeFocused()
  await tom.page.keyboard.type('Tom')
  await tom.page.keyboard.press('Enter')
  await tom.isIn()
  await expect(tom.page).toHaveURL(`${tom.net.url}/r/${code}`)
  await expect(tom.composer).toBeFocused()
  await tom.reopen(`/r/${code}`)
  await tom.isIn()
})

test('57 a code or a link joins from the landing page', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  for (const written of [` ${code.toLowerCase()} `, `${maria.net.url}/r/${code}`]) {
    const tom = await person(`Guest of ${written.length}`)
    await tom.page.goto(tom.net.url)
    await tom.page.getByLabel('Your name').fill(tom.name)
    await tom.page.getByLabel('Room code or link').fill(written)
    await tom.page.getByRole('button', { name: 'Join' }).click()
    await tom.isIn()
    await expect(tom.page).toHaveURL(`${tom.net.url}/r/${code}`)
  }
})

test('58 a wrong code is explained', async ({ person }) => {
  const tom = await person('Tom')
  await tom.page.goto(`${tom.net.url}/r/NOWHERES`)
  await tom.page.getByLabel('Your name').fill('Tom')
  await tom.page.getByRole('button', { name: 'Enter' }).click()
  await expect(tom.page.getByRole('heading', { name: 'No such room' })).toBeVisible()
  await expect(tom.page.getByRole('alert')).toContainText('NOWHERES')
  await tom.page.getByRole('button', { name: 'Back to the start' }).click()
  await expect(tom.page.getByRole('button', { name: 'Start a room' })).toBeVisible()
  await tom.page.getByLabel('Room code or link').fill('not a code!')
  await tom.page.getByRole('button', { name: 'Join' }).click()
  await expect(tom.page.getByRole('alert')).toContainText('3 to 40')
})

test('58 a new room shows its link, a copy button and a QR code; a taken code is explained', async ({ person, browserName }) => {
  const maria = await person('Maria', browserName === 'chromium' ? { permissions: ['clipboard-read', 'clipboard-write'] } : {})
  const own = `walk-${Date.now()}`
  const code = await maria.start({ code: own })
  expect(code).toBe(own)
  const link = `${maria.net.url}/r/${code}`
  await expect(maria.page.locator('.empty-link')).toHaveText(link)
  await maria.page.getByRole('button', { name: 'Copy the link' }).click()
  await expect(maria.page.getByRole('button', { name: 'Copied' })).toBeVisible()
  if (browserName === 'chromium') expect(await maria.page.evaluate(() => navigator.clipboard.readText())).toBe(link)

  const picture = maria.page.getByRole('img', { name: 'The link as a QR code' })
  await expect.poll(() => picture.evaluate(img => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
  expect(await picture.getAttribute('src')).toBe(`${maria.net.url}/r/${code}/qr.svg?base=${encodeURIComponent(`${maria.net.url}/`)}`)

  const tom = await person('Tom')
  await tom.page.goto(tom.net.url)
  await tom.page.getByLabel('Your name').fill('Tom')
  await tom.page.getByText('Options').click()
  await tom.page.getByLabel('Code of your own').fill(own)
  await tom.page.getByRole('button', { name: 'Start a room' }).click()
  await expect(tom.page.getByRole('alert')).toContainText('That code is taken')
})

test('59 a new version while open: a quiet chip, draft and outbox are kept', async ({ person, ownServer }) => {
  test.setTimeout(180_000) // it builds a server
  const maria = await person('Maria', { server: ownServer })
  await maria.start()
  await maria.composer.fill('half a thought')
  await expect(maria.page.getByText('A new version is here')).toHaveCount(0)

  const next = nextVersion(ownServer.binary)
  await ownServer.stop()
  await expect(maria.banner).toBeVisible({ timeout: 15_000 })
  await maria.write('written meanwhile')
  await maria.composer.fill('half a thought')
  ownServer.binary = next
  await ownServer.start()
  maria.net.retarget(ownServer.port)

  const chip = maria.page.getByRole('button', { name: /new version/ })
  await expect(chip).toBeVisible({ timeout: 15_000 })
  await expect(maria.composer).toHaveValue('half a thought')
  await maria.write('not\u0000 this') // stays in the outbox, refused
  await expect(maria.page.getByRole('alert').filter({ hasText: 'Not sent' })).toBeVisible()
  await maria.composer.fill('half a thought')
  await chip.click()
  await expect(chip).toBeHidden()
  await expect(maria.page.getByRole('alert').filter({ hasText: 'Not sent' })).toBeVisible()
  await expect(maria.composer).toHaveValue('half a thought')
  await expect(maria.message('written meanwhile')).toHaveAttribute('data-state', 'sent')
})

test('60 a refused token is dropped after telling, drafts are kept; 61 nothing goes by itself into a room that was remade', async ({ person, ownServer }) => {
  const maria = await person('Maria', { server: ownServer })
  await maria.start({ code: 'remade' })
  await maria.say('in the old one')
  const token = () => maria.page.evaluate(() => localStorage.getItem('snug.token'))
  const old = await token()
  maria.net.refuse()
  await maria.write('for the old one')
  await expect(maria.message('for the old one')).toHaveAttribute('data-state', 'pending')
  await maria.composer.fill('a draft')

  await ownServer.stop()
  ownServer.forget()
  await ownServer.start()
  // Somebody makes a room of that code anew.
  const keeper = await Bot.visitor(ownServer.url)
  await keeper.ask('create', { code: 'remade' })
  await keeper.ask('join', { room: 'remade', name: 'Keeper' })
  const heard: string[] = []
  keeper.socket.on('message', ({ text }: { text: string }) => heard.push(text))
  maria.net.retarget(ownServer.port)
  maria.net.pass()

  await expect(maria.page.getByText('did not know your browser any more')).toBeVisible({ timeout: 15_000 })
  await expect(maria.banner).toBeHidden()
  expect(await token()).not.toBe(old)
  await expect(maria.members).toHaveText(['Maria', 'Keeper'])
  await expect(maria.composer).toHaveValue('a draft')
  await expect(maria.message('in the old one')).toHaveCount(0)
  await expect(maria.message('for the old one').getByRole('alert')).toContainText('Not sent')
  // Not on the screen alone.
  await maria.page.reload()
  await maria.isIn()
  await expect(maria.composer).toHaveValue('a draft')
  await expect(maria.message('for the old one').getByRole('alert')).toContainText('Not sent')
  await maria.say('a draft')
  expect(heard).toEqual(['a draft'])
  await maria.message('for the old one').getByRole('button', { name: 'Retry' }).click()
  await expect(maria.message('for the old one')).toHaveAttribute('data-state', 'sent')
  expect(heard).toEqual(['a draft', 'for the old one'])
  keeper.leave()
})

test('all of it works under a path of a proxy', async ({ person, server }) => {
  const front = await serveUnder('/some/where/', server.port)
  try {
    const maria = await person('Maria')
    await maria.page.goto(`${front.url}/some/where/`)
    await maria.page.getByLabel('Your name').fill('Maria')
    await maria.page.getByRole('button', { name: 'Start a room' }).click()
    await maria.isIn()
    const path = new RegExp(`^${front.url}/some/where/r/[A-Z]{8}$`)
    await expect(maria.page).toHaveURL(path)
    await expect(maria.page.locator('.empty-link')).toHaveText(path)
    await expect.poll(() => maria.page.locator('.qr').evaluate(img => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
    await maria.say('under a path')
    await maria.page.getByRole('button', { name: 'Use another device, too' }).click()
    await expect(maria.page.getByRole('dialog')).toContainText(`${front.url.slice('http://'.length)}/some/where`)
    await expect.poll(() => maria.page.locator('.dialog .qr').evaluate(img => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(0)
    await maria.page.reload()
    await maria.isIn()
    await maria.sees('under a path')
    await expect(maria.page.locator('#favicon')).toHaveAttribute('href', /favicon/)
    expect(front.strays).toEqual([])
  } finally {
    front.close()
  }
})
