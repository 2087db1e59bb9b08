import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { include: ['src/**/*.test.ts', 'worker/*.test.ts'], environment: 'node', env: { TZ: 'Europe/Berlin' } },
})
