"""https.py - HTTP over TLS: what is true of plain connections is true of these."""
import gzip
import os
import re
import ssl

from server import main, request, under_test, until
from tls import (ALERT, DATA, HANDSHAKE, Pair, SecureCase, SecureServer, all_read, of_version,
                 trusting)

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
HOME = b"<h1>home</h1>\n"
TEXT = b"".join(b"line %d of a text that can be made smaller\n" % i for i in range(500))
RECORD_MAX = 16384        # bytes of content in a record (RFC 8446 5.1)
RECORD_OVERHEAD = 64      # more than any suite adds
SMALL = 1500              # a record that fits a packet


class Https(SecureCase):

    arguments = ("--cores", "1", "--compress")

    @classmethod
    def fill(cls, root):
        root.write("index.html", HOME)
        root.write("dir/index.html", b"the index of dir")
        root.write("text.txt", TEXT)
        root.write("made.txt", TEXT)
        root.write("made.txt.gz", gzip.compress(TEXT))
        root.write("made.txt.br", b"as if it were brotli")
        for i in range(20):
            root.write(f"n{i}.txt", b"number %d" % i)

    def test_get(self):
        for version in VERSIONS:
            with self.subTest(version):
                client = self.client(context=of_version(version))
                reply = client.get("/")
                self.assertEqual((reply.status, reply.body), (200, HOME))
                self.assertEqual(reply.get("Content-Type"), "text/html; charset=utf-8")

    def test_a_client_that_checks(self):
        """The certificate is the one that was given, and the name is one of its names."""
        for name in ("localhost", "127.0.0.1"):
            client = self.client(context=trusting(self.pair.cert), name=name)
            self.assertEqual(client.get("/").status, 200)
            self.assertEqual(client.tls.getpeercert(True), self.pair.der())

    def test_the_same_as_in_plain(self):
        """The answer's fields and content do not tell that there was TLS."""
        for target in ("/", "/dir/", "/dir", "/missing", "/text.txt", "/%2e%2e/etc/passwd"):
            for method in ("GET", "HEAD", "POST", "OPTIONS", "BREW"):
                with self.subTest(f"{method} {target}"):
                    secure = self.server.secure_fetch(target, method)
                    plain = self.server.fetch(target, method)
                    self.assertEqual(secure.status, plain.status)
                    self.assertEqual(secure.stable_fields(), plain.stable_fields())
                    self.assertEqual(secure.body, plain.body)

    def test_plain_goes_on(self):
        secure, plain = self.client(), self.plain()
        for _ in range(3):
            self.assertEqual(secure.get("/").body, HOME)
            self.assertEqual(plain.get("/").body, HOME)

    def test_head(self):
        client = self.client()
        for _ in range(3):
            reply = client.get("/text.txt", method="HEAD")
            self.assertEqual((reply.status, reply.get("Content-Length")), (200, str(len(TEXT))))
        self.assertEqual(client.get("/").body, HOME)

    def test_ranges(self):
        client = self.client()
        for asked, wanted in (("0-0", TEXT[:1]), ("100-199", TEXT[100:200]), ("-7", TEXT[-7:]),
                              (f"{len(TEXT) - 1}-", TEXT[-1:]), ("0-", TEXT)):
            reply = client.get("/text.txt", ["Range: bytes=" + asked])
            self.assertEqual((reply.status, reply.body), (206, wanted), asked)
        reply = client.get("/text.txt", ["Range: bytes=0-9,20-29"])
        self.assertEqual(reply.status, 206)
        self.assertRegex(reply.get("Content-Type"), r"\Amultipart/byteranges; boundary=")
        self.assertIn(TEXT[20:30], reply.body)
        self.assertEqual(client.get("/text.txt", [f"Range: bytes={len(TEXT)}-"]).status, 416)
        self.assertEqual(client.get("/").status, 200)

    def test_conditions(self):
        client = self.client()
        whole = client.get("/text.txt")
        etag, modified = whole.get("ETag"), whole.get("Last-Modified")
        for fields, status in (([f"If-None-Match: {etag}"], 304),
                               ([f"If-Modified-Since: {modified}"], 304),
                               (['If-Match: "other"'], 412), ([f"If-Match: {etag}"], 200),
                               ([f"If-Range: {etag}", "Range: bytes=0-3"], 206),
                               (['If-Range: "other"', "Range: bytes=0-3"], 200)):
            self.assertEqual(client.get("/text.txt", fields).status, status, fields)

    def test_errors(self):
        client = self.client()
        for target, method, status in (("/missing", "GET", 404), ("/", "PUT", 405),
                                       ("/missing", "HEAD", 404)):
            reply = client.get(target, method=method)
            self.assertEqual((reply.status, reply.closes()), (status, False))
        self.assertEqual(client.get("/", method="BREW").status, 501)
        self.refused(b"nonsense\r\n\r\n", 400)
        self.refused(request("/", host=None), 400)
        self.refused(request("/", version="HTTP/9.9"), 400, 505)
        self.refused(request("/" + "a" * 20000), 414)
        self.refused(request("/", fields=["X: " + "a" * 20000]), 431)
        self.refused(request("/", "POST", ["Content-Length: 3000000"]), 413, method="POST")

    def test_redirect_to_a_directory(self):
        self.assertEqual(self.client().get("/dir").get("Location"), "/dir/")

    def test_pipelining(self):
        client = self.client()
        targets = [f"/n{i % 20}.txt" for i in range(400)]
        client.send(b"".join(request(target) for target in targets))
        for target in targets:
            self.assertEqual(client.reply().body, b"number " + target[2:-4].encode())

    def test_pipelining_in_many_records(self):
        """Requests end where records do not."""
        client = self.client()
        data = b"".join(request(f"/n{i % 20}.txt") for i in range(60))
        for at in range(0, len(data), 37):
            client.tls.write(data[at:at + 37])
        client.put()
        for i in range(60):
            self.assertEqual(client.reply().body, b"number %d" % (i % 20))

    def test_the_answers_to_one_record_come_together(self):
        """Small answers share records: they are sealed by the flight, not by the answer."""
        client = self.client(context=of_version(ssl.TLSVersion.TLSv1_2))
        client.get("/n1.txt")   # opened once, it need not be waited for
        before = len(client.records.sizes())
        client.send(request("/n1.txt") * 40)
        for _ in range(40):
            client.reply()
        self.assertLess(len(client.records.sizes()) - before, 40)

    def test_old_version(self):
        reply = self.server.secure_fetch("/")
        self.assertTrue(reply.closes())
        client = self.client()
        client.send(request("/", version="HTTP/1.0"))
        self.assertEqual(client.reply().body, HOME)
        client.expect_fin()
        client = self.client()
        for _ in range(2):
            client.send(request("/", version="HTTP/1.0", fields=["Connection: keep-alive"]))
            self.assertEqual(client.reply().body, HOME)

    def test_large_heads(self):
        """Of a size that just fits, in records of every size: split everywhere."""
        fields = [f"X-Field-{i}: {'v' * 300}" for i in range(45)]
        data = request("/", fields=fields)
        self.assertGreater(len(data), 14000)
        for size in (1, 2, 7, 100, 1000, 5000, RECORD_MAX):
            with self.subTest(size):
                client = self.client()
                part = data if size >= 100 else request("/", fields=["X: " + "y" * 200])
                sealed = b"".join(client.seal(part[at:at + size])
                                  for at in range(0, len(part), size))
                client.sock.sendall(sealed)
                self.assertEqual(client.reply().body, HOME)

    def test_one_byte_at_a_time(self):
        """Of ciphertext, the handshake included."""
        for version in VERSIONS:
            with self.subTest(version):
                client = self.client(context=of_version(version), pace=1)
                client.send(request("/"))
                self.assertEqual(client.reply().body, HOME)

    def test_two_records_cut_in_two(self):
        """The second part of one record comes with the first part of the next."""
        client = self.client()
        data = client.seal(request("/n1.txt")) + client.seal(request("/n2.txt"))
        for cut in (1, 5, 30, len(data) // 2, len(data) - 1):
            client.sock.sendall(data[:cut])
            self.assertTrue(until(lambda: all_read(client)))
            client.sock.sendall(data[cut:])
            self.assertEqual(client.reply().body, b"number 1")
            self.assertEqual(client.reply().body, b"number 2")
            data = client.seal(request("/n1.txt")) + client.seal(request("/n2.txt"))

    def test_variants(self):
        client = self.client()
        for wants, coding in (("gzip", "gzip"), ("br", "br"), ("identity", None)):
            reply = client.get("/made.txt", ["Accept-Encoding: " + wants])
            self.assertEqual(reply.get("Content-Encoding"), coding)
            self.assertEqual(reply.get("Vary"), "Accept-Encoding")

    def test_compressed_for_the_cache(self):
        client = self.client()

        def compressed():
            reply = client.get("/text.txt", ["Accept-Encoding: gzip"])
            self.assertEqual(reply.status, 200)
            return reply if reply.get("Content-Encoding") else None
        reply = until(compressed)
        self.assertTrue(reply, "never compressed")
        self.assertEqual(gzip.decompress(reply.body), TEXT)

    def test_records_begin_small_and_grow(self):
        """A client can begin with the first packet; later whole records cost less."""
        body = os.urandom(400000)
        self.root.write("rand.bin", body)
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            before = len(client.records.sizes())
            self.assertTrue(client.get("/rand.bin").body == body)
            sizes = client.records.sizes()[before:]
            self.assertLess(max(sizes[:8]), SMALL, sizes)
            self.assertGreater(max(sizes), 8192)
            self.assertLessEqual(max(sizes), RECORD_MAX + RECORD_OVERHEAD)

    def test_end_is_said(self):
        """After an answer that is the last, with close_notify; then comes the FIN."""
        for version in VERSIONS:
            for last in (request("/", fields=["Connection: close"]),
                         request("/", version="HTTP/1.0"), b"nonsense\r\n\r\n"):
                client = self.client(context=of_version(version))
                client.send(last)
                client.reply()
                client.expect_fin()

    def test_client_says_end(self):
        """close_notify from an idle client is answered in kind."""
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            client.get("/")
            client.say_end()
            client.expect_fin()

    def test_half_close(self):
        """Who has said that nothing more will come still gets all answers."""
        for version in VERSIONS:
            for end in ("say_end", "half_close"):
                client = self.client(context=of_version(version))
                client.send(request("/text.txt") * 20)
                getattr(client, end)()
                for _ in range(20):
                    self.assertTrue(client.reply().body == TEXT)
                client.expect_fin()

    def test_half_a_request_and_the_end(self):
        for data in (b"GET / HT", request("/", "POST", ["Content-Length: 9"]) + b"four"):
            client = self.client()
            client.send(data)
            client.half_close()
            self.assertIn(client.rest()[1], ("fin", "rst"))
        self.assertEqual(self.client().get("/").status, 200)

    def test_alerts_and_records_are_well_formed(self):
        client = self.client()
        client.get("/text.txt")
        self.assertEqual({kind for kind, _ in client.records.seen} - {HANDSHAKE, DATA, 20}, set())
        self.assertNotIn(ALERT, [kind for kind, _ in client.records.seen])
        self.assertEqual(client.records.left, b"")


class Logged(SecureCase):
    """The access log and pages for errors, over TLS."""

    arguments = ("--cores", "1", "--error-page", "404=/404.html")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("404.html", b"<p>not here</p>\n")

    @classmethod
    def start(cls):
        cls.log = os.path.join(cls.root.top, "access.log")
        cls.arguments = (*cls.arguments, "--log", cls.log)
        return super().start()

    def lines(self, wanted):
        def read():
            with open(self.log, encoding="utf-8") as file:
                lines = [line for line in file if wanted in line]
            return lines if lines and lines[-1].endswith("\n") else None
        return until(read) or []

    def test_lines(self):
        """A request has the line it would have had without TLS."""
        with self.client() as client:
            client.get("/?first", ["Referer: https://a/", "User-Agent: me/1.0"])
            client.get("/?none-such/x", method="HEAD")
        line = self.lines("/?first")
        self.assertEqual(len(line), 1)
        self.assertRegex(line[0], r'\A127\.0\.0\.1 - - \[[^\]]+\] "GET /\?first HTTP/1\.1" 200 14'
                                  r' "https://a/" "me/1\.0"\n\Z')
        self.assertRegex(self.lines("/?none-such")[0],
                         r'"HEAD /\?none-such/x HTTP/1\.1" 200 (0|-) ')

    def test_error_page(self):
        reply = self.client().get("/missing")
        self.assertEqual((reply.status, reply.body), (404, b"<p>not here</p>\n"))

    def test_a_refusal_is_logged(self):
        self.refused(b"GET /refused HTTP/1.1\r\nHost : a\r\n\r\n", 400)
        self.assertRegex(self.lines("/refused")[0], r'" 400 ')

    def test_what_is_no_request_is_not_logged(self):
        """A handshake that fails has no line."""
        raw = self.raw()
        raw.send(b"\x16\x03\x01\x00\x05hello")
        raw.rest()
        with self.client() as client:
            client.get("/?after")
        self.assertEqual(len(self.lines("/?after")), 1)
        with open(self.log, encoding="utf-8") as file:
            self.assertEqual([line for line in file if re.search(r"hello|\\x16", line)], [])


class Addresses(SecureCase):
    """Where it listens is where the plain port does."""

    @classmethod
    def start(cls):
        cls.pair = Pair(cls.root.top, "pair")
        return SecureServer(cls.root, cls.pairs(), "--host", "::1")

    def test_ipv6(self):
        self.assertEqual(self.server.secure[0], "::1")
        client = self.client(context=trusting(self.pair.cert), name="::1")
        self.assertEqual(client.get("/").status, 200)

    def test_the_start_line(self):
        lines = [line for line in self.server.said().splitlines() if "https://[::1]:" in line]
        self.assertEqual(len(lines), 1, self.server.said())
        self.assertIn(under_test.engine, self.server.start_line())


if __name__ == "__main__":
    main()
