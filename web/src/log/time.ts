// Times as the reader's own clock and language show them. Order is never taken
// from them: that is what seq is for.

/** Made when first needed: each costs milliseconds, and the first page shows none. */
function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}

const clock = once(() => new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }))
const full = once(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' }))
const soon = once(() => new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }))
const someDay = once(() => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }))
const day = once(() => new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' }))
const dayOfYear = once(() => new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }))
const relative = once(() => new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' }))

const valid = (at: Date) => !Number.isNaN(at.getTime())

export function timeOf(at: string): string {
  const date = new Date(at)
  return valid(date) ? clock().format(date) : ''
}

export function fullTimeOf(at: string): string {
  const date = new Date(at)
  return valid(date) ? full().format(date) : at
}

/** The reader's day of a moment, as a key: it changes at the reader's midnight. */
export function dayKey(at: string): string {
  const date = new Date(at)
  return `${date.getFullYear()}-${date.getMonth() + 1}-${date.getDate()}`
}

/** "Today", "Yesterday", or the date; with the year if it is not this one. */
export function dayName(at: string, now: Date): string {
  const date = new Date(at)
  const midnight = (of: Date) => Date.UTC(of.getFullYear(), of.getMonth(), of.getDate())
  const ago = Math.round((midnight(now) - midnight(date)) / 86_400_000)
  if (ago === 0 || ago === 1) return capital(relative().format(-ago, 'day'))
  return (date.getFullYear() === now.getFullYear() ? day() : dayOfYear()).format(date)
}

/** "3 minutes ago", for lists. */
export function agoOf(at: number, now: number): string {
  const minutes = Math.round((now - at) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return relative().format(-minutes, 'minute')
  if (minutes < 36 * 60) return relative().format(-Math.round(minutes / 60), 'hour')
  return relative().format(-Math.round(minutes / 60 / 24), 'day')
}

const farAway = 200 * 86_400_000

const units = [['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]] as const

/** "90 seconds", "10 minutes": a length of time, in the largest unit that says it well. */
export function spanOf(seconds: number): string {
  const whole = Math.max(1, Math.round(seconds))
  const [unit, size] = units.find(([, each]) => whole % each === 0 || whole >= 3 * each)!
  const n = Math.round(whole / size)
  return `${n} ${unit}${n === 1 ? '' : 's'}`
}

/** A moment to come: the time if it is today, the date with it if not, and of one that is far the date alone. */
export function momentOf(at: number, now: number): string {
  const date = new Date(at)
  if (at - now > farAway) return someDay().format(date)
  return dayKey(date.toISOString()) === dayKey(new Date(now).toISOString()) ? clock().format(date) : soon().format(date)
}

/** Nothing ends so late: what does is for good. */
export const isForGood = (until: string): boolean => !(Date.parse(until) < Date.UTC(9000, 0))

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1)
}
