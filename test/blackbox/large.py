"""large.py - files that are sent from their descriptors: slow readers, fast ones, changed ones."""
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

from server import Case, PeerReset, main, request, under_test, until

MIB = 1 << 20
DOWNLOADS = 1000    # slow ones at a time
MEMORY_MAX = 12288  # bytes of a server's memory that each may take: a connection, an output
KERNEL_MAX = MIB    # bytes that the kernel may hold for each
HOT_MAX = 0.1       # seconds that a small request may take beside a fast download
HOT_REQUESTS = 1000
ROUNDS = 3
FRESH_MAX = 2.0     # seconds after which nothing stale is served

# A client of its own process, so that our own threads do not wait for it: downloads until killed.
DOWNLOAD = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
piece = bytearray(1 << 20)
while True:
    sock.sendall(b"GET " + sys.argv[2].encode() + b" HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n")
    left = None
    while left is None or left > 0:
        got = sock.recv_into(piece)
        if left is None:
            head = piece[:got].partition(b"\\r\\n\\r\\n")[0]
            length = [l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length")]
            left = int(length[0].split(b":")[1]) + len(head) + 4
            print("begun", flush=True)
        left -= got
        if got == 0:
            sys.exit(1)
"""


def pattern(size):
    """`size` bytes in which no piece looks like another piece of the same length."""
    block = b"".join(b"%x\n" % i for i in range(1 << 16))
    return (block * (size // len(block) + 1))[:size]


def resident(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Large(Case):

    arguments = ("--cores", "1")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("large.bin", pattern(16 * MIB))
        with open(root.path("sparse.bin"), "wb") as file:
            file.truncate(1 << 30)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

    def queued(self):
        """What the kernel holds of what each connection is to send."""
        port = f":{self.server.address[1]:04X}"
        with open("/proc/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in list(file)[1:]]
        return [int(line[4].split(":")[0], 16) for line in lines if line[1].endswith(port)]

    def test_exact_bytes(self):
        """Around the sizes at which the way of sending changes."""
        client = self.client()
        whole = pattern(2 * MIB + 5000)
        for size in [at + more for at in (256 << 10, 512 << 10, MIB, 2 * MIB)
                     for more in (-1, 0, 1, 4095, 4096, 4097)]:
            self.root.write(f"odd{size}.bin", whole[:size])
            with self.subTest(size):
                self.assertTrue(client.get(f"/odd{size}.bin").body == whole[:size])

    def test_a_thousand_slow_downloads(self):
        """Each takes a connection's memory and descriptor; no buffer, and no pipe."""
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 4096), limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        warm = [self.client() for _ in range(DOWNLOADS)]
        for client in warm:
            self.assertEqual(client.get("/").status, 200)
        for client in warm:
            client.close()
        self.assertTrue(until(lambda: self.server.sockets() <= 2))
        memory, descriptors = resident(self.server.pid), self.descriptors()

        clients = [self.client(receive_buffer=4096) for _ in range(DOWNLOADS)]
        for client in clients:
            client.send(request("/large.bin"))
        for client in clients:
            self.assertEqual(int(client.head().split(b"Content-Length: ")[1].split()[0]), 16 * MIB)
        self.assertEqual(self.server.fetch("/").status, 200)
        grown = resident(self.server.pid) - memory
        # A sanitizer keeps what was freed for a while.
        allowance = DOWNLOADS * MEMORY_MAX * (1 if under_test.sanitize == "off" else 8)
        self.assertLess(grown, allowance, f"{grown // DOWNLOADS} bytes for each download")
        self.assertLessEqual(self.descriptors() - descriptors, DOWNLOADS + 2)
        self.assertLess(max(self.queued()), KERNEL_MAX)

        for client in (clients[0], clients[-1]):
            self.assertEqual(client.take(16 * MIB), pattern(16 * MIB))
        for client in clients:
            client.reset()
        self.assertTrue(until(lambda: self.server.sockets() <= 2))

    def test_a_fast_download_starves_nobody(self):
        with subprocess.Popen([sys.executable, "-c", DOWNLOAD, str(self.server.address[1]),
                               "/sparse.bin"], stdout=subprocess.PIPE) as download:
            try:
                self.assertEqual(download.stdout.readline(), b"begun\n")
                self.check_hot()
                self.assertIsNone(download.poll())
            finally:
                download.send_signal(signal.SIGKILL)

    def check_hot(self):
        """Small requests are quick; up to three rounds, for the machine's own pauses."""
        took = []
        for _ in range(ROUNDS):
            took.append(0.0)
            with self.server.client() as client:
                for _ in range(HOT_REQUESTS):
                    start = time.monotonic()
                    self.assertEqual(client.get("/").status, 200)
                    took[-1] = max(took[-1], time.monotonic() - start)
            if took[-1] <= HOT_MAX:
                return
        self.fail(f"the slowest of {HOT_REQUESTS} small requests took {took} s")

    def test_truncated_during_a_download(self):
        """Its client is told by a reset; all others go on."""
        self.root.write("cut.bin", pattern(64 * MIB))
        cut, whole, small = (self.client(receive_buffer=65536) for _ in range(3))
        for client, name in ((cut, "/cut.bin"), (whole, "/large.bin")):
            client.send(request(name))
            client.head()
            client.take(MIB // 2)
        os.truncate(self.root.path("cut.bin"), MIB)
        with self.assertRaises(PeerReset):
            cut.take(64 * MIB - MIB // 2)
        self.assertEqual(whole.take(16 * MIB - MIB // 2), pattern(16 * MIB)[MIB // 2:])
        self.assertEqual(whole.get("/").status, 200)
        self.assertEqual(small.get("/").status, 200)

    def test_growing_during_a_download(self):
        """What was promised is sent, and not a byte more; later ones get it all."""
        self.root.write("grows.bin", pattern(8 * MIB))
        client = self.client(receive_buffer=65536)
        client.send(request("/grows.bin"))
        client.head()
        client.take(MIB)
        with open(self.root.path("grows.bin"), "ab") as file:
            file.write(pattern(9 * MIB)[8 * MIB:])
        self.assertEqual(client.take(7 * MIB), pattern(8 * MIB)[MIB:])
        self.assertEqual(client.get("/").body, b"<h1>home</h1>\n")
        self.assertTrue(until(lambda: client.get("/grows.bin").body == pattern(9 * MIB),
                              FRESH_MAX))

    def test_a_sparse_file_to_its_end(self):
        with open(self.root.path("hole.bin"), "wb") as file:
            file.truncate(200 * MIB + 1)
        client = self.client()
        client.send(request("/hole.bin"))
        client.head()
        left = 200 * MIB + 1 - len(client.buffer)
        self.assertFalse(client.buffer.strip(b"\0"))
        client.buffer.clear()
        while left > 0:
            piece = client.take(min(left, 4 * MIB))
            self.assertFalse(piece.strip(b"\0"))
            left -= len(piece)
        self.assertEqual(client.get("/").status, 200)

    def test_many_at_once_are_not_mixed_up(self):
        def download():
            with self.server.client() as client:
                for _ in range(3):
                    bodies.append(client.get("/large.bin").body == pattern(16 * MIB))

        bodies = []
        threads = [threading.Thread(target=download) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(bodies, [True] * 12)

    def test_leaving_in_the_middle(self):
        """Clients that are gone take their share of everything with them."""
        before = self.descriptors()
        for _ in range(100):
            client = self.client(receive_buffer=4096)
            client.send(request("/large.bin"))
            client.sock.recv(100, socket.MSG_PEEK)
            client.reset()
        self.assertTrue(until(lambda: self.descriptors() <= before + 1))


if __name__ == "__main__":
    main()
