import asyncio
import sys
import socketio

url, room, name = sys.argv[1:]
me = {}  # the token keeps your seat when the connection is lost and found again
sio = socketio.AsyncClient()
sio.on('welcome', me.update)


@sio.on('message')
async def show(m):
    if 'text' in m:
        print(m['from']['name'] + ':', m['text'], flush=True)


@sio.on('connect')
async def join():
    ack = await sio.call('join', {'room': room, 'name': name})
    for m in ack['entries'] if ack['ok'] else []:
        await show(m)


async def main():
    await sio.connect(url, auth=lambda: {'token': me['token']} if me else {})
    while line := await asyncio.to_thread(sys.stdin.readline):
        await sio.call('send', {'room': room, 'text': line.rstrip('\n')})
    await sio.call('leave', {'room': room})
    await sio.disconnect()

asyncio.run(main())
