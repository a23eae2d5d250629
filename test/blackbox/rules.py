"""rules.py - what the operator's rules make of answers: fields, redirects, pages for what is not
there, and the `_headers` and `_redirects` files of a site."""
import os
import time

from server import Case, Root, Server, main, request, run, until

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


    def test_scripts_may_read_what_went_wrong(self):
        client = self.client()
        asset = "/assets/style.css"
        for target, method, fields, status in (
                (asset, "POST", (), 405), (asset, "GET", ("If-Match: \"x\"",), 412),
                (asset, "GET", ("Range: bytes=9-",), 416), ("/none", "GET", (), 404),
                ("/none", "HEAD", (), 404), ("/assets", "GET", (), 301),
                (asset, "OPTIONS", (), 200)):
            reply = client.get(target, method=method, fields=fields)
            self.assertEqual(reply.status, status)
            self.assertEqual(reply.all("Access-Control-Allow-Origin"), ["*"])
        with Server(self.root) as server:
            self.assertIsNone(server.fetch("/none").get("Access-Control-Allow-Origin"))


class NothingHeld(Fields):
    """The same where each answer is made anew."""

    arguments = (*Fields.arguments, "--cache-size", "0")


class Redirects(Case):

    arguments = ("--redirect", "/old/*=/new/:splat", "--redirect", "/blog/:year/:slug=/:slug:308",
                 "--redirect", "/index.html=https://example.org/:302!",
                 "--redirect", "/dir/page.html=/never",
                 "--redirect", "/app/*=/dir/page.html:200",
                 "--redirect", "/gone/*=/404.html:404")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("dir/page.html", b"a page")
        root.write("404.html", b"not here")

    def test_elsewhere(self):
        client = self.client()
        for target, status, location in (
                ("/old/a/b?x=1", 301, "/new/a/b?x=1"), ("/old/", 301, "/new/"),
                ("/old//evil.example", 301, "/new/evil.example"),
                ("/old/%0d%0aSet-Cookie:x", 301, "/new/%0D%0ASet-Cookie:x"),
                ("/blog/2024/hello%20you", 308, "/hello%20you"),
                ("/index.html", 302, "https://example.org/"),
                ("/./index.html", 302, "https://example.org/"),
                ("/index.html?q", 302, "https://example.org/?q")):
            for method in ("GET", "HEAD", "GET"):
                reply = client.get(target, method=method)
                self.assertEqual((reply.status, reply.get("Location")), (status, location))
        self.assertEqual(client.get("/").status, 200)
        self.assertEqual(client.get("/blog/2024").status, 404)

    def test_a_file_goes_before_a_rule(self):
        reply = self.client().get("/dir/page.html")
        self.assertEqual((reply.status, reply.body), (200, b"a page"))

    def test_rewrites(self):
        client = self.client()
        etag = client.get("/dir/page.html").get("ETag")
        reply = client.get("/app/deep/link?x")
        self.assertEqual((reply.status, reply.body, reply.get("ETag")), (200, b"a page", etag))
        self.assertEqual(client.get("/app/x", fields=(f"If-None-Match: {etag}",)).status, 304)
        reply = client.get("/app/x", fields=("Range: bytes=2-5",))
        self.assertEqual((reply.status, reply.body), (206, b"page"))

    def test_a_page_for_what_is_gone(self):
        reply = self.client().get("/gone/x", fields=("If-None-Match: *", "Range: bytes=0-1"))
        self.assertEqual((reply.status, reply.body), (404, b"not here"))

    def test_rule_files_are_not_served(self):
        client = self.client()
        for target in ("/_headers", "/_redirects", "/%5Fheaders", "//_redirects"):
            self.assertEqual(client.get(target).status, 404)


class RedirectsNothingHeld(Redirects):

    arguments = (*Redirects.arguments, "--cache-size", "0")


class Pages(Case):
    """A single-page application, and the site's own pages for errors."""

    arguments = ("--spa", "/index.html", "--error-page", "404=/404.html",
                 "--error-page", "403=/large.html", "--max-age", "60",
                 "--header", "/*: X-Frame-Options: DENY")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("404.html", b"<p>not here")
        root.write("large.html", b"no" * 1000000)
        root.write("app.js", b"1")

    def test_pages_and_assets(self):
        client = self.client()
        for target in ("/", "/deep/link", "/deep/link/", "/a?b=c.d"):
            reply = client.get(target)
            self.assertEqual((reply.status, reply.body), (200, b"<h1>home</h1>\n"), target)
            self.assertEqual(reply.get("Cache-Control"), "no-cache")
        accept = ("Accept: text/html,application/xhtml+xml,*/*;q=0.8",)
        self.assertEqual(client.get("/user/john.doe", fields=accept).status, 200)
        self.assertEqual(client.get("/.well-known/change-password", fields=accept).status, 200)
        for target, accepts in (("/missing.js", "*/*"), ("/deep/missing.css", "*/*"),
                                ("/user/john.doe", "text/html;q=0, */*"),
                                ("/.well-known/apple-app-site-association", "*/*")):
            reply = client.get(target, fields=(f"Accept: {accepts}",))
            self.assertEqual((reply.status, reply.body), (404, b"<p>not here"))
        etag = client.get("/deep/link").get("ETag")
        self.assertEqual(client.get("/x", fields=(f"If-None-Match: {etag}",)).status, 304)

    def test_an_error_page_is_no_file(self):
        client = self.client()
        for fields in ((), ("Range: bytes=0-1",), ("If-None-Match: *",),
                       ("If-Modified-Since: Sun, 09 Sep 2040 01:46:40 GMT",)):
            for method in ("GET", "HEAD"):
                reply = client.get("/none.png", fields=fields, method=method)
                self.assertEqual(reply.status, 404)
                self.assertEqual(reply.body, b"<p>not here" if method == "GET" else b"")
                self.assertEqual(reply.get("Content-Length"), "11")
                self.assertEqual(reply.get("Content-Type"), "text/html; charset=utf-8")
                self.assertEqual(reply.get("X-Frame-Options"), "DENY")
                for name in ("ETag", "Last-Modified", "Accept-Ranges", "Cache-Control"):
                    self.assertIsNone(reply.get(name))
        self.assertEqual(client.get("/404.html").status, 200)

    def test_a_page_that_goes_and_comes(self):
        client = self.client()
        os.rename(self.root.path("404.html"), self.root.path("other"))
        self.assertTrue(until(lambda: client.get("/gone.png").body == b"404 Not Found\n"))
        self.root.write("404.html", b"<p>not here")
        self.assertTrue(until(lambda: client.get("/gone.png").body == b"<p>not here"))

    def test_a_missing_page_is_told_and_does_no_harm(self):
        with Server(self.root, "--error-page", "404=/none.html", "--spa", "/no.html") as server:
            self.assertEqual(server.fetch("/x").body, b"404 Not Found\n")
            self.assertIn("ringlet: --error-page /none.html: there is no such file", server.said())
            self.assertIn("ringlet: --spa /no.html: there is no such file", server.said())


class PagesNothingHeld(Pages):

    arguments = (*Pages.arguments, "--cache-size", "0")


class Files(Case):
    """`_headers` and `_redirects`, read at the start and again when they change."""

    extra = ("--cores", "1")

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.root.write("a.txt", b"a")
        self.server = None

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def serve(self, *arguments):
        server = Server(self.root, *self.extra, *arguments)
        self.addCleanup(server.kill)
        self.server = server
        return server

    def becomes(self, target, judge):
        """Ask until `judge(reply)` is true."""
        with self.server.client() as client:
            self.assertTrue(until(lambda: judge(client.get(target)), every=0.05),
                            f"{client.get(target)} {self.server.said()}")

    def test_rules_of_both_files(self):
        self.root.write("_headers", b"/*\n  X-All: yes\n/a.txt\n  Cache-Control: no-store\n"
                                    b"  X-Twice: 1\n  X-Twice: 2\n  X-Given: file\n")
        self.root.write("_redirects", b"# moved\n/old/* /new/:splat 302\n/a.txt /b.txt\n"
                                      b"/given /file\n/index.html /elsewhere 301!\n"
                                      b"/page/:id /a.txt 200\n")
        with self.serve("--max-age", "60", "--header", "/*: X-Given: line",
                        "--redirect", "/given=/line") as server:
            client = self.client()
            reply = client.get("/a.txt")
            self.assertEqual((reply.status, reply.body), (200, b"a"))
            self.assertEqual(reply.all("Cache-Control"), ["no-store"])
            self.assertEqual(reply.all("X-Twice"), ["1", "2"])
            self.assertEqual(reply.all("X-Given"), ["line"])
            self.assertEqual(client.get("/old/x").get("Location"), "/new/x")
            self.assertEqual(client.get("/given").get("Location"), "/line")
            self.assertEqual(client.get("/index.html").get("Location"), "/elsewhere")
            self.assertEqual(client.get("/page/7").body, b"a")
            for target in ("/_headers", "/_redirects"):
                self.assertEqual(client.get(target).status, 404)
            client.close()
            self.assertEqual(server.stop().count("\n"), 1)

    def test_they_are_read_again(self):
        with self.serve():
            self.assertEqual(self.server.fetch("/a.txt").get("X-A"), None)
            self.root.write("_headers", b"/*\n  X-A: 1\n")
            self.becomes("/a.txt", lambda reply: reply.get("X-A") == "1")
            self.root.replace("_headers", b"/*\n  X-A: 2\n")
            self.becomes("/a.txt", lambda reply: reply.get("X-A") == "2")
            self.root.write("_redirects", b"/a.txt /b.txt 301!\n")
            self.becomes("/a.txt", lambda reply: reply.get("Location") == "/b.txt")
            os.remove(self.root.path("_redirects"))
            self.becomes("/a.txt", lambda reply: reply.status == 200)
            os.remove(self.root.path("_headers"))
            self.becomes("/a.txt", lambda reply: reply.get("X-A") is None)

    def test_the_last_good_one_stays(self):
        self.root.write("_redirects", b"/x /good\n")
        with self.serve() as server:
            self.root.replace("_redirects", b"/x /other\n/y\n")
            told = "ringlet: _redirects line 2: TO is missing"
            with server.client() as client:
                self.assertTrue(until(lambda: client.get("/x") and told in server.said(),
                                      every=0.05))
            self.assertEqual(server.fetch("/x").get("Location"), "/good")
            self.root.replace("_redirects", b"/x /mended\n")
            self.becomes("/x", lambda reply: reply.get("Location") == "/mended")
            self.assertEqual(server.stop().count(told), 1)

    def test_what_is_held_is_made_anew(self):
        """Entries made under old rules must not survive, even when their files stay the same."""
        old = time.time() - 1000
        os.utime(self.root.path("a.txt"), (old, old))
        with self.serve("--max-age", "60") as server:
            etag = server.fetch("/a.txt").get("ETag")
            self.root.write("_headers", b"/a.txt\n  Cache-Control: no-store\n")
            self.becomes("/a.txt", lambda reply: reply.get("Cache-Control") == "no-store")
            reply = server.fetch("/a.txt", fields=(f"If-None-Match: {etag}",))
            self.assertEqual((reply.status, reply.get("Cache-Control")), (304, "no-store"))

    def test_another_root_has_other_rules(self):
        for name in ("one", "two"):
            self.root.write(f"{name}/_redirects", b"/x /%s\n" % name.encode())
            self.root.write(f"{name}/a.txt", b"a")
        current = self.root.path("current")
        os.symlink("one", current)
        with Server(os.fsdecode(current), *self.extra) as self.server:
            self.becomes("/x", lambda reply: reply.get("Location") == "/one")
            os.symlink("two", current + b".new")
            os.rename(current + b".new", current)
            self.becomes("/x", lambda reply: reply.get("Location") == "/two")

    def test_a_bad_file_refuses_the_start(self):
        for name, content, words in (
                ("_redirects", b"/a /b\n\n/c\n", "_redirects line 3: TO is missing"),
                ("_headers", b"/*\n  Date: now\n", "_headers line 2: this field is the server's"),
                ("_headers", b"\n" * (1 << 20) + b"#", "_headers: more than 1 MiB")):
            self.root.write(name, content)
            for more in ((), ("--check",)):
                done = run("--port", "0", *self.extra, *more, self.root.site)
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertIn("ringlet: " + words, done.stderr)
                self.assertEqual(done.stderr.count("\n"), 1)
            os.remove(self.root.path(name))


class FilesNothingHeld(Files):

    extra = ("--cores", "1", "--cache-size", "0")


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
                ("--error-page", "200=/x.html", "403, 404, 500 or 503"),
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
