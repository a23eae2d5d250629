"""streams.py - replies in pieces, later replies, and bodies that wait (embedder.c)."""
import contextlib
import json
import os
import re
import socket
import ssl
import time

from server import Case, Client, PeerClosed, PeerReset, Server, main, request, under_test, until

PATTERN = bytes(ord("a") + i % 251 % 26 for i in range(65536))
MIB = 1 << 20


def start():
    path = os.path.join(os.path.dirname(under_test.binary), "test", "blackbox", "embedder")
    return Server(None, binary=path)


def pattern(length):
    """What a stream of this length says: it ends where the pattern does."""
    first = -length % len(PATTERN)
    return (PATTERN[first:] + PATTERN * (length // len(PATTERN) + 1))[:length]


class Streams(Case):

    @classmethod
    def setUpClass(cls):
        cls.server = start()

    def get(self, target):
        return self.server.fetch(target)

    def counts(self):
        return json.loads(self.get("/counts").body)

    def await_counts(self, **wanted):
        def reached():
            counts = self.counts()
            return all(counts[name] == value for name, value in wanted.items())
        self.assertTrue(until(reached), f"{self.counts()}, not {wanted}")

    def resident(self):
        with open(f"/proc/{self.server.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def test_streams_are_whole(self):
        with self.client() as client:
            for length in (0, 1, 4095, 70000, 5 * MIB + 3):
                for options in ("", "&give=1", "&known=1", "&piece=30000&give=1"):
                    reply = client.get(f"/stream?total={length}{options}")
                    self.assertEqual(reply.body, pattern(length))
                    self.assertEqual(reply.get("Transfer-Encoding") is None, "known" in options)
        self.await_counts(open=0)

    def test_a_client_of_http_1_0(self):
        client = self.client()
        client.send(request("/stream?total=300000", version="HTTP/1.0"))
        head = client.head()
        self.assertNotIn(b"chunked", head)
        self.assertIn(b"\r\nConnection: close", head)
        self.assertEqual(client.rest(), (pattern(300000), "fin"))

    def test_heads(self):
        with self.client() as client:
            reply = client.get("/stream?total=1000000&known=1", method="HEAD")
            self.assertEqual(reply.get("Content-Length"), "1000000")
            self.assertIsNone(client.get("/silent", method="HEAD").get("Content-Length"))
            self.assertEqual(client.get("/late").body, b"late")
        self.await_counts(open=0)

    def test_pipelined_in_order(self):
        """Whatever each takes, they come in the order they were asked for."""
        targets = ("/late?ms=20", "/stream?total=200000", "/ready?ms=10", "/counts",
                   "/stream?total=5&known=1", "/late?ms=1", "/ready?ms=1", "/none")
        with self.client() as client:
            client.send(b"".join(request(target) for target in targets) * 5)
            for number in range(5 * len(targets)):
                reply, target = client.reply(), targets[number % len(targets)]
                self.assertEqual(reply.status, 404 if target == "/none" else 200, target)
                if "total" in target:
                    self.assertEqual(len(reply.body), 200000 if "200000" in target else 5)
                elif target.startswith(("/late", "/ready")):
                    self.assertEqual(reply.body, b"late", target)

    def test_slow_readers_hold_little_memory(self):
        """They take nothing of a gigabyte each; that is neither held, nor do others wait for it."""
        count, before = 30, self.resident()
        refused = self.counts()["refused"]
        clients = [self.client(receive_buffer=4096) for _ in range(count)]
        for number, client in enumerate(clients):
            client.send(request(f"/stream?total=1000000000&give={number % 2}"))
        self.assertTrue(until(lambda: self.counts()["refused"] - refused >= count))
        most = self.resident()
        for client in clients:
            client.head()
        for _ in range(20):
            for client in clients:
                client.take(20000)
            most = max(most, self.resident())
            self.assertEqual(self.get("/late").body, b"late")
        for client in clients:
            client.reset()
        self.await_counts(open=0)
        if under_test.sanitize == "off":
            self.assertLess(most - before, count * 100000 + 4 * MIB)

    def test_silence_is_kept_and_news_come_at_once(self):
        clients = [self.client() for _ in range(10)]
        for client in clients:
            client.send(request("/silent"))
            client.head()
        for text in (b"data: one\n\n", b"data: two\n\n"):
            with self.client() as client:
                told = client.get("/publish", [f"Content-Length: {len(text)}"], "POST", body=text)
            self.assertEqual(told.body, b"10")
            for client in clients:
                self.assertEqual(client.line(), b"%x" % len(text))
                self.assertEqual(client.take(len(text) + 2), text + b"\r\n")
        gone = self.counts()["gone"]
        for client in clients[:5]:
            client.reset()
        self.await_counts(open=5, gone=gone + 5)
        for client in clients[5:]:
            client.close()
        def publish():
            with self.client() as client:
                client.get("/publish", ["Content-Length: 1"], "POST", body=b"x")
            return self.counts()["open"] == 0
        self.assertTrue(until(publish))

    def test_clients_that_go_in_the_middle(self):
        gone = self.counts()["gone"]
        for target in ("/stream?total=1000000000", "/stream?total=1000000000&give=1",
                       "/late?ms=60000", "/ready?ms=60000"):
            client = self.client(receive_buffer=4096)
            client.send(request(target))
            if "total" in target:
                client.head()
            self.assertTrue(until(lambda: self.counts()["open"] == 1))
            client.reset()
            self.await_counts(open=0)
        self.await_counts(gone=gone + 4)
        self.assertEqual(self.get("/ready").body, b"late")

    def test_what_is_cut_is_seen_to_be(self):
        for target in ("/short", "/abort"):
            client = self.client()
            client.send(request(target))
            with self.assertRaises((PeerReset, PeerClosed)):
                client.reply()
        self.assertTrue(until(lambda: "GET /short: the handler has ended its reply before"
                              in self.server.said()))

    def test_bodies_wait(self):
        with self.client() as client:
            for length in (0, 1, 7, 100000, 3 * MIB):
                body = bytes(length)
                reply = client.get("/take", [f"Content-Length: {length}"], "POST", body=body)
                self.assertEqual(reply.body, str(length).encode())

    def test_a_stop_cuts_what_is_open(self):
        with start() as server:
            clients = [server.client() for _ in range(3)]
            for client, target in zip(clients, ("/silent", "/late?ms=60000", "/ready?ms=60000")):
                client.send(request(target))
            clients[0].head()
            self.assertTrue(until(
                lambda: json.loads(server.fetch("/counts").body)["open"] == 3))
            said = server.stop()   # who asked has long been gone when the rest is cut
            self.assertRegex(said, "cut 3 connections")
            for client in clients:
                client.close()


class SecureClient(Client):
    """The same through TLS; who the server is has been looked at elsewhere."""

    def __init__(self, address, **options):
        super().__init__(address, **options)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock)


class Secure(Case):
    """What differs with TLS: pieces are sealed before they are sent, and opened as they come."""

    @classmethod
    def setUpClass(cls):
        cls.server = start()
        port = re.search(r"https://[^ ]*:(\d+)", cls.server.said())
        cls.address = ("127.0.0.1", int(port[1]))

    get = Streams.get
    counts = Streams.counts
    await_counts = Streams.await_counts

    def client(self, **options):
        client = SecureClient(self.address, **options)
        self.addCleanup(client.close)
        return client

    def test_streams_are_whole(self):
        with self.client(receive_buffer=8192) as client:
            client.send(b"".join(request(target) for target in
                                 ("/stream?total=300000&give=1&piece=30000", "/ready?ms=10",
                                  "/stream?total=3000000&known=1", "/stream?total=0", "/late")))
            self.assertEqual(client.reply().body, pattern(300000))
            self.assertEqual(client.reply().body, b"late")
            self.assertEqual(client.reply().body, pattern(3000000))
            self.assertEqual(client.reply().body, b"")
            self.assertEqual(client.reply().body, b"late")
        self.await_counts(open=0)

    def test_news_come_at_once(self):
        client = self.client()
        client.send(request("/silent"))
        client.head()
        for _ in range(3):
            with self.client() as other:
                other.get("/publish", ["Content-Length: 4"], "POST", body=b"news")
            self.assertEqual(client.line() + client.take(6), b"4news\r\n")
        client.reset()
        self.await_counts(open=0)

    def test_what_is_cut_is_seen_to_be(self):
        for target in ("/short", "/abort"):
            client = self.client()
            client.send(request(target))
            with self.assertRaises((PeerReset, PeerClosed, ssl.SSLError)):
                client.reply()

    def test_bodies_wait(self):
        self.get("/pause")
        body = bytes(300000)
        client = self.client()
        client.send(request("/take", "POST", [f"Content-Length: {len(body)}"]) + body[:100])
        self.await_counts(waiting=1)
        self.get("/release")
        client.send(body[100:])
        self.assertEqual(client.reply("POST").body, b"300000")


class Uploads(Case):
    """256 at a time of 20 MB each: what the handler has not asked for is not held."""

    COUNT, SIZE, PIECE = 256, 20000000, 100000
    LENT = 96 * 4096  # bytes received that one connection may hold (io.h), of 20,000,000

    @classmethod
    def setUpClass(cls):
        cls.server = start()

    counts = Streams.counts
    get = Streams.get
    await_counts = Streams.await_counts
    resident = Streams.resident

    def begin(self):
        clients = [self.client() for _ in range(self.COUNT)]
        head = request("/take", "POST", [f"Content-Length: {self.SIZE}"])
        for client in clients:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
            client.send(head + b"x")
            client.sock.setblocking(False)
        return clients

    @staticmethod
    def push(clients, left):
        """Everybody sends what is taken now, a piece at most; returns whether anything was."""
        piece, moved = bytes(Uploads.PIECE), False
        for client in clients:
            with contextlib.suppress(BlockingIOError):
                sent = client.sock.send(piece[:left[client]]) if left[client] else 0
                left[client] -= sent
                moved = moved or sent > 0
        return moved

    def test_memory(self):
        before = self.resident()
        self.get("/pause")
        clients = self.begin()
        left = {client: self.SIZE - 1 for client in clients}
        self.await_counts(waiting=self.COUNT)
        held = self.resident()
        while self.push(clients, left):  # into the kernel's hands
            held = max(held, self.resident())
        self.assertGreater(min(left.values()), 0)
        self.assertEqual(self.counts()["waiting"], self.COUNT)
        self.assertEqual(self.get("/late").body, b"late")
        self.get("/release")
        quick = under_test.sanitize == "off"
        rounds = 0
        while any(left.values()) and (quick or rounds < 20):
            if not self.push(clients, left):
                time.sleep(0.001)
            held = max(held, self.resident())
            rounds += 1
        if quick:
            for client in clients:
                client.sock.settimeout(30)
                self.assertEqual(client.reply("POST").body, str(self.SIZE).encode())
            self.assertLess(held - before, self.COUNT * self.LENT)
        for client in clients:
            client.reset()
        self.await_counts(waiting=0)


if __name__ == "__main__":
    main()
