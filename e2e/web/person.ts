// Somebody with a browser, behind a network of their own that can fail.
import { expect, type BrowserContext, type Locator, type Page } from '../../web/node_modules/@playwright/test'
import type { Proxy } from '../proxy.mjs'

export class Person {
  constructor(readonly name: string, readonly context: BrowserContext, public page: Page, readonly net: Proxy) {}

  get composer(): Locator { return this.page.locator('.composer textarea') }
  get log(): Locator { return this.page.getByRole('log') }
  get messages(): Locator { return this.page.locator('.message') }
  get members(): Locator { return this.page.locator('.member-name') }
  get notes(): Locator { return this.page.locator('.row.note:not(.beginning)') }
  get banner(): Locator { return this.page.locator('.banner') }
  get code(): string { return new URL(this.page.url()).pathname.split('/').pop()! }

  message(text: string): Locator {
    return this.messages.filter({ has: this.page.locator(':not(.quoted-text)').and(this.page.getByText(text, { exact: true })) })
  }

  /** Starts a room from the landing page, and returns its code. */
  async start(options: { title?: string; code?: string; keep?: string; passphrase?: string } = {}): Promise<string> {
    await this.page.goto(this.net.url)
    await this.page.getByLabel('Your name').fill(this.name)
    if (Object.keys(options).length > 0) await this.page.getByText('Options').click()
    if (options.title !== undefined) await this.page.getByLabel('Title').fill(options.title)
    if (options.code !== undefined) await this.page.getByLabel('Code of your own').fill(options.code)
    if (options.keep !== undefined) await this.page.getByLabel('Messages are kept').selectOption(options.keep)
    if (options.passphrase !== undefined) await this.page.getByLabel('Passphrase').fill(options.passphrase)
    await this.page.getByRole('button', { name: 'Start a room' }).click()
    await this.isIn()
    return this.code
  }

  /** Follows a room's link and says a name if asked. */
  async join(code: string): Promise<void> {
    await this.page.goto(`${this.net.url}/r/${code}`)
    await this.page.getByLabel('Your name').fill(this.name)
    await this.page.getByRole('button', { name: 'Enter' }).click()
    await this.isIn()
  }

  /** Points at a message and says what to do with it. */
  async act(text: string, action: string): Promise<void> {
    await this.message(text).hover()
    await this.message(text).getByRole('button', { name: action, exact: true }).click()
  }

  async isIn(): Promise<void> {
    await expect(this.log).toBeVisible({ timeout: 20_000 })
  }

  async write(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  }

  /** Says something and waits until the server has it. */
  async say(text: string): Promise<void> {
    await this.write(text)
    await expect(this.message(text)).toHaveAttribute('data-state', 'sent')
  }

  async sees(...texts: string[]): Promise<void> {
    for (const text of texts) await expect(this.message(text)).toHaveCount(1)
  }

  /** The texts of the messages on the screen, in order. */
  texts(): Promise<string[]> {
    return this.page.locator('.message .text').allInnerTexts()
  }

  /** The browser process dies with the page; what it stored stays. */
  async reopen(path: string): Promise<void> {
    await this.page.close()
    this.page = await this.context.newPage()
    await this.page.goto(this.net.url + path)
  }
}

/** How far the log is scrolled from its end, in px. */
export function fromEnd(person: Person): Promise<number> {
  return person.log.evaluate(log => log.scrollHeight - log.clientHeight - log.scrollTop)
}

/** Notes when something first matches, by the page's own observer: quicker than asking over and over.
 * It begins once `after` has matched. */
export async function watch(page: Page, selector: string, after = '*'): Promise<() => Promise<number | undefined>> {
  const name = await page.evaluate(([css, after]) => {
    const box = window as unknown as Record<string, number | undefined>
    const key = `seen${Math.random()}`
    let begun = false
    const look = () => {
      begun ||= document.querySelector(after) !== null
      if (begun && box[key] === undefined && document.querySelector(css)) box[key] = Date.now()
    }
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
    look()
    return key
  }, [selector, after] as const)
  return () => page.evaluate(key => (window as unknown as Record<string, number | undefined>)[key], name)
}
