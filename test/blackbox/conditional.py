"""conditional.py - answers that depend on what the client has already (RFC 9110 13)."""
import email.utils
import os
import unittest

from server import Case, Root, Server, main, request, until

MTIME = 1_000_000_000
DATE = "Sun, 09 Sep 2001 01:46:40 GMT"
BEFORE = "Sun, 09 Sep 2001 01:46:39 GMT"
AFTER = "Sun, 09 Sep 2001 01:46:41 GMT"
SIZES = {"empty.txt": 0, "tiny.txt": 13, "medium.bin": 100 * 1024, "large.bin": 10 << 20}


class Conditions(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.mkdir("dir")
        for name, size in SIZES.items():
            os.utime(root.write(name, bytes(size)), (MTIME, MTIME))

    def etag(self, client, name):
        etag = client.get("/" + name, method="HEAD").get("ETag")
        self.assertRegex(etag, r'^"[\x21\x23-\x7e]+"$')
        return etag

    def test_every_condition_on_every_file(self):
        """The rows of RFC 9110 13.1.1 to 13.1.4, and of 13.2.2 on their order."""
        client = self.client()
        for name, size in SIZES.items():
            tag = self.etag(client, name)
            for fields, status in (
                    ([f"If-Match: {tag}"], 200), (["If-Match: *"], 200),
                    (['If-Match: "x"', f'If-Match: "y", {tag}'], 200),
                    (['If-Match: "x"'], 412), ([f"If-Match: W/{tag}"], 412),
                    ([f"If-None-Match: {tag}"], 304), ([f"If-None-Match: W/{tag}"], 304),
                    (["If-None-Match: *"], 304), (['If-None-Match: "x"'], 200),
                    (['If-None-Match: "a,b"', f"If-None-Match: {tag}"], 304),
                    ([f"If-Modified-Since: {DATE}"], 304), ([f"If-Modified-Since: {AFTER}"], 304),
                    ([f"If-Modified-Since: {BEFORE}"], 200), (["If-Modified-Since: never"], 200),
                    (["If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT"], 304),
                    (["If-Modified-Since: Sun Sep  9 01:46:40 2001"], 304),
                    ([f"If-Unmodified-Since: {DATE}"], 200),
                    ([f"If-Unmodified-Since: {BEFORE}"], 412),
                    (['If-None-Match: "x"', f"If-Modified-Since: {DATE}"], 200),
                    ([f"If-Match: {tag}", f"If-Unmodified-Since: {BEFORE}"], 200),
                    ([f"If-None-Match: {tag}", 'If-Match: "x"'], 412),
                    ([f"If-None-Match: {tag}", "Range: bytes=0-0"], 304),
                    (['If-Match: "x"', "Range: bytes=999999999-"], 412)):
                for method in ("GET", "HEAD"):
                    with self.subTest(name=name, fields=fields, method=method):
                        reply = client.get("/" + name, fields, method=method)
                        self.assertEqual(reply.status, status)
                        self.assertFalse(reply.closes())
                        if status == 200:
                            self.assertEqual(reply.get("Content-Length"), str(size))

    def test_what_a_304_says(self):
        """RFC 9110 15.4.5: the validators, and nothing of the content that is not sent."""
        client = self.client()
        for name in SIZES:
            whole = client.get("/" + name, method="HEAD")
            for method in ("GET", "HEAD"):
                reply = client.get("/" + name, ["If-None-Match: *"], method=method)
                self.assertEqual((reply.status, reply.body), (304, b""))
                for field in ("ETag", "Last-Modified"):
                    self.assertEqual(reply.get(field), whole.get(field))
                for field in ("Content-Length", "Content-Type", "Transfer-Encoding"):
                    self.assertIsNone(reply.get(field))

    def test_head_is_get_without_content(self):
        client = self.client()
        for name in SIZES:
            for fields in ([], ["If-None-Match: *"], ['If-Match: "x"']):
                get = client.get("/" + name, fields)
                head = client.get("/" + name, fields, method="HEAD")
                self.assertEqual((get.status, get.stable_fields()),
                                 (head.status, head.stable_fields()))
                self.assertEqual(head.body, b"")

    def test_conditions_on_what_is_no_file(self):
        client = self.client()
        for target, status in (("/missing", 404), ("/dir", 301), ("/dir/", 404)):
            for field in ("If-None-Match: *", 'If-Match: "x"', f"If-Modified-Since: {AFTER}"):
                self.assertEqual(client.get(target, [field]).status, status)
        self.assertEqual(client.get("/tiny.txt", ['If-Match: "x"'], method="POST").status, 405)
        self.assertEqual(client.get("*", ['If-Match: "x"'], method="OPTIONS").status, 200)

    def test_pipelined_and_closed(self):
        client = self.client()
        client.send(request("/tiny.txt", fields=["If-None-Match: *"]) * 50
                    + request("/large.bin", fields=["If-None-Match: *", "Connection: close"])
                    + request("/tiny.txt"))
        for i in range(51):
            reply = client.reply()
            self.assertEqual((reply.status, reply.closes()), (304, i == 50))
        client.expect_fin()

    def test_one_byte_at_a_time(self):
        client = self.client()
        for byte in request("/tiny.txt", fields=["If-None-Match: *"]):
            client.send(bytes([byte]))
        self.assertEqual(client.reply().status, 304)

    def test_http_1_0(self):
        client = self.client()
        reply = client.get("/tiny.txt", ["If-None-Match: *", "Connection: keep-alive"],
                           version="HTTP/1.0")
        self.assertEqual((reply.status, reply.get("Connection")), (304, "keep-alive"))
        self.assertEqual(client.get("/tiny.txt").status, 200)

    def test_a_change_shows(self):
        client = self.client()
        path = self.root.write("changing.txt", b"one")
        os.utime(path, (MTIME, MTIME))
        first = client.get("/changing.txt")
        fields = [f"If-None-Match: {first.get('ETag')}"]
        self.assertEqual(client.get("/changing.txt", fields).status, 304)
        os.utime(self.root.write("changing.txt", b"two"), (MTIME + 10, MTIME + 10))
        self.assertTrue(until(lambda: client.get("/changing.txt", fields).status == 200))
        second = client.get("/changing.txt")
        self.assertEqual(second.body, b"two")
        self.assertNotEqual(second.get("ETag"), first.get("ETag"))
        self.assertEqual(client.get("/changing.txt",
                                    [f"If-Modified-Since: {DATE}"]).status, 200)

    def test_copies_have_the_same_etag(self):
        client = self.client()
        for name in ("copy1.txt", "elsewhere/copy2.txt"):
            os.utime(self.root.write(name, b"the same"), (MTIME, MTIME))
        self.assertEqual(self.etag(client, "copy1.txt"), self.etag(client, "elsewhere/copy2.txt"))

    def test_a_time_in_the_future(self):
        """RFC 9110 8.8.2.1: Last-Modified is not later than Date."""
        client = self.client()
        os.utime(self.root.write("future.txt", b"x"), (4e9, 4e9))
        reply = client.get("/future.txt")
        dates = [email.utils.parsedate_to_datetime(reply.get(name))
                 for name in ("Last-Modified", "Date")]
        self.assertLessEqual(*dates)
        reply = client.get("/future.txt", ["Range: bytes=0-0",
                                           f"If-Range: {reply.get('Last-Modified')}"])
        self.assertEqual(reply.status, 200)


class Tags(unittest.TestCase):
    """--etag: what the tag is made of."""

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)

    def write(self, name, content, mtime=MTIME):
        os.utime(self.root.write(name, content), (mtime, mtime))

    def test_hash(self):
        """The same bytes have the same tag, whatever their name and time; others another one."""
        for size in (0, 5, 100_000, 2_000_000):
            self.write(f"a{size}", b"a" * size)
            self.write(f"same{size}", b"a" * size, MTIME + 1)
            self.write(f"other{size}", b"b" + b"a" * max(0, size - 1))
        with Server(self.root, "--etag", "hash") as server, server.client() as client:
            for size in (0, 5, 100_000, 2_000_000):
                tag = client.get(f"/a{size}").get("ETag")
                self.assertRegex(tag, '^"[0-9a-f]{32}"$')
                self.assertEqual(client.get(f"/same{size}").get("ETag"), tag)
                self.assertNotEqual(client.get(f"/other{size}").get("ETag"), tag)
                reply = client.get(f"/a{size}", [f"If-None-Match: {tag}"])
                self.assertEqual((reply.status, reply.get("ETag")), (304, tag))

    def test_hash_follows_the_file(self):
        for size in (5, 2_000_000):
            name = f"f{size}"
            self.write(name, b"a" * size)
            with Server(self.root, "--etag", "hash") as server, server.client() as client:
                before = client.get("/" + name).get("ETag")
                self.write(name, b"b" * size)
                self.assertTrue(until(lambda: client.get("/" + name).get("ETag") != before, 5))
                self.assertEqual(client.get("/" + name).body, b"b" * size)

    def test_off(self):
        self.write("a", b"a")
        with Server(self.root, "--etag", "off") as server, server.client() as client:
            reply = client.get("/a")
            self.assertIsNone(reply.get("ETag"))
            self.assertEqual(reply.get("Last-Modified"), DATE)
            self.assertEqual(client.get("/a", ['If-None-Match: "x"']).status, 200)
            self.assertEqual(client.get("/a", ["If-None-Match: *"]).status, 304)
            self.assertEqual(client.get("/a", ['If-Match: "x"']).status, 412)
            self.assertEqual(client.get("/a", [f"If-Modified-Since: {DATE}"]).status, 304)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = None
    main()
