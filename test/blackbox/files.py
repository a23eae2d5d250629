"""files.py - what is on disk as a client sees it: which files, which never, and how fresh."""
import email.utils
import errno
import os
import re
import shutil
import socket
import stat
import threading
import time
import unittest
import urllib.parse

from server import (NO_LEAK_CHECK, Case, PeerClosed, PeerReset, Root, Server, main, request,
                    until)

REFUSED = (403, 404)
FRESH_MAX = 2.0   # seconds after which nothing stale is served
FRESH_LATE = 4.0  # so late may that be once, on a busy machine; not as a rule


def quoted(name):
    return "/" + urllib.parse.quote(os.fsencode(name))


def pattern(size, seed=1):
    """`size` bytes in which no piece looks like another piece of the same length."""
    block = b"".join(b"%d:%x\n" % (seed, i) for i in range(min(size, 1 << 16)))
    return (block * (size // max(len(block), 1) + 1))[:size]


class Directories(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("dir/index.html", b"the index of dir")
        root.write("dir/sub/page.html", b"a page")
        for name in ("evil.example", "\\evil.example", "%2Fevil.example",
                     "evil.example/evil.example",
                     "a\r\nSet-Cookie: x=y", "sp ace", "ünï", "what?", "#", '"<x>'):
            root.mkdir(name)

    def test_index(self):
        client = self.client()
        self.assertEqual(client.get("/").body, b"<h1>home</h1>\n")
        reply = client.get("/dir/")
        self.assertEqual((reply.status, reply.body), (200, b"the index of dir"))
        self.assertRegex(reply.get("Content-Type"), "^text/html")

    def test_directory_without_index(self):
        for target in ("/dir/sub/", "/evil.example/"):
            self.assertEqual(self.client().get(target).status, 404)

    def test_redirect_to_the_slash(self):
        client = self.client()
        for target, location in (("/dir", "/dir/"), ("/dir?x=1&y=/", "/dir/?x=1&y=/"),
                                 ("/dir?", None),
                                 ("/dir/sub", "/dir/sub/"), ("//dir//sub", "/dir/sub/"),
                                 ("/dir/../dir", "/dir/"), ("/sp%20ace", "/sp%20ace/"),
                                 ("/what%3F", "/what%3F/"),
                                 ("/%23", "/%23/"), ("/dir?%0d%0aX:%20y", "/dir/?%0d%0aX:%20y")):
            with self.subTest(target):
                reply = client.get(target)
                self.assertEqual(reply.status, 301)
                if location:
                    self.assertEqual(self.local(reply), location)
        self.assertEqual(client.get("/").status, 200)

    def local(self, reply):
        """The Location, which must be on this site, as path and query."""
        location = reply.get("Location")
        self.assertRegex(location, r"^(http://localhost(:\d+)?)?/(?![/\\])[\x21-\x7e]*$")
        self.assertNotIn("\\", location)
        return re.sub(r"^http://[^/]*", "", location)

    def test_redirects_stay_on_the_site(self):
        paths = ("//evil.example", "///evil.example", "////evil.example", "/\\evil.example",
                 "/\\/evil.example",
                 "//\\evil.example", "\\\\evil.example", "/%5Cevil.example", "/%5cevil.example",
                 "/%2Fevil.example",
                 "/%2f%2fevil.example", "/%252Fevil.example", "/.//evil.example", "/./evil.example",
                 "/..//evil.example", "/dir/..//evil.example", "/%2e//evil.example",
                 "/dir/%2e%2e//evil.example",
                 "/%2e%2e//evil.example", "//%65vil.example", "//evil.example/..//evil.example",
                 "//evil.example//evil.example", "/evil.example//evil.example", "//evil.example?/",
                 "/evil.example%2f", "/%09/evil.example", "/;//evil.example",
                 "/%0d%0a/evil.example",
                 "/a%0d%0aSet-Cookie:%20x=y", "/a\\..\\evil.example",
                 "http://localhost//evil.example",
                 "http://localhost/\\evil.example", "/%22%3Cx%3E", "/%C3%BCn%C3%AF")
        redirects = 0
        for path in paths:
            with self.subTest(path):
                reply = self.client().get(path)
                self.assertIn(reply.status, (301, 308, 400, 403, 404))
                self.assertIsNone(reply.get("Set-Cookie"))
                if reply.get("Location"):
                    redirects += 1
                    self.local(reply)
        self.assertGreater(redirects, 5)

    def test_location_does_not_follow_the_host_of_the_target(self):
        reply = self.client().get("http://localhost/dir", host="evil.example")
        self.assertNotIn("evil", reply.get("Location"))

    def test_a_file_is_no_directory(self):
        client = self.client()
        for target in ("/index.html/", "/index.html/x", "/index.html/index.html",
                       "/dir/sub/page.html/",
                       "/index.html/.", "/index.html/?x"):
            self.assertEqual(client.get(target).status, 404, target)


class Fields(Case):

    types = {
        "a.html": "text/html; charset=utf-8", "a.htm": "text/html; charset=utf-8",
        "A.HTML": "text/html; charset=utf-8", "a.css": "text/css; charset=utf-8",
        "a.js": "(text|application)/javascript", "a.mjs": "(text|application)/javascript",
        "a.json": "application/json", "a.txt": "text/plain; charset=utf-8",
        "a.xml": "(text|application)/xml",
        "a.svg": "image/svg\\+xml", "a.png": "image/png", "a.jpg": "image/jpeg",
        "a.JPEG": "image/jpeg",
        "a.gif": "image/gif", "a.webp": "image/webp", "a.avif": "image/avif",
        "a.ico": "image/(x-icon|vnd.microsoft.icon)",
        "a.woff2": "font/woff2", "a.woff": "font/woff", "a.ttf": "font/ttf",
        "a.wasm": "application/wasm",
        "a.pdf": "application/pdf", "a.mp4": "video/mp4", "a.webm": "video/webm",
        "a.mp3": "audio/mpeg",
        "a.zip": "application/zip", "a.gz": "application/(x-)?gzip",
        "a.webmanifest": "application/manifest\\+json",
        "a.unheard-of": "application/octet-stream", "noextension": "application/octet-stream",
        "html": "application/octet-stream", "a.html.bin": "application/octet-stream",
        "a.": "application/octet-stream",
        "dir.html/noextension": "application/octet-stream", "a.tar.png": "image/png",
    }

    @classmethod
    def fill(cls, root):
        for name in cls.types:
            root.write(name, b"content")

    def test_types(self):
        client = self.client()
        for name, kind in self.types.items():
            with self.subTest(name):
                reply = client.get("/" + name)
                self.assertEqual(reply.status, 200)
                self.assertRegex(reply.get("Content-Type"), f"^{kind}(; charset=utf-8)?$")

    def test_last_modified(self):
        for when in (0, 784111777, 1700000000, int(time.time()) - 1, 4102444800):
            os.utime(self.root.write("when.txt", b"x"), (when, when))
            client = self.client()
            self.assertTrue(until(lambda: self.modified(client) == when, FRESH_LATE)
                            or when > time.time(), f"{when}: {self.modified(client)}")

    def modified(self, client):
        value = client.get("/when.txt").get("Last-Modified")
        return value and email.utils.parsedate_to_datetime(value).timestamp()

    def test_last_modified_is_not_in_the_future(self):
        """RFC 9110 8.8.2.1: never later than Date."""
        later = time.time() + 86400
        os.utime(self.root.write("later.txt", b"x"), (later, later))
        reply = self.client().get("/later.txt")
        modified = reply.get("Last-Modified")
        if modified:
            self.assertLessEqual(email.utils.parsedate_to_datetime(modified),
                                 email.utils.parsedate_to_datetime(reply.get("Date")))

    def test_etags(self):
        client = self.client()
        first = client.get("/a.txt").get("ETag")
        self.assertRegex(first, r'^(W/)?"[\x21\x23-\x7e]*"$')
        self.assertEqual(client.get("/a.txt").get("ETag"), first)
        self.assertEqual(self.client().get("/a.txt", method="HEAD").get("ETag"), first)
        self.root.replace("a.txt", b"other content")
        self.assertTrue(until(lambda: client.get("/a.txt").get("ETag") != first, FRESH_LATE))

    def test_etag_does_not_know_the_inode(self):
        """The same file on two nodes has the same tag."""
        for name in ("one.txt", "two.txt"):
            os.utime(self.root.write(name, b"same"), (1700000000, 1700000000))
        client = self.client()
        self.assertEqual(client.get("/one.txt").get("ETag"), client.get("/two.txt").get("ETag"))

    def test_no_body_without_content(self):
        self.root.write("empty.txt", b"")
        client = self.client()
        for _ in range(3):
            reply = client.get("/empty.txt")
            self.assertEqual((reply.status, reply.get("Content-Length"), reply.body),
                             (200, "0", b""))


class NeverServed(Case):
    """Whatever the encoding or the links: nothing outside the root."""

    @classmethod
    def fill(cls, root):
        super().fill(root)
        with open(os.path.join(root.top, "secret.txt"), "wb") as file:
            file.write(b"the secret")
        os.mkdir(os.path.join(root.top, "site-other"))
        with open(os.path.join(root.top, "site-other", "secret.txt"), "wb") as file:
            file.write(b"the secret")
        root.write("dir/inside.txt", b"inside")
        root.write("dir/index.html", b"index")
        for name, target in cls.links(root).items():
            os.symlink(target, root.path(name))
        for name in (".env", ".git/config", "dir/.hidden", "dir/.d/file", ".well-known/acme/token",
                     "..double", "...", ".index.html", "dir/.well-knownx/file"):
            root.write(name, b"dotted " + name.encode())

    @staticmethod
    def links(root):
        return {
            "out-absolute": os.path.join(root.top, "secret.txt"), "out-relative": "../secret.txt",
            "out-far": "../../../../../../../etc/passwd", "out-dir": "..", "out-root": "/",
            "out-sibling": "../site-other", "out-and-in": "../site/index.html",
            "in-absolute": os.path.join(root.site, "index.html"),
            "in-absolute-dir": os.path.join(root.site, "dir"),
            "in-relative": "dir/inside.txt", "in-dir": "dir", "in-chain": "in-relative",
            "dir/up": "../index.html",
            "loop": "loop", "loop-a": "loop-b", "loop-b": "loop-a", "dangling": "nowhere",
            "proc": "/proc/self/root",
        }

    def never(self, target):
        with self.subTest(target):
            reply = self.client().get(target)
            self.assertIn(reply.status, (400, 403, 404))
            for secret in (b"the secret", b"root:", b"dotted"):
                self.assertNotIn(secret, bytes(reply.body))

    def test_dots(self):
        ups = ("..", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "%252e%252e", "..%00", "..;", "..%20",
               "%c0%ae%c0%ae",
               "%uff0e%uff0e", "..%c0%af..", "%ef%bc%8e%ef%bc%8e", "....", "...", "..%01")
        slashes = ("/", "%2f", "%2F", "%5c", "\\", "//", "/./", "%252f", "%c0%af", ";/")
        for up in ups:
            for slash in slashes:
                self.never(f"/{up}{slash}secret.txt")
                self.never(f"/dir/{up}{slash}{up}{slash}secret.txt")
        self.never("/dir/" + "../" * 30 + "etc/passwd")
        self.never("/../site-other/secret.txt")
        self.never("/../site/index.html")
        self.never("/%2e%2e/site-other/secret.txt")

    def test_other_ways_of_saying_it(self):
        for target in ("/proc/self/environ", "//etc/passwd", "/%2fetc/passwd",
                       "/file:///etc/passwd",
                       "http://localhost/../secret.txt", "http://localhost/%2e%2e/secret.txt",
                       "http:///../secret.txt", "/dir/inside.txt/../../../secret.txt",
                       "/secret.txt",
                       "/dir/../../secret.txt", "/dir/..%2f..%2fsecret.txt", "/..\\secret.txt",
                       "/~root/x"):
            self.never(target)

    def test_links_that_leave(self):
        for name in ("out-absolute", "out-relative", "out-far", "out-dir", "out-dir/",
                     "out-dir/secret.txt",
                     "out-root/etc/passwd", "out-sibling/secret.txt", "out-and-in",
                     "proc/etc/passwd",
                     "out-dir/site/index.html", "in-dir/../out-relative"):
            self.never("/" + name)

    def test_absolute_links_are_refused(self):
        for name in ("in-absolute", "in-absolute-dir/inside.txt", "in-absolute-dir/",
                     "in-absolute-dir"):
            self.assertIn(self.client().get("/" + name).status, REFUSED)

    def test_links_inside_are_followed(self):
        client = self.client()
        for name, body in (("in-relative", b"inside"), ("in-chain", b"inside"),
                           ("in-dir/inside.txt", b"inside"),
                           ("in-dir/", b"index"), ("dir/up", b"<h1>home</h1>\n")):
            reply = client.get("/" + name)
            self.assertEqual((reply.status, reply.body), (200, body), name)
        self.assertEqual(client.get("/in-dir").get("Location"), "/in-dir/")

    def test_links_that_go_nowhere(self):
        for name in ("loop", "loop-a", "loop/x", "dangling", "dangling/x"):
            self.never("/" + name)

    def test_dot_files(self):
        for target in ("/.env", "/%2eenv", "/%2Eenv", "/.git/config", "/dir/.hidden",
                       "/dir/.d/file", "/dir//.hidden",
                       "/..double", "/...", "/dir/../.env", "/./.env", "/.index.html",
                       "/in-dir/.hidden",
                       "/dir/.well-knownx/file", "/.git", "/.git/"):
            self.never(target)

    def test_well_known(self):
        reply = self.client().get("/.well-known/acme/token")
        self.assertEqual((reply.status, reply.body), (200, b"dotted .well-known/acme/token"))
        self.never("/.well-known/../.env")

    def test_dot_files_when_asked(self):
        with Server(self.root, "--dotfiles") as server:
            for name in (".env", ".git/config", "dir/.hidden", "..double", "..."):
                self.assertEqual(server.fetch("/" + name).body, b"dotted " + name.encode(), name)
            self.assertIn(server.fetch("/../secret.txt").status, (400, 403, 404))


class NotRegular(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        os.mkfifo(root.path("fifo"))
        root.mkdir("piped")
        os.mkfifo(root.path("piped/index.html"))
        os.symlink("fifo", root.path("link-to-fifo"))
        cls.listener = socket.socket(socket.AF_UNIX)
        cls.addClassCleanup(cls.listener.close)
        cls.listener.bind(root.path("socket"))
        cls.listener.listen()
        if os.geteuid() == 0:
            os.mknod(root.path("null"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            os.mknod(root.path("zero"), 0o666 | stat.S_IFCHR, os.makedev(1, 5))
            os.mknod(root.path("disk"), 0o666 | stat.S_IFBLK, os.makedev(7, 200))

    def check(self, *targets):
        for target in targets:
            with self.subTest(target):
                client = self.client()
                for method in ("GET", "HEAD", "GET"):
                    self.assertIn(client.get(target, method=method).status, REFUSED)

    def test_fifo(self):
        self.check("/fifo", "/piped/", "/link-to-fifo", "/fifo/")

    def test_fifo_never_meets_its_writer(self):
        """An open for reading, even one that does not block, would let a writer in."""
        self.check("/fifo")
        with self.assertRaises(OSError) as raised:
            os.close(os.open(self.root.path("fifo"), os.O_WRONLY | os.O_NONBLOCK))
        self.assertEqual(raised.exception.errno, errno.ENXIO)

    def test_socket(self):
        self.check("/socket")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to make devices")
    def test_devices(self):
        self.check("/null", "/zero", "/disk")

    def test_many_of_them_block_nothing(self):
        clients = [self.client() for _ in range(50)]
        for client in clients:
            client.send(request("/fifo") + request("/"))
        for client in clients:
            self.assertIn(client.reply().status, REFUSED)
            self.assertEqual(client.reply().status, 200)


class Names(Case):
    names = ("a b.txt", "ünï.txt", "日本語.txt", "100%.txt", "%41.txt", "what?.txt", "hash#.txt",
             "quo\"te'.txt",
             "semi;colon.txt", "plus+.txt", "a&b=c.txt", "~tilde.txt", "back\\slash.txt",
             "tab\t.txt",
             "new\nline.txt", "<b>.txt", "[x]{y}|z^`.txt", "-dash", "*", "@", ":colon", "a..b",
             "trailing.",
             "trailing ", " leading", "\u202erev", "x" * 255, "sub dir/fi le.txt", "$(id)", "a,b!c",
             b"\xff\xfe.bin")

    @classmethod
    def fill(cls, root):
        for name in cls.names:
            root.write(name, b"content of " + os.fsencode(name))

    def test_quoted(self):
        client = self.client()
        for name in self.names:
            with self.subTest(name):
                reply = client.get(quoted(name))
                self.assertEqual((reply.status, reply.body),
                                 (200, b"content of " + os.fsencode(name)))

    def test_every_byte_quoted(self):
        client = self.client()
        for name in ("a b.txt", "ünï.txt", "plus+.txt"):
            target = "/" + "".join(f"%{byte:02x}" for byte in name.encode())
            self.assertEqual(client.get(target).body, b"content of " + name.encode())

    def test_utf8_as_it_is(self):
        reply = self.client().get("/ünï.txt".encode())
        self.assertEqual(reply.body, "content of ünï.txt".encode())

    def test_case_matters(self):
        self.assertEqual(self.client().get("/A%20B.TXT").status, 404)


class Sizes(Case):
    sizes = (1, 2, 4095, 4096, 4097, 16384, 65535, 65536, 65537, 131071, 131072, 131073, 262144,
             262145,
             1 << 20, (1 << 20) + 1, 5 << 20)
    huge = 50 << 20

    @classmethod
    def fill(cls, root):
        for size in cls.sizes:
            root.write(f"{size}.bin", pattern(size, size))
        cls.content = pattern(cls.huge)
        root.write("huge.bin", cls.content)

    def same(self, body, content, name):
        """Equal, without printing megabytes when it is not."""
        if body != content:
            at = next((i for i, (a, b) in enumerate(zip(body, content)) if a != b), "the end")
            self.fail(f"{name}: differs from byte {at} on; {len(body)} of {len(content)} bytes")

    def test_each_size(self):
        client = self.client()
        for _ in range(3):
            for size in self.sizes:
                content = pattern(size, size)
                self.same(client.get(f"/{size}.bin").body, content, size)
                head = client.get(f"/{size}.bin", method="HEAD")
                self.assertEqual(head.get("Content-Length"), str(size))

    def test_each_size_pipelined(self):
        client = self.client()
        client.send(b"".join(request(f"/{size}.bin") for size in self.sizes))
        for size in self.sizes:
            self.same(client.reply().body, pattern(size, size), size)

    def test_first_requests_at_once(self):
        """Many ask for the same file that is not in memory yet."""
        for size in (1000, 70000, 3 << 20):
            self.root.write(f"new-{size}.bin", pattern(size, 7))
            clients = [self.client() for _ in range(30)]
            for client in clients:
                client.send(request(f"/new-{size}.bin"))
            for client in clients:
                self.same(client.reply().body, pattern(size, 7), size)

    def test_fifty_mebibytes(self):
        reply = self.client().get("/huge.bin")
        self.assertEqual(reply.get("Content-Length"), str(self.huge))
        self.same(reply.body, self.content, "huge.bin")

    def test_fifty_mebibytes_in_parallel(self):
        failures = []

        def download():
            with self.server.client() as client:
                for target, content in (("/huge.bin", self.content),
                                        ("/131073.bin", pattern(131073, 131073))):
                    if client.get(target).body != content:
                        failures.append(target)
        threads = [threading.Thread(target=download) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_a_slow_reader_holds_up_nobody(self):
        slow = [self.client(receive_buffer=16384) for _ in range(8)]
        for client in slow:
            client.send(request("/huge.bin"))
        quick, longest = self.client(), 0
        for i in range(300):
            if i % 3 == 0:
                self.assertTrue(slow[i % 8].sock.recv(4096))
            start = time.monotonic()
            self.same(quick.get("/4096.bin").body, pattern(4096, 4096), "4096.bin")
            longest = max(longest, time.monotonic() - start)
        self.assertLess(longest, 3)  # far from the write timeout, whatever else runs here

    def test_a_file_larger_than_memory_is_worth(self):
        """A sparse file of 5 GiB: the length is right, and the beginning comes."""
        with open(self.root.path("sparse.bin"), "wb") as file:
            file.truncate(5 << 30)
        client = self.client()
        head = client.get("/sparse.bin", method="HEAD")
        self.assertEqual(head.get("Content-Length"), str(5 << 30))
        client.send(request("/sparse.bin"))
        client.head()
        self.assertEqual(bytes(client.take(1 << 20)), bytes(1 << 20))
        client.reset()


class Changes(Case):
    """A change on disk is seen by the next request that comes two seconds later, or sooner."""

    def test_all(self):
        self.took = []
        self.together("change_")
        self.assertLess(sorted(self.took)[len(self.took) // 2], FRESH_MAX)

    def prime(self, target, status=200):
        client = self.client()
        for _ in range(3):
            reply = client.get(target)
            self.assertEqual(reply.status, status)
        return client

    def shows(self, client, target, status, body=None):
        """Within the time, and then for good."""
        start = time.monotonic()

        def seen():
            reply = client.get(target)
            return reply.status == status and (body is None or reply.body == body)

        def seen_or_cut():
            """A file cut short under an answer cuts the answer: rather that than a wrong body."""
            nonlocal client
            try:
                return seen()
            except (PeerClosed, PeerReset, OSError):
                client = self.client()
                return False
        self.assertTrue(until(seen_or_cut, FRESH_LATE), f"{target}: still {client.get(target)}")
        self.took.append(time.monotonic() - start)
        for _ in range(3):
            self.assertTrue(seen(), f"{target}: went back to {client.get(target)}")

    def change_rewritten(self):
        sizes = (10, 5000, 200000, 2 << 20)
        for size in sizes:
            self.root.write(f"rewritten-{size}.txt", pattern(size))
        clients = {size: self.prime(f"/rewritten-{size}.txt") for size in sizes}
        for seed, half_size in ((2, 2), (3, 1), (4, 4)):
            for size in sizes:
                self.root.write(f"rewritten-{size}.txt", pattern(size * half_size // 2, seed))
            for size in sizes:
                self.shows(clients[size], f"/rewritten-{size}.txt", 200,
                           pattern(size * half_size // 2, seed))

    def change_appended(self):
        self.root.write("log.txt", b"one\n")
        client = self.prime("/log.txt")
        with open(self.root.path("log.txt"), "ab") as file:
            file.write(b"two\n")
        self.shows(client, "/log.txt", 200, b"one\ntwo\n")

    def change_rewritten_with_the_old_time(self):
        """cp -p and rsync keep times: size and mtime alone tell nothing."""
        path = self.root.write("kept.txt", b"before")
        os.utime(path, (1700000000, 1700000000))
        client = self.prime("/kept.txt")
        self.root.write("kept.txt", b"behind")
        os.utime(path, (1700000000, 1700000000))
        self.shows(client, "/kept.txt", 200, b"behind")

    def change_renamed_over(self):
        for size in (10, 200000):
            self.root.write("renamed.txt", pattern(size))
            client = self.prime("/renamed.txt")
            self.root.replace("renamed.txt", pattern(size, 2))
            self.shows(client, "/renamed.txt", 200, pattern(size, 2))

    def change_deleted_and_made_again(self):
        self.root.write("gone.txt", b"here")
        client = self.prime("/gone.txt")
        os.unlink(self.root.path("gone.txt"))
        self.shows(client, "/gone.txt", 404)
        self.root.write("gone.txt", b"back")
        self.shows(client, "/gone.txt", 200, b"back")

    def change_made_after_a_404(self):
        client = self.prime("/new.txt", 404)
        self.root.write("new.txt", b"new")
        self.shows(client, "/new.txt", 200, b"new")

    def change_made_in_a_directory_that_was_not_there(self):
        client = self.prime("/a/b/c.txt", 404)
        self.root.write("a/b/c.txt", b"deep")
        self.shows(client, "/a/b/c.txt", 200, b"deep")

    def change_moved_in_with_its_directory(self):
        client = self.prime("/moved/page.txt", 404)
        self.root.write("elsewhere/page.txt", b"page")
        os.rename(self.root.path("elsewhere"), self.root.path("moved"))
        self.shows(client, "/moved/page.txt", 200, b"page")

    def change_directory_renamed_away(self):
        self.root.write("old/deep/page.txt", b"page")
        client = self.prime("/old/deep/page.txt")
        os.rename(self.root.path("old"), self.root.path("kept-aside"))
        self.shows(client, "/old/deep/page.txt", 404)

    def change_directory_removed(self):
        self.root.write("tree/page.txt", b"page")
        client = self.prime("/tree/page.txt")
        shutil.rmtree(self.root.path("tree"))
        self.shows(client, "/tree/page.txt", 404)
        self.root.write("tree/page.txt", b"again")
        self.shows(client, "/tree/page.txt", 200, b"again")

    def change_directory_swapped(self):
        self.root.write("live/page.txt", b"one")
        client = self.prime("/live/page.txt")
        self.root.write("next/page.txt", b"two")
        os.rename(self.root.path("live"), self.root.path("previous"))
        os.rename(self.root.path("next"), self.root.path("live"))
        self.shows(client, "/live/page.txt", 200, b"two")

    def change_index_comes_and_goes(self):
        self.root.mkdir("section")
        client = self.prime("/section/", 404)
        self.root.write("section/index.html", b"index")
        self.shows(client, "/section/", 200, b"index")
        os.unlink(self.root.path("section/index.html"))
        self.shows(client, "/section/", 404)

    def change_a_file_becomes_a_directory(self):
        self.root.write("thing", b"a file")
        client = self.prime("/thing")
        os.unlink(self.root.path("thing"))
        self.root.write("thing/index.html", b"a directory")
        self.shows(client, "/thing", 301)
        self.shows(client, "/thing/", 200, b"a directory")

    def change_a_file_becomes_a_fifo(self):
        self.root.write("turn", b"a file")
        client = self.prime("/turn")
        os.unlink(self.root.path("turn"))
        os.mkfifo(self.root.path("turn"))
        self.assertTrue(until(lambda: client.get("/turn").status in REFUSED, FRESH_LATE))

    def change_link_swapped(self):
        """How releases are switched: a new link renamed over the old one."""
        for i in (1, 2):
            self.root.write(f"releases/{i}/page.txt", b"release %d" % i)
        os.symlink("releases/1", self.root.path("current"))
        client = self.prime("/current/page.txt")
        os.symlink("releases/2", self.root.path("current.new"))
        os.rename(self.root.path("current.new"), self.root.path("current"))
        self.shows(client, "/current/page.txt", 200, b"release 2")

    def change_behind_a_link(self):
        self.root.write("real/page.txt", b"one")
        os.symlink("real", self.root.path("alias"))
        os.symlink("real/page.txt", self.root.path("alias.txt"))
        clients = [self.prime("/alias/page.txt"), self.prime("/alias.txt")]
        self.root.replace("real/page.txt", b"two")
        self.shows(clients[0], "/alias/page.txt", 200, b"two")
        self.shows(clients[1], "/alias.txt", 200, b"two")

    def change_hard_linked(self):
        """Written through another name in another directory."""
        self.root.write("names/one.txt", b"one")
        self.root.mkdir("other")
        os.link(self.root.path("names/one.txt"), self.root.path("other/one.txt"))
        client = self.prime("/names/one.txt")
        time.sleep(0.05)
        self.root.write("other/one.txt", b"changed")
        self.shows(client, "/names/one.txt", 200, b"changed")

    def change_link_made_to_leave(self):
        self.root.write("target.txt", b"inside")
        os.symlink("target.txt", self.root.path("door"))
        client = self.prime("/door")
        os.symlink("/etc/passwd", self.root.path("door.new"))
        os.rename(self.root.path("door.new"), self.root.path("door"))
        self.assertTrue(until(lambda: client.get("/door").status in REFUSED, FRESH_LATE))

    def change_no_answer_is_half_of_two_versions(self):
        versions = {pattern(size, seed) for size,
                    seed in ((3000, 1), (70000, 2), (200, 3), (300000, 4))}
        self.root.replace("busy.bin", min(versions))
        stop, tags, failures = threading.Event(), {}, []

        def ask():
            with self.server.client() as client:
                while not stop.is_set():
                    reply = client.get("/busy.bin")
                    body = bytes(reply.body)
                    if reply.status != 200 or body not in versions:
                        failures.append((reply.status, len(body)))
                    if tags.setdefault(reply.get("ETag"), body) != body:
                        failures.append("one tag for two bodies")
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(25):
            for version in versions:
                self.root.replace("busy.bin", version)
                time.sleep(0.01)
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures[:5], [])
        self.assertGreater(len(tags), 1)

    def change_truncated_while_it_is_read(self):
        for size in (20 << 20, 50 << 20):
            self.root.write("shrinks.bin", pattern(size))
            client = self.client(receive_buffer=65536)
            client.send(request("/shrinks.bin"))
            client.head()
            client.take(1 << 20)
            os.truncate(self.root.path("shrinks.bin"), 1000)
            with self.assertRaises((PeerClosed, PeerReset)):
                client.take(size - (1 << 20))
            self.assertEqual(self.server.fetch("/").status, 200)

    def change_deleted_while_it_is_read(self):
        content = pattern(20 << 20)
        self.root.write("leaves.bin", content)
        client = self.client(receive_buffer=65536)
        client.send(request("/leaves.bin"))
        client.head()
        first = client.take(1 << 20)
        os.unlink(self.root.path("leaves.bin"))
        self.assertTrue(first + client.take(len(content) - (1 << 20)) == content)

    def change_the_whole_root_goes(self):
        root = Root()
        self.addCleanup(root.remove)
        root.write("index.html", b"home")
        with Server(root) as server, server.client() as client:
            self.assertEqual(client.get("/").status, 200)
            shutil.rmtree(root.site)
            self.assertTrue(until(lambda: client.get("/").status in REFUSED, FRESH_LATE))
            self.assertIn(client.get("/other").status, REFUSED)


class Roots(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")

    def test_root_by_link(self):
        link = os.path.join(self.root.top, "link")
        os.symlink("site", link)
        with Server(link) as server:
            self.assertEqual(server.fetch("/").body, b"home")

    def test_root_relative_and_by_option(self):
        with Server(None, "--root", os.path.relpath(self.root.site)) as server:
            self.assertEqual(server.fetch("/").body, b"home")
        with Server(None, "-r", self.root.site + "/") as server:
            self.assertEqual(server.fetch("/").body, b"home")

    def test_default_root_is_here(self):
        with Server(None, before_exec=lambda: os.chdir(self.root.site)) as server:
            self.assertEqual(server.fetch("/").body, b"home")

    def test_many_directories(self):
        """More directories than a small cache has watches for."""
        for i in range(300):
            self.root.write(f"d{i}/page.txt", b"page %d" % i)
        with Server(self.root) as server, server.client() as client:
            for i in range(300):
                self.assertEqual(client.get(f"/d{i}/page.txt").body, b"page %d" % i)
            self.root.replace("d7/page.txt", b"new")
            self.assertTrue(until(lambda: client.get("/d7/page.txt").body == b"new", FRESH_LATE))

    def test_many_files(self):
        for i in range(3000):
            self.root.write(f"f{i}.txt", b"%d" % i * 100)
        with Server(self.root) as server, server.client() as client:
            for start in range(0, 3000, 100):
                client.send(b"".join(request(f"/f{i}.txt") for i in range(start, start + 100)))
                for i in range(start, start + 100):
                    self.assertEqual(client.reply().body, b"%d" % i * 100)

    def test_media_types_from_a_file(self):
        table = os.path.join(self.root.top, "mime.types")
        with open(table, "w", encoding="ascii") as file:
            file.write("# types\nchemical/x-xyz xyz XYZ2\n\ntext/x-own html   htm\nbroken\n"
                       "\tapplication/tabbed\ttb\n")
        for name in ("a.xyz", "a.xyz2", "a.html", "a.tb", "a.png"):
            self.root.write(name, b"x")
        with Server(self.root, "--mime-types", table) as server:
            kinds = {name: server.fetch("/" + name).get("Content-Type")
                     for name in ("a.xyz", "a.xyz2", "a.html", "a.tb", "a.png")}
        self.assertEqual(kinds["a.xyz"], "chemical/x-xyz")
        self.assertEqual(kinds["a.xyz2"], "chemical/x-xyz")
        self.assertRegex(kinds["a.html"], "^text/x-own")
        self.assertEqual(kinds["a.tb"], "application/tabbed")
        self.assertEqual(kinds["a.png"], "image/png")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to serve as somebody else")
    def test_permissions(self):
        """As nobody: what may not be read is 403, and becomes 200 when it may."""
        self.root.write("open.txt", b"open")
        self.root.write("closed.txt", b"closed", mode=0o600)
        self.root.write("locked/file.txt", b"locked")
        os.chmod(self.root.path("locked"), 0o700)
        options = {"env": NO_LEAK_CHECK}
        with Server(self.root, "--user", "nobody", **options) as server, server.client() as client:
            self.assertEqual(client.get("/open.txt").status, 200)
            self.assertEqual(client.get("/closed.txt").status, 403)
            self.assertIn(client.get("/locked/file.txt").status, REFUSED)
            os.chmod(self.root.path("closed.txt"), 0o644)
            self.assertTrue(until(lambda: client.get("/closed.txt").body == b"closed", FRESH_LATE))
            os.chmod(self.root.path("closed.txt"), 0)
            self.assertTrue(until(lambda: client.get("/closed.txt").status == 403, FRESH_LATE))
            os.chmod(self.root.path("locked"), 0o755)
            self.assertTrue(until(lambda: client.get("/locked/file.txt").body == b"locked",
                                  FRESH_LATE))


if __name__ == "__main__":
    main()
