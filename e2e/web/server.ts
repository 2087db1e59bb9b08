// The real server, as a user starts it.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const built = join(__dirname, '../../bin/snug')

/** A server on a directory of its own, on a port that is new at each start. */
export class Server {
  port = 0
  binary = process.env.SNUG_BINARY ?? built
  private process: ChildProcess | undefined
  private readonly made: string[] = []

  constructor(public data = mkdtempSync(join(tmpdir(), 'snug-e2e-'))) {
    this.made.push(data)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Starts it and waits until it serves. */
  async start(): Promise<void> {
    if (!existsSync(this.binary)) throw new Error(`${this.binary} is missing: run make build`)
    const child = spawn(this.binary, ['serve', '--listen', '127.0.0.1:0', '--data', this.data, '--limits', 'off'], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.process = child
    this.port = await new Promise<number>((found, failed) => {
      let said = ''
      const hear = (chunk: Buffer) => {
        said += chunk
        const port = /http:\/\/(?:127\.0\.0\.1|localhost):(\d+)/.exec(said)?.[1]
        if (port !== undefined) found(Number(port))
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.on('exit', code => failed(new Error(`the server ended with ${code}:\n${said}`)))
      child.on('error', failed)
    })
    for (let tries = 0; ; tries++) {
      const healthy = await fetch(`${this.url}/healthz`).then(answer => answer.ok, () => false)
      if (healthy) return
      if (tries > 100) throw new Error('the server does not answer /healthz')
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  /** Does what an operator does with `snug admin`. */
  admin(...args: string[]): void {
    execFileSync(this.binary, ['admin', ...args, '--data', this.data])
  }

  /** Ends it: SIGTERM as on a shutdown, SIGKILL as in a crash. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }

  /** A server that knows nothing of what was before. */
  forget(): void {
    this.data = mkdtempSync(join(tmpdir(), 'snug-e2e-'))
    this.made.push(this.data)
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL')
    for (const directory of this.made) rmSync(directory, { recursive: true, force: true })
  }
}
