"""ceiling.py - the fixed-answer server: one answer per request, however its bytes are cut.

    ceiling.py --binary RINGLET_CEILING --engine io_uring|epoll --sanitize KIND
"""
import pathlib
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

from server import Root, Server, main, request, run, under_test  # noqa: E402

HELLO = b"Hello, world\n"
BROWSER = [f"X-Field-{n}: {'v' * 40}" for n in range(12)]


class Ceiling(unittest.TestCase):

    def start(self, *args):
        server = Server(None, *args)
        self.addCleanup(server.kill)
        return server

    def expect_hello(self, client, times):
        for _ in range(times):
            reply = client.reply()
            self.assertEqual((reply.status, reply.body), (200, HELLO))

    def test_one_answer_each(self):
        with self.start() as server, server.client() as client:
            for fields in ([], BROWSER):
                client.send(request("/", fields=fields))
                self.expect_hello(client, 1)
            client.send(request("/") * 16)
            self.expect_hello(client, 16)
            client.send(request("/", fields=BROWSER) * 1000)
            self.expect_hello(client, 1000)
            client.sock.shutdown(socket.SHUT_WR)
            client.expect_fin()

    def test_split_everywhere(self):
        whole = b"\r\n" + request("/", fields=["A: b"])
        with self.start() as server, server.client() as client:
            for at in range(1, len(whole)):
                client.send(whole[:at])
                time.sleep(0.002)
                client.send(whole[at:])
                self.expect_hello(client, 1)
            for byte in whole:
                client.send(bytes([byte]))
            self.expect_hello(client, 1)
            client.sock.shutdown(socket.SHUT_WR)
            client.expect_fin()

    def test_answers_all_after_the_clients_fin(self):
        with self.start("--length", "100000") as server, server.client() as client:
            client.send(request("/") * 50)
            client.sock.shutdown(socket.SHUT_WR)
            for _ in range(50):
                self.assertEqual(client.reply().body, (HELLO * 7693)[:100000])
            client.expect_fin()

    def test_an_empty_body(self):
        with self.start("--length", "0") as server, server.client() as client:
            client.send(request("/") * 2)
            self.assertEqual([client.reply().body, client.reply().body], [b"", b""])

    def test_many_connections(self):
        with self.start() as server:
            clients = [server.client() for _ in range(200)]
            for client in clients:
                client.send(request("/") * 3)
            for client in clients:
                self.expect_hello(client, 3)
            for client in clients[:100]:
                client.close()
            for client in clients[100:]:
                client.send(request("/"))
                self.expect_hello(client, 1)
                client.close()

    def test_same_fields_as_ringlet(self):
        """Their names and the lengths of their values, in order; an ETag's digits may vary."""
        ringlet = pathlib.Path(under_test.binary).with_name("ringlet")
        root = Root()
        self.addCleanup(root.remove)
        root.write("hello.txt", HELLO)
        shapes = []
        with Server(root, binary=ringlet) as theirs, self.start() as ours:
            for server in (theirs, ours):
                with server.client() as client:
                    client.send(request("/hello.txt"))
                    shapes.append([(name, name == "ETag" or len(value))
                                   for name, value in client.reply().fields])
        self.assertEqual(shapes[0], shapes[1])

    def test_leaves_when_told(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.start()
            with server.client() as idle, server.client() as busy:
                busy.send(request("/") + b"GET / HT")
                self.expect_hello(busy, 1)
                server.stop(number)
                del idle

    def test_says_where(self):
        with self.start() as server:
            self.assertEqual(server.start_line(), "ringlet-ceiling: http://127.0.0.1:%d"
                             % server.address[1])
            taken = run("--engine", under_test.engine, "--port", str(server.address[1]))
            self.assertEqual(taken.returncode, 1)
            self.assertIn("in use", taken.stderr)

    def test_usage(self):
        for args in (["x"], ["--engine", "poll"], ["--port", "65536"], ["--length", "-1"],
                     ["--length", "1x"], ["--cpu", ""], ["--length", "16777217"], ["--what"]):
            with self.subTest(args=args):
                done = run(*args)
                self.assertEqual(done.returncode, 2)
                self.assertIn("Usage: ringlet-ceiling", done.stderr)


if __name__ == "__main__":
    main()
