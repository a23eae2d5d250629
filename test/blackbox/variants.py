"""variants.py - files that lie beside others compressed, and who gets them."""
import gzip
import os
import time
import unittest

from server import Case, Root, Server, main, request, until

PAGE = b"<p>identity</p>\n" * 40
FORMS = {"br": b"as brotli", "gzip": b"as gzip, which is longer", "zstd": b"as zstandard"}
SUFFIXES = {"br": ".br", "gzip": ".gz", "zstd": ".zst"}
TIME = 1_000_000_000
SETTLES = 3.5           # seconds, after which a file is no longer looked at again soon
LOWEST_PATIENCE = 60.0  # for a thread of the lowest priority on a machine that is busy


def write(root, name, content):
    os.utime(root.write(name, content), (TIME, TIME))


def accepts(value):
    return [f"Accept-Encoding: {value}"]


class Variants(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        for name in ("page.html", "dir/index.html"):
            write(root, name, PAGE)
            for coding, content in FORMS.items():
                write(root, name + SUFFIXES[coding], content)
        write(root, "alone.html", PAGE)
        write(root, "worse.txt", b"short")
        write(root, "worse.txt.br", b"much longer than it is")
        write(root, "large.bin", bytes(3 << 20))
        write(root, "large.bin.gz", bytes(2 << 20))

    def get(self, target, value, fields=(), **options):
        with self.client() as client:
            return client.get(target, accepts(value) + list(fields), **options)

    def assert_form(self, reply, coding, content=None):
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.get("Content-Encoding"), coding)
        self.assertEqual(reply.get("Content-Type"), "text/html; charset=utf-8")
        self.assertEqual(reply.all("Vary"), ["Accept-Encoding"])
        self.assertEqual(bytes(reply.body), FORMS.get(coding, PAGE) if content is None else content)

    def test_what_is_wanted_is_sent(self):
        for value, coding in (
                ("br", "br"), ("gzip", "gzip"), ("x-gzip", "gzip"), ("zstd", "zstd"),
                ("gzip, deflate, br, zstd", "br"), ("gzip, zstd", "zstd"), ("*", "br"),
                ("br;q=1, gzip;q=0.8", "br"), ("br;q=0.8, gzip;q=1", "gzip"),
                ("br;q=0, *", "zstd"), ("br;q=0, zstd;q=0, gzip", "gzip"), ("", None),
                ("identity", None), ("deflate", None), ("*;q=0", None), ("br;q=0", None),
                ("identity;q=0", None), ("identity, br;q=0.5", None),
                ("identity;q=0, gzip;q=0.1", "gzip")):
            for target in ("/page.html", "/dir/", "/dir/index.html"):
                with self.subTest(value=value, target=target):
                    self.assert_form(self.get(target, value), coding)
        with self.client() as client:
            self.assert_form(client.get("/page.html"), None)

    def test_several_lines_are_one_list(self):
        for values, coding in ((("gzip", "br"), "br"), (("br;q=0", "br;q=0.1", "deflate"), "br"),
                               (("br", "", "br;q=0"), None), (("x" * 600, "gzip"), "gzip")):
            with self.subTest(values=values), self.client() as client:
                fields = [field for value in values for field in accepts(value)]
                self.assert_form(client.get("/page.html", fields), coding)

    def test_one_after_the_other_on_one_connection(self):
        with self.client() as client:
            for coding in ("br", None, "gzip", "zstd", "br", None):
                client.send(request("/page.html", fields=accepts(coding or "identity")))
            for coding in ("br", None, "gzip", "zstd", "br", None):
                self.assert_form(client.reply(), coding)

    def test_head(self):
        for coding, content in FORMS.items():
            reply = self.get("/page.html", coding, method="HEAD")
            self.assert_form(reply, coding, b"")
            self.assertEqual(reply.get("Content-Length"), str(len(content)))

    def test_where_there_are_none_nothing_is_said(self):
        reply = self.get("/alone.html", "br, gzip")
        self.assertEqual((reply.status, reply.get("Vary")), (200, None))
        self.assertEqual(reply.get("Content-Encoding"), None)
        self.assertEqual(bytes(reply.body), PAGE)

    def test_a_longer_one_is_only_for_who_refuses_the_file(self):
        for value, body in (("br", b"short"), ("br, identity;q=0", b"much longer than it is")):
            reply = self.get("/worse.txt", value)
            self.assertEqual(bytes(reply.body), body)
            self.assertEqual(reply.get("Vary"), "Accept-Encoding")

    def test_by_their_own_names_they_are_files(self):
        for coding, content in FORMS.items():
            reply = self.get("/page.html" + SUFFIXES[coding], "br, gzip, zstd")
            self.assertEqual(bytes(reply.body), content)
            self.assertEqual(reply.get("Content-Encoding"), None)
            self.assertEqual(reply.get("Vary"), None)
            self.assertNotIn("html", reply.get("Content-Type"))

    def test_each_has_its_own_tag(self):
        tags = {coding: self.get("/page.html", coding).get("ETag")
                for coding in ("identity", *FORMS)}
        self.assertEqual(len(set(tags.values())), 4, tags)
        for mine, tag in tags.items():
            for other in tags:
                with self.subTest(mine=mine, other=other):
                    reply = self.get("/page.html", other, [f"If-None-Match: {tag}"])
                    self.assertEqual(reply.status, 304 if mine == other else 200)
                    self.assertEqual(reply.get("Vary"), "Accept-Encoding")
                    self.assertEqual(reply.get("ETag"), tags[other])
                    reply = self.get("/page.html", other, [f"If-Match: {tag}"])
                    self.assertEqual(reply.status, 200 if mine == other else 412)

    def test_ranges_are_of_the_form_that_is_sent(self):
        for coding, content in FORMS.items():
            tag = self.get("/page.html", coding).get("ETag")
            for condition, status in ((f"If-Range: {tag}", 206), ('If-Range: "x"', 200)):
                reply = self.get("/page.html", coding, ["Range: bytes=3-6", condition])
                self.assertEqual(reply.status, status)
                self.assertEqual(bytes(reply.body), content[3:7] if status == 206 else content)
                self.assertEqual(reply.get("Content-Encoding"), coding)
                self.assertEqual(reply.get("Vary"), "Accept-Encoding")
                self.assertEqual(reply.get("ETag"), tag)
            self.assertEqual(self.get("/page.html", coding, ["Range: bytes=3-6"]).get(
                "Content-Range"), f"bytes 3-6/{len(content)}")

    def test_several_ranges_say_in_each_part_how_it_is_coded(self):
        reply = self.get("/large.bin", "gzip", ["Range: bytes=0-1,3000-3001"])
        self.assertEqual((reply.status, reply.get("Content-Encoding")), (206, None))
        self.assertEqual(bytes(reply.body).count(b"\r\nContent-Encoding: gzip\r\n"), 2)
        self.assertEqual(reply.get("Vary"), "Accept-Encoding")

    def test_large_files_have_them_too(self):
        reply = self.get("/large.bin", "gzip")
        self.assertEqual((len(reply.body), reply.get("Content-Encoding")), (2 << 20, "gzip"))
        reply = self.get("/large.bin", "br")
        self.assertEqual((len(reply.body), reply.get("Content-Encoding")), (3 << 20, None))

    def test_where_nothing_is_held(self):
        with Server(self.root, "--cache-size", "0") as server, server.client() as client:
            for value, coding in (("br", "br"), ("gzip", "gzip"), ("identity", None)):
                self.assert_form(client.get("/page.html", accepts(value)), coding)


class Stale(unittest.TestCase):
    """What is on disk now is what is sent now, or very soon."""

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)

    def assert_becomes(self, client, wanted, target="/page.html"):
        def is_right():
            reply = client.get(target, accepts("br, gzip;q=0.5"))
            self.assertEqual(reply.status, 200)
            seen = (reply.get("Content-Encoding"), bytes(reply.body), reply.get("Vary") is not None)
            return seen == wanted
        self.assertTrue(until(is_right), wanted)

    def changes(self, client, name, target):
        self.assert_becomes(client, (None, PAGE, False), target)
        self.root.write(name + ".br", b"first")
        self.assert_becomes(client, ("br", b"first", True), target)
        self.root.replace(name + ".br", b"second")
        self.assert_becomes(client, ("br", b"second", True), target)
        self.root.write(name + ".gz", b"third")
        os.unlink(self.root.path(name + ".br"))
        self.assert_becomes(client, ("gzip", b"third", True), target)
        with open(self.root.path(name + ".gz"), "r+b") as file:
            file.write(b"FOURTH")
        self.assert_becomes(client, ("gzip", b"FOURTH", True), target)
        os.unlink(self.root.path(name + ".gz"))
        self.assert_becomes(client, (None, PAGE, False), target)

    def test_variants_come_and_go(self):
        self.root.write("page.html", PAGE)
        self.root.write("dir/index.html", PAGE)
        os.symlink("page.html", self.root.path("link.html"))
        with Server(self.root) as server, server.client() as client:
            self.changes(client, "page.html", "/page.html")
            self.changes(client, "dir/index.html", "/dir/")
            self.changes(client, "link.html", "/link.html")

    def test_a_file_that_goes_takes_them_along(self):
        self.root.write("page.html", PAGE)
        self.root.write("page.html.br", b"first")
        with Server(self.root) as server, server.client() as client:
            self.assert_becomes(client, ("br", b"first", True))
            os.unlink(self.root.path("page.html"))
            self.assertTrue(until(
                lambda: client.get("/page.html", accepts("br")).status == 404))

    def test_what_leads_out_of_the_root_is_not_sent(self):
        self.root.write("page.html", PAGE)
        os.symlink("/etc/hostname", self.root.path("page.html.br"))
        with Server(self.root) as server, server.client() as client:
            self.assert_becomes(client, (None, PAGE, True))


class Compressed(unittest.TestCase):
    """--compress makes what is not there, beside the requests for it."""
    TEXT = b"the quick brown fox jumps over the lazy dog\n" * 500

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)

    def coded(self, client, target, coding):
        """The answer once it is coded; every one before is the file as it is."""
        last = []

        def is_coded():
            reply = client.get(target, accepts(coding))
            last[:] = [reply]
            self.assertEqual((reply.status, reply.get("Vary")), (200, "Accept-Encoding"))
            return reply.get("Content-Encoding") == coding
        self.assertTrue(until(is_coded, LOWEST_PATIENCE), coding)
        return last[0]

    def test_texts_are_made_small(self):
        self.root.write("a.txt", self.TEXT)
        self.root.write("a.bin", self.TEXT)
        self.root.write("short.txt", b"short")
        time.sleep(SETTLES)
        with Server(self.root, "--compress") as server, server.client() as client:
            tags = {client.get("/a.txt").get("ETag")}
            for coding in FORMS:
                reply = self.coded(client, "/a.txt", coding)
                self.assertLess(len(reply.body), len(self.TEXT) // 4)
                self.assertEqual(reply.get("Content-Type"), "text/plain; charset=utf-8")
                if coding == "gzip":
                    self.assertEqual(gzip.decompress(bytes(reply.body)), self.TEXT)
                tags.add(reply.get("ETag"))
                known = [f"If-None-Match: {reply.get('ETag')}"]
                again = client.get("/a.txt", accepts(coding) + known)
                self.assertEqual(again.status, 304)
                part = client.get("/a.txt", accepts(coding) + ["Range: bytes=2-5"])
                self.assertEqual(bytes(part.body), bytes(reply.body)[2:6])
            self.assertEqual(len(tags), 4)
            for name in ("/a.bin", "/short.txt"):
                reply = client.get(name, accepts("br, gzip"))
                self.assertEqual((reply.get("Content-Encoding"), reply.get("Vary")), (None, None))

    def test_what_is_on_disk_goes_first(self):
        self.root.write("a.txt", self.TEXT)
        self.root.write("a.txt.br", b"on disk")
        with Server(self.root, "--compress") as server, server.client() as client:
            self.assertEqual(bytes(client.get("/a.txt", accepts("br")).body), b"on disk")
            self.coded(client, "/a.txt", "gzip")
            os.unlink(self.root.path("a.txt.br"))
            reply = self.coded(client, "/a.txt", "br")
            self.assertTrue(until(lambda: bytes(
                self.coded(client, "/a.txt", "br").body) != b"on disk"), reply)

    def test_what_was_made_goes_with_its_file(self):
        for content in (self.TEXT, self.TEXT.upper(), self.TEXT[::-1]):
            self.root.replace("a.txt", content)
            if content is self.TEXT:
                server = Server(self.root, "--compress")
                self.addCleanup(server.kill)
                client = server.client()
                self.addCleanup(client.close)
            self.assertTrue(until(lambda content=content: gzip.decompress(bytes(
                self.coded(client, "/a.txt", "gzip").body)) == content))
        server.stop()

    def test_nobody_waits_while_it_is_made(self):
        """Whoever asks first gets the file as it is: had the answer waited it would be coded."""
        targets = [f"/{number}.txt" for number in range(8)]
        for target in targets:
            self.root.write(target[1:], os.urandom(10_000).hex().encode())
        time.sleep(SETTLES)
        with Server(self.root, "--compress") as server, server.client() as client:
            client.send(b"".join(request(target, fields=accepts("br")) for target in targets))
            for _ in targets:
                reply = client.reply()
                self.assertEqual((reply.status, reply.get("Vary")), (200, "Accept-Encoding"))
                self.assertIsNone(reply.get("Content-Encoding"))
            for target in targets:
                self.coded(client, target, "br")


if __name__ == "__main__":
    main()
