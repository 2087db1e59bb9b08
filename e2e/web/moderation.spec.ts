// Who runs a room puts out, bans, mutes, deletes and gives roles; who is dealt with is told in words, and loses no text.
import type { Locator } from '../../web/node_modules/@playwright/test'
import { problems, small } from './axe.ts'
import { expect, test } from './fixture.ts'
import type { Person } from './person.ts'

/** A time of today, or of tomorrow if it is late. */
const moment = String.raw`(\d+ \w+, )?\d{1,2}:\d\d`

/** Somebody's card, from the list of who is here. */
async function card(someone: Person, name: string): Promise<Locator> {
  await someone.page.getByRole('list', { name: 'Who is here' }).getByRole('button', { name }).click()
  const dialog = someone.page.getByRole('dialog', { name, exact: true })
  await expect(dialog).toBeVisible()
  return dialog
}

const deeds = (dialog: Locator) => dialog.locator('.deeds button')
const note = (someone: Person, text: string) => someone.notes.filter({ hasText: text })

/** Does to a member what its card offers, for so long and for a reason. */
async function measure(someone: Person, name: string, deed: string, title: string, span: string, reason: string): Promise<void> {
  await (await card(someone, name)).getByRole('button', { name: deed }).click()
  const form = someone.page.getByRole('dialog', { name: title, exact: true })
  await form.getByLabel('How long').selectOption(span)
  await form.getByLabel('Reason').fill(reason)
  await form.locator('button[type=submit]').click()
  await expect(form).toBeHidden()
}

test('put out for a while: told why and until when, with the draft kept, and back by a button', { tag: '@once' }, async ({ person, bot }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start({ title: 'Walk' })
  await tom.join(code)
  await tom.say('hey')
  await tom.composer.fill('what I was about to say')
  await measure(maria, 'Tom', 'Put out for a while…', 'Put Tom out', 'for 5 minutes', 'too loud')
  await expect(tom.page.getByRole('alert')).toContainText('You were asked to leave')
  await expect(tom.page.getByRole('alert')).toContainText('too loud')
  await expect(tom.page.getByRole('button', { name: /Back in [45]:\d\d/ })).toBeDisabled()
  await expect(tom.page.getByRole('region', { name: 'What you had not sent' })).toContainText('what I was about to say')
  await expect(note(maria, 'Maria put Tom out for 5 minutes: too loud')).toHaveCount(1)
  await expect(note(maria, 'Tom left')).toHaveCount(0)
  await expect(maria.members).toHaveText(['Maria'])

  // The page comes back to a door that says when. From the name in the talk a card opens of who is not here any more, too.
  await tom.page.reload()
  await expect(tom.page.getByRole('heading', { name: 'The door is shut for now' })).toBeVisible()
  await expect(tom.page.getByText(new RegExp(`You may try again at ${moment}`))).toBeVisible()
  await maria.message('hey').getByRole('button', { name: 'Tom' }).click()
  await expect(maria.page.getByRole('dialog', { name: 'Tom' }).getByText(new RegExp(`^put out until ${moment}$`))).toBeVisible()
  await maria.page.getByRole('button', { name: 'Let them back in' }).click()
  await expect(note(maria, 'Maria let Tom back in')).toHaveCount(1)
  await tom.page.getByRole('button', { name: 'Try again' }).click()
  await tom.isIn()
  await expect(tom.composer).toHaveValue('what I was about to say')

  // A time that is over: a button leads back.
  const ben = await bot(code, 'Ben')
  await ben.say('I am Ben')
  await maria.message('I am Ben').getByRole('button', { name: 'Ben' }).click()
  await expect(maria.page.getByRole('dialog', { name: 'Ben', exact: true })).toBeVisible()
  await maria.page.getByRole('button', { name: 'Make a moderator' }).click()
  await expect(note(maria, 'Maria made Ben a moderator')).toHaveCount(1)
  await expect(maria.page.locator('.member', { hasText: 'Ben' }).locator('.member-note')).toHaveText('moderator')

  const eve = await person('Eve')
  await eve.join(code)
  await eve.composer.fill('my draft')
  const { members } = await ben.ask('members', { room: code }) as { members: Array<{ id: string; name: string }> }
  await ben.ask('kick', { room: code, member: members.find(({ name }) => name === 'Eve')!.id, seconds: 2, reason: 'once' })
  await eve.page.getByRole('button', { name: 'Go back in' }).click({ timeout: 5000 })
  await eve.isIn()
  await expect(eve.composer).toHaveValue('my draft')
  await eve.say('I am back')
  await maria.sees('I am back')
})

/** The lists of the banned and the muted. */
async function outlaws(someone: Person): Promise<Locator> {
  await someone.page.getByRole('button', { name: 'Banned and muted' }).click()
  return someone.page.getByRole('dialog', { name: 'Banned and muted' })
}

test('muted: the composer says until when and keeps the text; lifted, it goes', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await tom.say('hello')
  await maria.message('hello').getByRole('button', { name: 'Tom' }).click()
  await maria.page.getByRole('dialog', { name: 'Tom' }).getByRole('button', { name: 'Mute…' }).click()
  await maria.page.getByRole('button', { name: 'Mute for 10 minutes' }).click()
  await expect(tom.page.getByText(new RegExp(`You may not write here until ${moment}\\. What you write is kept\\.`))).toBeVisible()
  for (const someone of [maria, tom]) await expect(note(someone, 'Maria muted Tom for 10 minutes')).toHaveCount(1)
  await tom.write('a long and thoughtful answer')
  await expect(tom.page.getByRole('alert')).toContainText('What you wrote is kept.')
  await expect(tom.composer).toHaveValue('a long and thoughtful answer')
  await expect(tom.messages).toHaveCount(1)
  // Told again on joining, and the text outlives the page.
  await tom.page.reload()
  await tom.isIn()
  await expect(tom.page.getByText(/You may not write here until/)).toBeVisible()
  await expect(tom.composer).toHaveValue('a long and thoughtful answer')

  await expect((await card(maria, 'Tom')).getByText(new RegExp(`^muted until ${moment}$`))).toBeVisible()
  await maria.page.keyboard.press('Escape')
  const lists = await outlaws(maria)
  await expect(lists.getByRole('list', { name: 'Muted' })).toContainText('Tom')
  await lists.getByRole('button', { name: 'Let write: Tom' }).click()
  await expect(lists.getByText('Nobody is muted in this room.')).toBeVisible()
  await maria.page.keyboard.press('Escape')
  await expect(note(maria, 'Maria let Tom write again')).toHaveCount(1)
  await expect(tom.page.getByText(/You may not write here until/)).toHaveCount(0)
  await tom.composer.press('Enter')
  await maria.sees('a long and thoughtful answer')
})

test('banned: out of every tab at once, the door stays shut, and opens when the ban is lifted', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start({ title: 'Walk' })
  await tom.join(code)
  const second = await tom.context.newPage()
  await second.goto(`${tom.net.url}/r/${code}`)
  await expect(second.getByRole('log')).toBeVisible()
  await measure(maria, 'Tom', 'Ban…', 'Ban Tom', 'for good', 'spam')
  for (const page of [tom.page, second]) {
    await expect(page.getByRole('alert')).toContainText('This room is closed to you')
    await expect(page.getByRole('alert')).toContainText('spam')
    await expect(page.getByRole('button', { name: 'Go back in' })).toHaveCount(0)
  }
  await expect(note(maria, 'Maria banned Tom for good: spam')).toHaveCount(1)
  await tom.page.goto(`${tom.net.url}/r/${code}`)
  await expect(tom.page.getByRole('alert')).toContainText('You may not enter this room.')

  const lists = await outlaws(maria)
  await expect(lists.getByRole('list', { name: 'Banned' })).toHaveText('TTomfor goodLet back in')
  await lists.getByRole('button', { name: 'Let back in: Tom' }).click()
  await expect(lists.getByText('Nobody is banned from this room.')).toBeVisible()
  await maria.page.keyboard.press('Escape')
  await expect(note(maria, 'Maria let Tom back in')).toHaveCount(1)
  await tom.page.getByRole('button', { name: 'Try again' }).click()
  await tom.isIn()
  await tom.say('thank you')
  await maria.sees('thank you')
})

test('all messages of a member are deleted after a question', { tag: '@once' }, async ({ person, bot }) => {
  const maria = await person('Maria')
  const tom = await bot(await maria.start(), 'Tom')
  await tom.sayAll(['buy this', 'buy that'])
  await maria.say('mine stays')
  await (await card(maria, 'Tom')).getByRole('button', { name: 'Delete all their messages…' }).click()
  const question = maria.page.getByRole('dialog', { name: 'Delete all their messages?' })
  await question.getByRole('button', { name: 'Cancel' }).click()
  await maria.sees('buy this')
  await (await card(maria, 'Tom')).getByRole('button', { name: 'Delete all their messages…' }).click()
  await question.getByRole('button', { name: 'Delete all their messages' }).click()
  await expect(note(maria, 'Maria deleted 2 messages of Tom')).toHaveCount(1)
  expect(await maria.texts()).toEqual(['This message was deleted.', 'This message was deleted.', 'mine stays'])
})

test('roles: each sees what their own allows, from the moment they have it, by keyboard alone', { tag: '@once' }, async ({ person, bot }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await (await bot(code, 'Ben')).say('hello')
  const forTom = async (name: string) => {
    const dialog = await card(tom, name)
    const labels = await deeds(dialog).allInnerTexts()
    await tom.page.keyboard.press('Escape')
    await expect(dialog).toHaveCount(0)
    return labels
  }
  expect(await forTom('Ben')).toEqual(['Write to them by name'])
  await expect(tom.page.getByRole('button', { name: 'Banned and muted' })).toHaveCount(0)
  // The only owner cannot step down, and is offered nothing of the kind.
  expect(await deeds(await card(maria, 'Maria')).allInnerTexts()).toEqual(['Change my name', 'Delete all my messages…'])
  await maria.page.keyboard.press('Escape')
  await expect(maria.page.getByRole('dialog')).toHaveCount(0)

  // By keyboard: the card opens with Enter, gives the focus back on Esc, and does what is chosen.
  await maria.page.bringToFront() // Firefox does with a key what it stands for in the foremost window only
  const button = maria.page.getByRole('list', { name: 'Who is here' }).getByRole('button', { name: 'Tom' })
  await button.focus()
  await maria.page.keyboard.press('Enter')
  await expect(maria.page.getByRole('dialog', { name: 'Tom' })).toBeVisible()
  await maria.page.keyboard.press('Escape')
  await expect(button).toBeFocused()
  await maria.page.keyboard.press('Enter')
  await expect(maria.page.getByRole('button', { name: 'Make a moderator' })).toBeVisible()
  for (let i = 0; i < 12 && await maria.page.evaluate(() => document.activeElement!.textContent) !== 'Make a moderator'; i++) await maria.page.keyboard.press('Tab')
  await maria.page.keyboard.press('Enter')
  await expect(note(tom, 'Maria made Tom a moderator')).toHaveCount(1)

  await expect(tom.page.getByRole('button', { name: 'Banned and muted' })).toBeVisible()
  expect(await forTom('Maria')).toEqual(['Write to them by name'])
  expect(await forTom('Ben')).toEqual(['Write to them by name', 'Mute…', 'Put out for a while…', 'Ban…', 'Delete all their messages…'])
  // Of the room, a moderator sets the pace and the lock.
  await tom.page.getByRole('button', { name: 'About this room' }).click()
  const about = tom.page.getByRole('dialog', { name: 'About this room' })
  await expect(about.locator('form').getByRole('textbox')).toHaveCount(0)
  await about.getByLabel('Everybody may write').selectOption('every 5 minutes')
  await about.getByLabel('Locked').check()
  await about.getByRole('button', { name: 'Save' }).click()
  await expect(note(maria, 'Tom locked the room and slowed the talk to a message every 5 minutes')).toHaveCount(1)

  await (await card(maria, 'Tom')).getByRole('button', { name: 'Make an owner' }).click()
  await expect(note(tom, 'Maria made Tom an owner')).toHaveCount(1)
  await (await card(maria, 'Maria')).getByRole('button', { name: 'Step down to plain member…' }).click()
  await maria.page.getByRole('dialog', { name: 'Step down?' }).getByRole('button', { name: 'Step down' }).click()
  await expect(note(tom, 'Maria made themselves a plain member again')).toHaveCount(1)
  await expect(maria.page.getByRole('button', { name: 'Banned and muted' })).toHaveCount(0)
  expect(await forTom('Maria')).toContain('Ban…')
})

test('a slow room: what comes too early waits, and goes by itself', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await maria.page.getByRole('button', { name: 'About this room' }).click()
  await maria.page.getByLabel('Everybody may write').selectOption('every 5 seconds')
  await maria.page.getByRole('button', { name: 'Save' }).click()
  await expect(note(tom, 'Maria slowed the talk to a message every 5 seconds')).toHaveCount(1)
  await tom.say('first')
  await tom.write('second')
  await expect(tom.page.getByText(/This room takes its time: yours goes by itself in 0:0\d/)).toBeVisible()
  await expect(tom.message('second')).toHaveAttribute('data-state', 'pending')
  await expect(tom.message('second')).toHaveAttribute('data-state', 'sent', { timeout: 8000 })
  await expect(tom.page.getByText(/takes its time/)).toHaveCount(0)
  await maria.sees('first', 'second')
})

test('what the server does not offer is not shown', { tag: '@once' }, async ({ person, bot }) => {
  const maria = await person('Maria')
  // The same server with fewer features: they are taken out of its welcome on the way into the page.
  await maria.context.addInitScript(() => {
    const parse = JSON.parse
    JSON.parse = (text, reviver) => {
      const value = parse(text, reviver)
      if (Array.isArray(value) && value[0] === 'welcome') value[1].features = ['set', 'something new']
      return value
    }
  })
  const code = await maria.start()
  await bot(code, 'Tom')
  expect(await deeds(await card(maria, 'Tom')).allInnerTexts()).toEqual(['Write to them by name'])
  await maria.page.keyboard.press('Escape')
  await expect(maria.page.getByRole('button', { name: /Banned and muted|another device|Search/ })).toHaveCount(0)
  await maria.page.getByRole('button', { name: 'About this room' }).click()
  await expect(maria.page.getByRole('button', { name: 'Save' })).toBeVisible()
  await expect(maria.page.getByRole('button', { name: 'End this room…' })).toHaveCount(0)
})

test('53 on a phone, in both themes: axe finds nothing serious in what is for owners, for who is dealt with, and for who comes from another device', async ({ person, bot, browserName }) => {
  test.slow()
  const phone = { viewport: { width: 360, height: 740 }, reducedMotion: 'reduce' as const, ...(browserName === 'chromium' && { hasTouch: true, isMobile: true }) }
  const maria = await person('Maria', phone)
  const tom = await person('Tom', phone)
  const check = async ({ page }: Person, state: string) => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await problems(page), `${state}, ${colorScheme}`).toEqual([])
    }
    if (browserName === 'chromium') expect(await small(page), state).toEqual([])
    expect(await page.evaluate(() => document.documentElement.scrollWidth), `${state} fits`).toBeLessThanOrEqual(360)
  }
  const code = await maria.start({ title: 'Walk' })
  await check(maria, 'a room of one’s own')
  await maria.page.getByRole('button', { name: 'Keep the owner’s link', exact: true }).click()
  await expect(maria.page.getByRole('dialog')).toBeVisible()
  await check(maria, 'the owner’s link')
  await maria.page.getByRole('button', { name: 'I have kept it' }).click()
  await tom.join(code)
  const ben = await bot(code, 'Ben')
  await ben.say('I am Ben')
  await maria.message('I am Ben').getByRole('button', { name: 'Ben' }).click()
  await expect(maria.page.getByRole('button', { name: 'Ban…' })).toBeVisible()
  await check(maria, 'a card')
  await maria.page.getByRole('button', { name: 'Ban…' }).click()
  await maria.page.getByLabel('Reason').fill('advertising')
  await check(maria, 'a ban')
  await maria.page.getByRole('button', { name: 'Ban for 1 day' }).click()
  const by = async (deed: string) => {
    await maria.page.getByRole('button', { name: 'People' }).click()
    await maria.page.getByRole('list', { name: 'Who is here' }).getByRole('button', { name: 'Tom' }).click()
    await maria.page.getByRole('button', { name: deed }).click()
    await maria.page.locator('.dialog button[type=submit]').click()
    await expect(maria.page.getByRole('dialog')).toHaveCount(0)
  }
  await by('Mute…')
  await tom.composer.fill('and yet')
  await expect(tom.page.getByText(/You may not write here until/)).toBeVisible()
  await check(tom, 'muted')
  await maria.page.getByRole('button', { name: 'Banned and muted' }).click()
  await expect(maria.page.getByRole('button', { name: 'Let write: Tom' })).toBeVisible()
  await expect(maria.page.getByRole('button', { name: 'Let back in: Ben' })).toBeVisible()
  await check(maria, 'banned and muted')
  await maria.page.keyboard.press('Escape')
  await maria.page.keyboard.press('Escape')
  await by('Put out')
  await expect(tom.page.getByRole('button', { name: /Back in/ })).toBeVisible()
  await check(tom, 'put out')
  await tom.page.reload()
  await expect(tom.page.getByRole('heading', { name: 'The door is shut for now' })).toBeVisible()
  await check(tom, 'the door')
  await maria.page.keyboard.press('Escape')
  await maria.page.getByRole('button', { name: 'Rooms' }).click()
  await maria.page.getByRole('button', { name: 'Use another device, too' }).click()
  await expect(maria.page.locator('.dialog .qr')).toBeVisible()
  await check(maria, 'to another device')
  await tom.page.goto(`${tom.net.url}/#move=AAAA-AAAA-AAAA&name=Maria`)
  await tom.page.getByRole('button', { name: 'Take over here' }).click()
  await expect(tom.page.getByRole('alert')).toBeVisible()
  await check(tom, 'from another device')
})

test('the one who runs the server mutes all of it, and its word is shown until that is over', { tag: '@once' }, async ({ ownServer, person }) => {
  const maria = await person('Maria', { server: ownServer })
  await maria.start({ title: 'Walk' })
  await maria.composer.fill('what I was about to say')
  ownServer.admin('mute', '--for', '1h', '--note', 'back at ten')
  const word = maria.page.getByRole('alert').filter({ hasText: 'back at ten' })
  await expect(word).toHaveCount(1)
  await expect(maria.page.locator('.pace')).toContainText('What you write is kept')
  ownServer.admin('mute', '--for', '2h', '--note', 'back at eleven') // the next takes its place
  await expect(maria.page.getByRole('alert').filter({ hasText: 'back at eleven' })).toHaveCount(1)
  await expect(word).toHaveCount(0)
  ownServer.admin('unmute')
  await expect(maria.page.getByText('back at eleven')).toHaveCount(0)
  await expect(maria.page.locator('.pace')).toHaveText('')
  await maria.composer.press('Enter')
  await expect(maria.message('what I was about to say')).toBeVisible()
})

test('who is banned from the whole server is told so, and until when, and knocks no more before then', { tag: '@once' }, async ({ ownServer, person }) => {
  const maria = await person('Maria', { server: ownServer })
  await maria.page.clock.install()
  await maria.start()
  await maria.composer.fill('what I was about to say')
  const knocks: string[] = []
  maria.page.on('request', request => { if (request.url().includes('/socket.io/')) knocks.push(request.url()) })
  const told = maria.page.getByRole('alert').filter({ hasText: 'Whoever runs this server has shut it to the address that you come from.' })
  ownServer.admin('ban', '127.0.0.1', '--for', '1h')
  await expect(told).toContainText(new RegExp(`You may come back at ${moment}\\.$`))
  knocks.length = 0
  await maria.page.clock.fastForward('50:00')
  await maria.page.evaluate(() => window.dispatchEvent(new Event('focus')))
  await maria.page.waitForTimeout(300)
  expect(knocks).toEqual([])
  await expect(told).toBeVisible()
  ownServer.admin('unban', '127.0.0.1')
  await maria.page.clock.fastForward('11:00')
  await expect(told).toHaveCount(0)
  await maria.composer.press('Enter')
  await expect(maria.message('what I was about to say')).toHaveAttribute('data-state', 'sent')

  // For good; but in another network it may be another address.
  ownServer.admin('ban', '127.0.0.1', '--for', 'forever')
  await expect(told).toContainText('It is for good.')
  ownServer.admin('unban', '127.0.0.1')
  await maria.page.evaluate(() => window.dispatchEvent(new Event('online')))
  await expect(told).toHaveCount(0)
  await maria.say('here again')
})
