import { io } from 'socket.io-client'
import { createInterface } from 'node:readline'

const [url, room, name] = process.argv.slice(2)
let token // keeps your seat when the connection is lost and found again
const show = m => m.text && console.log(`${m.from.name}: ${m.text}`)

const socket = io(url, { auth: answer => answer({ token }) })
socket.on('welcome', welcome => { token = welcome.token })
socket.on('connect', () => socket.emit('join', { room, name }, ack => ack.ok ? ack.entries.forEach(show) : console.error(ack.error.message)))
socket.on('message', show)

for await (const text of createInterface(process.stdin)) socket.emit('send', { room, text })
socket.emit('leave', { room }, () => socket.disconnect())
