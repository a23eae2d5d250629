"""https_deadlines.py - clients with TLS that are too slow, and those that are not."""
import contextlib
import select
import ssl
import time

from server import main, request
from tls import SecureCase, of_version

KIB, MIB = 1 << 10, 1 << 20
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
LATE = 60.0   # seconds in which a busy machine has kept any deadline among the arguments


class Deadlines(SecureCase):
    """All at once, as they mostly wait. What must not pass has seconds to spare."""

    arguments = ("--demo", "--cores", "1", "--header-timeout", "10s", "--body-timeout", "1s",
                 "--write-timeout", "10s", "--timeout", "25s")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("huge.bin", bytes(50 * MIB))

    def test_all(self):
        self.together("wait_")

    def closed(self, client, start):
        client.sock.settimeout(LATE)
        with contextlib.suppress(ConnectionError):   # but no TimeoutError
            while client.sock.recv(65536):
                pass
        took = time.monotonic() - start
        self.assertTrue(1 < took < LATE, f"after {took} s")

    def wait_part_of_a_hello(self):
        start = time.monotonic()
        clients = [self.client(handshake=False) for _ in range(4)]
        for client, length in zip(clients, (1, 5, 6, 100)):
            client.sock.sendall(client.hello()[:length])
        for client in clients:
            self.closed(client, start)

    def wait_nothing_at_all(self):
        self.closed(self.client(handshake=False), time.monotonic())

    def wait_no_second_flight(self):
        start = time.monotonic()
        clients = [self.client(context=of_version(version), handshake=False)
                   for version in VERSIONS]
        for client in clients:
            client.sock.sendall(client.hello())
        for client in clients:
            self.closed(client, start)

    def wait_dribbling_a_hello_does_not_help(self):
        client, start = self.client(handshake=False), time.monotonic()
        with contextlib.suppress(OSError):
            for byte in client.hello():
                client.sock.sendall(bytes([byte]))
                if select.select([client.sock], [], [], 0.1)[0]:
                    break
            else:
                self.fail("it could say all of it")
        self.closed(client, start)

    def wait_an_open_one_may_stay(self):
        """Longer than a head may take; a connection that is idle has more time."""
        client = self.client()
        time.sleep(12)
        self.assertEqual(client.get("/").status, 200)

    def wait_head(self):
        client = self.client()
        client.send(b"GET / HTTP/1.1\r\nHost: ")
        self.assertEqual(client.reply().status, 408)
        client.expect_fin()

    def wait_dribbling_a_head_does_not_help(self):
        """Each byte is a record, and none of them is progress."""
        client = self.client(context=of_version(VERSIONS[0]))   # no tickets come in between
        with contextlib.suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nX: " + b"y" * 400:
                client.send(bytes([byte]))
                if select.select([client.sock], [], [], 0.1)[0]:
                    break
            else:
                self.fail("it could say all of it")
        self.assertEqual(client.reply().status, 408)
        client.expect_fin()

    def wait_body(self):
        client = self.client()
        client.send(request("/upload", "POST", ["Content-Length: 100000"]) + bytes(500))
        self.assertEqual(client.reply("POST").status, 408)
        client.expect_fin()

    def wait_half_a_record(self):
        """What is no whole record is no request, and no head."""
        client = self.client()
        client.get("/")
        client.sock.sendall(client.seal(request("/"))[:-1])
        client.sock.settimeout(LATE)
        self.assertIn(client.rest()[1], ("fin", "cut"))

    def wait_idle(self):
        """It is told, too."""
        used, fresh = self.client(), self.client()
        self.assertEqual(used.get("/").status, 200)
        for client in (used, fresh):
            client.expect_fin(LATE)

    def wait_who_never_reads_is_cut(self):
        client = self.client(receive_buffer=65536)
        client.send(request("/huge.bin"))
        took = client.hung_up(LATE)
        self.assertIsNotNone(took, "still connected")
        self.assertGreater(took, 2)

    def wait_a_slow_but_steady_reader(self):
        client = self.client(receive_buffer=65536)
        client.send(request("/huge.bin"))
        client.head()
        end = time.monotonic() + 15   # longer than one that stalls would have
        while time.monotonic() < end:
            client.take(64 * KIB)
            time.sleep(0.05)


if __name__ == "__main__":
    main()
