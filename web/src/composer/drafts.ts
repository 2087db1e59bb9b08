// What was begun and not sent, per room. Kept with each keystroke: a crash
// asks nobody beforehand.
import type { Store } from '../app/storage.ts'

export class Draft {
  private readonly key: string

  constructor(private readonly store: Store, room: string) {
    this.key = `draft.${room.toLowerCase()}`
  }

  get text(): string {
    return this.store.get(this.key) ?? ''
  }

  set text(text: string) {
    if (text === '') this.store.remove(this.key)
    else this.store.set(this.key, text)
  }
}
