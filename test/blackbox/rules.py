"""rules.py - what the operator's rules make of answers: fields, redirects, pages for what is not
there, and the `_headers` and `_redirects` files of a site."""
from server import Case, main, request, run

HOUR = "public, max-age=3600"
FOREVER = "public, max-age=31536000, immutable"


class Fields(Case):

    arguments = ("--max-age", "3600", "--cors", "--header", "/*: X-Frame-Options: DENY",
                 "--header", "/assets/:file: X-Asset: yes",
                 "--header", "/pinned/*: Cache-Control: no-store",
                 "--header", "/well.json: Content-Type: application/vnd.x+json")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        for name in ("style.css", "index-BkX3a9Qz.js", "jquery-3.7.1.min.js", "app.3f2a9c1b.js"):
            root.write("assets/" + name, b"x")
        root.write("pinned/app.3f2a9c1b.js", b"x")
        root.write("large.bin", b"y" * 3000000)
        root.write("well.json", b"{}")

    def test_how_long_files_may_be_kept(self):
        client = self.client()
        for target, expected in (("/", "no-cache"), ("/index.html", "no-cache"),
                                 ("/assets/style.css", HOUR), ("/large.bin", HOUR),
                                 ("/assets/jquery-3.7.1.min.js", HOUR),
                                 ("/assets/index-BkX3a9Qz.js", FOREVER),
                                 ("/assets/app.3f2a9c1b.js", FOREVER),
                                 ("/pinned/app.3f2a9c1b.js", "no-store")):
            for method in ("GET", "HEAD", "GET"):
                reply = client.get(target, method=method)
                self.assertEqual((reply.status, reply.all("Cache-Control")), (200, [expected]))
        self.assertIsNone(client.get("/none").get("Cache-Control"))

    def test_fields_are_in_200_206_and_304(self):
        client = self.client()
        etag = client.get("/assets/style.css").get("ETag")
        for fields, status in (((), 200), (("Range: bytes=0-0",), 206),
                               ((f"If-None-Match: {etag}",), 304)):
            reply = client.get("/assets/style.css", fields=fields)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.get("X-Frame-Options"), "DENY")
            self.assertEqual(reply.get("X-Asset"), "yes")
            self.assertEqual(reply.get("Access-Control-Allow-Origin"), "*")

    def test_parts_have_them_too(self):
        reply = self.client().get("/large.bin", fields=("Range: bytes=0-9,1000-1009",))
        self.assertEqual((reply.status, reply.get("X-Frame-Options")), (206, "DENY"))
        self.assertIsNone(reply.get("X-Asset"))

    def test_a_media_type(self):
        client = self.client()
        self.assertEqual(client.get("/well.json").get("Content-Type"), "application/vnd.x+json")

    def test_preflight(self):
        client = self.client()
        asks = ("Origin: https://example.org", "Access-Control-Request-Method: GET")
        reply = client.get("/assets/style.css", method="OPTIONS", fields=asks)
        self.assertEqual(reply.status, 204)
        self.assertEqual(reply.get("Access-Control-Allow-Origin"), "*")
        self.assertIn("GET", reply.get("Access-Control-Allow-Methods"))
        self.assertRegex(reply.get("Access-Control-Max-Age"), "^[0-9]+$")
        reply = client.get("/assets/style.css", method="OPTIONS")
        self.assertEqual((reply.status, reply.get("Allow")), (200, "GET, HEAD, OPTIONS"))


class NothingHeld(Fields):
    """The same where each answer is made anew."""

    arguments = (*Fields.arguments, "--cache-size", "0")


class ManyFields(Case):
    """As many bytes of fields as a path may have do not meet a limit of an answer."""

    arguments = tuple(word for i in range(60)
                      for word in ("--header", f"/many/*: X-{i}: " + "v" * 58))

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("many/a.txt", b"a" * 1000)
        root.write("many/large.bin", b"b" * 3000000)

    def test_pipelined(self):
        client = self.client()
        client.send(request("/many/a.txt") * 20 + request("/many/large.bin", method="HEAD") * 3
                    + request("/many/large.bin", fields=("Range: bytes=5-6",)) + request("/"))
        for _ in range(20):
            reply = client.reply()
            self.assertEqual((reply.status, reply.body), (200, b"a" * 1000))
            self.assertEqual([reply.get(f"X-{i}") for i in range(60)], ["v" * 58] * 60)
        for _ in range(3):
            self.assertEqual(client.reply("HEAD").get("X-59"), "v" * 58)
        reply = client.reply()
        self.assertEqual((reply.status, reply.body, reply.get("X-59")), (206, b"bb", "v" * 58))
        self.assertIsNone(client.reply().get("X-0"))


class Refused(Case):
    """What is wrong with an option is told in one sentence."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def test_options(self):
        for option, value, words in (
                ("--header", "/*", "'PATTERN: Name: value' is allowed"),
                ("--header", "/*: Date: now", "the server's own"),
                ("--header", "/*: X: a\nb", "'PATTERN: Name: value' is allowed"),
                ("--redirect", "/a", "FROM=TO or FROM=TO:STATUS is allowed"),
                ("--redirect", "/a=/b:300", "one of 200, 301"),
                ("--redirect", "/a=//evil.example", "TO is neither a path"),
                ("--error-page", "200=/x.html", "403, 404, 405, 500 or 503"),
                ("--error-page", "404=x.html", "STATUS=PATH is allowed"),
                ("--spa", "index.html", "by its path from the root"),
                ("--max-age", "1y", "a whole number from 0 to 31536000 is allowed")):
            with self.subTest(option=option, value=value):
                done = run(option, value)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"ringlet: {option} ", done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    main()
