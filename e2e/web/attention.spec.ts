// Behaviours 48 to 50: asking to be looked at.
import type { Page } from '../../web/node_modules/@playwright/test'
import { expect, test } from './fixture.ts'

/** Headless pages are always visible and focused: say that this one is not. */
async function look(page: Page, away: boolean): Promise<void> {
  await page.evaluate(hidden => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') })
    document.hasFocus = () => !hidden
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event(hidden ? 'blur' : 'focus'))
  }, away)
}

test('48 the title counts and the icon has a dot, until the reader looks', async ({ person, bot }) => {
  const maria = await person('Maria')
  const code = await maria.start({ title: 'Walk' })
  const tom = await bot(code, 'Tom')
  await look(maria.page, false)
  await tom.say('seen')
  await maria.sees('seen')
  await expect(maria.page).toHaveTitle('Walk')
  await look(maria.page, true)
  await tom.sayAll(['a', 'b', 'c'])
  await expect(maria.page).toHaveTitle('(3) Walk')
  await expect(maria.page.locator('#favicon')).toHaveAttribute('href', /favicon-dot\.svg$/)
  const icon = await maria.page.request.get((await maria.page.locator('#favicon').getAttribute('href'))!)
  expect([icon.status(), icon.headers()['content-type']]).toEqual([200, 'image/svg+xml'])
  await look(maria.page, false)
  await expect(maria.page).toHaveTitle('Walk')
  await expect(maria.page.locator('#favicon')).toHaveAttribute('href', /favicon\.svg$/)
})

test('48 scrolled up, looking is not enough: the end must be seen', async ({ person, bot }) => {
  const maria = await person('Maria', { viewport: { width: 1000, height: 400 } })
  const code = await maria.start({ title: 'Walk' })
  const tom = await bot(code, 'Tom')
  await tom.sayAll(Array.from({ length: 40 }, (_, i) => `line ${i}`))
  await maria.sees('line 39')
  await maria.log.hover()
  await maria.page.mouse.wheel(0, -600)
  await expect(maria.page.locator('.to-end')).toBeVisible()
  await tom.say('below')
  await expect(maria.page).toHaveTitle('(1) Walk')
  await maria.page.locator('.to-end').click()
  await expect(maria.page).toHaveTitle('Walk')
})

test('49 a sound only when hidden and switched on', async ({ person, bot }) => {
  const maria = await person('Maria')
  await maria.page.addInitScript(() => {
    const box = window as unknown as { tones: number }
    box.tones = 0
    const start = OscillatorNode.prototype.start
    OscillatorNode.prototype.start = function (when) {
      box.tones++
      start.call(this, when)
    }
  })
  const tones = () => maria.page.evaluate(() => (window as unknown as { tones: number }).tones)
  const code = await maria.start()
  const tom = await bot(code, 'Tom')
  await look(maria.page, true)
  await tom.say('switched off')
  await maria.sees('switched off')
  expect(await tones()).toBe(0)
  await look(maria.page, false)
  await maria.page.getByRole('button', { name: 'Sound' }).click()
  const sample = await tones()
  expect(sample).toBeGreaterThan(0) // how it sounds
  // Much at once is one sound: a while later, by the page's clock, it would be heard again.
  const later = async () => maria.page.clock.setFixedTime(await maria.page.evaluate(() => Date.now() + 5000))
  await later()
  await tom.say('visible')
  await maria.sees('visible')
  expect(await tones()).toBe(sample)
  await look(maria.page, true)
  await later()
  await tom.say('hidden')
  await maria.sees('hidden')
  expect(await tones()).toBeGreaterThan(sample)
})

test('50 permission is asked for on a click only, and two tabs tell once', async ({ person, bot }) => {
  const maria = await person('Maria')
  await maria.context.addInitScript(() => {
    const box = window as unknown as { asked: number; told: string[] }
    box.asked = 0
    box.told = []
    class Fake {
      // about:blank, where every page begins, has no storage.
      static permission: NotificationPermission = location.protocol === 'http:' && sessionStorage.getItem('allowed') ? 'granted' : 'default'
      static requestPermission(): Promise<NotificationPermission> {
        box.asked++
        sessionStorage.setItem('allowed', 'yes')
        Fake.permission = 'granted'
        return Promise.resolve('granted')
      }
      constructor(title: string, options: NotificationOptions) { box.told.push(`${title}: ${options.body}`) }
      close(): void {}
    }
    Object.defineProperty(window, 'Notification', { configurable: true, value: Fake })
  })
  const box = (page: Page) => page.evaluate(() => { const { asked, told } = window as unknown as { asked: number; told: string[] }; return { asked, told } })
  const code = await maria.start({ title: 'Walk' })
  const tom = await bot(code, 'Tom')
  const second = await maria.context.newPage()
  await second.goto(`${maria.net.url}/r/${code}`)
  await expect(second.getByRole('log')).toBeVisible()
  for (const page of [maria.page, second]) {
    expect((await box(page)).asked).toBe(0)
    await page.getByRole('button', { name: 'Notifications' }).click()
    await expect(page.getByRole('button', { name: 'Notifications' })).toHaveAttribute('aria-pressed', 'true')
    expect((await box(page)).asked).toBe(1)
    await look(page, true)
  }
  await tom.say('knock knock')
  await maria.sees('knock knock')
  await expect(second.locator('.message', { hasText: 'knock knock' })).toBeAttached()
  // The tabs agree through the browser, which takes a moment: by the next message they have, about this one.
  const told = async () => [...(await box(maria.page)).told, ...(await box(second)).told].sort()
  await expect.poll(told).toEqual(['Tom · Walk: knock knock'])
  await tom.say('come in')
  await expect.poll(async () => (await told()).length).toBeGreaterThan(1)
  expect(await told()).toEqual(['Tom · Walk: come in', 'Tom · Walk: knock knock'])
})
