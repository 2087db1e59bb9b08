"""Debian's python3-socketio, threaded and asyncio, against the real server."""
import pathlib
import queue
import subprocess
import sys
import threading
import time
import unittest
import warnings

import socketio

from server import Server

HERE = pathlib.Path(__file__).resolve().parent
WAYS = {'polling': ['polling'], 'websocket': ['websocket'], 'upgrade': None}


class Person:
    """One connection of the threaded client, and what it has heard."""

    def __init__(self, url, transports=None, token=None):
        self.token = token
        self._heard = []
        self._news = threading.Condition()
        self.sio = socketio.Client(reconnection_delay=0.2, randomization_factor=0.1, handle_sigint=False)
        self.sio.on('*', self._hear)
        self.sio.on('welcome', self._welcome)
        self.refusal = queue.Queue()
        self.sio.on('connect_error', self.refusal.put)
        self.sio.connect(url, auth=lambda: {'token': self.token} if self.token is not None else {}, transports=transports, wait_timeout=5)

    def _hear(self, event, *args):
        with self._news:
            self._heard.append((event, args[0], time.monotonic()))
            self._news.notify_all()

    def _welcome(self, welcome):
        self.token = welcome['token']
        self._hear('welcome', welcome)

    def ask(self, event, **fields):
        return self.sio.call(event, fields, timeout=10)

    def must(self, event, **fields):
        ack = self.ask(event, **fields)
        assert ack['ok'], (event, fields, ack)
        return ack

    def hear(self, event, match=lambda data: True, seconds=20):
        """The first event of that name that match likes, heard or to come; it is then forgotten."""
        return self.hearing(event, match, seconds)[1]

    def hearing(self, event, match=lambda data: True, seconds=20):
        def find():
            return next((got for got in self._heard if got[0] == event and match(got[1])), None)
        with self._news:
            got = self._news.wait_for(find, seconds)
            assert got, f'waited {seconds} s in vain for {event}; heard {[(e, d) for e, d, _ in self._heard]}'
            self._heard.remove(got)
            return got

    def all(self, event):
        with self._news:
            return [data for name, data, _ in self._heard if name == event]

    def close(self):
        self.sio.disconnect()


class Talk(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        warnings.simplefilter('ignore', ResourceWarning)  # the library's own: it does not close its HTTP session

    def person(self, way, **options):
        person = Person(self.server.url, WAYS[way], **options)
        self.addCleanup(person.close)
        return person

    def over_each(self, check):
        for way in WAYS:
            with self.subTest(over=way):
                check(way)

    def test_two_people_talk(self):
        self.over_each(self.two_people_talk)

    def two_people_talk(self, way):
        ada = self.person(way)
        made = ada.must('create', title='Tea')
        room = made['room']
        first = ada.must('join', room=room, name='Ada')
        self.assertEqual('owner', first['you']['role'])
        self.assertEqual([first['you']], first['members'])

        bob = self.person(way)
        second = bob.must('join', room=room.lower(), name='Bob')
        self.assertEqual((room, 2), (second['room'], second['count']))
        came = ada.hear('presence')
        self.assertEqual([second['you']], came['joined'])

        heard = threading.Event()

        def typing():
            while not heard.wait(0.1):  # one may be lost
                ada.sio.emit('typing', {'room': room})
        typist = threading.Thread(target=typing)
        typist.start()
        try:
            self.assertEqual({'room': room, 'id': first['you']['id'], 'name': 'Ada'}, bob.hear('typing'))
        finally:
            heard.set()
            typist.join()
        sent = ada.must('send', room=room, text='hello 👋', id='a-1')
        want = {'room': room, 'seq': sent['seq'], 'kind': 'message', 'at': sent['at'], 'id': 'a-1', 'text': 'hello 👋',
                'from': {'id': first['you']['id'], 'name': 'Ada', 'color': first['you']['color']}}
        self.assertEqual(want, bob.hear('message'))
        self.assertEqual(want, ada.hear('message'))
        self.assertEqual('Rob', bob.must('rename', room=room, name='Rob')['you']['name'])
        self.assertEqual(('name', 'Bob'), (lambda line: (line['kind'], line['was']))(ada.hear('entry')))

        waits = []
        for _ in range(3):  # the machine may be busy: the best of three counts
            start = time.monotonic()
            bob.must('leave', room=room)
            _, left, at = ada.hearing('presence', lambda change: 'left' in change)
            self.assertEqual([{'id': second['you']['id'], 'reason': 'left'}], left['left'])
            waits.append(at - start)
            bob.must('join', room=room, name='Rob')
        self.assertLessEqual(min(waits), 0.25)
        if way != 'upgrade':
            self.assertEqual(way, ada.sio.transport())
        else:
            self.assertEqual('websocket', ada.sio.transport())

    def test_retries_and_order(self):
        self.over_each(self.retries_and_order)

    def retries_and_order(self, way):
        ada, bob = self.person(way), self.person(way)
        room = ada.must('create')['room']
        ada.must('join', room=room, name='Ada')
        head = bob.must('join', room=room, name='Bob')['head']
        acks = [ada.must('send', room=room, text='once', id='same') for _ in range(4)]
        self.assertEqual([{**acks[0], 'duplicate': True}] * 3, acks[1:])

        answers = queue.Queue()
        for n in range(64):
            ada.sio.emit('send', {'room': room, 'text': str(n)}, callback=answers.put)
        seqs = sorted(answers.get(timeout=10)['seq'] for _ in range(64))
        self.assertEqual(list(range(head + 2, head + 66)), seqs)
        page = bob.must('history', room=room, limit=64)
        self.assertEqual([str(n) for n in range(64)], [entry['text'] for entry in page['entries']])
        bob.hear('message', lambda m: m['text'] == '63')

    def test_two_connections_of_one_identity(self):
        ada, tab = self.person('upgrade'), self.person('polling')
        room = ada.must('create')['room']
        ada.must('join', room=room, name='Ada')
        you = tab.must('join', room=room, name='Bob')['you']
        ada.hear('presence')
        other = self.person('websocket', token=tab.token)
        joined = other.must('join', room=room, name='Somebody')
        self.assertEqual((you, 2), (joined['you'], joined['count']))
        tab.must('leave', room=room)
        time.sleep(0.3)
        self.assertEqual([], ada.all('presence'))
        other.must('leave', room=room)
        self.assertEqual([{'id': you['id'], 'reason': 'left'}], ada.hear('presence')['left'])

    def test_mistakes(self):
        self.over_each(self.mistakes)

    def mistakes(self, way):
        ada = self.person(way)
        room = ada.must('create')['room']
        ada.must('join', room=room, name='Ada')
        self.assertEqual('unsupported', ada.ask('no such event')['error']['code'])
        for fields, at in ({'room': room}, 'text'), ({'room': 7, 'text': 'x'}, 'room'), ({'room': room, 'text': b'bytes'}, 'text'):
            error = ada.ask('send', **fields)['error']
            self.assertEqual(('bad_request', at), (error['code'], error['field']))
        self.assertEqual('bad_request', ada.sio.call('send', b'bytes', timeout=10)['error']['code'])
        self.assertEqual('bad_request', ada.sio.call('send', timeout=10)['error']['code'])
        ada.must('send', room=room, text='still here')
        ada.hear('message')

    def test_forged_token(self):
        for way in WAYS.values():
            refusals = queue.Queue()
            sio = socketio.Client(reconnection=False, handle_sigint=False)
            sio.on('connect_error', refusals.put)
            with self.assertRaises(socketio.exceptions.ConnectionError):
                sio.connect(self.server.url, auth={'token': 'forged'}, transports=way, wait_timeout=1)  # which it waits out
            self.assertEqual({'message': 'invalid token', 'data': {'code': 'unauthorized'}}, refusals.get(timeout=5))

    def test_sample_programs(self):
        for program in 'join.py', 'join_async.py':
            with self.subTest(program):
                self.sample(program)

    def sample(self, program):
        ada = self.person('upgrade')
        room = ada.must('create')['room']
        ada.must('join', room=room, name='Ada')
        ada.must('send', room=room, text='first')
        run = subprocess.Popen([sys.executable, HERE / program, self.server.url, room, 'Sam'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (run.kill(), run.wait(), run.stdin.close(), run.stdout.close()))
        killer = threading.Timer(90, run.kill)
        killer.start()
        self.addCleanup(killer.cancel)
        self.assertEqual('Sam', ada.hear('presence', seconds=40)['joined'][0]['name'])
        self.assertEqual('Ada: first\n', run.stdout.readline())
        ada.must('send', room=room, text='second')
        self.assertEqual('Ada: second\n', run.stdout.readline())
        run.stdin.write('from the sample\n')
        run.stdin.flush()
        self.assertEqual('Sam', ada.hear('message', lambda m: m['text'] == 'from the sample')['from']['name'])
        run.stdin.close()
        self.assertEqual('left', ada.hear('presence', lambda change: 'left' in change)['left'][0]['reason'])
        self.assertEqual(0, run.wait(10))


if __name__ == '__main__':
    unittest.main()
