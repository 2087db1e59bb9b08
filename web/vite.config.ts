import { defineConfig, type Plugin } from 'vite'

// Where `npm run dev` finds a running server.
const server = process.env.SNUG_SERVER ?? 'http://127.0.0.1:5000'

// Snug speaks no WebTransport: that part of the client would be dead weight in the first load.
const noWebTransport: Plugin = {
  name: 'no-webtransport',
  enforce: 'pre',
  load: id => (/engine\.io-client\/build\/esm\/transports\/webtransport\.js$/.test(id) ? 'export class WT {}' : undefined),
}

export default defineConfig({
  // Relative, so that the app works under any path behind a proxy.
  base: './',
  plugins: [noWebTransport],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    target: 'es2022',
    // The browsers that know light-dark(): nothing is rewritten for older ones.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // Of the page alone: what its script imports is asked for at once, and chunks carry no lists.
    modulePreload: { polyfill: false, resolveDependencies: (_, needed, { hostType }) => (hostType === 'html' ? needed : []) },
    // No data: URLs in scripts and styles: the Content-Security-Policy would refuse some of them.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // dist/.keep is committed; Vite copies it back from public/.
    emptyOutDir: true,
  },
  server: { proxy: { '/socket.io': { target: server, ws: true }, '/api': { target: server } } },
})
