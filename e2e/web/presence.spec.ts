// Behaviours 19 to 28: who is here. A dead link, 26, is in connection.spec.ts.
import { expect, test } from './fixture.ts'
import { watch, type Person } from './person.ts'

test('19 two tabs are one member', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  const second = await tom.context.newPage()
  await second.goto(`${tom.net.url}/r/${code}`)
  await expect(second.getByRole('log')).toBeVisible()
  await expect(second.locator('.member-name')).toHaveText(['Tom', 'Maria'])
  await expect(maria.members).toHaveText(['Maria', 'Tom'])
  await tom.say('from the first')
  await expect(second.getByText('from the first')).toBeVisible()
  const notes = await maria.notes.count()
  await second.close()
  await tom.say('still here')
  await maria.page.waitForTimeout(2500) // longer than the grace of a reload
  await expect(maria.notes).toHaveCount(notes)
  await expect(maria.members).toHaveText(['Maria', 'Tom'])
})

test('20 my own token takes over my seat', async ({ person }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  // The old connection hangs in a hole; the new tab comes through.
  const token = await maria.page.evaluate(() => localStorage.getItem('snug.token')!)
  maria.net.hole()
  const again = await person('Maria')
  await again.page.goto(again.net.url)
  await again.page.evaluate(kept => localStorage.setItem('snug.token', kept), token)
  await again.join(code)
  await expect(again.members).toHaveText(['Maria'])
  await expect(again.page.locator('.member-note')).toHaveText('you · owner')
})

test('21 a clashing or look-alike name is refused with a suggestion', async ({ person }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  for (const name of ['maria', 'Маriа']) { // the second has Cyrillic letters, or mixes two scripts
    const other = await person(name)
    await other.page.goto(`${other.net.url}/r/${code}`)
    await other.page.getByLabel('Your name').fill(name)
    await other.page.getByRole('button', { name: 'Enter' }).click()
    await expect(other.page.getByRole('alert')).toContainText(/name/)
  }
  // All of one script, and yet the same to the eye.
  const eve = await person('Сосо')
  const coco = await person('Coco')
  await coco.join(code)
  await eve.page.goto(`${eve.net.url}/r/${code}`)
  await eve.page.getByLabel('Your name').fill('Сосо')
  await eve.page.getByRole('button', { name: 'Enter' }).click()
  await expect(eve.page.getByRole('alert')).toContainText('looks like it')
  await expect(eve.page.locator('.suggestion button')).toBeVisible()
  await coco.page.getByRole('button', { name: 'Leave room' }).click()

  const other = await person('MARIA')
  await other.page.goto(`${other.net.url}/r/${code}`)
  await other.page.getByLabel('Your name').fill('MARIA')
  await other.page.getByRole('button', { name: 'Enter' }).click()
  const suggestion = other.page.locator('.suggestion button')
  const suggested = (await suggestion.innerText()).trim()
  expect(suggested).not.toBe('MARIA')
  await suggestion.click()
  await other.isIn()
  await expect(other.members).toHaveText([suggested, 'Maria'])
})

test('22 my colour is the same for all and after a reload, and readable in both themes', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await maria.say('hello')
  await tom.sees('hello')
  const hue = (page: typeof maria.page) => page.locator('.message .name').first().evaluate(name => [...name.classList].find(each => each.startsWith('hue-')))
  const mine = await hue(maria.page)
  expect(mine).toMatch(/^hue-\d+$/)
  expect(await hue(tom.page)).toBe(mine)
  await maria.page.reload()
  await maria.isIn()
  await maria.sees('hello')
  expect(await hue(maria.page)).toBe(mine)

  for (const scheme of ['light', 'dark'] as const) {
    await maria.page.emulateMedia({ colorScheme: scheme })
    const worst = await maria.page.evaluate(() => {
      const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!
      const luminance = (color: string) => {
        paint.clearRect(0, 0, 1, 1)
        paint.fillStyle = color
        paint.fillRect(0, 0, 1, 1)
        const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => v / 255).map(v => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!
      }
      const contrast = (a: string, b: string) => {
        const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p)
        return (x! + 0.05) / (y! + 0.05)
      }
      const name = document.querySelector('.message .name')!
      const face = document.querySelector('.message .face')!
      const ground = getComputedStyle(document.querySelector('.talk')!).backgroundColor
      return Math.min(...Array.from({ length: 16 }, (_, i) => {
        name.className = `name hue-${i}`
        face.className = `face hue-${i}`
        return Math.min(contrast(getComputedStyle(name).color, ground), contrast(getComputedStyle(face).color, getComputedStyle(face).backgroundColor))
      }))
    })
    expect(worst, scheme).toBeGreaterThanOrEqual(4.5)
  }
})

test('23 renaming is one line, and the same person', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  await tom.say('as Tom')
  await maria.sees('as Tom')
  const notes = await maria.notes.count()
  const face = () => maria.page.locator('.member .face').last().getAttribute('class')
  const his = await face()
  await tom.write('/name Tomas')
  await expect(maria.notes.filter({ hasText: 'Tom is now called Tomas' })).toHaveCount(1)
  await expect(maria.members).toHaveText(['Maria', 'Tomas'])
  await tom.say('as Tomas')
  await maria.sees('as Tomas')
  await expect(maria.notes).toHaveCount(notes + 1) // nobody left, nobody came
  expect(await face()).toBe(his)
  await expect(maria.page.locator('.message .name')).toHaveText(['Tom', 'Tomas'])
  await tom.page.getByRole('button', { name: 'Change my name' }).click()
  await tom.page.getByLabel('Your name').fill('Maria')
  await tom.page.getByRole('button', { name: 'Save' }).click()
  await expect(tom.page.getByRole('alert')).toContainText('Somebody here has that name')
  await tom.page.keyboard.press('Escape')
  await expect(tom.page.getByRole('dialog')).toBeHidden()
  await expect(maria.notes.filter({ hasText: 'is now called' })).toHaveCount(1)
})

test('24 leaving is seen at once; 25 a closed tab within 2 s', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const ben = await person('Ben')
  const code = await maria.start()
  await tom.join(code)
  await ben.join(code)
  await expect(maria.members).toHaveCount(3)
  await maria.say('listen') // what happened before is told in a line of its own

  // The best of three: a busy machine may halt a browser at any moment.
  const took = []
  for (let i = 0; i < 3; i++) {
    const gone = await watch(maria.page, '.members:not(:has(.member:nth-child(3)))', '.member:nth-child(3)')
    const left = await tom.page.getByRole('button', { name: 'Leave room' }).evaluate(button => { const now = Date.now(); (button as HTMLElement).click(); return now })
    await expect(maria.members).toHaveCount(2)
    took.push((await gone())! - left)
    if (i === 2) break
    await tom.page.locator('.recent-room a').click()
    await tom.isIn()
    await expect(maria.members).toHaveCount(3)
  }
  await expect(maria.notes.filter({ hasText: 'Tom' }).last()).toContainText('Tom left')
  expect(Math.min(...took), `${took}`).toBeLessThanOrEqual(250)

  const closed = await watch(maria.page, '.members:not(:has(.member:nth-child(2)))')
  const begun = Date.now()
  await ben.page.close()
  await expect(maria.members).toHaveText(['Maria'])
  expect((await closed())! - begun).toBeLessThanOrEqual(2000 + 500) // to close a tab takes a busy browser its time
})

test('27 ten joins fold into one line', async ({ person, bot }) => {
  const maria = await person('Maria')
  const code = await maria.start()
  for (let i = 0; i < 10; i++) await bot(code, `Guest ${i}`)
  await expect(maria.page.locator('.panel .count')).toHaveText('11')
  await expect(maria.notes).toHaveCount(1)
  await expect(maria.notes).toHaveText('Guest 0, Guest 1 and 8 others joined')
})

test('28 typing shows soon, and ends within 5 s or on sending', async ({ person }) => {
  const maria = await person('Maria')
  const tom = await person('Tom')
  const code = await maria.start()
  await tom.join(code)
  // The best of three, one the other way: a busy machine may halt a browser at any moment.
  const took: number[] = []
  const type = async (writer: Person, reader: Person) => {
    const shown = await watch(reader.page, '.typing:not(:empty)')
    await writer.composer.evaluate((field: HTMLElement) => field.addEventListener('input', () => { field.dataset.pressed = `${Date.now()}` }, { once: true }))
    await writer.composer.press('h')
    await expect(reader.page.getByText(`${writer.name} is writing…`)).toBeVisible()
    took.push((await shown())! - Number(await writer.composer.getAttribute('data-pressed')))
  }
  const typing = maria.page.getByText('Tom is writing…')
  await type(tom, maria)
  await type(maria, tom)
  const ended = await watch(maria.page, '.typing:empty', '.typing:not(:empty)')
  const begun = Date.now()
  await expect(typing).toBeHidden({ timeout: 10_000 })
  expect((await ended())! - begun).toBeLessThanOrEqual(5500)
  await type(tom, maria)
  expect(Math.min(...took), `${took}`).toBeLessThanOrEqual(300)
  await tom.composer.press('Enter')
  await maria.sees('hh')
  await expect(typing).toBeHidden({ timeout: 1000 })
})
