"""smoke.py - the build without io_uring: it serves, says what it is, and has no ring."""
import os
import unittest

from server import Root, Server, main, request, run, under_test


class EpollBuild(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.root.write("big.bin", os.urandom(1 << 20))

    def test_serves(self):
        for engine in ("auto", "epoll"):
            with Server(self.root, engine=engine) as server, server.client() as client:
                self.assertIn("with epoll ", server.start_line())
                client.send(request("/") * 20 + request("/big.bin") + request("/missing"))
                for _ in range(20):
                    self.assertEqual(client.reply().body, b"home")
                with open(self.root.path("big.bin"), "rb") as file:
                    self.assertTrue(client.reply().body == file.read())
                self.assertEqual(client.reply().status, 404)

    def test_has_no_ring_to_offer(self):
        done = run("--engine", "io_uring", "--port", "0", self.root.site)
        self.assertIn(done.returncode, (1, 2))
        self.assertRegex(done.stderr, r"\A[^\n]*io_uring[^\n]*\n\Z")

    def test_version(self):
        done = run("--version")
        self.assertEqual(done.returncode, 0)
        self.assertIn("epoll", done.stdout)

    def test_does_not_link_liburing(self):
        with open(under_test.binary, "rb") as file:
            self.assertNotIn(b"liburing.so", file.read())


if __name__ == "__main__":
    main()
