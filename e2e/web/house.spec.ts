// The first house: two people, from a fresh server to talking, through everything that happens to them.
import { expect, test } from './fixture.ts'

test('two people start and join a room, talk, and see each other come, type and leave', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start({ title: 'Sunday walk' })
  await expect(maria.page.getByRole('heading', { name: 'It is quiet in here.' })).toBeVisible()
  await tom.join(code)

  await expect(maria.notes.filter({ hasText: 'Tom joined' })).toHaveCount(1)
  await expect(maria.members).toHaveText(['Maria', 'Tom'])
  await expect(tom.members).toHaveText(['Tom', 'Maria'])

  await tom.composer.pressSequentially('Good mor')
  await expect(maria.page.getByText('Tom is writing…')).toBeVisible()
  await tom.say('Good morning')
  await maria.sees('Good morning')
  await expect(maria.page.getByText('Tom is writing…')).toBeHidden()
  await maria.say('Hello Tom')
  await tom.sees('Good morning', 'Hello Tom')
  expect(await tom.texts()).toEqual(await maria.texts())

  await tom.page.getByRole('button', { name: 'Leave room' }).click()
  await expect(tom.page.getByRole('button', { name: 'Start a room' })).toBeVisible()
  await expect(maria.notes.filter({ hasText: 'Tom left' })).toHaveCount(1)
  await expect(maria.members).toHaveText(['Maria'])
})

test('a reload keeps the seat and makes no sound', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await tom.say('before')
  await maria.sees('before')
  const notes = await maria.notes.count()

  for (let i = 0; i < 3; i++) {
    await tom.page.reload()
    await tom.isIn()
    await tom.sees('before')
  }
  // Longer than the grace of a reload: by now any word of his going would be here.
  await maria.page.waitForTimeout(2500)
  await expect(maria.notes).toHaveCount(notes)
  await expect(maria.members).toHaveText(['Maria', 'Tom'])
  await tom.say('after')
  await maria.sees('before', 'after')
})

test('after kill -9 and a new start on the same data everything is there', async ({ person, ownServer }) => {
  const maria = await person('Maria', { server: ownServer })
  const tom = await person('Tom', { server: ownServer })
  const code = await maria.start({ title: 'Lasting' })
  await tom.join(code)
  const colour = await maria.page.locator('.member .face').first().getAttribute('class')
  for (const text of ['one', 'two', 'three']) await tom.say(text)
  await maria.say('four')

  await ownServer.stop('SIGKILL')
  await maria.write('five, written while nobody listened')
  await expect(maria.message('five, written while nobody listened')).toHaveAttribute('data-state', 'pending')
  await ownServer.start()
  for (const someone of [maria, tom]) someone.net.retarget(ownServer.port)

  const all = ['one', 'two', 'three', 'four', 'five, written while nobody listened']
  for (const someone of [maria, tom]) {
    await expect(someone.page.locator('.message .text')).toHaveText(all, { timeout: 15_000 })
    await expect(someone.page.locator('[data-state=pending]')).toHaveCount(0)
    await someone.page.reload()
    await someone.isIn()
    await expect(someone.page.locator('.message .text')).toHaveText(all)
  }
  await expect(maria.page.locator('.member .face').first()).toHaveAttribute('class', colour!)
  await expect(maria.page.locator('.member-note').first()).toHaveText('you · owner')
  await expect(maria.page.getByRole('heading', { name: 'Lasting' })).toBeVisible()
})

test('several rooms in one window, with unread counts', { tag: '@once' }, async ({ person, bot }) => {
  const maria = await person('Maria')
  const first = await maria.start({ title: 'First' })
  await maria.page.getByRole('button', { name: 'Another room' }).click()
  await maria.page.getByText('Options').click()
  await maria.page.getByLabel('Title').fill('Second')
  await maria.page.getByRole('button', { name: 'Start a room' }).click()
  await expect(maria.page.getByRole('heading', { name: 'Second' })).toBeVisible()

  const tom = await bot(first, 'Tom')
  await tom.sayAll(['a', 'b', 'c'])
  const item = maria.page.getByRole('navigation', { name: 'Rooms' }).getByRole('link', { name: 'First' })
  await expect(item.locator('.badge')).toHaveText('3')
  const left = await maria.log.elementHandle()
  await item.click()
  await maria.sees('a', 'b', 'c')
  await left!.evaluate(log => log.dispatchEvent(new Event('scroll'))) // as a browser tells of it, when the room has gone: no error
  await expect(maria.page.locator('.badge')).toHaveCount(0)

  // Both are open again after a reload; the landing page knows them, too.
  await maria.page.reload()
  await maria.isIn()
  await expect(maria.page.locator('.room-item')).toHaveCount(2)
  await maria.page.getByRole('link', { name: 'Snug' }).click()
  await expect(maria.page.locator('.recent-room')).toHaveCount(2)
})

test('a room with a passphrase asks for it', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start({ passphrase: 'open sesame' })
  await tom.page.goto(`${tom.net.url}/r/${code}`)
  await tom.page.getByLabel('Your name').fill('Tom')
  await tom.page.getByRole('button', { name: 'Enter' }).click()
  await expect(tom.page.getByRole('heading', { name: 'This room has a passphrase' })).toBeVisible()
  await tom.page.getByLabel('Passphrase').fill('open barley')
  await tom.page.getByRole('button', { name: 'Enter' }).click()
  await expect(tom.page.getByRole('alert').filter({ hasText: 'That is not the passphrase' })).toBeVisible()
  await tom.page.getByLabel('Passphrase').fill('open sesame')
  await tom.page.getByRole('button', { name: 'Enter' }).click()
  await tom.isIn()
  await tom.page.reload()
  await tom.isIn()
})
