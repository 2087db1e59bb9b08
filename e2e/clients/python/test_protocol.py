"""The protocol towers alone, without the chat: python-socketio, with threads
and with asyncio, against internal/conformance, over each transport."""

import asyncio
import os
import pathlib
import queue
import re
import subprocess
import tempfile
import threading
import unittest

import socketio

ROOT = pathlib.Path(__file__).resolve().parents[3]
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
THINGS = [1, "two", {"three": [None, True, "€😀"]}, b"\x01\x02\x03", {"deep": [b"\x04", "x", b""]}]
PATIENCE = 10


class App:
    """The protocol tower's test server, which can be ended as by kill -9 and started again on its port."""

    def __init__(self):
        self.port = 0
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            [binary, "-app", "socketio", "-calm", "-listen", f"127.0.0.1:{self.port}"], stdout=subprocess.PIPE, text=True)
        self.url = re.search(r"http://\S+", self._process.stdout.readline()).group()
        self.port = int(self.url.rstrip("/").rsplit(":", 1)[1])

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def setUpModule():
    global binary, app, home
    home = tempfile.TemporaryDirectory()
    binary = os.path.join(home.name, "conformance")
    subprocess.run(["go", "build", "-o", binary, "./internal/conformance"], cwd=ROOT, check=True,
                   env={**os.environ, "CGO_ENABLED": "0"})
    app = App()


def tearDownModule():
    app.kill()
    home.cleanup()


class Threads(unittest.TestCase):
    def test_each_transport(self):
        for name, transports in TRANSPORTS.items():
            with self.subTest(name):
                self.talk(transports)

    def talk(self, transports):
        client = socketio.Client(reconnection=False)
        back, auth = queue.Queue(), queue.Queue()
        client.on("message-back", lambda *args: back.put(args))
        client.on("auth", auth.put)
        client.on("auth", auth.put, namespace="/custom")
        client.connect(app.url, transports=transports, auth={"who": "me"}, namespaces=["/", "/custom"], wait_timeout=PATIENCE)
        try:
            for _ in range(2):
                self.assertEqual(auth.get(timeout=PATIENCE), {"who": "me"})
            for thing in THINGS:
                client.emit("message", (thing, "and", thing))
                self.assertEqual(back.get(timeout=PATIENCE), (thing, "and", thing))
            for i in range(100):
                client.emit("message", i if i % 10 else bytes([i]))
            got = [back.get(timeout=PATIENCE)[0] for _ in range(100)]
            # Each event is handled on a thread of its own: it is they who may swap.
            self.assertCountEqual(got, [i if i % 10 else bytes([i]) for i in range(100)])
            self.assertEqual(client.call("message-with-ack", (1, "2", b"\x03"), timeout=PATIENCE), (1, "2", b"\x03"))
            # The other way: the server asks.
            client.on("question", lambda *args: args[::-1])
            client.on("answered", lambda *args: back.put(args))
            client.emit("ask-me", (1, "two", b"\x03"))
            self.assertEqual(back.get(timeout=PATIENCE), (b"\x03", "two", 1))
            client.emit("message", "elsewhere", namespace="/custom")
            self.assertEqual(client.call("message-with-ack", "still here", timeout=PATIENCE), "still here")
        finally:
            client.disconnect()

    def test_unknown_namespace(self):
        client = socketio.Client(reconnection=False)
        said = queue.Queue()
        client.on("connect_error", said.put, namespace="/nowhere")
        with self.assertRaises(socketio.exceptions.ConnectionError):
            client.connect(app.url, namespaces=["/nowhere"], wait_timeout=PATIENCE)
        self.assertEqual(said.get(timeout=PATIENCE), {"message": "Invalid namespace"})

    def test_reconnects(self):
        for name, transports in TRANSPORTS.items():
            with self.subTest(name):
                self.reconnect(transports)

    def reconnect(self, transports):
        mine = App()
        self.addCleanup(mine.kill)
        client = socketio.Client(reconnection_delay=0.1, reconnection_delay_max=0.5, randomization_factor=0)
        connects, gone = queue.Queue(), threading.Event()
        for namespace in "/", "/custom":
            client.on("connect", lambda namespace=namespace: connects.put((namespace, client.get_sid(namespace))), namespace=namespace)
        client.on("disconnect", gone.set)
        client.connect(mine.url, transports=transports, wait_timeout=PATIENCE)
        try:
            first = dict(connects.get(timeout=PATIENCE) for _ in range(2))
            mine.kill()
            self.assertTrue(gone.wait(PATIENCE))
            mine.start()
            again = dict(connects.get(timeout=PATIENCE) for _ in range(2))
            self.assertEqual(first.keys(), again.keys())
            self.assertFalse(set(first.values()) & set(again.values()))
            self.assertEqual(client.call("message-with-ack", (b"\x01", "back"), timeout=PATIENCE), (b"\x01", "back"))
        finally:
            client.disconnect()


class Asyncio(unittest.IsolatedAsyncioTestCase):
    async def test_each_transport(self):
        for name, transports in TRANSPORTS.items():
            with self.subTest(name):
                await self.talk(transports)

    async def talk(self, transports):
        client = socketio.AsyncClient(reconnection=False)
        back, auth = asyncio.Queue(), asyncio.Queue()

        async def on_back(*args):
            await back.put(args)

        async def on_auth(said):
            await auth.put(said)

        client.on("message-back", on_back)
        client.on("auth", on_auth)
        client.on("auth", on_auth, namespace="/custom")
        await client.connect(app.url, transports=transports, auth={"who": "me"}, namespaces=["/", "/custom"], wait_timeout=PATIENCE)
        try:
            for _ in range(2):
                self.assertEqual(await asyncio.wait_for(auth.get(), PATIENCE), {"who": "me"})
            for thing in THINGS:
                await client.emit("message", (thing, "and", thing))
                self.assertEqual(await asyncio.wait_for(back.get(), PATIENCE), (thing, "and", thing))
            for i in range(100):
                await client.emit("message", i if i % 10 else bytes([i]))
            got = [(await asyncio.wait_for(back.get(), PATIENCE))[0] for _ in range(100)]
            self.assertCountEqual(got, [i if i % 10 else bytes([i]) for i in range(100)])
            self.assertEqual(await client.call("message-with-ack", (1, "2", b"\x03"), timeout=PATIENCE), (1, "2", b"\x03"))

            # The other way: the server asks.
            async def on_question(*args):
                return args[::-1]

            client.on("question", on_question)
            client.on("answered", on_back)
            await client.emit("ask-me", (1, "two", b"\x03"))
            self.assertEqual(await asyncio.wait_for(back.get(), PATIENCE), (b"\x03", "two", 1))
            await client.emit("message", "elsewhere", namespace="/custom")
            self.assertEqual(await client.call("message-with-ack", "still here", timeout=PATIENCE), "still here")
        finally:
            await client.disconnect()

    async def test_unknown_namespace(self):
        client = socketio.AsyncClient(reconnection=False)
        said = asyncio.get_running_loop().create_future()
        client.on("connect_error", said.set_result, namespace="/nowhere")
        with self.assertRaises(socketio.exceptions.ConnectionError):
            await client.connect(app.url, namespaces=["/nowhere"], wait_timeout=PATIENCE)
        self.assertEqual(await asyncio.wait_for(said, PATIENCE), {"message": "Invalid namespace"})

    async def test_reconnects(self):
        for name, transports in TRANSPORTS.items():
            with self.subTest(name):
                await self.reconnect(transports)

    async def reconnect(self, transports):
        mine = App()
        self.addCleanup(mine.kill)
        client = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.5, randomization_factor=0)
        connects, gone = asyncio.Queue(), asyncio.Event()
        for namespace in "/", "/custom":
            client.on("connect", lambda namespace=namespace: connects.put_nowait((namespace, client.get_sid(namespace))), namespace=namespace)
        client.on("disconnect", gone.set)
        await client.connect(mine.url, transports=transports, wait_timeout=PATIENCE)
        try:
            first = dict([await asyncio.wait_for(connects.get(), PATIENCE) for _ in range(2)])
            mine.kill()
            await asyncio.wait_for(gone.wait(), PATIENCE)
            mine.start()
            again = dict([await asyncio.wait_for(connects.get(), PATIENCE) for _ in range(2)])
            self.assertEqual(first.keys(), again.keys())
            self.assertFalse(set(first.values()) & set(again.values()))
            self.assertEqual(await client.call("message-with-ack", (b"\x01", "back"), timeout=PATIENCE), (b"\x01", "back"))
        finally:
            await client.disconnect()


if __name__ == "__main__":
    unittest.main()
