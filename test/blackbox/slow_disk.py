"""slow_disk.py - what is in memory is served at once while the disk hangs, on one core.

The slow disk is a file system of ours in user space (slow_fs), mounted inside the root. While its
operations hang, hot requests are made and each is timed. A server that waits for the disk on the
core's thread keeps one of them as long as the hang lasts; the machine's own noise does not last
three rounds.
"""
import os
import signal
import time

from server import REPORT, Case, PeerClosed, PeerReset, Root, Server, main, request, until
from slow_fs import SlowFs, skip_without

HANG_MS = 20000   # at most; the rule is taken away sooner
HOT_MAX = 0.1     # seconds that a hot request may take
HOT_REQUESTS = 1000
ROUNDS = 3
LARGE = 1 << 20   # bytes; sent from its descriptor
SMALL = 1000


def pattern(size):
    """`size` bytes in which no piece looks like another piece of the same length."""
    block = b"".join(b"%x\n" % i for i in range(1 << 16))
    return (block * (size // len(block) + 1))[:size]


class SlowDisk(Case):
    """Each test has a server, and a file system mounted at slow/ of its root, of its own."""

    @classmethod
    def setUpClass(cls):
        skip_without()

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"hot")
        self.root.write("warm.bin", pattern(LARGE))
        os.mkdir(self.root.path("slow"))
        self.disk = SlowFs(self.root.top, "site/slow")
        self.addCleanup(self.disk.close)
        self.server = Server(self.root, "--cores", "1", "--timeout", "60", "--write-timeout", "60")
        self.addCleanup(self.server.kill)

    def tearDown(self):
        self.disk.rules()
        if self.server.process.returncode is None:
            self.server.stop()

    def slowest(self, target=b"/", count=HOT_REQUESTS):
        """Seconds of the slowest of so many hot requests, one after the other."""
        slowest = 0.0
        with self.server.client() as client:
            for _ in range(count):
                start = time.monotonic()
                self.assertEqual(client.get(target).status, 200)
                slowest = max(slowest, time.monotonic() - start)
        return slowest

    def check_hot(self):
        """Hot requests are quick; up to three rounds, for the machine's own pauses."""
        took = []
        for _ in range(ROUNDS):
            took.append(self.slowest())
            if took[-1] <= HOT_MAX:
                return
        self.fail(f"the slowest of {HOT_REQUESTS} hot requests took {took} s")

    def ask(self, *names):
        """A client that waits for each of these files."""
        clients = []
        for name in names:
            client = self.client(timeout=60)
            client.send(request("/slow/" + name))
            clients.append(client)
        return clients

    def check_hang(self, operation, names, rules, size=SMALL):
        for name in names:
            self.disk.write(name, pattern(size))
        self.assertEqual(self.server.fetch("/").body, b"hot")
        self.disk.rules(*rules)
        clients = self.ask(*names)
        self.disk.wait_for(operation, len(names))
        self.check_hot()
        self.disk.rules()
        for client in clients:
            reply = client.reply()
            self.assertEqual((reply.status, reply.body), (200, pattern(size)))

    def test_read(self):
        self.check_hang("read", ["a"], [f"read a {HANG_MS}"])

    def test_open(self):
        self.check_hang("open", ["a"], [f"open a {HANG_MS}"])

    def test_getattr(self):
        self.check_hang("getattr", ["a"], [f"getattr a {HANG_MS}"])

    def test_large_read(self):
        self.check_hang("read", ["a"], [f"read a {HANG_MS}"], LARGE)

    def test_close(self):
        """A descriptor that is not wanted any more is closed, which hangs as well."""
        self.check_hang("flush", ["a"], [f"flush a {HANG_MS}"])

    def test_more_hang_than_four(self):
        """More than any small set of helpers: other cold files are still read in."""
        names = [f"f{i}" for i in range(24)]
        for name in names:
            self.disk.write(name, pattern(SMALL))
        self.disk.write("other", b"other")
        self.disk.write("large", pattern(LARGE))
        self.disk.rules(*[f"read {name} {HANG_MS}" for name in names])
        clients = self.ask(*names)
        self.disk.wait_for("read", len(names))
        self.check_hot()
        self.assertEqual(self.server.fetch("/slow/other").body, b"other")
        self.assertEqual(self.server.fetch("/slow/large").body, pattern(LARGE))
        self.assertEqual(self.server.fetch("/warm.bin").body, pattern(LARGE))
        self.disk.rules()
        for client in clients:
            self.assertEqual(client.reply().body, pattern(SMALL))

    def test_many_large_ones_hang(self):
        """More than there used to be buffers for: another large one is still sent."""
        names = [f"f{i}" for i in range(24)]
        for name in [*names, "other"]:
            self.disk.write(name, pattern(LARGE))
        self.disk.rules(*[f"read {name} {HANG_MS}" for name in names])
        clients = self.ask(*names)
        self.disk.wait_for("read", len(names))
        self.check_hot()
        self.assertEqual(self.server.fetch("/slow/other").body, pattern(LARGE))
        self.disk.rules()
        for client in clients:
            self.assertEqual(client.reply().body, pattern(LARGE))

    def test_half_in_memory(self):
        """Its first half comes, then its client waits, and nobody else does."""
        self.disk.write("half", pattern(2 * LARGE))
        with open(os.path.join(self.disk.mount_point, "half"), "rb") as file:
            self.assertEqual(file.read(LARGE), pattern(LARGE))
        self.disk.rules(f"read half {HANG_MS} {LARGE + LARGE // 2} {2 * LARGE}")
        [client] = self.ask("half")
        client.head()
        self.assertEqual(client.take(LARGE), pattern(LARGE))
        self.disk.wait_for("read", 1)
        self.check_hot()
        self.assertEqual(self.server.fetch("/warm.bin").body, pattern(LARGE))
        self.disk.rules()
        self.assertEqual(client.take(LARGE), pattern(2 * LARGE)[LARGE:])

    def test_readers_that_stall_keep_nothing_from_others(self):
        """Clients that take nothing of cold files do not keep the buffers that others need."""
        self.disk.write("large", pattern(8 * LARGE))
        stalled = [self.client(receive_buffer=4096) for _ in range(100)]
        for client in stalled:
            client.send(request("/slow/large"))
        for client in stalled:
            client.head()
        self.assertEqual(self.server.fetch("/slow/large").body, pattern(8 * LARGE))
        self.check_hot()
        for client in stalled[:2]:
            self.assertEqual(client.take(8 * LARGE), pattern(8 * LARGE))
        for client in stalled[2:]:
            client.reset()

    def test_a_client_that_leaves_while_its_file_hangs(self):
        self.disk.write("large", pattern(LARGE))
        self.disk.rules(f"read large {HANG_MS}")
        before = self.server.sockets()
        for client in self.ask("large", "large"):
            self.disk.wait_for("read", 1)
            client.reset()
        self.assertTrue(until(lambda: self.server.sockets() == before))
        self.check_hot()
        self.disk.rules()

    def test_leaving_while_the_disk_hangs(self):
        """A drain ends on time; the client whose file hangs is cut."""
        self.disk.write("large", pattern(LARGE))
        self.disk.rules(f"read large {HANG_MS}")
        [client] = self.ask("large")
        self.disk.wait_for("read", 1)
        self.server.tell(signal.SIGTERM)
        self.assertTrue(until(lambda: not self.server.answers_connect()))
        self.server.tell(signal.SIGTERM)
        with self.assertRaises((PeerReset, PeerClosed)):
            client.take(LARGE)
        self.server.wait()
        self.assertNotRegex(self.server.said(), REPORT)


if __name__ == "__main__":
    main()
