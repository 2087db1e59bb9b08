// Where the app lies. Nothing in it knows an absolute URL: the same build works
// at the root of a host and under a path behind a proxy.

/** The app's base URL, ending in "/", from the URL of one of its scripts: in a
 * build they lie in `assets/`, while developing in `src/`. */
export function baseOf(script: string): URL {
  const at = script.search(/(assets|src)\/[^/]*$/)
  return new URL(at < 0 ? './' : script.slice(0, at), script)
}

/** What the address asks for. */
export type Route = { page: 'landing' } | { page: 'room'; code: string; seq?: number }

/** Reads an address of the app; what is no room's is the landing page's. */
export function routeOf(base: URL, href: string): Route {
  const url = new URL(href, base)
  const path = url.pathname.startsWith(base.pathname) ? url.pathname.slice(base.pathname.length) : ''
  const code = /^r\/([^/]+)\/?$/.exec(path)?.[1]
  if (code === undefined) return { page: 'landing' }
  const seq = seqIn(url.hash)
  return { page: 'room', code: decode(code), ...(seq !== undefined && { seq }) }
}

/** The message that a link leads to, if it does. */
export function seqIn(link: string): number | undefined {
  const seq = /#(\d{1,10})$/.exec(link.trim())?.[1]
  return seq === undefined ? undefined : Number(seq)
}

/** A room's link, to a message of it if `seq` is given. */
export function linkTo(base: URL, code: string, seq?: number): string {
  return new URL(`r/${encodeURIComponent(code)}${seq === undefined ? '' : `#${seq}`}`, base).href
}

/** What a link carries in its fragment for the browser that opens it, and for no server to see:
 * the key that makes one an owner of the room, or the code by which one takes over an
 * identity, with the name it goes by and the rooms it is in, the one to go to first. */
export interface Carried { key?: string; move?: string; name?: string; rooms?: string[] }

export function carriedIn(link: string): Carried {
  const said = new URLSearchParams(/#(.*)$/.exec(link)?.[1] ?? '')
  const [key, move, name, rooms] = ['key', 'move', 'name', 'rooms'].map(each => said.get(each) || undefined)
  return { ...(key && { key }), ...(move && { move }), ...(name && { name }), ...(rooms && { rooms: rooms.split(',').filter(codeIn) }) }
}

/** A link that carries something. */
export function carry(link: string, { rooms, ...more }: Carried): string {
  return `${link}#${new URLSearchParams({ ...more, ...(rooms?.length && { rooms: rooms.join(',') }) })}`
}

/** The code in what somebody typed or pasted: a code in any case, with blanks
 * around it, or any link that ends in /r/CODE. Empty if there is none. */
export function codeIn(input: string): string {
  const text = input.trim()
  const linked = /\/r\/([^/?#\s]+)/.exec(text)?.[1]
  if (linked !== undefined) return decode(linked)
  return /^[A-Za-z0-9-]{3,40}$/.test(text) ? text : ''
}

/** Whether two codes name one room: they are looked up case-blind. */
export function sameCode(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
