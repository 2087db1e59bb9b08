import sys
import socketio

url, room, name = sys.argv[1:]
me = {}  # the token keeps your seat when the connection is lost and found again
show = lambda m: 'text' in m and print(m['from']['name'] + ':', m['text'], flush=True)
joined = lambda ack: [show(m) for m in ack['entries']] if ack['ok'] else print(ack['error']['message'], file=sys.stderr)

sio = socketio.Client()
sio.on('welcome', me.update)
sio.on('connect', lambda: sio.emit('join', {'room': room, 'name': name}, callback=joined))
sio.on('message', show)
sio.connect(url, auth=lambda: {'token': me['token']} if me else {})

for line in sys.stdin:
    sio.call('send', {'room': room, 'text': line.rstrip('\n')})
sio.call('leave', {'room': room})
sio.disconnect()
