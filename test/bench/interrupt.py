"""interrupt.py BUILD - a comparison that is stopped leaves its results, and nothing that runs."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import where

PATIENCE_SECONDS = 100
BUILD = sys.argv.pop()


def those_of(folder):
    """Processes that name a folder in their command line."""
    found = []
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in words:
            found.append(int(path.parent.name))
    return found


class Interrupt(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name) / 'tmp'
        self.home.mkdir()
        self.out = pathlib.Path(folder.name) / 'out'

    def start(self):
        """A comparison whose first run would take minutes."""
        log = open(self.home.parent / 'log', 'w+', encoding='utf-8')
        self.addCleanup(log.close)
        process = subprocess.Popen(
            [sys.executable, '-B', where.TREE / 'bench/run.py', '--build', BUILD, '--out',
             self.out, '--engines', 'epoll', '--peers', 'none', '--workloads', 'hello-bare',
             '--connections', '4', '--seconds', '600'],
            env=os.environ | {'TMPDIR': str(self.home)}, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, ready, what):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                self.fail(f'{what}; it said: {(self.home.parent / "log").read_text()}')
            time.sleep(0.05)

    def wait_for_load(self):
        """Until a server and the generator run: the second names the server's folder, too."""
        self.wait_for(lambda: len(those_of(self.home)) >= 2, 'no load was seen')

    def stop_by(self, number):
        process = self.start()
        self.wait_for_load()
        process.send_signal(number)
        self.wait_for(lambda: process.poll() is not None, 'it did not end')
        return process.returncode

    def test_what_is_left(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                self.assertEqual(self.stop_by(number), 130)
                self.assertEqual(those_of(self.home), [])
                self.assertEqual(list(self.home.iterdir()), [])
                found = json.loads((self.out / 'results.json').read_text())
                self.assertIsNone(found['finished'])

    def test_one_that_is_killed(self):
        self.stop_by(signal.SIGKILL)
        self.wait_for(lambda: not those_of(self.home), 'something goes on running')


if __name__ == '__main__':
    unittest.main()
