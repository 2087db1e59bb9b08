// The room's own page: what everybody sees of it, and what its owner may change.
import { expect, test } from './fixture.ts'
import type { Person } from './person.ts'

const about = (someone: Person) => someone.page.getByRole('dialog', { name: 'About this room' })

test('an owner changes title, keeping, passphrase, pace and lock; others see it and may not', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start({ title: 'Walk' })
  await tom.join(code)
  await maria.page.getByRole('button', { name: 'About this room' }).click()
  await about(maria).getByLabel('Title').fill('Sunday walk')
  await about(maria).getByLabel('Messages are kept').selectOption('one week')
  await about(maria).getByLabel('Passphrase').fill('open sesame')
  await about(maria).getByLabel('Everybody may write').selectOption('every 5 seconds')
  await about(maria).getByLabel('Locked').check()
  await about(maria).getByRole('button', { name: 'Save' }).click()
  await expect(about(maria)).toBeHidden()
  for (const someone of [maria, tom]) {
    await expect(someone.page.getByRole('heading', { level: 1, name: 'Sunday walk' })).toBeVisible()
    await expect(someone.notes.filter({ hasText: 'Maria named the room “Sunday walk” and locked the room' })).toHaveCount(1)
  }
  await tom.page.getByRole('button', { name: 'About this room' }).click()
  await expect(about(tom)).toContainText('one week')
  await expect(about(tom)).toContainText('every 5 seconds')
  await expect(about(tom).getByRole('textbox')).toHaveCount(0)
  await expect(about(tom).getByRole('button', { name: /Save|End/ })).toHaveCount(0)
  await tom.page.keyboard.press('Escape')

  // A new passphrase is asked of who was in before, too.
  await tom.page.reload()
  await expect(tom.page.getByRole('heading', { name: 'This room has a passphrase' })).toBeVisible()
  await tom.page.getByLabel('Passphrase').fill('open sesame')
  await tom.page.getByRole('button', { name: 'Enter' }).click()
  await tom.isIn()

  // Nobody new may enter, not with the passphrase either.
  const eve = await person('Eve')
  await eve.page.goto(`${eve.net.url}/r/${code}`)
  await eve.page.getByLabel('Your name').fill('Eve')
  await eve.page.getByRole('button', { name: 'Enter' }).click()
  await eve.page.getByLabel('Passphrase').fill('open sesame')
  await eve.page.getByRole('button', { name: 'Enter' }).click()
  await expect(eve.page.getByRole('alert')).toContainText('locked')

  await maria.page.getByRole('button', { name: 'About this room' }).click()
  await about(maria).getByLabel('Locked').uncheck()
  await about(maria).getByRole('button', { name: 'Remove' }).click()
  await about(maria).getByRole('button', { name: 'Save' }).click()
  await expect(about(maria)).toBeHidden()
  await eve.page.getByRole('button', { name: 'Try again' }).click()
  await eve.isIn()
})

test('a title that cannot be is refused, with what was written still there', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  await maria.start({ title: 'Walk' })
  await maria.page.getByRole('button', { name: 'About this room' }).click()
  await about(maria).getByLabel('Title').fill('x'.repeat(300))
  await about(maria).getByRole('button', { name: 'Save' }).click()
  await expect(about(maria).getByRole('alert')).toBeVisible()
  await expect(about(maria).getByLabel('Title')).toHaveValue(/^x{300}$/)
})

test('an owner ends the room, after a question; the others are told', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await maria.page.getByRole('button', { name: 'About this room' }).click()
  await about(maria).getByRole('button', { name: 'End this room…' }).click()
  await maria.page.getByRole('dialog', { name: 'End this room?' }).getByRole('button', { name: 'End this room' }).click()
  for (const someone of [maria, tom]) await expect(someone.page.getByRole('heading', { name: 'This room is gone' })).toBeVisible()
  await expect(maria.page.locator('.room-name')).toHaveText(code)
  await expect(maria.page.locator('.room-name p')).toHaveCount(0) // nor an empty line where was said who is here
  await expect(maria.page.getByRole('button', { name: 'Keep the owner’s link' })).toHaveCount(0)
  await tom.page.getByRole('button', { name: 'To the start' }).click()
  await expect(tom.page.getByRole('button', { name: 'Start a room' })).toBeVisible()
  await tom.page.goto(`${tom.net.url}/r/${code}`)
  await expect(tom.page.getByRole('heading', { name: 'No such room' })).toBeVisible()
})
