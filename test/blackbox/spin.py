"""spin.py - a server that polls before it sleeps: it serves as any, and polls for nobody."""
import time
import unittest

from server import Case, Root, Server, main, quickest, request, until

AWAKE = 0.2      # seconds of CPU in IDLE seconds that a sleeping server never takes
IDLE = 1.5
PAUSE = 0.003    # seconds between requests: longer than any poll
SPIN = ("--spin", "1000")


class Serving(Case):
    arguments = (*SPIN, "--timeout", "1s")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("large.bin", bytes(range(256)) * 8192)

    def test_it_serves(self):
        clients = [self.client() for _ in range(3)]
        for round_ in range(100):
            for client in clients[:1 + round_ % 3]:
                self.assertEqual(client.get().body, b"<h1>home</h1>\n")
        for client in clients:
            self.assertEqual(client.get("/large.bin").body, bytes(range(256)) * 8192)
            client.send(request() * 50)
            for _ in range(50):
                self.assertEqual(client.reply().status, 200)

    def test_who_is_idle_is_closed_while_others_ask(self):
        idle, busy = self.client(), self.client()
        start = time.monotonic()
        self.assertEqual(idle.get().status, 200)
        idle.sock.setblocking(False)

        def gone():
            busy.get()
            try:
                return idle.sock.recv(1) == b""
            except BlockingIOError:
                return False
        self.assertTrue(until(gone, every=0))
        self.assertGreater(time.monotonic() - start, 0.5)

    def test_the_date_goes_on(self):
        client = self.client()
        first = client.get().get("Date")
        self.assertTrue(until(lambda: client.get().get("Date") != first, every=0))

    def test_it_leaves_when_told(self):
        with Server(self.root, *SPIN) as server, server.client() as client:
            for _ in range(100):
                client.get()
            server.stop()


class Resting(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")

    def sleeps(self, server):
        def spent():
            before = server.cpu_seconds()
            time.sleep(IDLE)
            return server.cpu_seconds() - before
        self.assertLess(quickest(spent, AWAKE), AWAKE)

    def test_nobody_is_connected(self):
        with Server(self.root, *SPIN) as server:
            for _ in range(20):
                server.fetch("/")
            self.sleeps(server)

    def test_nobody_asks(self):
        with Server(self.root, *SPIN) as server:
            clients = [server.client() for _ in range(20)]
            for client in clients * 10:
                self.assertEqual(client.get().status, 200)
            self.sleeps(server)
            for client in clients:
                client.close()

    def test_what_comes_seldom_costs_as_without(self):
        """Polling for each of 300 requests would be 0.3 s of CPU."""
        with Server(self.root, *SPIN) as one, Server(self.root) as other, \
                one.client() as ask_one, other.client() as ask_other:
            def more():
                before = one.cpu_seconds() - other.cpu_seconds()
                for _ in range(300):
                    time.sleep(PAUSE)
                    ask_one.get()
                    ask_other.get()
                return one.cpu_seconds() - other.cpu_seconds() - before
            self.assertLess(quickest(more, 0.15), 0.15)


if __name__ == "__main__":
    main()
