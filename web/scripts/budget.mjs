// Fails the build when a page has grown too heavy. A first load is the page,
// its styles, the entry script, and the chunk of the first view, landing page or
// door, with all they import: 45 kB gzipped. Each chunk may weigh 20 kB.
import { readFileSync, readdirSync } from 'node:fs'
import { gzipSync } from 'node:zlib'

const firstLoad = 45_000
const chunk = 20_000
const dist = new URL('../dist/', import.meta.url)
const names = readdirSync(new URL('assets/', dist)).filter(name => /\.(js|css)$/.test(name))
const read = name => readFileSync(new URL(name, dist))
const weights = new Map(['index.html', ...names.map(name => `assets/${name}`)].map(name => [name, gzipSync(read(name), { level: 9 }).length]))

const page = read('index.html').toString()
const entry = [...page.matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.(?:js|css))"/g)].map(match => match[1])
const loader = read(entry.find(name => name.endsWith('.js'))).toString()

/** A chunk and what it imports at once (`import("…")` comes later). */
function closure(name, found = new Set()) {
  if (found.has(name)) return found
  found.add(name)
  if (name.endsWith('.js')) for (const [, file] of read(name).toString().matchAll(/(?:from|import)\s*[`"']\.\/([^`"']+)[`"']/g)) closure(`assets/${file}`, found)
  return found
}

/** The chunk of a view, with the styles that the loader names beside it. */
function view(name) {
  const file = names.find(each => each.startsWith(`${name}-`) && each.endsWith('.js'))
  const found = closure(`assets/${file}`)
  // Vite names a chunk's styles behind its import(): __vite__mapDeps([…]), indexes into m.f.
  const listed = JSON.parse(/m\.f=(\[[^\]]*\])/.exec(loader)?.[1] ?? '[]')
  // What follows the next import() is the next chunk's.
  const after = loader.slice(loader.indexOf(`./${file}`)).split('import(')[0]
  for (const i of JSON.parse(/__vite__mapDeps\((\[[\d,]*\])\)/.exec(after)?.[1] ?? '[]')) found.add(listed[i].replace(/^\.\//, 'assets/'))
  return found
}

let failed = false
const say = (bytes, limit, text) => {
  if (bytes > limit) failed = true
  console.log(`${String(bytes).padStart(8)} of ${limit}  ${text}${bytes > limit ? '  OVER THE BUDGET' : ''}`)
}
for (const name of ['Landing', 'Door']) {
  const all = new Set(['index.html', ...entry.flatMap(each => [...closure(each)]), ...view(name)])
  say([...all].reduce((sum, each) => sum + weights.get(each), 0), firstLoad, `first load of ${name}: ${all.size} files`)
}
for (const [name, bytes] of weights) if (!entry.includes(name) && name !== 'index.html') say(bytes, chunk, name)
process.exitCode = failed ? 1 : 0
