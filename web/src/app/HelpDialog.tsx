import { commands } from '../composer/commands.ts'
import { Dialog } from '../parts/Dialog.tsx'

const mac = /Mac|iP(hone|ad|od)/.test(navigator.userAgent)

const keys: ReadonlyArray<readonly [string, string]> = [
  ['Enter', 'send'],
  ['Shift + Enter', 'new line'],
  ['@ and : and /', 'names, emoji, commands'],
  [`${mac ? '⌘' : 'Ctrl'} + K`, 'go to a room'],
  ['Alt + ↑ ↓', 'previous or next room'],
  ['↑', 'edit the last message'],
  ['Page up, Page down', 'read back and forth'],
  ['Esc', 'close, stop editing, or go to the end'],
  ['?', 'this list'],
]

const marks: ReadonlyArray<readonly [string, string]> = [
  ['**strong**', 'strong'], ['_gentle_', 'gentle'], ['~~wrong~~', 'struck out'], ['`code`', 'code'], ['```', 'lines of code'],
]

/** The keys that work, and what can be written. */
export function HelpDialog({ close }: { close: () => void }) {
  return (
    <Dialog title="Keys and commands" close={close}>
      <dl class="key-list">{keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}</dl>
      <h3>Commands</h3>
      <dl class="key-list">{commands.map(({ name, hint, what }) => <div key={name}><dt><code>/{name}</code> <i>{hint}</i></dt><dd>{what}</dd></div>)}</dl>
      <h3>Marks</h3>
      <dl class="key-list">{marks.map(([mark, what]) => <div key={mark}><dt><code>{mark}</code></dt><dd>{what}</dd></div>)}</dl>
    </Dialog>
  )
}
