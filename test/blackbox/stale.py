"""stale.py - after a change on disk the next request gets the new file, whatever the change is.

Each kind of change is made many times, while others ask for the same path all the time. A request
that is sent FRESH seconds after the change must get the new answer; on a machine that is busy with
other things one in LATE_PART may be late, which a server that only looked again once a second would
be far more often. Where the kernel tells nothing, a second is allowed.
"""
import errno
import os
import platform
import re
import shutil
import threading
import time
import unittest

from server import (NO_LEAK_CHECK, PATIENCE, Root, Server, deny_system_call, main, request, until)

FRESH = 0.05
ROUNDS = 12
LATE_PART = 2           # one in so many rounds
SECOND = 1.0           # what is allowed where nobody tells
NOISE = 1.0            # and this machine's own part
SIZE = 50_000
HAMMERS = 2
OVERFLOW_MAX = 200_000  # names made until events are lost
INOTIFY_ADD_WATCH, INOTIFY_INIT1 = {"x86_64": (254, 294), "aarch64": (27, 26)}.get(
    platform.machine(), (None, None))


def page(number, size=SIZE):
    """A body that tells its version, and whether it is whole."""
    return b"%06d\n" % number * (size // 7)


class Hammer(threading.Thread):
    """Asks for the same path over and over; everything it gets must be a whole page."""

    def __init__(self, server, path):
        super().__init__(daemon=True)
        self.server, self.path = server, path
        self.over = False
        self.wrong = []
        self.count = 0

    def run(self):
        try:
            with self.server.client() as client:
                while not self.over:
                    client.send(request(self.path) * 4)
                    for _ in range(4):
                        self.check(client.reply())
        except Exception as error:  # told by the thread that stops this one
            self.wrong.append(repr(error))

    def check(self, reply):
        self.count += 1
        whole = reply.body == reply.body[:7] * (len(reply.body) // 7)
        if reply.status == 200 and not whole:
            self.wrong.append(f"half of a page: {reply}")

    def stop(self):
        self.over = True
        self.join(PATIENCE)
        return self.wrong


class Stale(unittest.TestCase):
    arguments = ()
    options = {}

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.number = 0

    def serve(self, *args, **options):
        return Server(self.root, "--cores", "1", *self.arguments, *args,
                      **{**self.options, **options})

    def next_page(self):
        self.number += 1
        return page(self.number)

    def rounds(self, path, change, count=ROUNDS, whole=True, site=None):
        """change() does something on disk and returns the status and body that it leads to."""
        late = []
        with self.serve() if site is None else self.serve_as(site) as server:
            hammers = [Hammer(server, path) for _ in range(HAMMERS)]
            for hammer in hammers:
                hammer.start()
            with server.client() as client, server.client() as other:
                for _ in range(count):
                    status, body = change()
                    time.sleep(FRESH)
                    for asking in (client, other):
                        reply = asking.get(path)
                        if not self.is_right(reply, status, body):
                            late.append((status, reply))
                            self.assertTrue(until(lambda: self.is_right(
                                client.get(path), status, body), PATIENCE), (status, reply))
            wrong = [word for hammer in hammers for word in hammer.stop()]
            self.assertGreater(sum(hammer.count for hammer in hammers), count)
        if whole:
            self.assertEqual(wrong, [])
        self.assertLessEqual(len(late), count // LATE_PART, late)

    @staticmethod
    def is_right(reply, status, body):
        return reply.status == status and (body is None or reply.body == body)

    def serve_as(self, site):
        return Server(site, "--cores", "1", *self.arguments, **self.options)

    # ---- one file ----

    def test_written_in_place(self):
        self.root.write("d/page.txt", self.next_page())

        def change():
            body = self.next_page()
            self.root.write("d/page.txt", body)
            return 200, body
        self.rounds("/d/page.txt", change, whole=False)

    def test_renamed_over(self):
        self.root.write("d/page.txt", self.next_page())

        def change():
            body = self.next_page()
            self.root.replace("d/page.txt", body)
            return 200, body
        self.rounds("/d/page.txt", change)

    def test_large_and_renamed_over(self):
        def change():
            self.number += 1
            body = page(self.number, 400_000)
            self.root.replace("page.bin", body)
            return 200, body
        change()
        self.rounds("/page.bin", change)

    def test_deleted_and_made(self):
        def change():
            if os.path.exists(self.root.path("d/page.txt")):
                os.unlink(self.root.path("d/page.txt"))
                return 404, None
            body = self.next_page()
            self.root.replace("d/page.txt", body)
            return 200, body
        change()
        self.rounds("/d/page.txt", change)

    def test_index_appears_and_disappears(self):
        self.root.mkdir("d")

        def change():
            if os.path.exists(self.root.path("d/index.html")):
                os.unlink(self.root.path("d/index.html"))
                return 404, None
            body = self.next_page()
            self.root.replace("d/index.html", body)
            return 200, body
        self.rounds("/d/", change)

    def test_file_and_directory(self):
        def change():
            path = self.root.path("thing")
            if os.path.isfile(path):
                os.unlink(path)
                os.mkdir(path)
                return 301, None
            if os.path.isdir(path):
                os.rmdir(path)
            body = self.next_page()
            self.root.replace("thing", body)
            return 200, body
        self.rounds("/thing", change)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to serve as somebody else")
    def test_modes(self):
        body = self.next_page()
        path = self.root.write("d/page.txt", body)
        self.arguments = ("--user", "nobody")
        self.options = {"env": NO_LEAK_CHECK}

        def change():
            if os.stat(path).st_mode & 0o004:
                os.chmod(path, 0)
                return 403, None
            os.chmod(path, 0o644)
            return 200, body
        self.rounds("/d/page.txt", change)

    # ---- the way to it ----

    def test_a_directory_moved_away_and_another_in(self):
        self.root.write("a/b/page.txt", self.next_page())

        def change():
            body = self.next_page()
            self.root.write("next/b/page.txt", body)
            os.rename(self.root.path("a"), self.root.path("old"))
            os.rename(self.root.path("next"), self.root.path("a"))
            shutil.rmtree(self.root.path("old"))
            return 200, body
        self.rounds("/a/b/page.txt", change)

    def test_a_directory_that_comes_and_goes(self):
        def change():
            path = self.root.path("a")
            if os.path.isdir(path):
                shutil.rmtree(path)
                return 404, None
            body = self.next_page()
            self.root.write("new/b/page.txt", body)
            os.rename(self.root.path("new"), path)
            return 200, body
        self.rounds("/a/b/page.txt", change)

    def turn_link(self, link, target):
        """Atomically, as a deploy does."""
        os.symlink(target, link + b".new")
        os.rename(link + b".new", link)

    def test_a_linked_directory_is_swapped(self):
        def change():
            body = self.next_page()
            self.root.write(f"releases/{self.number}/page.txt", body)
            self.turn_link(self.root.path("current"), f"releases/{self.number}")
            return 200, body
        change()
        self.rounds("/current/page.txt", change)

    def test_as_kubernetes_does(self):
        """The file is a link through ..data, which is turned; the old version is removed."""
        def change():
            body = self.next_page()
            self.root.write(f"..{self.number}/page.txt", body)
            self.turn_link(self.root.path("..data"), f"..{self.number}")
            shutil.rmtree(self.root.path(f"..{self.number - 1}"), ignore_errors=True)
            return 200, body
        change()
        os.symlink("..data/page.txt", self.root.path("page.txt"))
        self.rounds("/page.txt", change)

    def test_what_a_link_points_at_is_written(self):
        self.root.write("real/page.txt", self.next_page())
        os.symlink("real/page.txt", self.root.path("page.txt"))

        def change():
            body = self.next_page()
            self.root.replace("real/page.txt", body)
            return 200, body
        self.rounds("/page.txt", change)

    # ---- the root's own path ----

    def test_the_root_is_swapped(self):
        """`current -> releases/42`, the root's own path."""
        current = self.root.path("current")

        def change():
            body = self.next_page()
            self.root.write(f"releases/{self.number}/page.txt", body)
            self.turn_link(current, f"releases/{self.number}")
            return 200, body
        change()
        self.rounds("/page.txt", change, site=os.fsdecode(current))

    def test_a_link_above_the_root_is_turned(self):
        current = self.root.path("current")

        def change():
            body = self.next_page()
            self.root.write(f"releases/{self.number}/a/www/page.txt", body)
            self.turn_link(current, f"releases/{self.number}")
            return 200, body
        change()
        self.rounds("/page.txt", change, site=os.fsdecode(current) + "/a/www")

    def test_a_directory_above_the_root_is_swapped(self):
        self.root.write("a/b/www/page.txt", self.next_page())

        def change():
            body = self.next_page()
            self.root.write("next/b/www/page.txt", body)
            os.rename(self.root.path("a"), self.root.path("old"))
            os.rename(self.root.path("next"), self.root.path("a"))
            shutil.rmtree(self.root.path("old"))
            return 200, body
        self.rounds("/page.txt", change, site=os.fsdecode(self.root.path("a/b/www")))

    def test_the_root_is_removed_and_made(self):
        www = self.root.path("www")
        self.root.write("www/page.txt", self.next_page())

        def change():
            body = self.next_page()
            shutil.rmtree(www)
            os.mkdir(www)
            self.root.replace("www/page.txt", body)
            return 200, body
        self.rounds("/page.txt", change, site=os.fsdecode(www))

    def test_the_root_is_moved_and_another_comes(self):
        site = self.root.path("www")
        self.root.write("www/page.txt", self.next_page())

        def change():
            body = self.next_page()
            self.root.write("next/page.txt", body)
            os.rename(site, self.root.path("old"))
            os.rename(self.root.path("next"), site)
            shutil.rmtree(self.root.path("old"))
            return 200, body
        self.rounds("/page.txt", change, site=os.fsdecode(site))

    def test_a_root_that_is_gone_answers_until_there_is_another(self):
        site = self.root.path("www")
        self.root.write("www/page.txt", b"old")
        with self.serve_as(os.fsdecode(site)) as server:
            self.assertEqual(server.fetch("/page.txt").body, b"old")
            os.rename(site, self.root.path("away"))
            time.sleep(FRESH)
            self.assertEqual(server.fetch("/page.txt").body, b"old")
            self.root.write("next/page.txt", b"new")
            os.rename(self.root.path("next"), site)
            self.assertTrue(until(lambda: server.fetch("/page.txt").body == b"new"))

    # ---- where nobody tells ----

    def within_a_second(self, server, path, change, count=3):
        with server.client() as client:
            client.get(path)
            for _ in range(count):
                body = change()
                changed = time.monotonic()
                self.assertTrue(until(lambda: client.get(path).body == body))
                self.assertLess(time.monotonic() - changed, SECOND + NOISE)

    def write_next(self):
        body = self.next_page()
        self.root.replace("page.txt", body)
        return body

    def unwatched(self, call, error, words):
        if call is None:
            self.skipTest("unknown system call numbers")
        self.write_next()
        with self.serve(before_exec=deny_system_call(call, error)) as server:
            self.within_a_second(server, "/page.txt", self.write_next)
            said = server.stop()
            lines = [line for line in said.splitlines() if "not everything is watched" in line]
            self.assertEqual(len(lines), 1, said)
            self.assertRegex(lines[0], words)

    def test_no_more_watches(self):
        self.unwatched(INOTIFY_ADD_WATCH, errno.ENOSPC, "max_user_watches")

    def test_no_more_instances(self):
        self.unwatched(INOTIFY_INIT1, errno.EMFILE, "max_user_instances")

    def test_written_to_under_another_name(self):
        self.write_next()
        other = os.path.join(os.fsencode(self.root.top), b"other.txt")
        os.link(self.root.path("page.txt"), other)

        def change():
            body = self.next_page()
            with open(other, "r+b") as file:
                file.write(body)
            return body
        with self.serve() as server:
            self.within_a_second(server, "/page.txt", change)

    def test_events_are_lost(self):
        """The server is stopped while more happens than the kernel remembers."""
        with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
            limit = int(file.read())
        if limit > OVERFLOW_MAX:
            self.skipTest("the queue of events is too long to be filled")
        self.root.write("page.txt", self.next_page())
        with self.serve() as server, server.client() as client:
            self.assertEqual(client.get("/page.txt").body, page(self.number))
            self.freeze(server)
            path = self.root.path("name")
            for _ in range(limit // 2 + 100):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                os.unlink(path)
            body = self.write_next()
            server.tell(18)
            time.sleep(FRESH * 4)
            self.assertTrue(until(lambda: client.get("/page.txt").body == body, 3 * SECOND))
            body = self.write_next()
            time.sleep(FRESH * 4)
            self.assertEqual(client.get("/page.txt").body, body)
            said = server.stop()
            self.assertEqual(len(re.findall("more changed than could be told", said)), 1, said)

    @staticmethod
    def freeze(server):
        server.tell(19)
        until(lambda: all(task["State"][0] in "tT" for task in server.tasks().values()))

    def test_an_idle_server_sleeps(self):
        self.write_next()
        with self.serve() as server:
            server.fetch("/page.txt")
            time.sleep(1)
            before = server.switches()
            time.sleep(1.5)
            after = server.switches()
            self.assertEqual({task: after[task] - before.get(task, 0) for task in after},
                             {task: 0 for task in after})


if __name__ == "__main__":
    main()
