// Somebody without a browser, for what takes many hands.
import { io, type Socket } from '../../web/node_modules/socket.io-client'

export class Bot {
  id = ''
  room = ''
  private constructor(readonly socket: Socket) {}

  /** Connects, and goes nowhere yet. */
  static async visitor(url: string): Promise<Bot> {
    const socket = io(url, { transports: ['websocket'], forceNew: true })
    await new Promise<void>((welcomed, failed) => {
      socket.on('welcome', () => welcomed())
      socket.on('connect_error', failed)
    })
    return new Bot(socket)
  }

  static async join(url: string, room: string, name: string): Promise<Bot> {
    const bot = await Bot.visitor(url)
    bot.room = room
    const joined = await bot.ask('join', { room, name }) as { you: { id: string } }
    bot.id = joined.you.id
    return bot
  }

  /** Asks the server; a refusal is an error. */
  async ask(event: string, object: object): Promise<unknown> {
    const answer = await this.socket.timeout(10_000).emitWithAck(event, object) as { ok: boolean; error?: { code: string } }
    if (!answer.ok) throw new Error(`${event}: ${answer.error?.code}`)
    return answer
  }

  say(text: string): Promise<unknown> {
    return this.ask('send', { room: this.room, text })
  }

  /** Says a lot, many at a time, in order. */
  async sayAll(texts: readonly string[]): Promise<void> {
    for (let i = 0; i < texts.length; i += 200) await Promise.all(texts.slice(i, i + 200).map(text => this.say(text)))
  }

  leave(): void {
    this.socket.disconnect()
  }
}

export const numbered = (n: number, word = 'line'): string[] => Array.from({ length: n }, (_, i) => `${word} ${i + 1}`)
