/** A TCP proxy in front of a local server, for tests of a network that fails. */
export interface Proxy {
  readonly port: number
  readonly url: string
  /** When connections were refused, by Date.now(). */
  readonly refusals: readonly number[]
  /** Passes on, and lets go what was held: nothing is lost. */
  pass(): void
  /** Ends all open connections, then passes. */
  cut(): void
  /** Holds what comes, and tells nobody: 'up' from clients, 'down' to them. */
  hole(way?: 'both' | 'up' | 'down'): void
  /** Ends all open connections and every new one at once. */
  refuse(): void
  /** Sends connections to come to another port. */
  retarget(port: number): void
  close(): Promise<void>
}

export function startProxy(targetPort: number): Promise<Proxy>
