// A message's text as nodes: links and a small subset of Markdown. It becomes
// elements through the DOM alone, never through a string of HTML.
import { actionIn } from '../composer/commands.ts'

export type Node =
  | string
  | { kind: 'link'; href: string; text: string; host: string | undefined }
  | { kind: 'code'; text: string }
  | { kind: 'block'; text: string }
  | { kind: 'strong' | 'em' | 'del'; nodes: Node[] }

/** Longer texts are shown as they are: nobody formats them by hand. */
const mostFormatted = 8000

export function parse(text: string): Node[] {
  if (text.length > mostFormatted) return linked(text)
  const nodes: Node[] = []
  let at = 0
  for (const match of text.matchAll(/```(?:[a-z0-9+#-]*\n)?([\s\S]+?)\n?```\n?/gi)) {
    nodes.push(...inline(text.slice(at, match.index).replace(/\n$/, '')))
    nodes.push({ kind: 'block', text: match[1]! })
    at = match.index + match[0].length
  }
  nodes.push(...inline(text.slice(at)))
  return nodes
}

/** What a message says, in one piece: for quotes and lists, which show neither marks nor links. */
export function plain(text: string): string {
  const wordsOf = (nodes: readonly Node[]): string => nodes.map(node => (typeof node === 'string' ? node : 'nodes' in node ? wordsOf(node.nodes) : node.kind === 'block' ? `\n${node.text}\n` : node.text)).join('')
  return wordsOf(parse(actionIn(text) ?? text)).trim()
}

// A mark opens after a blank or an opening bracket and closes before a blank or
// punctuation, so that snake_case, 2*3*4 and file_name_here stay what they are.
const marks = /`([^`\n]+)`|(?<=^|[\s([{"'])(\*\*|__|~~|\*|_)(?=\S)([^\n]*?\S)\2(?=$|[\s)\]}"'.,;:!?])/g

function inline(text: string, depth = 0): Node[] {
  if (text === '') return []
  if (depth > 3) return linked(text)
  const nodes: Node[] = []
  let at = 0
  for (const match of text.matchAll(marks)) {
    // A mark inside a link is part of the link.
    if (insideLink(text, match.index)) continue
    nodes.push(...linked(text.slice(at, match.index)))
    const [whole, code, mark, inner] = match
    if (code !== undefined) nodes.push({ kind: 'code', text: code })
    else nodes.push({ kind: mark === '~~' ? 'del' : mark === '**' || mark === '__' ? 'strong' : 'em', nodes: inline(inner!, depth + 1) })
    at = match.index + whole.length
  }
  nodes.push(...linked(text.slice(at)))
  return nodes
}

const address = /https?:\/\/[^\s<>"'`]+/gi

function insideLink(text: string, index: number): boolean {
  const before = text.slice(0, index)
  return /https?:\/\/[^\s<>"'`]*$/i.test(before)
}

function linked(text: string): Node[] {
  const nodes: Node[] = []
  let at = 0
  for (const match of text.matchAll(address)) {
    const written = trimEnd(match[0])
    const link = linkOf(written)
    if (!link) continue
    if (match.index > at) nodes.push(text.slice(at, match.index))
    nodes.push(link)
    at = match.index + written.length
  }
  if (at < text.length) nodes.push(text.slice(at))
  return nodes
}

/** Punctuation after a link belongs to the sentence, as does a bracket that was opened before it. */
function trimEnd(written: string): string {
  for (;;) {
    const last = written.at(-1) ?? ''
    const unopened = (last === ')' && count(written, ')') > count(written, '(')) || (last === ']' && count(written, ']') > count(written, '['))
    if (!/[.,;:!?*_~…]/.test(last) && !unopened) return written
    written = written.slice(0, -1)
  }
}

function count(text: string, sign: string): number {
  return text.split(sign).length - 1
}

function linkOf(written: string): Node | undefined {
  let url: URL
  try {
    url = new URL(written)
  } catch {
    return undefined
  }
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || url.hostname === '') return undefined
  // What reads like one host and leads to another (user@, look-alike letters) says where it leads.
  const shown = /^https?:\/\/([^/?#]*)/i.exec(written)?.[1]?.toLowerCase() ?? ''
  return { kind: 'link', href: url.href, text: written, host: shown === url.host ? undefined : url.host }
}
