// Draws the icons that cannot be SVG, from public/icon.svg: run it by hand when
// that has changed. Those for masks and for Apple reach to the edges.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'

const at = name => fileURLToPath(new URL(`../public/${name}`, import.meta.url))
const svg = readFileSync(at('icon.svg'), 'utf8')
const square = svg.replace(' rx="116"', '')

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell', args: ['--headless', '--no-sandbox', '--disable-gpu'] })
for (const [name, side, source] of [['icon-192.png', 192, svg], ['icon-512.png', 512, svg], ['icon-maskable.png', 512, square], ['apple-touch-icon.png', 180, square]]) {
  const page = await browser.newPage({ viewport: { width: side, height: side } })
  await page.goto(`data:text/html,${encodeURIComponent(`<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>${source}`)}`)
  await page.screenshot({ path: at(name), omitBackground: true })
  await page.close()
}
await browser.close()
