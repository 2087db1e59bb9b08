import { existsSync } from 'node:fs'
import { defineConfig } from '../../web/node_modules/@playwright/test'

// The system's own browsers: nothing is downloaded.
// The headless shell is Chromium without the windows around the page, which nobody sees here and which cost half of the time.
const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium-headless-shell'
const firefox = process.env.FIREFOX ?? '/usr/bin/firefox-esr'

// A process for each window is dear on a small machine, and guards against strangers, of whom there are none here.
const thrifty = { 'fission.autostart': false, 'dom.ipc.processCount': 1, 'dom.ipc.processPrelaunch.enabled': false, 'browser.newtab.preload': false }

export default defineConfig({
  testDir: '.',
  // Those for WebKit, *.test.mjs, are of another runner: to load them would start its driver.
  testMatch: '*.spec.ts',
  outputDir: '../../web/test-results',
  // Generous, for a busy machine: what a behaviour promises in seconds is measured in its own test.
  timeout: 60_000,
  expect: { timeout: 10_000 },
  workers: 2,
  fullyParallel: true,
  retries: 0,
  forbidOnly: process.env.CI !== undefined,
  reporter: 'list',
  // A trace costs as much as the test: SNUG_TRACE=1 keeps those of failures.
  use: { trace: process.env.SNUG_TRACE ? 'retain-on-failure' : 'off', locale: 'en-GB', timezoneId: 'Europe/Berlin' },
  projects: [
    {
      name: 'chromium',
      use: {
        browserName: 'chromium',
        launchOptions: {
          executablePath: chromium,
          args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
        },
      },
    },
    // What hangs on our own logic alone is tested once.
    ...(existsSync(firefox) ? [{ name: 'firefox', grepInvert: /@once/, use: { browserName: 'firefox' as const, channel: 'moz-firefox', launchOptions: { executablePath: firefox, firefoxUserPrefs: thrifty } } }] : []),
  ],
})
