"""faces.py BUILD - servers show their faces as the rows of HTTPS and of handlers need them.

Of the peers those that are on this machine do. Short loads, to see that there are figures."""

import contextlib
import io
import pathlib
import sys
import unittest

import where  # pylint: disable=unused-import
import content
import generators
import idle_memory
import machine
import presence
import servers
import two_cores
import workloads
from server import SKIP, io_uring_refusal

BUILD = pathlib.Path(sys.argv.pop()).resolve()
# Of load, until a machine that is busy has an answer in it.
SECONDS = (0.3, 1, 4, 10)


def row(name):
    return workloads.named([name])[0]


class Faces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.addClassCleanup(cls.stack.close)
        cls.yard = cls.stack.enter_context(servers.open_yard(machine.allowed_cpus()[:1]))
        own = servers.own_kinds(BUILD, ('epoll',), 1)[:1]
        cls.kinds = own + servers.peer_kinds(('nginx', 'h2o'))[0]

    def showing(self, face):
        """Those that show a face."""
        return [kind for kind in self.kinds if kind.shows(face)]

    def load(self, server, name):
        """What came of a short load."""
        work, ours = row(name), generators.make('ringlet-load', BUILD)

        def once(seconds):
            load = generators.Load(work, server.port, work.targets, 4, seconds, 0.1, None,
                                   machine.allowed_cpus()[-1:], self.yard.home)
            outcome = ours.finish(ours.start(load), load)
            if work.new_connection and not any(outcome.handshakes.values()):
                raise generators.GeneratorFailed('no answer came within the window')
            return outcome
        return self.patiently(once)

    def patiently(self, once):
        """once(seconds), again with more of them while nothing came."""
        for seconds in SECONDS[:-1]:
            try:
                return once(seconds)
            except generators.GeneratorFailed as error:
                if 'no answer came' not in str(error):
                    raise
        return once(SECONDS[-1])

    def expect_good(self, server, name):
        outcome = self.load(server, name)
        self.assertIsNone(outcome.refused, f'{server.kind.name}: {outcome.said}')
        self.assertEqual(outcome.errors, 0, f'{server.kind.name}: {outcome.said}')
        self.assertGreater(outcome.requests, 0)
        self.assertGreater(outcome.cpu_ns_per_request, 0)
        return outcome

    def test_https(self):
        for kind in self.showing('tls'):
            with self.subTest(kind.name), self.yard.server(kind, face='tls') as server:
                self.assertEqual(server.ask('/16k.txt').body, content.files()['/16k.txt'])
                self.expect_good(server, 'https-1k')
                full = self.expect_good(server, 'https-full').handshakes
                resumed = self.expect_good(server, 'https-resumed').handshakes
                self.assertEqual((full['resumed'], resumed['full']), (0, 0))
                self.assertGreater(full['full'], 0)
                self.assertGreater(resumed['resumed'], 0)

    def test_handlers(self):
        bodies = {'hello-name': b'hello, bill', 'json': b'{"message":"Hello, World!"}',
                  'baseline11': b'55', 'upload-20m': b'20000000'}
        for kind in self.showing('handlers'):
            with self.subTest(kind.name), self.yard.server(kind, face='handlers') as server:
                for name, body in bodies.items():
                    work = row(name)
                    self.assertEqual(server.ask(work.targets[0], (), work.body_bytes).body, body)
                moved = server.ask(row('redirect-route').targets[0])
                self.assertEqual((moved.status, moved.field('Location')), (301, '/'))
                self.expect_good(server, 'json')
                self.expect_good(server, 'upload-20m')

    def test_memory_of_idle_connections(self):
        asked = idle_memory.parse(['--connections', '20', '--repetitions', '1'])
        self.assertRegex(idle_memory.measure(self.yard, self.kinds[0], asked),
                         r'^ringlet epoll  .* KiB a connection \(')

    def test_being_there(self):
        for name, value in (('WATCH_SECONDS', 0.2), ('CROWDS', 1)):
            self.addCleanup(setattr, presence, name, getattr(presence, name))
            setattr(presence, name, value)
        found = presence.measure(self.yard, self.kinds[0], 1000, starts=2, crowd=20)
        self.assertEqual((found['server'], found['not_measured']), ('ringlet epoll', {}))
        for key, count in (('ready_ms', 2), ('start_rss_bytes', 2), ('switches_per_second', 2),
                           ('idle_connection_bytes', presence.CROWDS)):
            self.assertEqual(len(found[key]), count, key)
        self.assertGreater(min(found['ready_ms']), 0)
        self.assertGreater(min(found['start_rss_bytes']), 1 << 20)
        self.assertRegex(presence.line(found), r'^ringlet epoll: .* ms to the first answer, .*'
                                               r' context switches a second alone, .* MiB at start')

    @unittest.skipIf(len(machine.allowed_cpus()) < 2, 'there is but one CPU')
    def test_two_cores(self):
        said = io.StringIO()

        def once(seconds):
            asked = two_cores.parse(['--build', str(BUILD), '--connections', '8', '--seconds',
                                     str(seconds), '--warmup', '0.1', '--repetitions', '1'])
            with servers.open_yard(asked.cpus) as yard, contextlib.redirect_stdout(said):
                two_cores.compare(yard, self.kinds[0], row('https-1k'), asked,
                                  generators.make('ringlet-load', BUILD))
        self.patiently(once)
        self.assertRegex(said.getvalue(), r'^https-1k, ringlet epoll: one process .* us .*, '
                                          r'two processes .*; ratio \d')


if __name__ == '__main__':
    if io_uring_refusal():
        print(f'skipped: ringlet-load needs io_uring ({io_uring_refusal()})')
        sys.exit(SKIP)
    unittest.main()
