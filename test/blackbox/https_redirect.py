"""https_redirect.py - leading clients to HTTPS, and telling them to stay (--hsts)."""
import re
import socket
import unittest

from server import Root, main, request, run
from tls import Pair, SecureCase, SecureServer, TlsClient

YEAR = 31536000


class Redirect(SecureCase):

    arguments = ("--https-redirect", "--demo", "--cores", "1", "--max-body", "1m",
                 "--redirect", "/old=/new")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("dir/index.html", b"the index of dir")
        root.write(".well-known/acme-challenge/token-1", b"the answer")
        root.write(".well-known/other", b"other")

    def there(self, host="localhost"):
        return f"https://{host}:{self.server.secure[1]}"

    def expect(self, target, location, method="GET", **options):
        client = self.plain()
        client.send(request(target, method, **options))
        reply = client.reply(method)
        self.assertEqual((reply.status, reply.get("Location")), (308, location))
        return reply

    def test_everything(self):
        for target in ("/", "/dir", "/dir/", "/missing", "/ping", "/old", "/.hidden",
                       "/.well-known/other", "/.well-known/acme-challenge",
                       "/.well-known/acme-challengeX"):
            for method in ("GET", "HEAD", "DELETE", "OPTIONS"):
                with self.subTest(f"{method} {target}"):
                    self.expect(target, self.there() + target, method)

    def test_the_query_is_kept(self):
        for target in ("/?", "/?a=b&c=d", "/dir?x=%20y", "/a%20b/%C3%A4?q=/../", "/?https://x/"):
            self.expect(target, self.there() + target)

    def test_hosts(self):
        """The host is the client's, without its port, with the one of HTTPS."""
        port = self.server.address[1]
        for host, wanted in (("example.test", "example.test"), (f"example.test:{port}",
                             "example.test"), ("example.test:80", "example.test"),
                             ("127.0.0.1", "127.0.0.1"), ("[::1]", "[::1]"),
                             (f"[::1]:{port}", "[::1]"), ("example.test:", "example.test")):
            self.expect("/x", self.there(wanted) + "/x", host=host)

    def test_hosts_that_are_none(self):
        """Nobody is led to where no client can have wanted to go."""
        for host in ("", "a b", "a/b", "user@a", "a?b", "a#b", "a:b", "[::1", "::1", "<a>", "[]",
                     ":80", "a\\b", 'a"b', "\xe4.test"):
            with self.subTest(host):
                client = self.plain()
                client.send(request("/", host=host))
                reply = client.reply()
                self.assertEqual(reply.status, 400, reply)
                self.assertIsNone(reply.get("Location"))

    def test_without_a_host(self):
        self.assertEqual(self.answer(request("/", host=None)).status, 400)
        old = self.answer(request("/", host=None, version="HTTP/1.0"))
        self.assertEqual(old.status, 400)
        twice = request("/", fields=["Host: other"])
        self.assertEqual(self.answer(twice).status, 400)

    def answer(self, data):
        client = self.plain()
        client.send(data)
        return client.reply()

    def test_whole_urls(self):
        """What the request line names goes before Host (RFC 9112 3.2.2)."""
        self.expect("http://other.test/x?y", self.there("other.test") + "/x?y")
        self.expect("http://other.test:8080/", self.there("other.test") + "/")
        self.expect("http://other.test", self.there("other.test") + "/")

    def test_requests_with_content(self):
        """A 308 keeps method and content; what was sent is dropped, and the connection goes on."""
        client = self.plain()
        for fields, body in ((["Content-Length: 5"], b"hello"),
                             (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n0\r\n\r\n")):
            client.send(request("/upload?x", "POST", fields, body=body))
            reply = client.reply("POST")
            self.assertEqual((reply.status, reply.get("Location")),
                             (308, self.there() + "/upload?x"))
        self.assertEqual(client.get("/").status, 308)

    def test_expecting(self):
        """Nobody is asked for content that would be dropped."""
        client = self.plain()
        client.send(request("/upload", "POST", ["Expect: 100-continue", "Content-Length: 900000"]))
        self.assertEqual(client.reply("POST").status, 308)

    def test_pipelined(self):
        client = self.plain()
        client.send(b"".join(request(f"/{i}") for i in range(50)))
        for i in range(50):
            self.assertEqual(client.reply().get("Location"), f"{self.there()}/{i}")

    def test_what_it_leads_to(self):
        reply = self.expect("/dir/?x", self.there() + "/dir/?x")
        port, path = re.fullmatch(r"https://localhost:(\d+)(/.*)", reply.get("Location")).groups()
        with TlsClient(("127.0.0.1", int(port))) as client:
            self.assertEqual(client.get(path).body, b"the index of dir")

    def test_challenges(self):
        """Who proves to be the owner of a name is asked without TLS."""
        for answer in (self.plain(), self.client()):
            reply = answer.get("/.well-known/acme-challenge/token-1")
            self.assertEqual((reply.status, reply.body), (200, b"the answer"))
            self.assertEqual(answer.get("/.well-known/acme-challenge/none").status, 404)
        for target in ("/.well-known/acme-challenge/../../dir/",
                       "/.well-known/acme-challenge/%2e%2e/%2e%2e/dir/",
                       "/.well-known/acme-challenge/../other"):
            reply = self.plain().get(target)
            self.assertIn(reply.status, (308, 400, 403, 404), target)
            self.assertNotIn(b"index of dir", reply.body)

    def test_secure_is_not_led(self):
        for target in ("/", "/dir/", "/ping"):
            self.assertEqual(self.client().get(target).status, 200)
        self.assertEqual(self.client().get("/old").get("Location"), "/new")

    def test_long_targets(self):
        for target in ("/" + "a" * 2000 + "?" + "b" * 2000, "/?" + "b" * 4000):
            self.expect(target, self.there() + target)
        self.refused_plain(request("/?" + "b" * 14000), 414)
        self.refused_plain(request("/" + "a" * 20000), 414)

    def refused_plain(self, data, status):
        self.assertEqual(self.answer(data).status, status)

    def test_targets_that_would_break_a_line(self):
        for target in ("/%0d%0aX:%20y", "//evil.test/", "/\\evil.test", "///"):
            reply = self.plain().get(target)
            if reply.status == 308:
                self.assertEqual(reply.get("Location"), self.there() + target)
            else:
                self.assertEqual(reply.status, 400)


class Strict(unittest.TestCase):
    """Strict-Transport-Security (RFC 6797): in every answer over TLS, in none without."""

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.root.write("404.html", b"none")
        self.root.write("big.bin", bytes(300000))
        self.pair = Pair(self.root.top, "pair")

    def test_values(self):
        for given, wanted in ((f"{YEAR}", f"max-age={YEAR}"), ("0", "max-age=0"),
                              (f"{YEAR},includeSubDomains", f"max-age={YEAR}; includeSubDomains"),
                              (f"{2 * YEAR},includeSubDomains,preload",
                               f"max-age={2 * YEAR}; includeSubDomains; preload")):
            with SecureServer(self.root, [self.pair], "--hsts", given) as server:
                field = server.secure_fetch("/").get("Strict-Transport-Security")
                self.assertEqual(field, wanted)

    def test_in_every_answer(self):
        with SecureServer(self.root, [self.pair], "--hsts", "300", "--demo", "--cores", "1",
                          "--error-page", "404=/404.html", "--redirect", "/old=/new") as server:
            etag = server.secure_fetch("/").get("ETag")
            asked = [("/", "GET", []), ("/", "HEAD", []), ("/big.bin", "GET", []),
                     ("/missing", "GET", []), ("/ping", "GET", []), ("/old", "GET", []),
                     ("/", "PUT", []), ("/", "OPTIONS", []), ("/", "BREW", []),
                     ("/", "GET", [f"If-None-Match: {etag}"]), ("/", "GET", ["If-Match: x"]),
                     ("/big.bin", "GET", ["Range: bytes=0-9"]), ("/ping", "POST", []),
                     ("/big.bin", "GET", ["Range: bytes=0-9,100-109"]),
                     ("/", "GET", ["Range: bytes=900000-"]), ("/", "GET", ["X: " + "y" * 17000])]
            for target, method, fields in asked:
                with self.subTest(f"{method} {target} {fields}"[:60]):
                    secure = server.secure_fetch(target, method, fields)
                    self.assertEqual(secure.all("Strict-Transport-Security"), ["max-age=300"],
                                     secure)
                    plain = server.fetch(target, method, fields)
                    self.assertEqual(plain.status, secure.status)
                    self.assertEqual(plain.all("Strict-Transport-Security"), [])

    def test_not_without_being_asked(self):
        with SecureServer(self.root, [self.pair]) as server:
            self.assertIsNone(server.secure_fetch("/").get("Strict-Transport-Security"))

    def test_not_where_it_leads_from(self):
        """RFC 6797 7.2: not in what is said without TLS."""
        with SecureServer(self.root, [self.pair], "--hsts", "300", "--https-redirect") as server:
            self.assertIsNone(server.fetch("/").get("Strict-Transport-Security"))

    def test_default_port(self):
        """Where HTTPS has its own port, nobody needs to be told which."""
        try:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 443))
        except OSError as error:
            self.skipTest(f"port 443 is not to be had: {error}")
        with SecureServer(self.root, [self.pair], "--https-redirect", tls_port=443) as server:
            reply = server.fetch("/x")
            self.assertEqual((reply.status, reply.get("Location")), (308, "https://localhost/x"))

    def test_refused(self):
        for value in ("", "x", "-1", "1,2", "300,preload,x", "300,", "1.5", "99999999999999999999",
                      "300;includeSubDomains"):
            done = run("--tls-port", "0", *self.pair.options(), f"--hsts={value}", "--check",
                       self.root.site)
            self.assertEqual(done.returncode, 2, value)
            self.assertRegex(done.stderr, r"\A[^\n]*--hsts[^\n]*\n\Z")


if __name__ == "__main__":
    main()
