import type { ComponentChildren } from 'preact'
import { actionIn } from '../composer/commands.ts'
import { memo } from '../parts/memo.ts'
import { parse, type Node } from './text.ts'

/** What somebody said, or what they do. */
export const Text = memo(function Text({ text, name }: { text: string; name: string }) {
  const action = actionIn(text)
  if (action !== undefined) return <div class="text action" dir="auto"><bdi>{name}</bdi> {show(parse(action))}</div>
  return <div class={`text${onlyEmoji(text) ? ' large' : ''}`} dir="auto">{show(parse(text))}</div>
})

function show(nodes: readonly Node[]): ComponentChildren {
  return nodes.map(node => {
    if (typeof node === 'string') return node
    switch (node.kind) {
      case 'link':
        return <><a href={node.href} target="_blank" rel="noopener noreferrer nofollow">{node.text}</a>{node.host !== undefined && <span class="host"> ({node.host})</span>}</>
      case 'code': return <code>{node.text}</code>
      case 'block': return <pre tabIndex={0}><code>{node.text}</code></pre>
      case 'strong': return <strong>{show(node.nodes)}</strong>
      case 'em': return <em>{show(node.nodes)}</em>
      case 'del': return <del>{show(node.nodes)}</del>
    }
  })
}

function onlyEmoji(text: string): boolean {
  return text.length <= 24 && /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\uFE0F\u200D]*\s*){1,3}$/u.test(text)
}
