// The rooms this browser knows: those that are open in every window, and those that were.
import { signal } from '@preact/signals'
import { sameCode } from '../app/place.ts'
import { readJSON, type Store } from '../app/storage.ts'

export interface Known {
  code: string
  title: string
  /** Last opened, in ms. */
  at: number
  /** Joined whenever a window opens. */
  open: boolean
}

const most = 30

export class Recent {
  readonly list = signal<readonly Known[]>([])

  constructor(private readonly store: Store) {
    this.list.value = this.read()
  }

  /** The room is open, and this is what it is called. */
  keep(code: string, title: string): void {
    this.write([{ code, title, at: Date.now(), open: true }, ...this.read().filter(known => !sameCode(known.code, code))])
  }

  /** The room is not opened by itself any more. */
  shut(code: string): void {
    this.write(this.read().map(known => (sameCode(known.code, code) ? { ...known, open: false } : known)))
  }

  forget(code: string): void {
    this.write(this.read().filter(known => !sameCode(known.code, code)))
  }

  // Read anew each time: another tab may have written.
  private read(): Known[] {
    return readJSON(this.store, 'rooms', isList, [])
  }

  private write(list: Known[]): void {
    this.list.value = list.slice(0, most)
    this.store.set('rooms', JSON.stringify(this.list.value))
  }
}

function isList(value: unknown): value is Known[] {
  return Array.isArray(value) && value.every(each => typeof each?.code === 'string' && typeof each.title === 'string' && typeof each.at === 'number')
}
