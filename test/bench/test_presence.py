"""What servers cost by being there, of programs whose habits are known."""

import os
import pathlib
import sys
import tempfile
import time
import unittest

import where
import idle_memory
import machine
import presence
import servers

assert where

# Answers anything, starts late, and wakes up so many times a second.
PROGRAM = '''
import http.server, sys, time
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
time.sleep(float(sys.argv[2]))
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Answer)
server.serve_forever(poll_interval=float(sys.argv[3]))
'''
SLOW_SECONDS = 0.5


class Presence(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        home = pathlib.Path(tempfile.mkdtemp())
        cls.yard = servers.Yard(home, (machine.allowed_cpus()[0],))
        cls.addClassCleanup(cls.yard.clean)
        cls.program = home / 'program.py'
        cls.program.write_text(PROGRAM)

    def setUp(self):
        for module, name, value in ((presence, 'SETTLE_SECONDS', 0.1),
                                    (presence, 'WATCH_SECONDS', 0.5),
                                    (presence, 'WATCHES', 1), (presence, 'CROWDS', 1),
                                    (idle_memory, 'FIRST_ASK', 1)):
            self.addCleanup(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        self.addCleanup(servers.COMMANDS.update, dict(servers.COMMANDS))

    def kind(self, late=0.0, wakes_after=600, **others):
        def command(_kind, place):
            return [sys.executable, str(self.program), str(place.port), str(late),
                    str(wakes_after)]
        servers.COMMANDS['ours'] = command
        return servers.Kind('it', 'ours', '/bin/it', **others)

    def test_a_late_start_is_seen(self):
        with self.yard.started(self.kind(late=SLOW_SECONDS)) as server:
            self.assertLess(server.begun, time.monotonic())
            self.assertGreater(presence.ready_seconds(server), SLOW_SECONDS)

    def test_wake_ups_are_seen(self):
        with self.yard.server(self.kind(wakes_after=0.01)) as server:
            busy = presence.switches(server)
        self.assertGreater(busy, 5)

    def test_one_that_ends(self):
        servers.COMMANDS['ours'] = lambda kind, place: ['sh', '-c', 'echo alas; exit 3']
        with self.assertRaisesRegex(servers.ServerFailed, 'alas'):
            presence.measure(self.yard, servers.Kind('it', 'ours', ''), 1000, starts=1)

    def test_all_of_it(self):
        found = presence.measure(self.yard, self.kind(), 1000, starts=2, crowd=3)
        self.assertEqual([len(found[key]) for key in (
            'ready_ms', 'start_rss_bytes', 'switches_per_second', 'idle_connection_bytes')],
            [2, 2, presence.WATCHES, presence.CROWDS])
        self.assertEqual(found['cores'], 1)
        self.assertGreater(min(found['start_rss_bytes']), 1 << 20)

    def test_what_is_not_measured_is_named(self):
        few = presence.measure(self.yard, self.kind(), 1000, starts=1, crowd=1000)
        self.assertEqual(few['idle_connection_bytes'], [])
        self.assertIn('may open 1000 files', few['not_measured']['idle_connection_bytes'])

    def test_where_it_runs(self):
        with self.yard.started(self.kind()) as server:
            self.assertEqual(os.sched_getaffinity(server.process.pid), set(self.yard.cpus))
            self.assertEqual(server.command[:2], ['taskset', '-c'])


if __name__ == '__main__':
    unittest.main()
