// The app without a network: its service worker, which keeps the app's files
// and nothing that anybody says. There is none on plain HTTP, but for localhost.
import type { App } from './app.ts'

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown }
}

let registration: ServiceWorkerRegistration | undefined

/** Has the browser keep the app, and tells the reader when another version lies ready. */
export async function keepShell(app: App): Promise<void> {
  const workers = (navigator as { serviceWorker?: ServiceWorkerContainer }).serviceWorker
  if (registration || !workers) return
  const { base } = app
  try {
    registration = await workers.register(trusted(new URL('sw.js', base).href), { scope: base.href, updateViaCache: 'none' })
  } catch {
    return // refused by the browser's settings: the app works all the same
  }
  app.reload = reload
  const newer = () => { app.connection.outdated.value = true }
  const watch = (worker: ServiceWorker | null) => worker?.addEventListener('statechange', () => {
    // The first one to be installed is this page's own.
    if (worker.state === 'installed' && workers.controller) newer()
  })
  if (registration.waiting && workers.controller) newer()
  watch(registration.installing)
  registration.addEventListener('updatefound', () => watch(registration!.installing))
}

/** Loads the page anew, in the version that lies ready. */
function reload(): void {
  const waiting = registration?.waiting
  if (!waiting) return location.reload()
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true })
  setTimeout(() => location.reload(), 1000)
  waiting.postMessage('now')
}

/** The one URL that may become a script (Content-Security-Policy: trusted-types snug-sw). */
function trusted(url: string): string {
  const types = (window as { trustedTypes?: TrustedTypes }).trustedTypes
  if (!types) return url
  const policy = types.createPolicy('snug-sw', {
    createScriptURL: asked => {
      if (asked !== url) throw new TypeError('not our service worker')
      return asked
    },
  })
  return policy.createScriptURL(url) as string
}
