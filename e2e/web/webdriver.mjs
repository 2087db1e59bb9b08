// A WebKit browser, steered by plain W3C WebDriver: Debian's WebKitWebDriver
// and MiniBrowser. Both want a display, which xvfb-run gives.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'

const driver = process.env.WEBKIT_DRIVER ?? 'WebKitWebDriver'
const miniBrowser = process.env.MINIBROWSER ?? ['x86_64', 'aarch64'].map(cpu => `/usr/lib/${cpu}-linux-gnu/webkit2gtk-4.1/MiniBrowser`).find(existsSync)

/** What the keys without a character are called in WebDriver. */
export const Key = { enter: '\uE007', shift: '\uE008', control: '\uE009', alt: '\uE00A', escape: '\uE00C', tab: '\uE004', up: '\uE013', down: '\uE015' }

/** Asks again and again until the answer is true; fails with the last answer. */
export async function until(what, ask, ms = 10_000) {
  for (const end = Date.now() + ms; ;) {
    const answer = await ask()
    if (answer === true) return
    if (Date.now() > end) throw new Error(`${what}: after ${ms} ms still ${JSON.stringify(answer)}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

/**
 * Opens a browser. Without storage it has no localStorage, as where a user's
 * settings forbid it; dark is the system's theme, not the page's. The caller
 * owes one close().
 */
export async function openWebKit({ dark = false, storage = true } = {}) {
  const browser = new WebKit()
  try {
    await browser.open(dark, storage)
  } catch (err) {
    await browser.close()
    throw err
  }
  return browser
}

class WebKit {
  async open(dark, storage) {
    const port = await freePort()
    this.driver = spawn(driver, [`--port=${port}`, '--host=127.0.0.1'], {
      stdio: 'ignore',
      env: { ...process.env, GTK_THEME: dark ? 'Adwaita:dark' : 'Adwaita', LANG: 'C.UTF-8' },
    })
    this.gone = new Promise(gone => this.driver.once('error', gone).once('exit', gone))
    this.at = `http://127.0.0.1:${port}`
    await until('WebKitWebDriver', () => this.driver.exitCode === null && fetch(`${this.at}/status`).then(answer => answer.ok, () => false))
    const { sessionId } = await this.call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': {
      binary: miniBrowser, args: ['--automation', ...(storage ? [] : ['--enable-html5-local-storage=false'])],
    } } } })
    this.at += `/session/${sessionId}`
    this.open = true
  }

  async close() {
    if (this.open === true) await this.call('DELETE', '').catch(() => {})
    this.driver?.kill()
    await this.gone
  }

  async call(method, path, body) {
    const answer = await fetch(this.at + path, { method, ...(body && { body: JSON.stringify(body) }) })
    const { value } = await answer.json()
    if (value?.error) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`)
    return value
  }

  goto(url) {
    return this.call('POST', '/url', { url })
  }

  reload() {
    return this.call('POST', '/refresh', {})
  }

  /** Runs a function of the page with what it is given, and returns what it does. */
  run(what, ...args) {
    return this.call('POST', '/execute/sync', { script: `return (${what}).apply(null, arguments)`, args })
  }

  /** Runs a function that returns a promise. */
  runAsync(what, ...args) {
    return this.call('POST', '/execute/async', { script: `const done = arguments[arguments.length - 1]; (${what}).apply(null, arguments).then(done, error => done(String(error)))`, args })
  }

  /** Loads a script into the page, past its policy. */
  load(file) {
    return this.call('POST', '/execute/sync', { script: readFileSync(file, 'utf8'), args: [] })
  }

  /** The texts of all that match. */
  texts(css) {
    return this.run(css => [...document.querySelectorAll(css)].map(each => each.innerText.trim()), css)
  }

  count(css) {
    return this.run(css => document.querySelectorAll(css).length, css)
  }

  /** Waits for the first that matches, and gives its place among the driver's elements. */
  async find(css) {
    await until(css, async () => await this.count(css) > 0)
    return `/element/${Object.values(await this.call('POST', '/element', { using: 'css selector', value: css }))[0]}`
  }

  async click(css) {
    await this.call('POST', `${await this.find(css)}/click`, {})
  }

  /** Writes into a field, after what is in it. */
  async type(css, text) {
    await this.call('POST', `${await this.find(css)}/value`, { text })
  }

  /** Presses keys one after the other, and lets them go again from the last to the first: ('control', 'k'). */
  async press(...keys) {
    const values = keys.map(key => Key[key] ?? key)
    await this.call('POST', '/actions', { actions: [{ type: 'key', id: 'keys', actions: [
      ...values.map(value => ({ type: 'keyDown', value })), ...values.toReversed().map(value => ({ type: 'keyUp', value })),
    ] }] })
  }

  /** Types on the keyboard, wherever the focus is. */
  async keyboard(text) {
    for (const key of text) await this.press(key)
  }

  /** Makes the window that large, bars included, and waits until the page knows. It gets no narrower than its own tool bar, 450 px. */
  async resize(width, height) {
    await this.call('POST', '/window/rect', { width, height })
    await until(`a window of ${width} × ${height}`, () => this.run((width, height) => (innerWidth <= width + 100 && innerWidth >= width && height - innerHeight < 60 && height >= innerHeight) || [innerWidth, innerHeight], width, height))
    await this.frames()
  }

  /** Waits until the page has been drawn anew. */
  frames() {
    return this.runAsync(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true)))))
  }
}

async function freePort() {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address()
  server.close()
  return port
}
