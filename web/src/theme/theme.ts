// Light and dark: by the system, unless switched by hand.
import { effect, signal } from '@preact/signals'
import type { Store } from '../app/storage.ts'

export type Choice = 'auto' | 'light' | 'dark'

export class Theme {
  readonly choice = signal<Choice>('auto')

  constructor(store: Store) {
    const kept = store.get('theme')
    if (kept === 'light' || kept === 'dark') this.choice.value = kept
    effect(() => {
      const choice = this.choice.value
      if (choice === 'auto') delete document.documentElement.dataset.theme
      else document.documentElement.dataset.theme = choice
      if (choice === 'auto') store.remove('theme')
      else store.set('theme', choice)
    })
  }

  next(): void {
    const order: Choice[] = ['auto', 'light', 'dark']
    this.choice.value = order[(order.indexOf(this.choice.value) + 1) % order.length]!
  }
}
