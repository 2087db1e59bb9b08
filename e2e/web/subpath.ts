// A proxy in front of the server, which it shows under a path, as nginx would.
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'

export interface Front {
  url: string
  /** Paths that were asked for outside of ours. */
  strays: string[]
  /** Put behind the service worker's text: another version of it. */
  moreWorker: string
  close(): void
}

export async function serveUnder(path: string, port: number): Promise<Front> {
  const strays: string[] = []
  const front: Front = { url: '', strays, moreWorker: '', close() {} }
  const inside = (url: string): string | undefined => {
    if (url.startsWith(path)) return `/${url.slice(path.length)}`
    strays.push(url)
    return undefined
  }
  const server = createServer((asked, answer) => {
    const to = inside(asked.url ?? '')
    if (to === undefined) return void answer.writeHead(404).end()
    const changed = to === '/sw.js' && front.moreWorker !== ''
    // What is changed must come as plain text, and whole.
    const wanted = { ...asked.headers }
    if (changed) for (const name of ['accept-encoding', 'if-none-match']) delete wanted[name]
    const passed = request({ port, host: '127.0.0.1', path: to, method: asked.method, headers: wanted }, reply => {
      const headers = { ...reply.headers }
      if (changed) for (const name of ['content-length', 'etag']) delete headers[name]
      answer.writeHead(reply.statusCode ?? 502, headers)
      if (changed) reply.on('data', chunk => answer.write(chunk)).on('end', () => answer.end(front.moreWorker))
      else reply.pipe(answer)
    })
    passed.on('error', () => answer.destroy())
    asked.pipe(passed)
  })
  server.on('upgrade', (asked, client, head) => {
    const to = inside(asked.url ?? '')
    if (to === undefined) return void client.destroy()
    const upstream = connect(port, '127.0.0.1', () => {
      const headers = asked.rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${asked.rawHeaders[i + 1]}`] : []))
      upstream.write(`${asked.method} ${to} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
      upstream.write(head)
      client.pipe(upstream).pipe(client)
    })
    for (const side of [client, upstream]) side.on('error', () => { client.destroy(); upstream.destroy() })
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  front.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  front.close = () => {
    server.close()
    server.closeAllConnections()
  }
  return front
}
