// How a window asks to be looked at: its title, its icon, a sound and, where
// they were allowed, notifications. All of it ends when the reader looks.
import { effect, signal, type ReadonlySignal } from '@preact/signals'
import type { Room } from '../rooms/room.ts'
import type { Entry } from '../wire.ts'
import type { Store } from './storage.ts'

/** So far may tabs lag behind each other. */
const toldFor = 15_000

/** So many notifications are remembered, to be taken back. */
const mostNotes = 50

const nameOf = (room: Room, seq: number) => `snug.${room.code.peek()}.${seq}`

export class Attention {
  readonly sound = signal(false)
  /** Notifications are switched on here and allowed by the browser. */
  readonly notify = signal(false)
  /** What a screen reader is told, once. */
  readonly said = signal('')

  /** Which message was said last, and the notifications that stand. */
  private saidOf = ''
  private readonly notes = new Map<string, Notification>()
  private audio: AudioContext | undefined
  private lastSound = 0

  constructor(private readonly store: Store, private readonly base: URL, private readonly open: (code: string) => void) {
    this.sound.value = store.get('sound') === 'on'
    this.notify.value = store.get('notify') === 'on' && this.permission === 'granted'
  }

  /** Shows the number of unread messages on the tab. */
  badge(unread: ReadonlySignal<number>, title: ReadonlySignal<string>): void {
    const icon = document.querySelector<HTMLLinkElement>('#favicon')
    let dotted = false
    effect(() => {
      const n = unread.value
      document.title = (n > 0 ? `(${n > 999 ? '999+' : n}) ` : '') + title.value
      if (n > 0 === dotted || !icon) return
      dotted = n > 0
      icon.href = new URL(dotted ? 'favicon-dot.svg' : 'favicon.svg', this.base).href
    })
  }

  /** A message has come from somebody else. */
  news(room: Room, entry: Entry, watched: boolean, active: boolean): void {
    const text = entry.text ?? ''
    if (active) {
      this.said.value = `${entry.from.name}: ${text.slice(0, 200)}`
      this.saidOf = nameOf(room, entry.seq)
    }
    if (watched || document.visibilityState === 'visible') return
    if (this.sound.peek()) this.ring()
    if (this.notify.peek()) this.tellOnce(room, entry)
  }

  /** A message was deleted: it is neither said nor shown any more. */
  withdrawn(room: Room, seq: number): void {
    const name = nameOf(room, seq)
    if (this.saidOf === name) this.said.value = ''
    this.notes.get(name)?.close()
    this.notes.delete(name)
  }

  switchSound(on: boolean): void {
    this.sound.value = on
    this.store.set('sound', on ? 'on' : 'off')
    // Made on a click: a browser lets no page make noise that was never touched.
    if (on) this.ring()
  }

  get permission(): NotificationPermission | 'absent' {
    return typeof Notification === 'function' ? Notification.permission : 'absent'
  }

  /** Asks the browser; only ever called on a click. */
  async switchNotify(on: boolean): Promise<void> {
    if (on && this.permission === 'default') await Notification.requestPermission()
    this.notify.value = on && this.permission === 'granted'
    this.store.set('notify', this.notify.peek() ? 'on' : 'off')
  }

  /** Of several tabs the first one tells: it holds a lock on the message until
   * the others have tried. Notifications and locks both want a secure page. */
  private tellOnce(room: Room, entry: Entry): void {
    void navigator.locks.request(nameOf(room, entry.seq), { ifAvailable: true }, lock => {
      if (!lock) return undefined
      this.tell(room, entry)
      return new Promise(resolve => setTimeout(resolve, toldFor))
    })
  }

  private tell(room: Room, entry: Entry): void {
    const code = room.code.peek()
    const name = nameOf(room, entry.seq)
    try {
      const note = new Notification(`${entry.from.name} · ${room.title.peek()}`, {
        body: (entry.text ?? '').slice(0, 200), tag: name, icon: new URL('favicon.svg', this.base).href,
      })
      note.onclick = () => {
        window.focus()
        this.open(code)
        note.close()
      }
      this.notes.set(name, note)
      note.onclose = () => this.notes.delete(name)
      for (const oldest of this.notes.keys()) {
        if (this.notes.size <= mostNotes) break
        this.notes.delete(oldest)
      }
    } catch {
      // Some phones allow notifications to service workers alone.
    }
  }

  /** Two soft notes. */
  private ring(): void {
    const now = Date.now()
    if (now - this.lastSound < 1000 || typeof AudioContext !== 'function') return
    this.lastSound = now
    const audio = (this.audio ??= new AudioContext())
    void audio.resume()
    for (const [i, pitch] of [523.25, 659.25].entries()) {
      const start = audio.currentTime + i * 0.12
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0, start)
      volume.gain.linearRampToValueAtTime(0.08, start + 0.02)
      volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.4)
      tone.connect(volume).connect(audio.destination)
      tone.start(start)
      tone.stop(start + 0.45)
    }
  }
}
