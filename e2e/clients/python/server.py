"""Starts the real server for the tests, on a free port."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

BIN = os.environ.get('SNUG_BIN') or str(pathlib.Path(__file__).resolve().parents[3] / 'bin' / 'snug')


class Server:
    """One server on a data directory of its own, from start to close. Rates are off."""

    def __init__(self):
        self._data = tempfile.mkdtemp(prefix='snug-e2e-')
        self._process = None
        self.port = 0
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def url(self):
        return f'http://127.0.0.1:{self.port}'

    def start(self):
        """Starts it on its data: on self.port once it had one, as an operator's would be."""
        self._log = tempfile.TemporaryFile('w+')
        self._process = subprocess.Popen(
            [BIN, 'serve', '--listen', f'127.0.0.1:{self.port}', '--data', self._data, '--limits', 'off'],
            stdout=subprocess.PIPE, stderr=self._log, text=True)
        timer = threading.Timer(10, self._process.kill)
        timer.start()
        said = self._process.stdout.readline()
        timer.cancel()
        found = re.search(r'https?://[\w.:-]+:(\d+)', said)
        if not found:
            self.kill()
            self._log.seek(0)
            raise RuntimeError(f'{BIN} said {said!r} where its address was awaited\n{self._log.read()}')
        self.port = int(found[1])

    def kill(self):
        """Ends it as kill -9 does."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()
            self._log.close()
            self._process = None

    def close(self):
        self.kill()
        shutil.rmtree(self._data, ignore_errors=True)
