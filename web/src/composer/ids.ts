// The client's own names for what it does. They are made once and kept over
// every retry: that makes a retry safe.

let last = 0
let counter = 0

/** A UUIDv7 (RFC 9562): sorts by the time of making, within this page strictly.
 * From getRandomValues: randomUUID is absent on plain HTTP in a local network. */
export function newId(now = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  // RFC 9562, 6.2 method 1: a counter in rand_a keeps the order within a millisecond.
  if (now > last) {
    last = now
    counter = ((bytes[6]! << 8) | bytes[7]!) & 0x7ff
  } else if (++counter > 0xfff) {
    last++
    counter = 0
  }
  for (let i = 0, shift = 2 ** 40; i < 6; i++, shift /= 256) bytes[i] = Math.floor(last / shift) & 0xff
  bytes[6] = 0x70 | (counter >> 8)
  bytes[7] = counter & 0xff
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
