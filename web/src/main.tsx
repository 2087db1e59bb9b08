import { render } from 'preact'
import './theme/tokens.css'
import './theme/base.css'
import './theme/landing.css'
import { App } from './app/app.ts'
import { AppView } from './app/AppView.tsx'
import { watchKeys } from './app/keys.ts'
import { baseOf, routeOf } from './app/place.ts'
import { openStore } from './app/storage.ts'
import { fetchFirst, fetchRest } from './app/views.ts'
import { watchViewport } from './app/viewport.ts'

// In a variable, or the build would take it for the address of an asset.
const here: string = import.meta.url

// Its code is on the way while the rest is made.
fetchFirst(routeOf(baseOf(here), location.href).page)
const app = new App(baseOf(here), openStore(() => window.localStorage))
watchKeys(app)
watchViewport()
render(<AppView app={app} />, document.getElementById('app')!)
// What comes after this page is fetched when the reader begins to do something:
// who only looks is spared it.
for (const sign of ['pointerdown', 'keydown']) window.addEventListener(sign, () => setTimeout(fetchRest), { once: true })
