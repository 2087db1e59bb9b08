import { useState } from 'preact/hooks'
import { Icon } from './Icon.tsx'

/** A button that copies a link; where the clipboard is closed (plain HTTP) the link is selected by hand. */
export function CopyLink({ link, label, failed }: { link: string; label: string; failed: (link: string) => void }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    if (!(await write(link))) return failed(link)
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <button type="button" class="button quiet copy" onClick={copy}>
      <Icon name={copied ? 'check' : 'link'} />
      <span class="copy-label" aria-live="polite">{copied ? 'Copied' : label}</span>
    </button>
  )
}

async function write(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return writeTheOldWay(text)
  }
}

// navigator.clipboard is absent on plain HTTP, which is how a house network is used.
function writeTheOldWay(text: string): boolean {
  const field = document.createElement('textarea')
  field.value = text
  field.className = 'vh'
  document.body.append(field)
  field.select()
  try {
    return document.execCommand('copy')
  } finally {
    field.remove()
  }
}
