"""cache.py - what is held in memory, and how it gives way: files, and names that are not there."""
import concurrent.futures
import os
import struct
import time
import unittest

from server import Root, Server, libc, main, request

LARGE = 100 * 1024
OLD = 1_000_000_000
FLOOD = 20_000
BATCH = 200
SETTLED = 3.2      # seconds until a file's times are trusted to tell a change
IN_OPEN, IN_CLOSE_NOWRITE = 0x20, 0x10


class Opens:
    """How often a file has been opened for reading since the last look, by whomever. (To open it
    as a name only, with O_PATH, does not count.)"""

    def __init__(self, path):
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(path),
                                                 IN_OPEN | IN_CLOSE_NOWRITE) < 0:
            raise unittest.SkipTest("no inotify to be had")

    def count(self):
        try:
            events = os.read(self.fd, 65536)
        except BlockingIOError:
            return 0
        return sum(mask == IN_OPEN for _, mask, _, _ in struct.iter_unpack("iIII", events))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)


class Cache(unittest.TestCase):
    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)

    def write(self, name, content):
        """A file whose times can be trusted to tell a change."""
        path = self.root.write(name, content)
        os.utime(path, (OLD, OLD))
        return path

    def ask(self, server, names, status):
        """Many at a time on one connection."""
        with server.client() as client:
            for start in range(0, len(names), BATCH):
                batch = names[start:start + BATCH]
                client.send(b"".join(request(name) for name in batch))
                for name in batch:
                    self.assertEqual(client.reply().status, status, name)

    def test_a_file_is_read_once(self):
        path = self.write("page.html", b"x" * LARGE)
        with Opens(path) as opens, Server(self.root, "--cores", "1") as server:
            self.assertEqual(server.fetch("/page.html").body, b"x" * LARGE)
            self.assertEqual(opens.count(), 1)
            self.ask(server, ["/page.html"] * 50, 200)
            self.assertEqual(opens.count(), 0)

    def test_without_a_cache_it_is_read_each_time(self):
        path = self.write("page.html", b"x" * LARGE)
        with Opens(path) as opens, Server(self.root, "--cores", "1", "--cache-size", "0") as server:
            self.assertIn("no cache", server.start_line())
            for _ in range(3):
                self.assertEqual(server.fetch("/page.html").body, b"x" * LARGE)
                self.assertEqual(opens.count(), 1)
                self.assertEqual(server.fetch("/none").status, 404)

    def test_a_thousand_who_wait_share_fills(self):
        path = self.write("page.html", b"x" * LARGE)
        with Opens(path) as opens, Server(self.root, "--cores", "1") as server:
            clients = [server.client() for _ in range(100)]
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda client: client.send(request("/page.html") * 10), clients))
            for client in clients:
                for _ in range(10):
                    self.assertEqual(len(client.reply().body), LARGE)
                client.close()
            self.assertLessEqual(opens.count(), 3)  # it is young: looked at anew each second

    def test_a_small_cache_serves_everything(self):
        """Ten times as much as fits, twice, and no answer is another's."""
        names = [f"/f{i}.txt" for i in range(100)]
        for i, name in enumerate(names):
            self.write(name[1:], b"%d " % i * 20_000)
        with Server(self.root, "--cores", "1", "--cache-size", "1m") as server:
            with server.client() as client:
                for i, name in list(enumerate(names)) * 2:
                    self.assertEqual(client.get(name).body, b"%d " % i * 20_000)

    def test_missing_names_do_not_push_files_out(self):
        path = self.write("page.html", b"x" * LARGE)
        time.sleep(SETTLED)
        with Opens(path) as opens, \
                Server(self.root, "--cores", "1", "--cache-size", "1m") as server:
            self.assertEqual(server.fetch("/page.html").status, 200)
            self.assertEqual(opens.count(), 1)
            self.ask(server, [f"/none/{i}" for i in range(FLOOD)], 404)
            self.ask(server, ["/page.html"] * 10, 200)
            self.assertEqual(opens.count(), 0)

    def test_the_start_line_tells_memory(self):
        for size, words in (("64m", "64 MiB"), ("1g", "1024 MiB"), ("100k", "100 KiB")):
            with Server(self.root, "--cores", "1", "--cache-size", size) as server:
                self.assertIn(f"cache {words} over all", server.start_line())


if __name__ == "__main__":
    main()
