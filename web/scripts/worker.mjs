// Writes dist/sw.js, the service worker: worker/worker.js after the list of the
// files that were just built, and a version that is made of them.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

const dist = new URL('../dist/', import.meta.url)
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile() && !entry.name.startsWith('.') && entry.name !== 'sw.js')
  .map(entry => `${entry.parentPath}/${entry.name}`.slice(dist.pathname.length).replace(/^\/+/, '')).sort()
const worker = readFileSync(new URL('../worker/worker.js', import.meta.url))

const hash = createHash('sha256').update(worker)
for (const file of files) hash.update(`${file}\0`).update(readFileSync(new URL(file, dist)))
// The pages are asked for by the addresses that readers see.
const shell = files.filter(file => file !== 'index.html')
writeFileSync(new URL('sw.js', dist), `const SHELL = ${JSON.stringify(shell)}\nconst VERSION = '${hash.digest('hex').slice(0, 16)}'\n${worker}`)
console.log(`the service worker keeps ${shell.length} files`)
