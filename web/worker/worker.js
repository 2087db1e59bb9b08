// The service worker: the app opens without a network, and installs. It keeps
// the files that the app is made of, and nothing else: what people say passes by
// it, and is never kept here. The build puts two constants before this text:
//   SHELL    the app's files, by their paths under the scope
//   VERSION  changes with any of them

const name = `snug-${VERSION}`
/** The page as it is shown below /r/: it is the same for every code. */
const door = 'r/shell'
/** After so long without an answer the kept page is shown, in ms. */
const patience = 3000

const at = path => new URL(path, self.registration.scope).href
const kept = new Set(SHELL.map(at))

self.addEventListener('install', event => {
  // Past the browser's own cache: a page of yesterday must not be kept under today's name.
  const fetched = [...SHELL, './', door].map(path => new Request(at(path), { cache: 'no-cache' }))
  event.waitUntil(caches.open(name).then(cache => cache.addAll(fetched)))
})

self.addEventListener('activate', event => {
  event.waitUntil((async () => {
    // A storage that fails must not keep this worker from its pages: they would load nothing at all then.
    await clear().catch(() => {})
    await self.clients.claim()
  })())
})

/** Throws away what other versions kept. */
async function clear() {
  for (const other of await caches.keys()) if (other.startsWith('snug-') && other !== name) await caches.delete(other)
}

// The reader has asked for the new version.
self.addEventListener('message', event => { if (event.data === 'now') void self.skipWaiting() })

self.addEventListener('fetch', event => {
  const { request } = event
  if (request.method !== 'GET') return
  if (request.mode === 'navigate') {
    const path = request.url.slice(self.registration.scope.length)
    const page = /^r\/[^/?#]+\/?(?:[?#]|$)/.test(path) ? door : /^(?:[?#]|$)/.test(path) ? './' : undefined
    if (page !== undefined) event.respondWith(newest(request, at(page)))
  } else if (kept.has(request.url)) {
    event.respondWith(find(request.url).then(found => found ?? fetch(request)))
  }
})

/** The page from the server, or as it was kept if the server does not answer. */
async function newest(request, page) {
  const waiting = new AbortController()
  const asked = fetch(request, { signal: waiting.signal })
  let timer
  const late = new Promise(resolve => { timer = setTimeout(resolve, patience) })
  const answer = await Promise.race([asked.catch(() => {}), late])
  clearTimeout(timer)
  if (answer && answer.status < 500) return answer
  const found = await find(page)
  if (!found) return asked // late is better than nothing
  waiting.abort()
  return found
}

/** What was kept of url: nothing too if the storage fails. */
function find(url) {
  return caches.match(url, { cacheName: name, ignoreVary: true }).catch(() => {})
}
