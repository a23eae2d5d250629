"""http1.py - HTTP/1.1 and HTTP/1.0 as a client sees them: RFC 9110 and 9112, point by point."""
import email.utils
import re
import threading
import time

from server import Case, PeerClosed, chunks, main, request

DAYS = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
MONTHS = "(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
IMF_FIXDATE = re.compile(rf"{DAYS}, \d\d {MONTHS} \d{{4}} \d\d:\d\d:\d\d GMT")
HOME = b"<h1>home</h1>\n"


def seconds_of(date):
    return email.utils.parsedate_to_datetime(date).timestamp()


class Connections(Case):
    """Who keeps a connection, who ends it, and how."""

    def test_keeps_alive_by_default(self):
        client = self.client()
        for _ in range(1000):
            reply = client.get("/")
            self.assertEqual((reply.status, reply.body), (200, HOME))
            self.assertFalse(reply.closes())
        self.assertEqual(client.end(0.1), "open")

    def test_closes_when_asked(self):
        for value in ("close", "CLOSE", "keep-alive, close", "foo,close", "close ,bar", "\tclose"):
            with self.subTest(value):
                client = self.client()
                reply = client.get("/", [f"Connection:{value}"])
                self.assertEqual(reply.body, HOME)
                self.assertTrue(reply.closes())
                client.expect_fin()

    def test_close_in_a_second_connection_field(self):
        client = self.client()
        self.assertTrue(client.get("/", ["Connection: keep-alive", "Connection: close"]).closes())
        client.expect_fin()

    def test_other_connection_options_do_not_close(self):
        client = self.client()
        for value in ("upgrade", "closed", "x-close", "", ","):
            self.assertFalse(client.get("/", [f"Connection: {value}"]).closes(), value)
        self.assertEqual(client.end(0.1), "open")

    def test_an_upgrade_is_passed_over(self):
        client = self.client()
        fields = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMA"]
        self.assertEqual(client.get("/", fields).status, 200)
        self.assertEqual(client.get("/").status, 200)

    def test_nothing_is_answered_after_close(self):
        client = self.client()
        client.send(request("/", fields=["Connection: close"]) + request("/missing"))
        self.assertEqual(client.reply().status, 200)
        client.expect_fin()

    def test_http10_closes(self):
        for host in (None, "localhost"):
            client = self.client()
            reply = client.get("/", version="HTTP/1.0", host=host)
            self.assertEqual((reply.status, reply.body), (200, HOME))
            client.expect_fin()

    def test_http10_keeps_alive_when_asked(self):
        client = self.client()
        for _ in range(5):
            reply = client.get("/", ["Connection: Keep-Alive"], version="HTTP/1.0", host=None)
            self.assertEqual(reply.body, HOME)
            self.assertEqual(reply.get("Connection", "").lower(), "keep-alive")
        client.get("/", version="HTTP/1.0", host=None)
        client.expect_fin()

    def test_http10_body_by_length(self):
        client = self.client()
        client.send(request("/", "POST", ["Connection: keep-alive", "Content-Length: 5"],
                            version="HTTP/1.0", host=None, body=b"hello"))
        self.assertEqual(client.reply().status, 405)
        self.assertEqual(client.get("/").status, 200)

    def test_higher_minor_versions_are_1_1(self):
        client = self.client()
        for version in ("HTTP/1.2", "HTTP/1.9"):
            self.assertEqual(client.get("/", version=version).status, 200)

    def test_half_closed_client_gets_its_answer(self):
        for count in (1, 2, 50):
            client = self.client()
            client.send(request("/") * count)
            client.half_close()
            for _ in range(count):
                self.assertEqual(client.reply().body, HOME)
            client.expect_fin(2)

    def test_half_close_later_than_the_request(self):
        client = self.client()
        self.assertEqual(client.get("/").status, 200)
        client.half_close()
        client.expect_fin(2)

    def test_half_close_inside_a_request(self):
        for part in (b"G", b"GET / HTTP/1.1\r\nHost: a\r\n",
                     request("/", "POST", ["Content-Length: 9"], body=b"half")):
            client = self.client()
            client.send(part)
            client.half_close()
            data, how = client.rest()
            self.assertEqual(how, "fin")
            self.assertNotIn(b" 200 ", data.split(b"\r\n")[0])

    def test_clients_that_vanish(self):
        for part in (b"", b"GET / HT", request("/"), request("/") * 100):
            for _ in range(20):
                client = self.client()
                client.send(part)
                client.reset()
        self.assertEqual(self.server.fetch("/").status, 200)

    def test_many_connections_at_once(self):
        clients = [self.client() for _ in range(200)]
        for _ in range(3):
            for client in clients:
                client.send(request("/"))
            for client in clients:
                self.assertEqual(client.reply().body, HOME)


class Methods(Case):

    def test_head_is_get_without_the_body(self):
        self.root.write("big.bin", bytes(300000))
        for target in ("/", "/index.html", "/big.bin", "/missing", "/index.html/"):
            with self.subTest(target):
                client = self.client()
                got, head = client.get(target), client.get(target, method="HEAD")
                self.assertEqual(head.status, got.status)
                self.assertEqual(head.stable_fields(), got.stable_fields())
                self.assertEqual(head.body, b"")
                self.assertEqual(int(head.get("Content-Length")), len(got.body))

    def test_head_of_a_redirect(self):
        self.root.mkdir("somewhere")
        client = self.client()
        head, got = client.get("/somewhere", method="HEAD"), client.get("/somewhere")
        self.assertEqual(head.status, 301)
        self.assertEqual(head.stable_fields(), got.stable_fields())

    def test_refused_head_has_no_body(self):
        self.refused(request("/", "HEAD", ["Broken : field"]), 400, method="HEAD")
        client = self.client()
        self.assertEqual(client.get("/", ["Expect: tea"], method="HEAD").status, 417)
        self.assertEqual(client.get("/").status, 200)

    def check_allow(self, reply):
        allowed = {method.strip() for method in reply.get("Allow", "").split(",")}
        self.assertEqual(allowed, {"GET", "HEAD", "OPTIONS"}, reply)

    def test_options(self):
        client = self.client()
        for target in ("/", "/index.html", "*", "http://localhost", "http://localhost/index.html"):
            with self.subTest(target):
                reply = client.get(target, method="OPTIONS")
                self.assertIn(reply.status, (200, 204))
                self.assertEqual(reply.body, b"")
                self.check_allow(reply)

    def test_methods_that_files_do_not_have(self):
        client = self.client()
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            with self.subTest(method):
                reply = client.get("/index.html", method=method)
                self.assertEqual(reply.status, 405)
                self.check_allow(reply)
                self.assertFalse(reply.closes())

    def test_trace_does_not_echo(self):
        reply = self.client().get("/", ["Cookie: secret=1"], method="TRACE")
        self.assertEqual(reply.status, 405)
        self.assertNotIn(b"secret", reply.body)

    def test_connect_is_no_tunnel(self):
        client = self.client()
        reply = client.get("localhost:80", method="CONNECT")
        self.assertIn(reply.status, (400, 405, 501))

    def test_unknown_methods(self):
        for method in ("BREW", "get", "Get", "GETS", "GE", "X" * 60, "M-SEARCH", "PROPFIND",
                       "!#$%&'*+-.^_`|~09"):
            with self.subTest(method):
                self.refused(request("/", method), 501)

    def test_what_is_no_method(self):
        for method in ("G(T", "G@T", "GET,", "GET\"", "G\xe9T", "[GET]", "GET\x7f"):
            with self.subTest(method):
                self.refused(request("/", method), 400, 501)


class Targets(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("a b.txt", b"a space")
        root.write("%20.txt", b"percent twenty")
        root.write("%.txt", b"percent")
        root.write("dir/index.html", b"in a directory")

    def check(self, target, body, **options):
        with self.subTest(target):
            reply = self.client().get(target, **options)
            self.assertEqual((reply.status, reply.body), (200, body))

    def test_absolute_form(self):
        for target in ("http://localhost/", "http://localhost", "http://localhost:8080/index.html",
                       "HTTP://LOCALHOST/", "http://other.example/?x=y", "http://[::1]:80/",
                       "http://localhost?query", "http://127.0.0.1/dir/../index.html"):
            self.check(target, HOME)

    def test_absolute_form_overrules_host(self):
        self.check("http://localhost/", HOME, host="other.example")
        self.refused(request("http://localhost/", host=None), 400)

    def test_what_is_no_target(self):
        for target in ("*", "index.html", "?", "http:", "http://", "http:///", "", "localhost:80",
                       "/%", "/%1", "/%zz", "/%u0041", "/%00", "/a%00.html", "/../x",
                       "/dir/../../x",
                       "/a#b", "/#"):
            with self.subTest(target):
                self.refused(request(target), 400)

    def test_decodes_once(self):
        self.check("/a%20b.txt", b"a space")
        self.check("/%61%20%62.%74xt", b"a space")
        self.check("/%2520.txt", b"percent twenty")
        self.check("/%25.txt", b"percent")
        self.assertEqual(self.client().get("/%252e.txt").status, 404)
        self.assertEqual(self.client().get("/a+b.txt").status, 404)

    def test_dots_and_slashes(self):
        for target in ("//", "/./", "/dir/..", "/dir/../", "/dir/../index.html",
                       "/dir//..//index.html",
                       "/./././index.html", "/dir/%2e%2e/index.html", "/dir/.%2E/",
                       "/%2e/index.html"):
            self.check(target, HOME)
        self.check("/dir/.", b"in a directory")

    def test_an_encoded_slash_is_no_slash(self):
        for target in ("/dir%2findex.html", "/dir%2F", "/%2e%2e%2f%2e%2e%2fetc%2fpasswd"):
            self.assertIn(self.client().get(target).status, (400, 404), target)

    def test_queries_are_passed_over(self):
        for target in ("/?", "/?a=b&c=%zz", "/index.html?/../..", "/?http://x/", "/??", "/?a+b"):
            self.check(target, HOME)

    def test_characters_that_clients_leave_as_they_are(self):
        for target in ('/"', "/<>", "/^", "/`", "/{}", "/|", b"/\xc3\xa4", b"/\xff", "/[]",
                       "/~'!$&()*+,;=:@"):
            with self.subTest(target):
                self.assertEqual(self.client().get(target).status, 404)


class Hosts(Case):

    def test_good(self):
        for host in ("localhost", "LOCALHOST:8080", "localhost:", "127.0.0.1:1", "[::1]",
                     "[::1]:8080",
                     "a_b.example", "xn--bcher-kva.example", "a%20b", "a!$&'()*+,;=b", "1",
                     "[v1.a:b]",
                     "a" * 255):
            with self.subTest(host):
                self.assertEqual(self.client().get("/", host=host).status, 200)

    def test_white_space_around_a_value(self):
        for line in ("Host:localhost", "Host:\tlocalhost\t", "Host: \t  localhost  \t ",
                     "hOST:   localhost"):
            with self.subTest(line):
                self.assertEqual(self.client().get("/", [line], host=None).status, 200)

    def test_bad(self):
        for host in ("a b", "a/b", "user@a", "a:b", "a:80:80", "a:80x", "[::1", "::1", "[]",
                     "[g::1]", "a\\b", 'a"b', "<a>", "a#b", "a?b", "a^b", "{a}", "%", "a%2", "a%zz",
                     "http://a", "a:-1", "\u00e4"):
            with self.subTest(host):
                self.refused(request("/", host=host), 400)

    def test_empty(self):
        """Its grammar allows it (RFC 9110 7.2), and RFC 9112 3.3 lets a server have a default."""
        for host in ("", " "):
            self.assertEqual(self.client().get("/", host=host).status, 200)

    def test_one_and_only_one(self):
        self.refused(request("/", host=None), 400)
        self.refused(request("/", fields=["Host: localhost"]), 400)
        self.refused(request("/", fields=["Host: other"]), 400)
        self.refused(request("/", fields=["host:"]), 400)
        self.refused(request("/", fields=["Host: b"], version="HTTP/1.0"), 400)


class Pipelines(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        for i in range(20):
            root.write(f"f{i}.txt", b"file %d\n" % i * (i + 1))
        root.write("big.bin", bytes(range(256)) * 1024)

    def test_a_thousand_in_one_write(self):
        client = self.client()
        client.send(b"".join(request(f"/f{i * 7 % 20}.txt") for i in range(1000)))
        for i in range(1000):
            n = i * 7 % 20
            self.assertEqual(client.reply().body, b"file %d\n" % n * (n + 1))
        self.assertEqual(client.end(0.05), "open")

    def test_sixteen_deep(self):
        client = self.client()
        batch = b"".join(request(f"/f{i}.txt") for i in range(16))
        for _ in range(100):
            client.send(batch)
            for i in range(16):
                self.assertEqual(client.reply().body, b"file %d\n" % i * (i + 1))

    def test_all_kinds_in_order(self):
        kinds = [
            ("GET", request("/f1.txt"), 200),
            ("HEAD", request("/f2.txt", "HEAD"), 200),
            ("GET", request("/missing"), 404),
            ("POST", request("/f1.txt", "POST", ["Content-Length: 30"], body=request("/x")[:30]),
             405),
            ("OPTIONS", request("*", "OPTIONS"), None),
            ("GET", request("/f3.txt", fields=["Transfer-Encoding: chunked"],
                            body=chunks(b"GET /x HTTP/1.1\r\n\r\n", b"x" * 5000)), 200),
            ("GET", request("/big.bin"), 200),
            ("GET", request("/f4.txt", fields=["Expect: tea"]), 417),
            ("HEAD", request("/big.bin", "HEAD"), 200),
            ("PUT", request("/f4.txt", "PUT", ["Transfer-Encoding: chunked"], body=chunks()), 405),
            ("GET", request("/f5.txt"), 200),
        ]
        client = self.client()
        client.send(b"".join(data for _, data, _ in kinds) * 20
                    + request(fields=["Connection: close"]))
        for method, data, status in kinds * 20:
            reply = client.reply(method)
            self.assertIn(reply.status, (status,) if status else (200, 204), data)
        self.assertEqual(client.reply().body, HOME)
        client.expect_fin()

    def test_an_error_ends_the_pipeline_in_its_turn(self):
        client = self.client()
        client.send(request("/f1.txt") * 50 + request("/", fields=["Bad : field"])
                    + request("/f2.txt"))
        for _ in range(50):
            self.assertEqual(client.reply().status, 200)
        self.assertEqual(client.reply().status, 400)
        client.expect_fin()

    def test_asking_faster_than_reading(self):
        """100 MiB of answers are asked for before the first byte is read."""
        client = self.client()
        sender = threading.Thread(target=client.send, args=(request("/big.bin") * 400,))
        sender.start()
        time.sleep(0.3)
        expected = bytes(range(256)) * 1024
        for _ in range(400):
            self.assertEqual(client.reply().body, expected)
        sender.join()
        self.assertEqual(client.get("/f1.txt").status, 200)

    def test_asking_for_ever_without_reading(self):
        """A client that only writes is held back; it does not make the server grow."""
        client = self.client(timeout=1)
        batch = request("/f1.txt") * 1000
        sent = 0
        with self.assertRaises(TimeoutError):
            while sent < 200 << 20:
                sent += client.sock.send(batch)
        self.assertEqual(self.server.fetch("/f2.txt").status, 200)


class Pieces(Case):
    """However the bytes arrive, the answers are the same."""

    scenario = (request("/f.txt", "POST", ["Content-Length: 5"], body=b"hello")
                + request("/f.txt", fields=["Transfer-Encoding: chunked", "X-Tab:\tvalue\t"],
                          body=chunks(b"some", b"body", trailers=["X-Sum: 1"]))
                + request("/f.txt?query", "HEAD"))
    methods = ("POST", "GET", "HEAD")

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("f.txt", b"the file")

    def answers(self, client):
        replies = [client.reply(method) for method in self.methods]
        return [(reply.status, reply.stable_fields(), bytes(reply.body)) for reply in replies]

    def expected(self):
        client = self.client()
        client.send(self.scenario)
        answers = self.answers(client)
        self.assertEqual([status for status, _, _ in answers], [405, 200, 200])
        return answers

    def test_a_byte_at_a_time(self):
        expected = self.expected()
        client = self.client()
        for pause in (0, 0.001):
            for i in range(len(self.scenario)):
                client.send(self.scenario[i:i + 1])
                time.sleep(pause)
            self.assertEqual(self.answers(client), expected)

    def test_split_at_every_point_on_one_connection(self):
        expected = self.expected()
        client = self.client()
        for at in range(1, len(self.scenario)):
            client.send(self.scenario[:at])
            time.sleep(0.002)
            client.send(self.scenario[at:])
            self.assertEqual(self.answers(client), expected, f"split at {at}")

    def test_split_at_every_point_on_fresh_connections(self):
        expected = self.expected()
        clients = [self.client() for _ in range(1, len(self.scenario))]
        for at, client in enumerate(clients, 1):
            client.send(self.scenario[:at])
        time.sleep(0.05)
        for at, client in enumerate(clients, 1):
            client.send(self.scenario[at:])
            self.assertEqual(self.answers(client), expected, f"split at {at}")

    def test_a_long_head_in_pieces(self):
        fields = [f"X-Field-{i}: {'v' * 150}" for i in range(60)]
        data = request("/f.txt", fields=fields)
        client = self.client()
        for size in (1000, 1, 4096, 37):
            for at in range(0, len(data), size):
                client.send(data[at:at + size])
                if size > 10:
                    time.sleep(0.001)
            self.assertEqual(client.reply().body, b"the file")

    def test_empty_lines_before_a_request(self):
        client = self.client()
        client.send(b"\r\n" + request("/f.txt") + b"\r\n" + request("/f.txt"))
        self.assertEqual([client.reply().status, client.reply().status], [200, 200])


class Bodies(Case):
    arguments = ("--max-body", "1000")

    def test_consumed_by_length_and_in_chunks(self):
        for method, status in (("GET", 200), ("POST", 405), ("PUT", 405), ("DELETE", 405),
                               ("HEAD", 200)):
            for size in (0, 1, 999, 1000):
                with self.subTest(method, size=size):
                    body = (request("/smuggled") * 30)[:size]
                    coded = chunks(body[:size // 2],
                                   body[size // 2:]) if size > 1 else chunks(*[body] * size)
                    client = self.client()
                    client.send(request("/", method, [f"Content-Length: {size}"], body=body)
                                + request("/", method, ["Transfer-Encoding: chunked"], body=coded)
                                + request("/missing"))
                    self.assertEqual(client.reply(method).status, status)
                    self.assertEqual(client.reply(method).status, status)
                    self.assertEqual(client.reply().status, 404)

    def test_chunk_forms(self):
        forms = (b"5\r\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n00\r\n\r\n",
                 b"A\r\nhellohello\r\n0\r\n\r\n",
                 b"a\r\nhellohello\r\n0\r\n\r\n", b"5;name\r\nhello\r\n0;x=y\r\n\r\n",
                 b'5;a="q;\\"r";b=c\r\nhello\r\n0\r\n\r\n',
                 b"1\r\nh\r\n1\r\ne\r\n0\r\nTrailer: x\r\nOther:\r\n\r\n")
        client = self.client()
        for body in forms:
            for coding in ("chunked", "Chunked", "CHUNKED", "\tchunked\t"):
                client.send(request("/", fields=[f"Transfer-Encoding:{coding}"], body=body))
                self.assertEqual(client.reply().status, 200, (coding, body))

    def test_too_long_by_length(self):
        for method in ("GET", "POST", "HEAD"):
            self.refused(request("/", method, ["Content-Length: 1001"]), 413, method=method)
            self.refused(request("/", method, ["Content-Length: 1001"], body=b"x" * 1001), 413,
                         method=method)
        self.refused(request("/", fields=["Content-Length: 9223372036854775807"]), 413)

    def test_too_long_in_chunks(self):
        coding = ["Transfer-Encoding: chunked"]
        self.refused(request("/", fields=coding, body=chunks(b"x" * 1001)), 413)
        self.refused(request("/", fields=coding, body=chunks(*[b"x"] * 1001)), 413)
        self.refused(request("/", fields=coding, body=b"7fffffffffffffff\r\n" + b"x" * 2000), 413)

    def test_too_long_after_the_answer(self):
        """A 405 may go out before the body is in; a body too long then ends the connection."""
        client = self.client()
        client.send(request("/", "POST", ["Transfer-Encoding: chunked"],
                            body=chunks(b"x" * 600, b"y" * 600))
                    + request("/"))
        self.assertIn(client.reply().status, (405, 413))
        client.expect_fin()

    def test_too_long_is_not_asked_for(self):
        self.refused(request("/", fields=["Content-Length: 1001", "Expect: 100-continue"]), 413)

    def test_empty_body_with_a_limit_of_none(self):
        with type(self.server)(self.root, "--max-body", "0") as server, server.client() as client:
            self.assertEqual(client.get("/", ["Content-Length: 0"]).status, 200)
            client.send(request("/", fields=["Transfer-Encoding: chunked"], body=chunks()))
            self.assertEqual(client.reply().status, 200)
            client.send(request("/", fields=["Content-Length: 1"], body=b"x"))
            self.assertEqual(client.reply().status, 413)
            client.expect_fin()


class DefaultLimits(Case):

    def test_a_body_of_one_mebibyte(self):
        client = self.client()
        client.send(request("/", "POST", ["Content-Length: 1048576"], body=bytes(1 << 20)))
        self.assertEqual(client.reply().status, 405)
        client.send(request("/", fields=["Transfer-Encoding: chunked"],
                            body=chunks(*[bytes(65536)] * 16)))
        self.assertEqual(client.reply().status, 200)
        self.refused(request("/", "POST", ["Content-Length: 1048577"]), 413)

    def test_heads(self):
        client = self.client()
        self.assertEqual(client.get("/", ["X: " + "v" * 15000]).status, 200)
        self.assertEqual(client.get("/?" + "q" * 15000).status, 200)
        self.assertEqual(client.get("/", [f"X-{i}: v" for i in range(60)]).status, 200)
        self.assertEqual(client.get("/?" + "/" * 8000).status, 200)

    def test_too_long_heads(self):
        self.refused(request("/", fields=["X: " + "v" * 20000]), 431)
        self.refused(request("/", fields=[f"X-{i}: v" for i in range(500)]), 431)
        self.refused(request("/", fields=[f"X-{i}: {'v' * 100}" for i in range(5000)]), 431)
        self.refused(request("/", fields=["X" * 20000 + ": v"]), 431)

    def test_too_long_targets(self):
        self.refused(request("/" + "a" * 20000), 414)
        self.refused(request("/?" + "a" * 200000), 414)
        client = self.client()
        self.assertIn(client.get("/" + "a" * 5000).status, (404, 414))

    def test_refuses_before_the_end(self):
        """A head that only grows is refused when it is too long, not when it is complete."""
        self.refused(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"v" * 20000, 431)
        self.refused(b"GET /" + b"a" * 20000, 414)

    def test_a_long_name_in_a_path(self):
        client = self.client()
        self.assertEqual(client.get("/" + "n" * 256).status, 404)
        self.assertEqual(client.get("/" + "n/" * 1000).status, 404)


class SmallHead(Case):
    arguments = ("--max-head", "1024")

    def padded(self, total):
        bare = len(request("/", fields=["X: "]))
        return request("/", fields=["X: " + "v" * (total - bare)])

    def test_exactly_the_limit(self):
        client = self.client()
        client.send(self.padded(1024))
        self.assertEqual(client.reply().status, 200)
        self.refused(self.padded(1025), 431)
        self.refused(request("/?" + "a" * 1100), 414)

    def test_the_limit_is_for_each_of_a_pipeline(self):
        client = self.client()
        client.send(self.padded(1000) * 50)
        for _ in range(50):
            self.assertEqual(client.reply().status, 200)


class Expectations(Case):

    def test_nobody_wants_it_so_the_answer_comes_first(self):
        client = self.client()
        for _ in range(3):
            client.send(request("/", fields=["Expect: 100-continue", "Content-Length: 5"]))
            reply = client.reply()
            self.assertEqual((reply.status, reply.body), (200, HOME))
            client.send(b"hello")

    def test_chunks_and_without_case(self):
        client = self.client()
        client.send(request("/", fields=["expect: 100-Continue", "Transfer-Encoding: chunked"]))
        self.assertEqual(client.reply().status, 200)
        client.send(chunks(b"hello") + request("/missing"))
        self.assertEqual(client.reply().status, 404)

    def test_body_that_comes_unasked(self):
        client = self.client()
        client.send(request("/", fields=["Expect: 100-continue", "Content-Length: 5"],
                            body=b"hello")
                    + request("/missing"))
        self.assertEqual(client.reply().status, 200)
        self.assertEqual(client.reply().status, 404)

    def test_no_body_no_continue(self):
        client = self.client()
        self.assertEqual(client.get("/", ["Expect: 100-continue"]).status, 200)
        self.assertEqual(client.get("/", ["Expect: 100-continue", "Content-Length: 0"]).status, 200)

    def test_http10_gets_no_continue(self):
        client = self.client()
        client.send(request("/", fields=["Expect: 100-continue", "Content-Length: 5",
                                         "Connection: keep-alive"], version="HTTP/1.0"))
        self.assertEqual(client.end(0.1), "open")
        client.sock.settimeout(10)
        client.send(b"hello")
        self.assertEqual(client.reply().status, 200)

    def test_a_final_answer_instead_of_continue(self):
        """RFC 9110 10.1.1: no 100 when the answer is known; then the body may come or not."""
        client = self.client()
        client.send(request("/", "POST", ["Expect: 100-continue", "Content-Length: 5"]))
        reply = client.reply()
        self.assertEqual(reply.status, 405)
        if reply.closes():
            client.expect_fin()
            return
        client.send(b"hello" + request("/"))
        self.assertEqual(client.reply().status, 200)

    def test_unknown_expectation(self):
        client = self.client()
        for value in ("tea", "100-continue, tea", "200-ok", "100-continuex"):
            client.send(request("/", fields=[f"Expect: {value}", "Content-Length: 5"],
                                body=b"hello")
                        + request("/missing"))
            reply = client.reply()
            self.assertEqual(reply.status, 417, value)
            self.assertFalse(reply.closes())
            self.assertEqual(client.reply().status, 404)


class Refusals(Case):

    def test_versions(self):
        for version in ("HTTP/2.0", "HTTP/3.0", "HTTP/0.9", "HTTP/9.9"):
            self.refused(request("/", version=version), 505)

    def test_an_http2_preface(self):
        self.refused(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 501, 505)

    def test_a_tls_hello(self):
        client = self.client()
        client.send(bytes.fromhex("16030100c8010000c40303") + bytes(190))
        data, how = client.rest()
        self.assertEqual(how, "fin")
        self.assertRegex(data[:20], b"^HTTP/1.1 400 ")

    def test_not_found_keeps_the_connection(self):
        client = self.client()
        for _ in range(20):
            reply = client.get("/missing", ["Content-Length: 3"], body=b"abc")
            self.assertEqual(reply.status, 404)
            self.assertFalse(reply.closes())
            self.assertGreater(len(reply.body), 0)
        self.assertEqual(client.get("/").status, 200)

    def test_bodies_of_errors_are_inert(self):
        """Nothing that the client sent comes back in a page that a browser would show."""
        reply = self.client().get("/<script>alert(1)</script>")
        self.assertEqual(reply.status, 404)
        self.assertNotIn(b"<script>", reply.body)

    def test_range_is_passed_over_on_head(self):
        client = self.client()
        for value in ("bytes=0-3", "bytes=5000-", "bytes=x", "lines=1-2"):
            reply = client.get("/", [f"Range: {value}"], method="HEAD")
            self.assertEqual((reply.status, reply.get("Content-Length")), (200, str(len(HOME))))
            self.assertIsNone(reply.get("Content-Range"))

    def test_range_on_get_is_all_or_exactly_that(self):
        reply = self.client().get("/", ["Range: bytes=4-7"])
        self.assertIn((reply.status, bytes(reply.body)), ((200, HOME), (206, HOME[4:8])))

    def test_a_condition_never_brings_a_wrong_body(self):
        client = self.client()
        tag = client.get("/").get("ETag")
        reply = client.get("/", [f"If-None-Match: {tag}"])
        self.assertIn((reply.status, bytes(reply.body)), ((200, HOME), (304, b"")))
        self.assertEqual(client.get("/", ['If-None-Match: "other"']).body, HOME)


class Dates(Case):

    def test_date_is_right_and_renewed(self):
        client = self.client()
        seen = []
        for pause in (0, 1.1, 2.3):
            time.sleep(pause)
            before = time.time()
            for reply in (client.get("/"), client.get("/missing"),
                          client.get("*", method="OPTIONS")):
                date = reply.get("Date")
                self.assertRegex(date, IMF_FIXDATE)
                self.check_date(date, before)
            seen.append(date)
        self.assertEqual(len(set(seen)), 3)

    def check_date(self, date, before):
        """Of an answer to a request that was not sent before, and whose answer is here."""
        self.assertTrue(before - 1.2 < seconds_of(date) <= time.time(), date)

    def test_refusals_carry_a_date(self):
        before = time.time()
        reply = self.refused(b"nonsense\r\n\r\n", 400)
        self.check_date(reply.get("Date"), before)


class Endurance(Case):

    def test_a_long_answer_to_a_half_closed_client(self):
        self.root.write("large.bin", b"0123456789abcdef" * (8 << 16))
        client = self.client(receive_buffer=65536)
        client.send(request("/large.bin"))
        client.half_close()
        time.sleep(0.1)
        self.assertEqual(client.reply().body, b"0123456789abcdef" * (8 << 16))
        client.expect_fin()

    def test_a_client_that_leaves_during_a_long_answer(self):
        self.root.write("large.bin", bytes(8 << 20))
        for _ in range(10):
            client = self.client(receive_buffer=65536)
            client.send(request("/large.bin") * 3)
            client.sock.recv(1000)
            client.reset()
        with self.client() as client:
            self.assertEqual(client.get("/").body, HOME)

    def test_threads_of_clients(self):
        failures = []

        def ask():
            try:
                for _ in range(30):
                    with self.server.client() as client:
                        for _ in range(10):
                            if client.get("/").body != HOME:
                                failures.append("a wrong body")
            except (OSError, PeerClosed, AssertionError) as error:
                failures.append(repr(error))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    main()
