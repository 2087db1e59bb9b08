// Behaviours 51 to 56: for everybody, on everything.
import { problems, small } from './axe.ts'
import { expect, test } from './fixture.ts'

test('51 a new message is announced once as "name: text", history silently', async ({ person, bot }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  const tom = await bot(code, 'Tom')
  await tom.sayAll(['old 1', 'old 2'])
  await maria.sees('old 2')
  await maria.page.addInitScript(() => {
    const said: string[] = []
    ;(window as unknown as { said: string[] }).said = said
    new MutationObserver(changes => {
      for (const { target } of changes) {
        const live = (target instanceof Element ? target : target.parentElement)?.closest('[data-said]')
        if (live?.textContent) said.push(live.textContent)
      }
    }).observe(document, { subtree: true, childList: true, characterData: true })
  })
  await maria.page.reload()
  await maria.isIn()
  await maria.sees('old 2')
  await tom.say('new')
  await maria.sees('new')
  const said = () => maria.page.evaluate(() => (window as unknown as { said: string[] }).said)
  await expect.poll(said).toEqual(['Tom: new'])
  await maria.say('my own')
  expect(await said()).toEqual(['Tom: new'])
  await expect(maria.log).toHaveAttribute('aria-live', 'off')
  await expect(maria.page.locator('[data-said]')).toHaveAttribute('aria-live', 'polite')
})

test('51 errors are alerts, and other words are not', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  const alert = maria.page.getByRole('alert')
  await maria.write('not\u0000 this')
  await expect(alert).toHaveText(/^Not sent: /)
  await maria.write('/nmae Mia')
  await expect(alert.filter({ hasText: 'no command /nmae' })).toHaveCount(1)
  await maria.composer.fill('x'.repeat(4001))
  await expect(alert.filter({ hasText: '-1' })).toHaveCount(1)
  await maria.page.evaluate(() => { location.hash = '999' })
  await expect(maria.page.getByRole('status').filter({ hasText: 'not available' })).toHaveCount(1)
})

test('52 everything by keyboard', async ({ person, bot }) => {
  const maria = await person('Maria')
  await maria.page.goto(maria.net.url)
  await expect(maria.page.getByLabel('Your name')).toBeFocused()
  await maria.page.keyboard.type('Maria')
  await maria.page.keyboard.press('Tab')
  await maria.page.keyboard.press('Enter')
  await maria.isIn()
  await expect(maria.composer).toBeFocused()
  const first = maria.code
  await maria.page.goto(maria.net.url)
  await maria.start({ title: 'Second' })
  await (await bot(first, 'Tom')).say('hello')

  await maria.page.keyboard.press('Control+k')
  const field = maria.page.getByRole('combobox', { name: 'Room' })
  await expect(field).toBeFocused()
  await maria.page.keyboard.type(first.slice(0, 4))
  await maria.page.keyboard.press('Enter')
  await maria.sees('hello')
  await expect(maria.composer).toBeFocused()
  await maria.page.keyboard.press('Meta+k')
  await expect(field).toBeFocused()
  await maria.page.keyboard.press('Escape')
  await expect(maria.page.locator('dialog')).toHaveCount(0)
  await expect(maria.composer).toBeFocused()
  await maria.page.keyboard.press('Alt+ArrowDown')
  await expect(maria.page.getByRole('heading', { level: 1, name: 'Second' })).toBeVisible()

  await maria.composer.fill('')
  await maria.composer.press('?')
  await expect(maria.page.getByRole('dialog')).toHaveCount(0)
  await maria.log.focus()
  await maria.page.keyboard.press('?')
  await expect(maria.page.getByRole('dialog', { name: 'Keys and commands' })).toBeVisible()
  await maria.page.keyboard.press('Escape')
  await expect(maria.page.getByRole('dialog')).toHaveCount(0)
  await expect(maria.log).toBeFocused()

  // Every button is reached by Tab, and shows that it has the focus. (Firefox goes on through its own
  // window, and comes back to a page that has no focus to show.)
  const reached = new Set<string>()
  for (let i = 0; i < 30; i++) {
    await maria.page.keyboard.press('Tab')
    const at = await maria.page.evaluate(() => {
      const element = document.activeElement!
      return element === document.body ? '' : `${element.getAttribute('aria-label') ?? element.textContent}${document.hasFocus() && getComputedStyle(element).outlineStyle === 'none' && !element.matches('textarea') ? ' WITHOUT A RING' : ''}`
    })
    if (at) reached.add(at)
  }
  for (const name of ['About this room', 'Copy link', 'Emoji', 'Change my name', 'Leave room', 'Another room', 'Sound', 'Keys']) expect([...reached]).toContain(name)
  expect([...reached].filter(name => name.endsWith('RING'))).toEqual([])
})

test('52 a dialog that is opened again at once stays, though the browser has yet to tell that it was closed', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  const dialog = maria.page.getByRole('dialog')
  const button = maria.page.getByRole('button', { name: 'About this room' })
  await button.click()
  await expect(dialog).toBeVisible()
  // What a browser does on Esc: it closes the dialog, gives back the focus, and tells of it in a later task.
  await button.evaluate(async (button: HTMLElement) => {
    const shown = document.querySelector('dialog')!
    const told = new Promise(closed => shown.addEventListener('close', closed))
    shown.close()
    button.click()
    await told
    await new Promise(drawn => requestAnimationFrame(() => setTimeout(drawn, 50)))
  })
  await expect(dialog).toHaveCount(1)
  await expect(dialog).toBeVisible()
  await maria.page.keyboard.press('Escape')
  await expect(button).toBeFocused()
  await maria.page.keyboard.press('Enter')
  await expect(dialog.getByText('Whoever has the link can come in')).toBeVisible()
  // On Esc it is gone before the browser has closed it, and the focus is back: the next key finds its place.
  expect(await maria.page.evaluate(async () => {
    document.querySelector('dialog')!.dispatchEvent(new Event('cancel'))
    for (let i = 0; i < 3; i++) await Promise.resolve() // drawn between two tasks
    return [document.querySelector('dialog'), document.activeElement!.getAttribute('aria-label')]
  }), 'at once').toEqual([null, 'About this room'])
  await maria.page.keyboard.press('Enter')
  await expect(dialog).toBeVisible()
  await maria.page.keyboard.press('Escape')
  await maria.page.keyboard.press('Control+k')
  await expect(maria.page.getByRole('combobox', { name: 'Room' })).toBeFocused()
  await maria.page.getByRole('button', { name: 'Close' }).click()
  await expect(dialog).toHaveCount(0)
  await expect(button).toBeFocused()
})

for (const scheme of ['light', 'dark'] as const) {
  // The colours of the dark one are the same in all browsers.
  test(`53 axe finds nothing serious: ${scheme}`, { tag: scheme === 'dark' ? '@once' : [] }, async ({ person, bot }) => {
    test.slow()
    const maria = await person('Maria', { colorScheme: scheme, reducedMotion: 'reduce' })
    await maria.page.goto(maria.net.url)
    await maria.page.getByText('Options').click()
    expect(await problems(maria.page), 'landing page').toEqual([])
    const code = await maria.start({ title: 'Walk' })
    expect(await problems(maria.page), 'empty room').toEqual([])
    const tom = await bot(code, 'Tom')
    await tom.sayAll(['hello', 'a **bold** `word` and https://example.com/', '```\ncode\n```', '/me waves'])
    await maria.write('not\u0000sent')
    await expect(maria.page.getByText(/Not sent/)).toBeVisible()
    expect(await problems(maria.page), 'talk').toEqual([])
    await tom.ask('react', { room: code, seq: 1, emoji: '👍', on: true })
    await tom.ask('send', { room: code, text: 'as you say, @Maria', replyTo: 1 })
    await maria.act('as you say, @Maria', 'Reply')
    await maria.message('hello').hover()
    await expect(maria.message('hello').getByRole('button', { name: 'Delete' })).toBeVisible()
    expect(await problems(maria.page), 'replying, with actions and reactions').toEqual([])
    await maria.composer.press('Escape')
    for (const [name, open] of [['About this room', 'About this room'], ['Search', 'Search in Walk'], ['Emoji', 'Emoji']] as const) {
      await maria.page.getByRole('button', { name, exact: true }).click()
      await expect(maria.page.getByRole('dialog', { name: open })).toBeVisible()
      if (name === 'Search') {
        await maria.page.keyboard.type('hello')
        await expect(maria.page.locator('.hit')).toHaveCount(1)
      }
      expect(await problems(maria.page), name).toEqual([])
      await maria.page.keyboard.press('Escape')
      await expect(maria.page.getByRole('dialog')).toHaveCount(0)
    }
    await maria.composer.pressSequentially('@')
    await expect(maria.page.getByRole('option')).toHaveCount(1)
    expect(await problems(maria.page), 'completing').toEqual([])
    await maria.composer.fill('')
    await maria.page.keyboard.press('Control+k')
    await expect(maria.page.getByRole('dialog')).toBeVisible()
    expect(await problems(maria.page), 'dialog').toEqual([])
    await maria.page.keyboard.press('Escape')
    await maria.net.refuse()
    await expect(maria.banner).toBeVisible()
    expect(await problems(maria.page), 'offline').toEqual([])
    maria.net.pass()
    await maria.page.goto(`${maria.net.url}/r/no-such-room`)
    await expect(maria.page.getByRole('heading', { name: 'No such room' })).toBeVisible({ timeout: 15_000 })
    expect(await problems(maria.page), 'not found').toEqual([])
  })
}

test('53 targets of 44 px on touch, reduced motion, forced colours, 200 % zoom', async ({ person, bot, browserName }) => {
  test.skip(browserName === 'firefox', 'Firefox cannot be made to look like a phone')
  // 200 % zoom is half the width at twice the pixels.
  const maria = await person('Maria', { hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, reducedMotion: 'reduce', forcedColors: 'active' })
  const code = await maria.start()
  await (await bot(code, 'Tom')).say('hello')
  expect(await small(maria.page), 'room').toEqual([])
  expect(await maria.page.evaluate(() => [document.scrollingElement!, document.querySelector('.log')!].map(box => box.scrollWidth - box.clientWidth)), 'sideways').toEqual([0, 0])
  // In the system's own colours nothing is told by a ground or a shadow alone.
  await maria.composer.focus()
  expect(await maria.page.locator('.composer-box').evaluate(box => getComputedStyle(box).outlineStyle)).toBe('solid')
  await maria.composer.fill('@')
  await expect(maria.page.getByRole('option', { selected: true })).toHaveCSS('outline-style', 'solid')
  await maria.composer.fill('')
  await maria.message('hello').tap()
  await expect(maria.message('hello').getByRole('button', { name: 'Reply' })).toBeVisible()
  expect(await small(maria.page), 'actions').toEqual([])
  await maria.message('hello').tap()
  await expect(maria.message('hello').getByRole('button', { name: 'Reply' })).toHaveCount(0)
  for (const name of ['About this room', 'Emoji']) {
    await maria.page.getByRole('button', { name, exact: true }).tap()
    await expect(maria.page.getByRole('dialog')).toBeVisible()
    expect(await small(maria.page), name).toEqual([])
    await maria.page.keyboard.press('Escape')
  }
  await maria.page.getByRole('button', { name: 'People' }).tap()
  await expect(maria.page.getByRole('button', { name: 'Leave room' })).toBeVisible()
  expect(await small(maria.page), 'people').toEqual([])
  await maria.page.keyboard.press('Escape')
  await maria.page.getByRole('button', { name: 'Rooms' }).tap()
  expect(await small(maria.page), 'rooms').toEqual([])
  expect(await maria.page.evaluate(() => [...document.querySelectorAll('*')].filter(element => getComputedStyle(element).animationName !== 'none' || parseFloat(getComputedStyle(element).transitionDuration) > 0).length)).toBe(0)
  await maria.page.goto(maria.net.url)
  await expect(maria.page.getByRole('button', { name: 'Start a room' })).toBeVisible()
  expect(await small(maria.page), 'landing page').toEqual([])
})

test('54 on a phone the input stays above the keyboard and the header in place', async ({ person, bot, browserName }) => {
  test.skip(browserName === 'firefox', 'Firefox cannot be made to look like a phone')
  const maria = await person('Maria', { hasTouch: true, isMobile: true, viewport: { width: 360, height: 740 } })
  const code = await maria.start()
  const tom = await bot(code, 'Tom')
  await tom.sayAll(Array.from({ length: 40 }, (_, i) => `line ${i}`))
  await maria.sees('line 39')
  expect(await maria.composer.evaluate(field => parseFloat(getComputedStyle(field).fontSize))).toBeGreaterThanOrEqual(16)
  // A keyboard that shrinks the page, and one that only covers it.
  await maria.page.setViewportSize({ width: 360, height: 420 })
  const inside = async (height: number) => {
    const field = (await maria.composer.boundingBox())!
    const head = (await maria.page.locator('.room-head').boundingBox())!
    expect(field.y + field.height).toBeLessThanOrEqual(height)
    expect(head.y).toBeGreaterThanOrEqual(0)
    await expect(maria.message('line 39')).toBeInViewport()
  }
  await inside(420)
  await maria.page.setViewportSize({ width: 360, height: 740 })
  // A notch above, a bar below.
  const cdp = await maria.context.newCDPSession(maria.page)
  await cdp.send('Emulation.setSafeAreaInsetsOverride', { insets: { top: 40, bottom: 34 } })
  await expect.poll(async () => (await maria.composer.boundingBox())!.y + (await maria.composer.boundingBox())!.height).toBeLessThanOrEqual(740 - 34)
  expect((await maria.page.getByRole('button', { name: 'About this room' }).boundingBox())!.y).toBeGreaterThanOrEqual(40)
  await cdp.send('Emulation.setSafeAreaInsetsOverride', { insets: {} })
  // Safari scrolls the page besides, to show the field.
  await maria.page.evaluate(() => {
    document.body.style.minHeight = '1200px'
    window.scrollTo(0, 300)
    Object.defineProperty(window.visualViewport, 'height', { configurable: true, get: () => 420 })
    window.visualViewport!.dispatchEvent(new Event('resize'))
  })
  await inside(420)
  // Bars that come and go, and a screen with round corners, are not to be had here: the page says what it wants of them.
  const wish = await maria.page.evaluate(() => [
    [...document.styleSheets].flatMap(sheet => [...sheet.cssRules]).filter(rule => rule instanceof CSSStyleRule && rule.selectorText === '.shell').map(rule => (rule as CSSStyleRule).style.blockSize).find(Boolean),
    document.querySelector<HTMLMetaElement>('meta[name=viewport]')!.content,
  ])
  expect(wish[0]).toContain('100dvh')
  expect(wish[1]).toContain('viewport-fit=cover')
  expect(wish[1]).toContain('interactive-widget=resizes-content')
})

test('55 each text runs in its own direction', async ({ person, bot }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  const tom = await bot(code, 'Tom')
  await tom.sayAll(['hello', 'مرحبا'])
  await maria.sees('hello', 'مرحبا')
  const directions = await maria.page.locator('.message .text').evaluateAll(all => all.map(text => [text.getAttribute('dir'), getComputedStyle(text).direction]))
  expect(directions).toEqual([['auto', 'ltr'], ['auto', 'rtl']])
  await expect(maria.composer).toHaveAttribute('dir', 'auto')
})

test('55 from right to left: nothing sticks out, and the drawers come from their own sides', async ({ person, bot }) => {
  const maria = await person('Maria', { viewport: { width: 360, height: 740 } })
  await maria.page.addInitScript(() => document.addEventListener('DOMContentLoaded', () => { document.documentElement.dir = 'rtl' }))
  const code = await maria.start({ title: 'شارع' })
  await (await bot(code, 'طارق')).sayAll(['مرحبا', 'hello', `https://example.com/${'path/'.repeat(30)}`])
  await maria.sees('hello')
  expect(await maria.page.evaluate(() => [document.scrollingElement!, document.querySelector('.log')!].map(box => box.scrollWidth - box.clientWidth))).toEqual([0, 0])
  const edges = async (css: string) => {
    const box = (await maria.page.locator(css).boundingBox())!
    return [box.x, box.x + box.width]
  }
  // Closed they lie outside, and not across the talk.
  await expect.poll(async () => (await edges('.side-rooms'))[0]).toBeGreaterThanOrEqual(360)
  await expect.poll(async () => (await edges('.side-people'))[1]).toBeLessThanOrEqual(0)
  await maria.page.getByRole('button', { name: 'Rooms' }).click()
  await expect.poll(async () => (await edges('.side-rooms'))[1]).toBe(360)
  await maria.page.keyboard.press('Escape')
  await maria.page.getByRole('button', { name: 'People' }).click()
  await expect.poll(async () => (await edges('.side-people'))[0]).toBe(0)
})

test('56 with storage blocked it still works, and says so', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  await maria.context.addInitScript(() => {
    Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('blocked', 'SecurityError') } })
  })
  await maria.page.goto(maria.net.url)
  await expect(maria.page.getByText('This browser keeps nothing here')).toBeVisible()
  const code = await maria.start()
  await tom.join(code)
  await maria.say('from memory')
  await tom.sees('from memory')
  maria.net.cut()
  await maria.say('still the same person')
  await expect(tom.members).toHaveText(['Tom', 'Maria'])
})

test('56 with storage full it still works, and says so', { tag: '@once' }, async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await maria.page.evaluate(() => {
    for (let size = 1 << 22, n = 0; size >= 1; n++) {
      try {
        localStorage.setItem(`filler${n}`, 'x'.repeat(size))
      } catch {
        size /= 2
      }
    }
  })
  await maria.say('from memory')
  await expect(maria.page.getByRole('alert').filter({ hasText: 'This browser has no room left' })).toHaveCount(1)
  await tom.sees('from memory')
  // What was there before can be read: one is who one was.
  await maria.page.reload()
  await maria.isIn()
  await maria.say('still the same person')
  await expect(tom.members).toHaveText(['Tom', 'Maria'])
  await maria.page.evaluate(() => localStorage.clear())
})
