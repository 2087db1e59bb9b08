// Doing what a slash command says.
import type { App } from '../app/app.ts'
import { explain } from '../connection/failure.ts'
import type { Room } from '../rooms/room.ts'

/** Reports whether the line has done its work and may go. */
export function run(app: App, room: Room, command: string, rest: string): boolean {
  switch (command) {
    case 'help':
      app.open('help')
      return true
    case 'keys':
      app.open('keys')
      return true
    case 'room':
      app.open('room')
      return true
    case 'search':
      if (!app.connection.offers('search')) {
        app.say('This server cannot search.', true)
        return false
      }
      app.searched.value = rest
      app.open('search')
      return true
    case 'leave':
      app.leave(room)
      return true
    case 'name':
      if (rest === '') app.open('rename')
      else room.rename(rest, failure => {
        if (!failure) return app.keepName(room.name)
        app.say(explain(failure) + (failure.suggestion ? ` How about ${failure.suggestion}?` : ''), true)
      })
      return true
    case 'join':
      if (app.go(rest)) return true
      app.say('Write a room’s code or link after /join.', true)
      return false
    case 'theme':
      if (rest !== 'light' && rest !== 'dark' && rest !== 'auto') {
        app.say('Write light, dark or auto after /theme.', true)
        return false
      }
      app.theme.choice.value = rest
      return true
    default:
      return false
  }
}
