"""A TCP proxy whose connections can be cut."""
import asyncio


class Proxy:
    """Passes bytes between 127.0.0.1 and a server there, until cut() ends what is open. Used by async with."""

    def __init__(self, port):
        self._target = port
        self._open = set()

    @property
    def url(self):
        return f'http://127.0.0.1:{self._listener.sockets[0].getsockname()[1]}'

    async def __aenter__(self):
        self._listener = await asyncio.start_server(self._serve, '127.0.0.1', 0)
        return self

    async def __aexit__(self, *_):
        self._listener.close()
        self.cut()
        await self._listener.wait_closed()

    def cut(self):
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection('127.0.0.1', self._target)
        except OSError:
            return writer.transport.abort()
        self._open |= {writer, far_writer}
        await asyncio.gather(self._pass(reader, far_writer), self._pass(far_reader, writer))
        self._open -= {writer, far_writer}
        for end in writer, far_writer:
            end.close()

    async def _pass(self, reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.transport.abort()
