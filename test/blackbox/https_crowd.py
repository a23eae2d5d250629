"""https_crowd.py - many TLS connections at a time that do little, and what they cost."""
import resource
import time
import unittest

from large import resident
from server import Client, Root, main, under_test, until
from tls import Pair, SecureCase, SecureServer, trusting

KIB, MIB = 1 << 10, 1 << 20
IDLE = 1000
IDLE_MEMORY = 40 * KIB    # bytes of the server's memory that an idle connection may take
HANDSHAKES_MAX = 4096     # that may be under way on a core


class Idle(SecureCase):
    """What a connection costs that does nothing."""

    arguments = ("--cores", "1", "--timeout", "10m")

    def setUp(self):
        super().setUp()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], 4096), limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)

    def test_a_thousand(self):
        """Each after a request, so with all that a session ever needs."""
        context = trusting()
        for _ in range(20):
            with self.server.secure_client(context=context) as client:
                client.get("/")
        before = resident(self.server.pid)
        clients = []
        for _ in range(IDLE):
            clients.append(self.client(context=context))
            self.assertEqual(clients[-1].get("/").status, 200)
        grown = resident(self.server.pid) - before
        allowance = IDLE * IDLE_MEMORY * (1 if under_test.sanitize == "off" else 8)
        self.assertLess(grown, allowance, f"{grown // IDLE} bytes for each")
        for client in clients[::100]:
            self.assertEqual(client.get("/").status, 200)
        for client in clients:
            client.close()
        self.assertTrue(until(lambda: self.server.sockets() <= self.listeners))
        self.check_no_leak(context)

    def check_no_leak(self, context):
        """Done again it takes no more than it did: what was freed is used again."""
        if under_test.sanitize != "off":
            return
        after = resident(self.server.pid)
        for _ in range(2):
            again = [self.client(context=context) for _ in range(300)]
            for client in again:
                client.get("/")
                client.close()
            self.assertTrue(until(lambda: self.server.sockets() <= self.listeners))
        self.assertLess(resident(self.server.pid) - after, 4 * MIB)

    def test_it_wakes_up_nobody(self):
        if under_test.sanitize == "thread":
            self.skipTest("ThreadSanitizer has a thread of its own, which wakes up")
        clients = [self.client() for _ in range(20)]
        for client in clients:
            client.get("/")

        def sleeps():
            before = self.server.switches()
            time.sleep(1)
            return self.server.switches() == before
        self.assertTrue(until(sleeps, every=0))


class Crowd(unittest.TestCase):
    """More handshakes under way than a core takes on: the oldest give way."""

    def test_crowd(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = HANDSHAKES_MAX + 500
        if limit[1] < wanted + 500:
            self.skipTest(f"only {limit[1]} descriptors are allowed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted + 500, limit[1]))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, limit)
        root = Root()
        self.addCleanup(root.remove)
        root.write("index.html", b"home")
        with SecureServer(root, [Pair(root.top, "pair")], "--cores", "1", "--header-timeout",
                          "10m", "--timeout", "10m") as server:
            stays = server.secure_client()
            clients = [stays]
            for _ in range(HANDSHAKES_MAX + 20):
                clients.append(Client(server.secure))
                clients[-1].send(b"\x16\x03\x01")
            for client in clients[1:6]:
                self.assertIn(client.end(), ("fin", "rst"))
            self.assertEqual(server.secure_fetch("/").status, 200)
            self.assertEqual(stays.get("/").status, 200)
            for client in clients:
                client.close()


if __name__ == "__main__":
    main()
