// How long a text may be. The server counts code points and bytes; so do we.
import type { Limits } from '../wire.ts'

export interface Size {
  /** What is left, in code points; below 0 it is too long. */
  left: number
  /** It is worth showing. */
  near: boolean
  over: boolean
}

const encoder = new TextEncoder()

export function sizeOf(text: string, limits: Pick<Limits, 'textChars' | 'textBytes'> | undefined): Size {
  if (!limits) return { left: Infinity, near: false, over: false }
  // No text has more code points or a third of the bytes than UTF-16 units: most need no counting.
  if (text.length < limits.textChars * 0.9 && text.length * 3 < limits.textBytes * 0.9) return { left: limits.textChars - text.length, near: false, over: false }
  let chars = 0
  for (const _ of text) chars++
  const bytes = encoder.encode(text).length
  const share = Math.max(chars / limits.textChars, bytes / limits.textBytes)
  const left = Math.min(limits.textChars - chars, Math.floor((limits.textBytes - bytes) / Math.max(1, bytes / Math.max(1, chars))))
  return { left, near: share >= 0.9, over: share > 1 }
}
