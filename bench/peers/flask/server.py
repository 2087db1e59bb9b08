"""What of Snug's chat protocol `snug bench fanout` needs, on Flask-SocketIO as its
documentation says to use it, in memory: server.py PORT MODE, where MODE is
gevent or eventlet."""
import secrets
import sys
from datetime import datetime, timezone

port, mode = int(sys.argv[1]), sys.argv[2]
if mode == 'gevent':
    from gevent import monkey
    monkey.patch_all()
else:
    import eventlet
    eventlet.monkey_patch()

from flask import Flask, request
from flask_socketio import SocketIO, emit, join_room

app = Flask(__name__)
io = SocketIO(app, async_mode=mode, ping_interval=9, ping_timeout=5, max_http_buffer_size=65536, http_compression=False,
              always_connect=True)  # or a connect handler cannot emit
rooms, people = {}, {}  # code -> {head, members}; sid -> {room: member}


@io.on('connect')
def connect(auth=None):
    people[request.sid] = {}
    emit('welcome', {'token': secrets.token_urlsafe(32), 'protocol': 1, 'features': []})


@io.on('create')
def create(_):
    room = secrets.token_hex(4).upper()
    rooms[room] = {'head': 0, 'members': {}}
    return {'ok': True, 'room': room}


@io.on('join')
def join(asked):
    here = rooms.get(asked.get('room'))
    if not here or not isinstance(asked.get('name'), str):
        return {'ok': False, 'error': {'code': 'not_found'}}
    room = asked['room']
    you = {'id': request.sid, 'name': asked['name'], 'color': len(here['members']) % 16}
    here['members'][request.sid] = people[request.sid][room] = you
    if len(here['members']) <= 200:
        emit('presence', {'room': room, 'count': len(here['members']), 'joined': [you]}, to=room)
    join_room(room)
    return {'ok': True, 'room': room, 'you': you, 'count': len(here['members']), 'entries': [], 'head': here['head']}


@io.on('send')
def send(asked):
    room, text = asked.get('room'), asked.get('text')
    here, you = rooms.get(room), people[request.sid].get(room)
    if not here or not you or not isinstance(text, str) or not 0 < len(text) <= 4000:
        return {'ok': False, 'error': {'code': 'bad_request'}}
    here['head'] += 1
    at = datetime.now(timezone.utc).isoformat(timespec='milliseconds')
    seq = here['head']
    emit('message', {'room': room, 'seq': seq, 'kind': 'message', 'at': at, 'from': you, 'id': asked.get('id'), 'text': text}, to=room)
    return {'ok': True, 'seq': seq, 'at': at}


@io.on('disconnect')
def disconnect():
    for room in people.pop(request.sid, {}):
        rooms[room]['members'].pop(request.sid, None)


io.run(app, host='127.0.0.1', port=port)
