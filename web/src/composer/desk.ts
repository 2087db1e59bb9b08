// What lies before the reader to be written: a new message, perhaps in reply to
// one, or another text for an old one. The draft waits while an old one is edited.
import { signal } from '@preact/signals'
import type { Draft } from './drafts.ts'

export class Desk {
  /** The message that is being edited. */
  readonly editing = signal<number | undefined>(undefined)
  /** The message that is being replied to. */
  readonly replyTo = signal<number | undefined>(undefined)
  /** Rises when the text is changed from outside the composer. */
  readonly changed = signal(0)
  private edited = ''

  constructor(private readonly draft: Draft) {}

  get text(): string {
    return this.editing.peek() === undefined ? this.draft.text : this.edited
  }

  set text(text: string) {
    if (this.editing.peek() === undefined) this.draft.text = text
    else this.edited = text
  }

  edit(seq: number, text: string): void {
    this.replyTo.value = undefined
    this.editing.value = seq
    this.edited = text
    this.changed.value++
  }

  reply(seq: number): void {
    this.editing.value = undefined
    this.replyTo.value = seq
    this.changed.value++
  }

  /** Back to the draft. */
  stop(): void {
    this.editing.value = undefined
    this.replyTo.value = undefined
    this.changed.value++
  }

  /** Puts a text behind what is being written. */
  add(text: string): void {
    this.editing.value = undefined
    this.draft.text = [this.draft.text, text].filter(Boolean).join('\n')
    this.changed.value++
  }
}
