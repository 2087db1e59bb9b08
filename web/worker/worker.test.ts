import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const scope = 'https://chat.example/in/'
const text = readFileSync(new URL('worker.js', import.meta.url), 'utf8')

/** A worker that runs, and what it stands on. */
class Worker {
  readonly kept = new Map<string, Response>()
  readonly caches = {
    match: vi.fn(async (url: string) => this.kept.get(url)),
    keys: vi.fn(async () => ['snug-1', 'snug-2', 'of others']),
    delete: vi.fn<(name: string) => Promise<boolean>>(async () => true),
    open: vi.fn(),
  }
  readonly claim = vi.fn(async () => {})
  readonly fetch = vi.fn<(request: unknown, init?: RequestInit) => Promise<Response>>()
  private readonly hear = new Map<string, (event: object) => void>()

  constructor() {
    const self = {
      registration: { scope }, clients: { claim: this.claim }, skipWaiting: vi.fn(),
      addEventListener: (name: string, listener: (event: object) => void) => this.hear.set(name, listener),
    }
    new Function('SHELL', 'VERSION', 'self', 'caches', 'fetch', text)(['assets/app.js'], '2', self, this.caches, this.fetch)
  }

  activate(): Promise<unknown> {
    let until: Promise<unknown> = Promise.resolve()
    this.hear.get('activate')!({ waitUntil: (work: Promise<unknown>) => { until = work } })
    return until
  }

  /** What is answered to a request; undefined if it passes by. */
  ask(path: string, mode = 'navigate'): Promise<Response> | undefined {
    let answer: Promise<Response> | undefined
    this.hear.get('fetch')!({ request: { method: 'GET', mode, url: scope + path }, respondWith: (a: Promise<Response>) => { answer = a } })
    return answer
  }
}

const page = (says: string, status = 200) => new Response(says, { status })
const broken = () => Promise.reject(new DOMException('', 'UnknownError'))
const says = async (answer: Promise<Response> | undefined) => (await answer!).text()

let worker: Worker
beforeEach(() => {
  vi.useFakeTimers()
  worker = new Worker()
})
afterEach(() => void vi.useRealTimers())

describe('the page', () => {
  const room = `${scope}r/shell`

  it('comes from the server', async () => {
    worker.kept.set(room, page('kept'))
    worker.fetch.mockResolvedValue(page('new'))
    expect(await says(worker.ask('r/ABCD'))).toBe('new')
  })

  it('is the kept one when the server is not there, fails, or does not answer', async () => {
    worker.kept.set(room, page('kept'))
    worker.fetch.mockRejectedValueOnce(new TypeError())
    expect(await says(worker.ask('r/ABCD'))).toBe('kept')
    worker.kept.set(room, page('kept'))
    worker.fetch.mockResolvedValueOnce(page('', 502))
    expect(await says(worker.ask('r/ABCD'))).toBe('kept')
    worker.kept.set(room, page('kept'))
    worker.fetch.mockReturnValueOnce(new Promise(() => {}))
    const answer = says(worker.ask('r/ABCD'))
    await vi.advanceTimersByTimeAsync(3000)
    expect(await answer).toBe('kept')
    expect(worker.fetch.mock.lastCall![1]!.signal!.aborted).toBe(true)
  })

  it.each([['lost', async () => undefined], ['out of reach', broken]])('comes late when the kept one is %s', async (_, match) => {
    worker.caches.match.mockImplementation(match)
    let arrive!: (answer: Response) => void
    worker.fetch.mockReturnValue(new Promise(resolve => { arrive = resolve }))
    const answer = says(worker.ask(''))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(worker.fetch.mock.lastCall![1]!.signal!.aborted).toBe(false)
    arrive(page('late'))
    expect(await answer).toBe('late')
  })

  it('is the server’s word of its failure when none is kept', async () => {
    worker.fetch.mockResolvedValueOnce(page('down', 503))
    expect(await says(worker.ask(''))).toBe('down')
    worker.fetch.mockRejectedValueOnce(new TypeError('no network'))
    await expect(worker.ask('')).rejects.toThrow('no network')
  })
})

it('files of the app are the kept ones, from the server if the storage fails', async () => {
  worker.kept.set(`${scope}assets/app.js`, page('kept'))
  expect(await says(worker.ask('assets/app.js', 'cors'))).toBe('kept')
  worker.caches.match.mockImplementation(broken)
  worker.fetch.mockResolvedValue(page('new'))
  expect(await says(worker.ask('assets/app.js', 'cors'))).toBe('new')
})

it('what is said passes by', () => {
  expect(worker.ask('socket.io/?EIO=4', 'cors')).toBeUndefined()
  expect(worker.ask('export/ABCD')).toBeUndefined()
})

it('throws away what other versions kept, and takes its pages though that fails', async () => {
  await worker.activate()
  expect(worker.caches.delete.mock.calls).toEqual([['snug-1']])
  worker.caches.delete.mockImplementation(broken)
  await worker.activate()
  expect(worker.claim).toHaveBeenCalledTimes(2)
})
