"""https_large.py - long answers over TLS: their bytes, and those who read them slowly."""
import os
import re
import resource
import ssl
import threading
import time

from large import pattern, resident
from server import PeerCut, PeerReset, main, quickest, request, under_test, until
from tls import SecureCase, of_version

KIB, MIB = 1 << 10, 1 << 20
HELD = 128 * KIB     # files up to this size are kept in memory
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
SLOW = 300           # clients at a time that ask and do not read
SLOW_MEMORY = 48 * KIB   # bytes of the server's memory that each may take: OpenSSL, a connection
POOL = 256 * 4 * (16384 + 64)  # what the buffers of a core come to (sealed.h)
HOT_MAX = 10.0       # seconds that a small request may take on a busy machine
CUT = (PeerCut, PeerReset, ssl.SSLError)


class Large(SecureCase):

    arguments = ("--cores", "1", "--write-timeout", "5m")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        cls.bytes = pattern(20 * MIB)
        root.write("large.bin", cls.bytes)
        root.write("held.bin", cls.bytes[:100 * KIB])

    def hot(self):
        """The longest that a small request took, of some."""
        longest = 0.0
        with self.server.secure_client() as client:
            for _ in range(50):
                start = time.monotonic()
                self.assertEqual(client.get("/").status, 200)
                longest = max(longest, time.monotonic() - start)
        return longest

    def test_exact_bytes(self):
        """Around the sizes at which the way of sending changes, and those of records."""
        clients = [self.client(context=of_version(version)) for version in VERSIONS]
        sizes = [at + more for at in (0, 16 * KIB, 32 * KIB, HELD, 256 * KIB, MIB, 2 * MIB)
                 for more in (-1, 0, 1, 77) if at + more >= 0]
        for size in sizes:
            self.root.write(f"odd{size}.bin", self.bytes[:size])
            for client in clients:
                self.assertTrue(client.get(f"/odd{size}.bin").body == self.bytes[:size], size)

    def test_a_long_one(self):
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            for _ in range(2):
                self.assertTrue(client.get("/large.bin").body == self.bytes)
            self.assertEqual(client.get("/large.bin", method="HEAD").get("Content-Length"),
                             str(20 * MIB))
            self.assertEqual(client.get("/").status, 200)

    def test_ranges(self):
        client = self.client()
        for first, last in ((0, 0), (MIB - 1, MIB), (5 * MIB + 3, 9 * MIB + 1),
                            (19 * MIB, 20 * MIB - 1)):
            reply = client.get("/large.bin", [f"Range: bytes={first}-{last}"])
            self.assertEqual(reply.status, 206)
            self.assertTrue(reply.body == self.bytes[first:last + 1])
        reply = client.get("/large.bin", [f"Range: bytes=0-{MIB - 1},{3 * MIB}-{4 * MIB - 1}"])
        self.assertEqual(reply.status, 206)
        self.assertIn(self.bytes[3 * MIB:4 * MIB], reply.body)
        self.assertEqual(client.get("/").status, 200)

    def test_pipelined(self):
        """Long and short ones, held and not, in the order they were asked for."""
        names = {"/large.bin": self.bytes, "/held.bin": self.bytes[:100 * KIB],
                 "/": b"<h1>home</h1>\n"}
        targets = list(names) * 3
        client = self.client()
        client.send(b"".join(request(target) for target in targets))
        for target in targets:
            self.assertTrue(client.reply().body == names[target], target)

    def test_many_at_once_are_not_mixed_up(self):
        def download():
            with self.server.secure_client() as client:
                for _ in range(2):
                    same.append(client.get("/large.bin").body == self.bytes)

        same = []
        threads = [threading.Thread(target=download) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(same, [True] * 8)

    def test_slow_readers_hold_up_nobody(self):
        """More of them than there are large buffers: those are all they get, and all others are
        served meanwhile."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 4096), limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        self.hot()
        self.assertTrue(until(lambda: self.server.sockets() <= self.listeners))
        memory = resident(self.server.pid)
        clients = []
        for i in range(SLOW):
            clients.append(self.client(receive_buffer=4096))
            clients[-1].send(request(("/large.bin", "/held.bin")[i % 2]) * 3)
        self.assertLess(quickest(self.hot, HOT_MAX, 2), HOT_MAX)
        grown = resident(self.server.pid) - memory
        # A sanitizer keeps what was freed for a while.
        allowance = SLOW * SLOW_MEMORY * (1 if under_test.sanitize == "off" else 8)
        self.assertLess(grown, allowance + POOL + 8 * MIB, f"{grown // SLOW} bytes for each")
        for client in clients[:2] + clients[-2:]:
            length = int(re.search(rb"Content-Length: (\d+)", client.head())[1])
            self.assertTrue(client.take(min(length, MIB)) == self.bytes[:min(length, MIB)])
        for client in clients:
            client.reset()
        self.assertTrue(until(lambda: self.server.sockets() <= self.listeners + 1))

    def test_a_reader_of_a_byte_at_a_time(self):
        """The whole answer comes however little is taken at once."""
        client = self.client(receive_buffer=4096)
        client.send(request("/held.bin"))
        head = client.head()
        self.assertIn(b"Content-Length: 102400", head)
        body = b""
        while len(body) < 100 * KIB:
            body += client.take(min(1000, 100 * KIB - len(body)))
        self.assertTrue(body == self.bytes[:100 * KIB])

    def test_leaving_in_the_middle(self):
        """Clients that are gone take their share of everything with them."""
        def descriptors():
            return len(os.listdir(f"/proc/{self.server.pid}/fd"))
        before = descriptors()
        for i in range(60):
            client = self.client(receive_buffer=4096)
            client.send(request("/large.bin"))
            client.head()
            if i % 3 == 0:
                client.reset()
            elif i % 3 == 1:
                client.close()
            else:
                client.half_close()
                client.reset()
        self.assertTrue(until(lambda: descriptors() <= before + 1))

    def test_truncated_during_a_download(self):
        """Its client can tell: nobody says that this was the end."""
        self.root.write("cut.bin", pattern(64 * MIB))
        cut, whole = (self.client(receive_buffer=65536) for _ in range(2))
        for client, name in ((cut, "/cut.bin"), (whole, "/large.bin")):
            client.send(request(name))
            client.head()
            client.take(MIB // 2)
        os.truncate(self.root.path("cut.bin"), MIB)
        with self.assertRaises(CUT):
            cut.take(64 * MIB - MIB // 2)
        self.assertTrue(whole.take(20 * MIB - MIB // 2) == self.bytes[MIB // 2:])
        self.assertEqual(whole.get("/").status, 200)

    def test_growing_during_a_download(self):
        """What was promised is sent, and not a byte more."""
        self.root.write("grows.bin", self.bytes[:8 * MIB])
        client = self.client(receive_buffer=65536)
        client.send(request("/grows.bin"))
        client.head()
        client.take(MIB)
        with open(self.root.path("grows.bin"), "ab") as file:
            file.write(self.bytes[8 * MIB:9 * MIB])
        self.assertTrue(client.take(7 * MIB) == self.bytes[MIB:8 * MIB])
        self.assertEqual(client.get("/").body, b"<h1>home</h1>\n")

    def test_half_closed_during_a_download(self):
        """Who says that nothing more will come still gets the rest."""
        for end in ("say_end", "half_close"):
            client = self.client(receive_buffer=65536)
            client.send(request("/large.bin"))
            client.head()
            client.take(100)
            getattr(client, end)()
            self.assertTrue(client.take(20 * MIB - 100) == self.bytes[100:])
            client.expect_fin()

    def test_requests_during_a_download(self):
        """What comes in while a long answer goes out is kept, in bounds, and answered."""
        client = self.client(receive_buffer=65536)
        client.send(request("/large.bin"))
        for _ in range(50):
            client.send(request("/"))
        self.assertTrue(client.reply().body == self.bytes)
        for _ in range(50):
            self.assertEqual(client.reply().body, b"<h1>home</h1>\n")


if __name__ == "__main__":
    main()
