// The installed app: it opens without a network, and keeps nothing that was said.
import { expect, test } from './fixture.ts'
import { serveUnder } from './subpath.ts'

test('the app opens without a network; nothing that was said is kept by the service worker', async ({ person }) => {
  const maria = await person('Maria')
  await maria.start()
  await maria.say('for the room alone')
  await maria.page.evaluate(() => navigator.serviceWorker.ready)
  maria.net.refuse()
  await maria.page.reload()
  await maria.write('written without a network')
  await expect(maria.page.getByText('Looking for the server')).toBeVisible()
  const kept = await maria.page.evaluate(async () => {
    const found: Array<{ path: string; text: string }> = []
    for (const name of await caches.keys()) {
      const cache = await caches.open(name)
      for (const { url } of await cache.keys()) found.push({ path: new URL(url).pathname, text: await (await cache.match(url))!.text() })
    }
    return found
  })
  expect(kept.map(({ path }) => path)).toEqual(expect.arrayContaining(['/', '/r/shell', '/manifest.webmanifest']))
  expect(kept.filter(({ path }) => /socket\.io|\/api\/|qr\.svg/.test(path))).toEqual([])
  expect(kept.filter(({ text }) => text.includes('for the room alone'))).toEqual([])
  maria.net.pass()
  await maria.sees('for the room alone', 'written without a network')
})

test('59 a new version comes with the service worker, too: the chip, and the old one does its work until then', async ({ person, server }) => {
  const front = await serveUnder('/app/', server.port)
  try {
    const maria = await person('Maria')
    await maria.page.goto(`${front.url}/app/`)
    await maria.page.getByLabel('Your name').fill('Maria')
    await maria.page.getByRole('button', { name: 'Start a room' }).click()
    await maria.isIn()
    await maria.composer.fill('half a thought')
    await maria.page.evaluate(() => navigator.serviceWorker.ready)
    const chip = maria.page.getByRole('button', { name: /new version/ })
    await maria.page.reload()
    await maria.isIn()
    await expect(chip).toHaveCount(0)

    front.moreWorker = '// the next one\n'
    await maria.page.evaluate(async () => void (await navigator.serviceWorker.ready).update())
    await expect(chip).toBeVisible()
    const waiting = () => maria.page.evaluate(async () => (await navigator.serviceWorker.ready).waiting !== null)
    expect(await waiting()).toBe(true)
    await chip.click()
    await expect(chip).toHaveCount(0)
    await maria.isIn()
    await expect(maria.composer).toHaveValue('half a thought')
    expect(await waiting()).toBe(false)
  } finally {
    front.close()
  }
})

test('it can be installed: a manifest, and icons of every kind', { tag: '@once' }, async ({ person, request }) => {
  const maria = await person('Maria')
  await maria.page.goto(maria.net.url)
  const href = await maria.page.locator('link[rel=manifest]').evaluate(link => (link as HTMLLinkElement).href)
  const answer = await request.get(href)
  expect(answer.headers()['content-type']).toContain('manifest+json')
  const manifest = await answer.json() as { name: string; display: string; start_url: string; icons: Array<{ src: string; type: string; purpose: string }> }
  expect(manifest).toMatchObject({ name: 'Snug', display: 'standalone' })
  expect(new URL(manifest.start_url, href).href).toBe(`${maria.net.url}/`)
  expect(manifest.icons.some(({ purpose }) => purpose === 'maskable')).toBe(true)
  for (const { src, type } of manifest.icons) expect((await request.get(new URL(src, href).href)).headers()['content-type']).toBe(type)
})
