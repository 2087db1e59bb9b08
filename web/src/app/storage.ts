// What the browser keeps for us. Where storage is blocked (private windows,
// strict settings) the app works all the same, from memory, and says so.

/** The part of Web Storage that we use. */
export interface Store {
  /** False where nothing outlives the page. */
  readonly lasting: boolean
  /** Called once, when the browser refuses to keep more. */
  full?: (() => void) | undefined
  get(key: string): string | undefined
  /** Reports whether the value was kept; a full or blocked store keeps it in memory. */
  set(key: string, value: string): boolean
  remove(key: string): void
  keys(prefix: string): string[]
}

const prefix = 'snug.'

/** Our corner of `backing`, or of memory if it does not work. */
export function openStore(backing: () => Storage | null | undefined): Store {
  const memory = new Map<string, string>()
  const storage = probe(backing)
  const store: Store = {
    lasting: storage !== undefined,
    get(key) {
      return memory.get(key) ?? storage?.getItem(prefix + key) ?? undefined
    },
    set(key, value) {
      try {
        if (storage) {
          storage.setItem(prefix + key, value)
          memory.delete(key)
          return true
        }
      } catch {
        // Full: the page itself remembers, the next one will not.
        store.full?.()
        store.full = undefined
      }
      memory.set(key, value)
      return false
    },
    remove(key) {
      memory.delete(key)
      storage?.removeItem(prefix + key)
    },
    keys(start) {
      const found = new Set<string>()
      for (const key of memory.keys()) if (key.startsWith(start)) found.add(key)
      for (let i = 0; i < (storage?.length ?? 0); i++) {
        const key = storage?.key(i) ?? ''
        if (key.startsWith(prefix + start)) found.add(key.slice(prefix.length))
      }
      return [...found].sort()
    },
  }
  return store
}

function probe(backing: () => Storage | null | undefined): Storage | undefined {
  let storage: Storage | null | undefined
  try {
    storage = backing()
    storage?.setItem(prefix + 'probe', '1')
    storage?.removeItem(prefix + 'probe')
    return storage ?? undefined // WebKit has none at all where it is switched off
  } catch {
    // Even reading the property throws where cookies are blocked. What is only full can still be read.
    return storage?.length ? storage : undefined
  }
}

/** Reads a value kept as JSON; what cannot be read, or is not what `is` wants, is `otherwise`. */
export function readJSON<T>(store: Store, key: string, is: (value: unknown) => value is T, otherwise: T): T {
  const text = store.get(key)
  if (text === undefined) return otherwise
  try {
    const value: unknown = JSON.parse(text)
    return is(value) ? value : otherwise
  } catch {
    return otherwise
  }
}
