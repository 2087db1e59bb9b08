// What is wrong with a page for those who do not see it well, or have large fingers.
import { readFile } from 'node:fs/promises'
import type { Page } from '../../web/node_modules/@playwright/test'

const axe = require.resolve('../../web/node_modules/axe-core/axe.min.js')

/** What axe finds serious or worse. */
export async function problems(page: Page): Promise<string[]> {
  // What still fades in has not its colours yet; what never ends has its own.
  await page.evaluate(() => Promise.all(document.getAnimations()
    .filter(one => one.effect?.getComputedTiming().endTime !== Infinity)
    .map(one => one.finished.catch(() => undefined)))
    .then(() => undefined))
  // The page's own policy lets no script in: axe comes in by the debugger's door.
  await page.evaluate(await readFile(axe, 'utf8'))
  return page.evaluate(async () => {
    const { axe: checker } = window as unknown as { axe: { run(root: Document, options: object): Promise<{ violations: Array<{ id: string; impact: string; nodes: Array<{ html: string; any: Array<{ message: string }> }> }> }> } }
    const { violations } = await checker.run(document, { resultTypes: ['violations'] })
    return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes.map(node => `${node.html.slice(0, 120)} ${node.any[0]?.message ?? ''}`).join(' | ')}`)
  })
}

/** What is too small for a finger: less than 44 px either way. Links in a text and times are not. */
export function small(page: Page): Promise<string[]> {
  return page.locator('button:visible, a:visible:not(.text a), summary:visible, input:not([type=checkbox]):visible, .check:visible, select:visible').evaluateAll(all => all
    .filter(element => getComputedStyle(element).visibility === 'visible')
    .map(element => ({ name: element.getAttribute('aria-label') ?? element.textContent, box: element.getBoundingClientRect() }))
    .filter(({ name, box }) => (box.width < 44 || box.height < 44) && !/^\d/.test(name ?? '') && !/\d{4}/.test(name ?? ''))
    .map(({ name, box }) => `${name} ${box.width}×${box.height}`))
}
