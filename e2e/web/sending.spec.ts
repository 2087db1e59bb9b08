// Behaviours 1 to 12: writing and sending. The ninth is in connection.spec.ts: it takes as long as others there.
import { numbered } from './bot.ts'
import { expect, test } from './fixture.ts'
import { watch } from './person.ts'

test('1 Enter sends, Shift+Enter is a new line', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  await maria.composer.pressSequentially('one')
  await maria.composer.press('Shift+Enter')
  await maria.composer.pressSequentially('two')
  await expect(maria.messages).toHaveCount(0)
  await maria.composer.press('Enter')
  await expect(maria.page.locator('.message .text')).toHaveText('one\ntwo', { useInnerText: true })
  await expect(maria.composer).toHaveValue('')
})

test('1 on touch Enter is a new line, and there is a Send button', async ({ person, browserName }) => {
  test.skip(browserName === 'firefox', 'Firefox cannot be made to look like a phone')
  const maria = await person('Maria', { hasTouch: true, isMobile: true, viewport: { width: 390, height: 800 } })
  await maria.start()
  await maria.composer.tap()
  await maria.composer.pressSequentially('one')
  await maria.composer.press('Enter')
  await maria.composer.pressSequentially('two')
  await expect(maria.composer).toHaveValue('one\ntwo')
  await maria.page.getByRole('button', { name: 'Send' }).tap()
  await expect(maria.messages).toHaveCount(1)
})

test('2 Enter while an input method composes sends nothing', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  await maria.composer.fill('にほん')
  for (const init of [{ isComposing: true }, { keyCode: 229 }]) {
    await maria.composer.dispatchEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...init })
  }
  await expect(maria.messages).toHaveCount(0)
  await expect(maria.composer).toHaveValue('にほん')
  await maria.composer.press('Enter')
  await expect(maria.messages).toHaveCount(1)
})

test('3 my message shows within 50 ms as pending, with the server 3 s late; 4 the ack turns it into sent in place', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  await maria.say('before')
  maria.net.hole()
  // The best of three: a busy machine may halt a page at any moment, and its own time is what is promised.
  const took = []
  for (const text of ['late', 'behind', 'overdue']) {
    const shown = await watch(maria.page, `.message[data-state=pending]:nth-child(n + ${took.length + 1} of .message[data-state=pending])`)
    await maria.composer.fill(text)
    const pressed = await maria.composer.evaluate(field => {
      const now = Date.now()
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }))
      return now
    })
    await expect(maria.message(text)).toHaveAttribute('data-state', 'pending')
    took.push((await shown())! - pressed)
  }
  expect(Math.min(...took)).toBeLessThanOrEqual(50)
  const row = maria.message('late')
  const opacity = () => row.locator('.text').evaluate(text => Number(getComputedStyle(text).opacity))
  await expect.poll(opacity).toBeLessThan(0.9)
  const node = await row.elementHandle()
  const top = (await row.boundingBox())!.y
  await maria.page.waitForTimeout(3000) // the lateness this behaviour is about
  maria.net.pass()
  await expect(row).toHaveAttribute('data-state', 'sent')
  await expect(row).toHaveAttribute('data-seq', /\d+/)
  await expect.poll(opacity).toBe(1)
  expect(await node!.evaluate(li => li.isConnected)).toBe(true)
  expect(Math.abs((await row.boundingBox())!.y - top)).toBeLessThanOrEqual(1)
})

test('5 cut before the ack: after the return one copy, for everyone', async ({ person, bot }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  const tom = await person('Tom')
  await tom.join(code)
  await bot(code, 'Bea')
  maria.net.hole('up')
  await maria.write('only once')
  await expect(maria.message('only once')).toHaveAttribute('data-state', 'pending')
  maria.net.cut()
  await expect(maria.message('only once')).toHaveAttribute('data-state', 'sent', { timeout: 15_000 })
  await tom.sees('only once')
  await maria.page.reload()
  await maria.isIn()
  await maria.sees('only once')
})

test('6 the ack lost: one copy, 20 times out of 20', async ({ person, bot }) => {
  test.slow()
  const maria = await person('Maria')
  const code = await maria.start()
  const tom = await bot(code, 'Tom')
  const heard: string[] = []
  tom.socket.on('message', ({ text }: { text: string }) => heard.push(text))
  const texts = numbered(20, 'message')
  for (const text of texts) {
    maria.net.hole('down')
    await maria.write(text)
    await expect.poll(() => heard.includes(text), { intervals: [20] }).toBe(true) // the server has it, and its answer is held up
    await expect(maria.message(text)).toHaveAttribute('data-state', 'pending')
    maria.net.cut()
    await expect(maria.message(text)).toHaveAttribute('data-state', 'sent', { timeout: 15_000 })
  }
  expect(await maria.texts()).toEqual(texts)
  expect(heard).toEqual(texts)
})

test('7 the tab killed while pending: sent on reopening, once', async ({ person, bot }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  const tom = await bot(code, 'Tom')
  const heard: string[] = []
  tom.socket.on('message', ({ text }: { text: string }) => heard.push(text))
  maria.net.refuse()
  await maria.write('kept')
  await expect(maria.message('kept')).toHaveAttribute('data-state', 'pending')
  await maria.page.close()
  maria.net.pass()
  await maria.reopen(`/r/${code}`)
  await maria.isIn()
  await expect(maria.message('kept')).toHaveAttribute('data-state', 'sent')
  await maria.page.reload()
  await maria.isIn()
  await maria.sees('kept')
  expect(heard).toEqual(['kept'])
})

for (const reopened of [false, true]) {
  test(`8 five messages written offline ${reopened ? 'and found again on reopening ' : ''}arrive in order`, async ({ person, bot }) => {
    const maria = await person('Maria')
    const code = await maria.start()
    const tom = await bot(code, 'Tom')
    const heard: string[] = []
    tom.socket.on('message', ({ text }: { text: string }) => heard.push(text))
    maria.net.refuse()
    const texts = numbered(5, 'offline')
    for (const text of texts) await maria.write(text)
    await expect(maria.page.locator('[data-state=pending]')).toHaveCount(5)
    if (reopened) await maria.page.close()
    maria.net.pass()
    if (reopened) await maria.reopen(`/r/${code}`)
    await expect(maria.page.locator('[data-state=sent]')).toHaveCount(5, { timeout: 15_000 })
    expect(heard).toEqual(texts)
    expect(await maria.texts()).toEqual(texts)
  })
}

test('10 a refusal shows its reason, and the text stays recoverable', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  // A character that is no text passes our own count, and not the server's check.
  await maria.write('not\u0000 this')
  const failed = maria.page.getByRole('alert').filter({ hasText: 'Not sent' })
  await expect(failed).toContainText(/Not sent: .+/)
  await failed.getByRole('button', { name: 'Edit' }).click()
  await expect(maria.messages).toHaveCount(0)
  await expect(maria.composer).toHaveValue('not\u0000 this')
})

test('11 a counter from 90 % of the limit on, and nothing is cut off', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  const counter = maria.page.locator('.counter')
  await maria.composer.fill('x'.repeat(3599))
  await expect(counter).toBeHidden()
  await maria.composer.fill('x'.repeat(3600))
  await expect(counter).toHaveText('400')
  const long = '😀'.repeat(4001)
  await maria.composer.fill(long)
  await expect(counter).toHaveText('-1')
  await maria.composer.press('Enter')
  await expect(maria.messages).toHaveCount(0)
  await expect(maria.composer).toHaveValue(long)
  await maria.composer.fill('y'.repeat(4000))
  await maria.composer.press('Enter')
  await expect(maria.messages).toHaveAttribute('data-state', 'sent')
})

test('12 a double click sends once, white space sends nothing, nothing scrolls sideways at 320 px', async ({ person }) => {
  const maria = await person('Maria', { viewport: { width: 320, height: 640 } })
  await maria.start({ title: 'A rather long title for such a narrow window, is it not' })
  const send = maria.page.getByRole('button', { name: 'Send' })
  await maria.composer.fill('  \n ')
  await maria.composer.press('Enter')
  await expect(send).toBeDisabled()
  await expect(maria.messages).toHaveCount(0)
  await maria.composer.fill(`once ${'w'.repeat(300)}`)
  await send.dblclick()
  await expect(maria.messages).toHaveCount(1)
  await maria.say('https://example.com/' + 'a-very-long-path/'.repeat(20))
  await maria.write('```\n' + 'code '.repeat(60) + '\n```')
  await expect(maria.page.locator('.message[data-state=sent]')).toHaveCount(3)
  const sideways = () => maria.page.evaluate(() => [document.scrollingElement!, document.querySelector('.log')!].map(box => box.scrollWidth - box.clientWidth))
  expect(await sideways()).toEqual([0, 0])
  // The talk scrolls, and not the page around it.
  expect(await maria.page.evaluate(() => document.scrollingElement!.scrollHeight - document.scrollingElement!.clientHeight)).toBe(0)
  for (const name of ['About this room', 'Search', 'Emoji']) {
    await maria.page.getByRole('button', { name, exact: true }).click()
    const box = (await maria.page.getByRole('dialog').boundingBox())!
    expect([name, box.x >= 0, box.x + box.width <= 320]).toEqual([name, true, true])
    expect(await maria.page.getByRole('dialog').evaluate(dialog => dialog.scrollWidth - dialog.clientWidth), name).toBe(0)
    await maria.page.keyboard.press('Escape')
    await expect(maria.page.getByRole('dialog')).toHaveCount(0)
  }
  for (const path of ['/', '/r/not-a-room']) {
    await maria.page.goto(maria.net.url + path)
    await expect(maria.page.getByRole('heading').first()).toBeVisible()
    expect(await maria.page.evaluate(() => document.scrollingElement!.scrollWidth - document.scrollingElement!.clientWidth)).toBe(0)
  }
})
