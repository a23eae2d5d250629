"""limits.py - too many clients, too slow ones, and those that never come back."""
import contextlib
import resource
import select
import time
import unittest

from server import (Case, PeerClosed, PeerReset, Root, Server, main, quickest, request,
                    until)

HUGE = 50 << 20


class Scarcity(unittest.TestCase):
    """Too many clients: they wait their turn, and waiting costs nothing."""

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        for i in range(5):
            self.root.write(f"f{i}.txt", b"file %d" % i)
        self.root.write("big.bin", bytes(300000))

    def serve_all(self, server, count, holds_at_most):
        clients = [server.client() for _ in range(count)]
        for i, client in enumerate(clients):
            self.addCleanup(client.close)
            client.send(request("/big.bin" if i % 10 == 0 else f"/f{i % 5}.txt"))
        waiting, held, stalls = list(clients), [], 0
        end = time.monotonic() + 30
        while waiting and time.monotonic() < end:
            ready = select.select([client.sock for client in waiting], [], [], 0.4)[0]
            for client in [client for client in waiting if client.sock in ready]:
                reply = client.reply()
                self.assertEqual(reply.status, 200, reply)
                waiting.remove(client)
                held.append(client)
            if not ready:
                self.assertLessEqual(len(held), holds_at_most)
                self.waits_in_peace(server, stalls)
                stalls += 1
                for client in held:
                    client.close()
                held = []
        for client in held:
            client.close()
        self.assertEqual(len(waiting), 0, f"of {count} never served")
        self.assertGreater(stalls, 0, "there was no scarcity")

    def waits_in_peace(self, server, stalls):
        def spent():
            before = server.cpu_seconds()
            time.sleep(1)
            return server.cpu_seconds() - before
        if stalls < 2:
            self.assertLess(quickest(spent, 0.1), 0.1)

    def test_few_descriptors(self):
        def poor():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        with Server(self.root, "--cores", "1", before_exec=poor) as server:
            self.serve_all(server, 120, 64)
            self.assertEqual(server.fetch("/f1.txt").status, 200)

    def test_soft_limit_is_raised(self):
        def soft():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 1000))
        with Server(self.root, "--cores", "1", before_exec=soft) as server:
            clients = [server.client() for _ in range(150)]
            for client in clients:
                self.addCleanup(client.close)
                self.assertEqual(client.get("/f1.txt").status, 200)
            for client in clients:
                client.close()

    def test_few_connections(self):
        with Server(self.root, "--cores", "1", "--max-conns", "4") as server:
            self.serve_all(server, 14, 4)
            self.assertEqual(server.fetch("/f1.txt").status, 200)

    def test_drain_while_others_wait(self):
        with Server(self.root, "--cores", "1", "--max-conns", "2",
                    "--drain-timeout", "1") as server:
            clients = [server.client() for _ in range(6)]
            for client in clients:
                self.addCleanup(client.close)
                client.send(request("/f1.txt"))
            self.assertEqual(clients[0].reply().status, 200)
            server.stop()


class Deadlines(Case):
    """The slowest of several tells what the machine was doing, the quickest what the server does;
    who must be left alone is asked again when the machine made a pause of its own."""

    arguments = ("--header-timeout", "300ms", "--body-timeout", "300ms", "--write-timeout", "1s",
                 "-t", "1")
    late = 8   # seconds; every deadline that is not among the arguments is longer

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("huge.bin", bytes(HUGE))

    def test_all(self):
        self.took = []
        self.together("wait_")
        self.assertLess(min(self.took), 1.0)

    def timed_out(self, client, start, low=0.25):
        reply = client.reply()
        took = time.monotonic() - start
        self.assertEqual((reply.status, reply.closes()), (408, True))
        client.expect_fin()
        self.assertTrue(low < took < self.late, f"after {took:.3f} s")
        self.took.append(took)

    def kept_pace(self, start, times, pause, pause_max, step):
        """`step()` so many times with pauses; False if one of them was longer than pause_max."""
        last, longest = start, 0
        try:
            for _ in range(times):
                time.sleep(pause)
                step()
                now = time.monotonic()
                last, longest = now, max(longest, now - last)
        except (PeerClosed, PeerReset, OSError):
            if max(longest, time.monotonic() - last) <= pause_max:
                raise
            return False
        return longest <= pause_max

    def wait_head(self):
        for part in (b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: localhost\r\n"):
            client = self.client()
            start = time.monotonic()
            client.send(part)
            self.timed_out(client, start)

    def wait_head_of_a_later_request(self):
        client = self.client()
        self.assertEqual(client.get("/").status, 200)
        start = time.monotonic()
        client.send(request("/") + b"GET / HT")
        self.assertEqual(client.reply().status, 200)
        self.timed_out(client, start)

    def wait_dribbling_a_head_does_not_help(self):
        client = self.client()
        start = time.monotonic()
        with contextlib.suppress(OSError):
            for byte in b"GET / HTTP/1.1\r\nX: yyyyyyyyy":
                client.send(bytes([byte]))
                if select.select([client.sock], [], [], 0.1)[0]:
                    break
        self.timed_out(client, start)

    def wait_body(self):
        for fields, body in ((["Content-Length: 5"], b""), (["Content-Length: 5"], b"he"),
                             (["Transfer-Encoding: chunked"], b"5\r\nhe")):
            client = self.client()
            start = time.monotonic()
            client.send(request("/", fields=fields, body=body))
            self.timed_out(client, start)

    def wait_a_slow_but_steady_body(self):
        for _ in range(10):
            client, start = self.client(), time.monotonic()
            client.send(request("/", fields=["Content-Length: 10"]))
            if self.kept_pace(start, 10, 0.1, 0.2, lambda: client.send(b"x")):
                self.assertEqual(client.reply().status, 200)
                return
        self.skipTest("this machine can't keep a pace of 100 ms")

    def wait_idle_is_closed_in_silence(self):
        start = time.monotonic()
        used, fresh = self.client(), self.client()
        self.assertEqual(used.get("/").status, 200)
        for client in (used, fresh):
            client.expect_fin(self.late)
            took = time.monotonic() - start
            self.assertTrue(0.9 < took < self.late, f"after {took:.3f} s")

    def wait_activity_keeps_it(self):
        for _ in range(4):
            start, client = time.monotonic(), self.client()
            if self.kept_pace(start, 5, 0.5, 0.8,
                              lambda: self.assertEqual(client.get("/").status, 200)):
                return
        self.skipTest("this machine can't keep a pace of 500 ms")

    def wait_who_never_reads_is_cut(self):
        client = self.client(receive_buffer=65536)
        client.send(request("/huge.bin"))
        took = client.hung_up(8)
        self.assertIsNotNone(took, "still connected")
        self.assertGreater(took, 0.8)

    def wait_who_never_reads_pipelined_answers_is_cut(self):
        client = self.client(receive_buffer=4096)
        with contextlib.suppress(OSError):
            client.sock.settimeout(0.5)
            for _ in range(100):
                client.send(request("/") * 1000)
        self.assertIsNotNone(client.hung_up(8), "still connected")

    def wait_a_slow_but_steady_reader(self):
        client = self.client(receive_buffer=65536)
        client.send(request("/huge.bin"))
        client.head()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            client.take(131072)
            time.sleep(0.05)

    def test_all_is_given_back(self):
        self.assertTrue(until(lambda: self.server.sockets() <= self.idle_sockets(), 5))

    def idle_sockets(self):
        with Server(self.root, *self.arguments) as fresh:
            return fresh.sockets() + 2


if __name__ == "__main__":
    main()
