import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const running = new Set()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })

/**
 * Starts the real server on a free port of 127.0.0.1 and waits until it says
 * where it serves. The binary is bin/snug, or what SNUG_BIN names.
 *
 * data is its directory, kept by close(); without it there is one of its own,
 * removed by close(). Rates are off unless args say otherwise. The caller owes
 * one close(), after which no process is left.
 */
export async function startServer({ data, args = ['--limits', 'off'], env = {} } = {}) {
  const own = data === undefined
  const server = new Server(data ?? mkdtempSync(join(tmpdir(), 'snug-e2e-')), args, env)
  server.owns = own
  try {
    await server.start()
  } catch (err) {
    await server.close()
    throw err
  }
  return server
}

class Server {
  constructor(data, args, env) {
    this.data = data
    this.args = args
    this.env = env
    this.log = '' // what all its runs wrote to stderr
  }

  // start runs it on this.data; url and port are new each time.
  async start() {
    const bin = process.env.SNUG_BIN || fileURLToPath(new URL('../bin/snug', import.meta.url))
    const child = spawn(bin, ['serve', '--listen', '127.0.0.1:0', '--data', this.data, ...this.args],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } })
    this.child = child
    running.add(child)
    // Once it is gone, or was never there: awaited by everything that ends it.
    this.exit = new Promise(gone => child.once('error', gone).once('close', gone)).then(why => {
      running.delete(child)
      return why
    })
    child.stderr.setEncoding('utf8').on('data', text => { this.log += text })

    let said = ''
    const told = new Promise(resolve => child.stdout.setEncoding('utf8').on('data', text => {
      said += text
      const url = said.match(/https?:\/\/[\w.:[\]-]+:\d+/)
      if (url) resolve(url[0])
    }))
    const url = await within(10_000, 'the server to say where it serves', Promise.race([
      told,
      this.exit.then(why => { throw new Error(`${bin}: ${why?.message ?? `exited with ${why}`}\n${said}${this.log}`) }),
    ]))
    this.url = url
    this.port = Number(new URL(url).port)
  }

  // kill ends it as kill -9 does; stop as an operator does. Both wait for the end.
  async kill() {
    this.child?.kill('SIGKILL')
    await this.exit
  }

  async stop() {
    this.child?.kill('SIGTERM')
    return within(20_000, 'the server to stop', this.exit)
  }

  async close() {
    await this.kill()
    if (this.owns) rmSync(this.data, { recursive: true, force: true })
  }
}

/** Resolves as promise does, or fails after ms with a word on what was awaited. */
export async function within(ms, what, promise) {
  let timer
  const late = new Promise((_, fail) => { timer = setTimeout(fail, ms, new Error(`waited ${ms} ms in vain for ${what}`)) })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
