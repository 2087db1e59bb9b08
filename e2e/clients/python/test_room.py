"""The reference client against a network that fails and a server that is killed."""
import asyncio
import logging
import unittest
import warnings

import socketio

from proxy import Proxy
from room import Refused, Room
from server import Server

WAYS = {'polling': {'transports': ['polling']}, 'websocket': {'transports': ['websocket']}, 'upgrade': {}}


class Stay:
    """A room entered by the reference client, and what it was told."""

    def __init__(self, room, name, token=None):
        self.entries, self.joins, self.resets, self.gone, self.token, self.presence = [], [], 0, None, None, []
        self.room = Room(room, {'name': name}, {
            'entry': self.entries.append, 'joined': self.joins.append, 'reset': self._reset,
            'gone': lambda why: setattr(self, 'gone', why), 'token': lambda token: setattr(self, 'token', token),
        }, token)
        self.room.sio.on('presence', self.presence.append)

    def _reset(self):
        self.resets += 1
        self.entries.clear()

    def texts(self):
        return [entry['text'] for entry in self.entries if entry['kind'] == 'message']

    async def until(self, what, seconds=30):
        async with asyncio.timeout(seconds):
            while not what():
                await asyncio.sleep(0.02)


class Resume(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        # The library forgets to close the HTTP sessions of connections that were cut, and aiohttp says so in both ways.
        warnings.simplefilter('ignore', ResourceWarning)
        logging.getLogger('asyncio').setLevel(logging.CRITICAL)
        self.server = Server()
        self.addCleanup(self.server.close)

    async def asyncSetUp(self):
        asyncio.get_running_loop().set_debug(False)

    async def create(self):
        """Makes a room, and returns it with its maker's token."""
        sio, token = socketio.AsyncClient(handle_sigint=False), asyncio.get_running_loop().create_future()
        sio.on('welcome', lambda welcome: token.set_result(welcome['token']))
        await sio.connect(self.server.url)
        ack = await sio.call('create', {}, timeout=5)
        await sio.disconnect()
        return ack['room'], await token

    async def stay(self, url, room, name, token=None, **options):
        it = Stay(room, name, token)
        self.addAsyncCleanup(it.room.close)
        await it.room.enter(url, **options)
        await it.until(lambda: it.joins)
        return it

    def dense(self, entries):
        self.assertEqual(list(range(entries[0]['seq'], entries[0]['seq'] + len(entries))), [entry['seq'] for entry in entries])

    async def test_cut_again_and_again(self):
        for way, options in WAYS.items():
            with self.subTest(over=way):
                await self.cut_again_and_again(options)

    async def cut_again_and_again(self, options):
        room, token = await self.create()
        ada = await self.stay(self.server.url, room, 'Ada', token, **options)
        async with Proxy(self.server.port) as proxy:
            bob = await self.stay(proxy.url, room, 'Bob', **options)
            await ada.until(lambda: ada.presence)
            ada.presence.clear()
            said = []
            for n in range(1, 4):
                said.append(bob.room.say(f'bob {n} before'))
                await ada.room.say(f'ada {n} before')
                proxy.cut()
                said.append(bob.room.say(f'bob {n} cut'))
                await ada.room.say(f'ada {n} cut')
                await bob.until(lambda: len(bob.entries) >= 4 * n)
            async with asyncio.timeout(30):
                await asyncio.gather(*said)
            self.dense(bob.entries)
            self.assertGreater(len(bob.joins), 1)
            for who in 'bob', 'ada':
                self.assertEqual([f'{who} {n} {when}' for n in (1, 2, 3) for when in ('before', 'cut')],
                                 [text for text in bob.texts() if text.startswith(who)])
            await asyncio.sleep(2)
            if options.get('transports') == ['websocket']:  # over polling the library may be away for longer than the grace of a reload
                self.assertEqual([], ada.presence)
            self.assertEqual(bob.entries, ada.entries)
            await bob.room.leave()
        await ada.room.leave()

    async def test_killed_and_started_again(self):
        for way, options in WAYS.items():
            with self.subTest(over=way):
                await self.killed_and_started_again(options)

    async def killed_and_started_again(self, options):
        room, token = await self.create()
        ada = await self.stay(self.server.url, room, 'Ada', token, **options)
        bob = await self.stay(self.server.url, room, 'Bob', **options)
        before = await asyncio.gather(*(one.room.say(f'{n}') for n in range(10) for one in (ada, bob)))
        self.server.kill()
        meanwhile = [ada.room.say('while it was down'), bob.room.say('so did I')]
        await asyncio.sleep(0.5)
        self.server.start()
        async with asyncio.timeout(30):
            after = await asyncio.gather(*meanwhile)
        for one in ada, bob:
            await one.until(lambda: len(one.entries) == 22)
            self.assertEqual(0, one.resets)
        self.dense(ada.entries)
        self.assertEqual(ada.entries, bob.entries)
        self.assertEqual([entry['seq'] for entry in ada.entries], sorted(ack['seq'] for ack in before + after))
        self.assertEqual(ada.joins[0]['you'], ada.joins[-1]['you'])
        for one in ada, bob:
            await one.room.leave()

    async def test_a_refusal_that_waiting_does_not_cure(self):
        room, token = await self.create()
        ada = await self.stay(self.server.url, room, 'Ada', token)
        with self.assertRaises(Refused) as refused:
            await ada.room.say('')
        self.assertEqual('text', refused.exception.args[0]['field'])
        self.assertTrue((await ada.room.say('next'))['ok'])
        gone = Stay('no-such-room', 'Bob')
        await gone.room.enter(self.server.url)
        await gone.until(lambda: gone.gone)
        self.assertEqual('not_found', gone.gone['code'])

    async def test_a_forged_token(self):
        forged = Stay('any', 'Bob', 'forged')
        with self.assertRaises(socketio.exceptions.ConnectionError):
            await forged.room.enter(self.server.url)
        self.assertEqual({'code': 'unauthorized'}, forged.gone)


if __name__ == '__main__':
    unittest.main()
