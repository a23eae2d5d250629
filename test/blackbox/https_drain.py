"""https_drain.py - leaving in good order while there are clients with TLS."""
import signal
import ssl
import threading
import time
import unittest

from server import PeerClosed, PeerCut, PeerReset, Root, main, request, until
from tls import Pair, SecureServer, TlsClient, all_read, of_version

MIB = 1 << 20
HUGE = 20 * MIB
LATE = 10.0     # seconds that something which waits for nothing may take on a busy machine
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
STALL = 0.5     # seconds; in a drain, who is idle for twice as long is told to go
CUT = (PeerCut, PeerReset, ssl.SSLError)


class Drain(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.root.write("huge.bin", bytes(HUGE))
        self.pair = Pair(self.root.top, "pair")

    def start(self, *arguments):
        server = SecureServer(self.root, [self.pair], *arguments)
        self.addCleanup(server.kill)
        return server

    def connect_refused(self, server):
        try:
            TlsClient(server.secure, handshake=False).close()
            return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def at_rest(self, server):
        """Does every thread wait? Then what was read is in no thread's hands any more."""
        before = server.switches()
        asleep = all(task["State"].startswith("S") for task in server.tasks().values())
        return asleep and server.switches() == before

    def download(self, server, **options):
        client = server.secure_client(receive_buffer=65536, **options)
        self.addCleanup(client.close)
        client.send(request("/huge.bin"))
        client.head()
        client.take(65536)
        return client

    def test_long_answers_are_finished(self):
        server = self.start("--drain-timeout", "60")
        clients = [self.download(server, context=of_version(version)) for version in VERSIONS]
        server.tell(signal.SIGTERM)
        self.assertTrue(until(lambda: self.connect_refused(server), LATE), "still accepting")
        for client in clients:
            self.assertFalse(client.take(HUGE - 65536).strip(b"\0"))
            client.expect_fin()
            client.close()
        server.stop(0)

    def test_idle_ones_are_told(self):
        """With close_notify, so that no client takes it for an attack."""
        server = self.start("--drain-timeout", "30")
        clients = [server.secure_client() for _ in range(10)]
        for client in clients[:5]:
            self.assertEqual(client.get("/").status, 200)
        half = TlsClient(server.secure, handshake=False)
        half.sock.sendall(half.hello()[:50])
        server.tell(signal.SIGTERM)
        for client in clients:
            client.expect_fin(LATE)
            client.close()
        half.close()
        server.stop(0)

    def test_half_a_request_is_finished(self):
        server = self.start("--drain-timeout", "60", "--header-timeout", "60")
        with server.secure_client() as client:
            client.get("/")
            client.send(b"GET / HTTP/1.1\r\nHost:")
            self.assertTrue(until(lambda: all_read(client) and self.at_rest(server)))
            server.tell(signal.SIGTERM)
            self.assertTrue(until(lambda: self.connect_refused(server), LATE), "still accepting")
            client.send(b" localhost\r\n\r\n")
            reply = client.reply()
            self.assertEqual((reply.status, reply.closes()), (200, True))
            client.expect_fin()
        server.stop(0)

    def test_timeout_cuts_a_stalled_client(self):
        server = self.start("--drain-timeout", "500ms")
        client = self.download(server)
        start = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - start, LATE)
        with self.assertRaises(CUT):
            client.take(HUGE)

    def test_no_request_fails_under_load(self):
        """Every connection that was made is answered until it is told to close."""
        server = self.start("--drain-timeout", "30")
        served, failures, leaving = [], [], threading.Event()

        def exchange(client, since):
            """None is for a thread that was kept from asking, for so long that it was idle."""
            sent = None
            try:
                client.send(request("/"))
                sent = time.monotonic()
                return client.reply()
            except (PeerClosed, PeerReset, ConnectionError):
                if leaving.is_set() and (sent or time.monotonic()) - since > STALL:
                    return None
                raise

        def converse(client, since):
            while True:
                begun = time.monotonic()
                reply = exchange(client, since)
                if reply is None:
                    return
                since = begun
                served.append(reply.status)
                if reply.body != b"home":
                    failures.append(repr(reply))
                if reply.closes():
                    return

        def ask():
            while True:
                since = time.monotonic()
                try:
                    client = server.secure_client()
                except ConnectionRefusedError:
                    return
                except (PeerClosed, PeerCut, PeerReset, OSError) as error:
                    if not leaving.is_set() or time.monotonic() - since <= STALL:
                        failures.append(f"connect: {error!r}")
                    return
                try:
                    with client:
                        converse(client, since)
                except (PeerClosed, PeerCut, PeerReset, OSError, AssertionError) as error:
                    failures.append(repr(error))
        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        until(lambda: len(served) > 100 or failures)
        leaving.set()
        server.tell(signal.SIGTERM)
        for thread in threads:
            thread.join(30)
            self.assertFalse(thread.is_alive(), f"{len(served)} served, {failures}")
        self.assertEqual(failures, [])
        self.assertGreater(len(served), 100)
        server.stop(0)


if __name__ == "__main__":
    main()
