"""A reference client: enters a room and stays in it, whatever the network does."""
import asyncio
import secrets
import time

import aiohttp
import socketio


class Refused(Exception):
    """What the server answers when waiting does not help; args[0] is its error object."""


class Room:
    """Shows each entry once, in order, and stores what is said once.

    me is {'name', 'passphrase'?, 'key'?}; on has entry(entry) and may have token(str), to be kept for next time;
    joined(ack); reset(), "drop what was shown"; gone(error or removal), the end. What is not in the log, presence
    and typing, is for the caller to hear on sio.
    """

    def __init__(self, room, me, on, token=None):
        self.room, self._me, self._on, self._token = room, me, on, token
        self._cursor = None  # {'epoch', 'seq'}: everything up to seq was shown
        self._joined = self._healing = self._sending = False
        self._ahead, self._hole = {}, None  # entries beyond the cursor, by seq; the timer that runs while there are any
        self._outbox = []  # (message, future) not known to be stored, oldest first
        self._asked = set()  # futures of answers: None once the connection is lost
        self._watching = None  # the task of _watch, from enter to the end

        # Back within 1.5 s nobody notices; the library's own first delay may be that long.
        self.sio = socketio.AsyncClient(reconnection_delay=0.3, randomization_factor=0.1, handle_sigint=False)
        self.sio.on('welcome', self._welcome)
        self.sio.on('connect', lambda: asyncio.ensure_future(self._join()))  # each time: hearing is the connection's
        self.sio.on('disconnect', self._lost)
        self.sio.on('connect_error', self._connect_error)
        for event, handle in ('message', self._take), ('entry', self._take), ('resync', self._heal), ('removed', self._end):
            self.sio.on(event, self._here(handle))

    async def enter(self, url, **options):
        options |= {'auth': lambda: {'token': self._token} if self._token else {}, 'wait_timeout': 5}
        await self.sio.connect(url, **options)
        if not self._watching:
            self._watching = asyncio.ensure_future(self._watch(url, options))

    async def _watch(self, url, options):
        """Comes back where the library does not: a poll that fails while a POST is under way ends some versions in silence."""
        while True:
            try:
                await self.sio.wait()  # through the reconnects that it makes itself
            except aiohttp.ClientError:
                await self.sio.disconnect()
            if self.sio.eio.state == 'connected':
                continue
            self._lost()
            self.sio.connected = False
            try:
                await self.sio.connect(url, **options)
            except socketio.exceptions.ConnectionError:
                pass  # wait() returns after a second

    def say(self, text, id=None):
        """Returns a future of the acknowledgement, which is there once text is stored."""
        message = {'text': text, 'id': id or f'{time.time_ns():x}-{secrets.token_hex(8)}'}
        if self._cursor:
            message['epoch'] = self._cursor['epoch']  # never into a log restored since
        stored = asyncio.get_running_loop().create_future()
        self._outbox.append((message, stored))
        asyncio.ensure_future(self._pump())
        return stored

    async def leave(self):
        if self._joined:
            await self._ask('leave')
        await self.close()

    async def close(self):
        """Ends everything but the membership: a later Room with the same token finds it."""
        if self._watching:
            self._watching.cancel()
        self.sio.reconnection_attempts = 1  # ends its attempts, should they be under way
        await self.sio.disconnect()

    def _tell(self, name, *args):
        if name in self._on:
            self._on[name](*args)

    def _here(self, handle):
        async def handler(event):
            if event['room'] == self.room and (waiting := handle(event)):
                await waiting
        return handler

    def _welcome(self, welcome):
        self._token = welcome['token']
        self._tell('token', self._token)

    async def _connect_error(self, err):
        if isinstance(err, dict) and 'data' in err:  # refused; else the library comes back by itself
            await self._end(err['data'])

    async def _end(self, why):
        await self.close()
        self._tell('gone', why)

    def _lost(self):
        self._joined = False
        self._ahead.clear()
        for answer in self._asked:
            answer.done() or answer.set_result(None)

    async def _ask(self, event, **fields):
        """Asks until the answer is one that waiting does not change. None: the connection was lost meanwhile."""
        sid = self.sio.get_sid()
        while sid and sid == self.sio.get_sid():
            answer = asyncio.get_running_loop().create_future()
            self._asked.add(answer)
            await self.sio.emit(event, {'room': self.room, **fields}, callback=lambda ack: answer.done() or answer.set_result(ack))
            await asyncio.wait([answer], timeout=5)
            if not answer.done():  # nothing comes through: asked again on another connection
                await self.sio.disconnect()
            ack = await answer
            self._asked.discard(answer)
            if ack is None or ack['ok'] or not ack['error'].get('retry'):
                return ack
            await asyncio.sleep(ack['error'].get('retryAfter', 1))

    async def _join(self):
        ack = await self._ask('join', **self._me, **({'after': self._cursor} if self._cursor else {}))
        if not ack:
            return  # the next connect asks again
        if not ack['ok']:
            return await self._end(ack['error'])
        self.room, self._joined = ack['room'], True  # the room as events write it
        self._tell('joined', ack)
        if self._page(ack):
            asyncio.ensure_future(self._heal())
        await self._pump()

    def _page(self, page):
        """Takes a page, and says whether the log holds more."""
        log = self._cursor and not page.get('reset')
        if not log:
            if self._cursor:
                self._tell('reset')
            self._cursor = {'epoch': page['epoch'], 'seq': page['head']}
        for entry in page['entries']:
            self._take(entry) if log else self._tell('entry', entry)
        self._drain()
        return log and page['more']

    def _take(self, entry):
        self._ahead[entry['seq']] = entry
        self._drain()

    def _drain(self):
        if not self._joined:
            return  # what comes before the join's answer waits for it
        self._ahead = {seq: entry for seq, entry in self._ahead.items() if seq > self._cursor['seq']}
        while entry := self._ahead.pop(self._cursor['seq'] + 1, None):
            self._cursor['seq'] += 1
            self._tell('entry', entry)
        if self._ahead and not self._hole:  # it may only be late
            self._hole = asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(self._heal()))

    async def _heal(self, _=None):
        """Asks for what lies after the cursor."""
        self._hole = self._hole and self._hole.cancel()
        if self._healing:
            return
        self._healing = more = True
        while self._joined and more:
            page = await self._ask('history', after=self._cursor, limit=200)
            more = not page or page['ok'] and self._page(page)  # no page, and joined again meanwhile: asked again
        self._healing = False

    async def _pump(self):
        """Sends one after the other, so that what is refused and tried again keeps its place."""
        if self._sending:
            return
        self._sending = True
        while self._joined and self._outbox:
            message, stored = self._outbox[0]
            ack = await self._ask('send', **message)
            if not ack:
                continue  # perhaps stored: asked again under the same id, once joined again
            del self._outbox[0]
            if not stored.done():
                stored.set_result(ack) if ack['ok'] else stored.set_exception(Refused(ack['error']))
        self._sending = False
