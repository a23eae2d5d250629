"""smuggling.py - requests that two servers could read differently.

RFC 9112 2.2, 5, 6.3, 7.1, 11.2. Each attack is followed by a request for /smuggled on the same
connection. The attack must be refused, the connection closed in good order, and the second request
never answered. Then the other half: the answer is readable however much the peer still sends.
"""
import threading
import time

from server import Case, PeerClosed, PeerReset, chunks, main, request

MARK = b"this is the smuggled file"
BAD = (400,)
CODING = (400, 501)
TOO_LARGE = (400, 413)


def head(*lines, first="GET / HTTP/1.1", host="Host: localhost"):
    """A request from whole lines; they are joined by CRLF and otherwise left alone."""
    lines = [first, *([host] if host else []), *lines]
    return b"\r\n".join(line if isinstance(line, bytes) else line.encode("latin-1")
                        for line in lines) + b"\r\n\r\n"


def chunked(body):
    return head("Transfer-Encoding: chunked") + body


LINES = {
    "folded field": (head("X: a", " b"), BAD),
    "folded by a tab": (head("X: a", "\tb"), BAD),
    "first field folded": (head(host=" Host: localhost"), BAD),
    "folded length": (head("Content-Length:", " 5"), BAD),
    "folded coding": (head("Transfer-Encoding:", " chunked"), BAD),
    "folded nothing": (head("X: a", " "), BAD),
    "bare CR in a value": (head("X: a\rb"), BAD),
    "bare CR before CRLF": (head("X: a\r"), BAD),
    "bare CR in a name": (head("X\r: a"), BAD),
    "bare CR as a line's end": (b"GET / HTTP/1.1\rHost: localhost\r\n\r\n", BAD),
    "bare CR hides a length": (head("X: a\rContent-Length: 5"), BAD),
    "bare CR before everything": (b"\r" + head(), BAD),
    "bare LF after the request line": (b"GET / HTTP/1.1\nHost: localhost\r\n\r\n", BAD),
    "bare LF after a field": (b"GET / HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", BAD),
    "bare LF as the empty line": (b"GET / HTTP/1.1\r\nHost: localhost\r\n\n", BAD),
    "bare LF everywhere": (b"GET / HTTP/1.1\nHost: localhost\n\n", BAD),
    "bare LF before everything": (b"\n" + head(), BAD),
    "bare LF in a value hides a coding": (head("X: a\nTransfer-Encoding: chunked"), BAD),
    "LF CR": (b"GET / HTTP/1.1\r\nHost: localhost\n\rX: y\r\n\r\n", BAD),
    "NUL in a value": (head("X: a\0b"), BAD),
    "NUL in a name": (head("X\0: a"), BAD),
    "NUL in the target": (head(first="GET /\0 HTTP/1.1"), BAD),
    "NUL in the method": (head(first="G\0ET / HTTP/1.1"), CODING),
    "NUL before everything": (b"\0" + head(), CODING),
    "control in a value": (head("X: a\x01b"), BAD),
    "vertical tab in a value": (head("X: a\x0bb"), BAD),
    "form feed in a value": (head("X: a\x0cb"), BAD),
    "escape in a value": (head("X: \x1b[31m"), BAD),
    "DEL in a value": (head("X: a\x7fb"), BAD),
    "space before the colon": (head("Content-Length : 5"), BAD),
    "tab before the colon": (head("Transfer-Encoding\t: chunked"), BAD),
    "space before Host's colon": (head(host="Host : localhost"), BAD),
    "no colon": (head("nonsense"), BAD),
    "no name": (head(": value"), BAD),
    "only a colon": (head(":"), BAD),
    "space in a name": (head("X Y: z"), BAD),
    "parenthesis in a name": (head("X(Y): z"), BAD),
    "high byte in a name": (head("X\xe4: z"), BAD),
    "NBSP after a name": (head("Content-Length\xa0: 5"), BAD),
    "quoted name": (head('"X": z'), BAD),
}

LENGTHS = {
    "length and coding": (head("Content-Length: 5", "Transfer-Encoding: chunked") + chunks(), BAD),
    "coding and length": (head("Transfer-Encoding: chunked", "Content-Length: 5") + chunks(), BAD),
    "length 0 and coding": (head("Content-Length: 0", "Transfer-Encoding: chunked") + chunks(),
                            BAD),
    "length and identity": (head("Content-Length: 5", "Transfer-Encoding: identity"), CODING),
    "length twice, equal": (head("Content-Length: 5", "Content-Length: 5"), BAD),
    "length twice, differing": (head("Content-Length: 0", "Content-Length: 44"), BAD),
    "length twice, in other cases": (head("content-length: 0", "CONTENT-LENGTH: 44"), BAD),
    "length list, equal": (head("Content-Length: 5, 5"), BAD),
    "length list without space": (head("Content-Length: 5,5"), BAD),
    "length list, differing": (head("Content-Length: 0, 44"), BAD),
    "length with a plus": (head("Content-Length: +5"), BAD),
    "length below zero": (head("Content-Length: -1"), BAD),
    "length minus zero": (head("Content-Length: -0"), BAD),
    "length in hexadecimal": (head("Content-Length: 0x5"), BAD),
    "length of two numbers": (head("Content-Length:  5 5"), BAD),
    "length with letters": (head("Content-Length: 5a"), BAD),
    "length with letters first": (head("Content-Length: a5"), BAD),
    "length with a point": (head("Content-Length: 5.0"), BAD),
    "length with an exponent": (head("Content-Length: 1e1"), BAD),
    "length with a separator": (head("Content-Length: 1_0"), BAD),
    "length with a semicolon": (head("Content-Length: 5;"), BAD),
    "length in quotes": (head('Content-Length: "5"'), BAD),
    "length in wide digits": (head(b"Content-Length: \xef\xbc\x95"), BAD),
    "length with a vertical tab": (head("Content-Length: \x0b5"), BAD),
    "length empty": (head("Content-Length:"), BAD),
    "length only white space": (head("Content-Length: \t "), BAD),
    "length 2^64": (head("Content-Length: 18446744073709551616"), TOO_LARGE),
    "length 2^64 + 5": (head("Content-Length: 18446744073709551621"), TOO_LARGE),
    "length 2^64 - 1": (head("Content-Length: 18446744073709551615"), TOO_LARGE),
    "length 2^63": (head("Content-Length: 9223372036854775808"), TOO_LARGE),
    "length of forty digits": (head("Content-Length: " + "9" * 40), TOO_LARGE),
}

CODINGS = {
    "chunked twice": (head("Transfer-Encoding: chunked, chunked") + chunks(), CODING),
    "chunked in two fields": (head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")
                              + chunks(), CODING),
    "xchunked": (head("Transfer-Encoding: xchunked"), CODING),
    "chunkedx": (head("Transfer-Encoding: chunkedx"), CODING),
    "chunked with a space inside": (head("Transfer-Encoding: chun ked"), CODING),
    "identity": (head("Transfer-Encoding: identity"), CODING),
    "chunked then identity": (head("Transfer-Encoding: chunked, identity") + chunks(), CODING),
    "identity then chunked": (head("Transfer-Encoding: identity, chunked") + chunks(), CODING),
    "chunked and identity in two fields": (
        head("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + chunks(), CODING),
    "chunked with a parameter": (head("Transfer-Encoding: chunked;q=1") + chunks(), CODING),
    "gzip": (head("Transfer-Encoding: gzip"), CODING),
    "gzip then chunked": (head("Transfer-Encoding: gzip, chunked") + chunks(), (501,)),
    "chunked then gzip": (head("Transfer-Encoding: chunked, gzip") + chunks(), CODING),
    "coding empty": (head("Transfer-Encoding:"), CODING),
    "coding in quotes": (head('Transfer-Encoding: "chunked"') + chunks(), CODING),
    "coding after a vertical tab": (head("Transfer-Encoding: \x0bchunked") + chunks(), CODING),
    "coding before a NUL": (head("Transfer-Encoding: chunked\0") + chunks(), CODING),
    "coding after NBSP": (head("Transfer-Encoding: \xa0chunked") + chunks(), CODING),
    "coding with a long s": (head("Tran\xc5\xbffer-Encoding: chunked") + chunks(), BAD),
    "coding in HTTP/1.0": (head("Transfer-Encoding: chunked", first="GET / HTTP/1.0") + chunks(),
                           BAD),
    "coding in HTTP/1.0 with keep-alive": (
        head("Transfer-Encoding: chunked", "Connection: keep-alive", first="GET / HTTP/1.0")
        + chunks(), BAD),
    "unknown coding in HTTP/1.0": (head("Transfer-Encoding: x", first="GET / HTTP/1.0"), CODING),
}

CHUNKS = {
    "size 2^64": (chunked(b"10000000000000000\r\n"), TOO_LARGE),
    "size 2^64 + 5": (chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), TOO_LARGE),
    "size 2^64 - 1": (chunked(b"ffffffffffffffff\r\n"), TOO_LARGE),
    "size 2^63": (chunked(b"8000000000000000\r\n"), TOO_LARGE),
    "size of seventeen digits": (chunked(b"fffffffffffffffff\r\n"), TOO_LARGE),
    "size of two chunks beyond 2^64": (chunked(b"1\r\nx\r\nffffffffffffffff\r\n"), TOO_LARGE),
    "size with a minus": (chunked(b"-1\r\n"), BAD),
    "size with a plus": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), BAD),
    "size after a space": (chunked(b" 5\r\nhello\r\n0\r\n\r\n"), BAD),
    "size after a tab": (chunked(b"\t5\r\nhello\r\n0\r\n\r\n"), BAD),
    "size before a space": (chunked(b"5 \r\nhello\r\n0\r\n\r\n"), BAD),
    "size of two numbers": (chunked(b"5 5\r\nhello\r\n0\r\n\r\n"), BAD),
    "size with 0x": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), BAD),
    "size missing": (chunked(b"\r\nhello\r\n0\r\n\r\n"), BAD),
    "size missing before an extension": (chunked(b";x=y\r\n0\r\n\r\n"), BAD),
    "size with other letters": (chunked(b"5g\r\nhello\r\n0\r\n\r\n"), BAD),
    "size with a comma": (chunked(b"5,5\r\nhello\r\n0\r\n\r\n"), BAD),
    "size with NUL": (chunked(b"5\0\r\nhello\r\n0\r\n\r\n"), BAD),
    "size of endless zeros": (chunked(b"0" * 4000 + b"5\r\nhello\r\n0\r\n\r\n"), BAD),
    "bare LF after a size": (chunked(b"5\nhello\r\n0\r\n\r\n"), BAD),
    "bare CR after a size": (chunked(b"5\rhello\r\n0\r\n\r\n"), BAD),
    "bare LF in an extension": (chunked(b"5;a\nhello\r\n0\r\n\r\n"), BAD),
    "bare CR in an extension": (chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n"), BAD),
    "LF in a quoted extension": (chunked(b'5;a="\n"\r\nhello\r\n0\r\n\r\n'), BAD),
    "NUL in an extension": (chunked(b"5;a\0\r\nhello\r\n0\r\n\r\n"), BAD),
    "overlong extension": (chunked(b"5;a=" + b"x" * 20000 + b"\r\nhello\r\n0\r\n\r\n"),
                           (400, 413, 431)),
    "data longer than its size": (chunked(b"5\r\nhelloo\r\n0\r\n\r\n"), BAD),
    "data shorter than its size": (chunked(b"6\r\nhello\r\n0\r\n\r\n"), BAD),
    "data ended by LF": (chunked(b"5\r\nhello\n0\r\n\r\n"), BAD),
    "data ended by CR": (chunked(b"5\r\nhello\r0\r\n\r\n"), BAD),
    "data ended by nothing": (chunked(b"5\r\nhello0\r\n\r\n"), BAD),
    "data ended by two CRLF": (chunked(b"5\r\nhello\r\n\r\n0\r\n\r\n"), BAD),
    "last chunk ended by LF": (chunked(b"0\n\r\n"), BAD),
    "body ended by LF": (chunked(b"0\r\n\n"), BAD),
    "trailer without a colon": (chunked(b"0\r\nnonsense\r\n\r\n"), BAD),
    "trailer without a name": (chunked(b"0\r\n: x\r\n\r\n"), BAD),
    "trailer with a space before the colon": (chunked(b"0\r\nX : y\r\n\r\n"), BAD),
    "trailer folded": (chunked(b"0\r\nX: y\r\n z\r\n\r\n"), BAD),
    "trailer ended by LF": (chunked(b"0\r\nX: y\n\r\n"), BAD),
    "trailer with bare CR": (chunked(b"0\r\nX: y\rz\r\n\r\n"), BAD),
    "trailer with NUL": (chunked(b"0\r\nX: y\0\r\n\r\n"), BAD),
    "trailers without end": (chunked(b"0\r\n" + b"X: y\r\n" * 5000 + b"\r\n"), (400, 413, 431)),
    "request in place of the last chunk": (chunked(b"5\r\nhello\r\n"), BAD),
    "request in place of a trailer": (chunked(b"0\r\n"), BAD),
}

REQUEST_LINES = {
    "space in the target": (head(first="GET /a b HTTP/1.1"), BAD),
    "two spaces before the target": (head(first="GET  / HTTP/1.1"), BAD),
    "two spaces after the target": (head(first="GET /  HTTP/1.1"), BAD),
    "tab before the target": (head(first="GET\t/ HTTP/1.1"), BAD),
    "tab after the target": (head(first="GET /\tHTTP/1.1"), BAD),
    "tab in the target": (head(first="GET /a\tb HTTP/1.1"), BAD),
    "space before the method": (head(first=" GET / HTTP/1.1"), BAD),
    "tab before the method": (head(first="\tGET / HTTP/1.1"), BAD),
    "space after the version": (head(first="GET / HTTP/1.1 "), BAD),
    "tab after the version": (head(first="GET / HTTP/1.1\t"), BAD),
    "version missing": (head(first="GET /"), (400, 505)),
    "version empty": (head(first="GET / "), (400, 505)),
    "version in lower case": (head(first="GET / http/1.1"), (400, 505)),
    "version with letters after it": (head(first="GET / HTTP/1.1x"), (400, 505)),
    "version without minor": (head(first="GET / HTTP/1"), (400, 505)),
    "version with an empty minor": (head(first="GET / HTTP/1."), (400, 505)),
    "version with a long minor": (head(first="GET / HTTP/1.10"), (400, 505)),
    "version with a zero before": (head(first="GET / HTTP/01.1"), (400, 505)),
    "version without a point": (head(first="GET / HTTP/11"), (400, 505)),
    "version with a comma": (head(first="GET / HTTP/1,1"), (400, 505)),
    "version with spaces": (head(first="GET / HTTP /1.1"), (400, 505)),
    "version of another protocol": (head(first="GET / HTTPS/1.1"), (400, 505)),
    "vertical tab between": (head(first="GET\x0b/ HTTP/1.1"), CODING),
    "target missing": (head(first="GET HTTP/1.1"), BAD),
    "method missing": (head(first="/ HTTP/1.1"), CODING),
    "nothing but a space": (head(first=" "), BAD),
    "target without a slash": (head(first="GET smuggled HTTP/1.1"), BAD),
    "fragment in the target": (head(first="GET /#x HTTP/1.1"), BAD),
    "control in the target": (head(first="GET /\x01 HTTP/1.1"), BAD),
    "DEL in the target": (head(first="GET /\x7f HTTP/1.1"), BAD),
    "userinfo in the target": (head(first="GET http://user@localhost/ HTTP/1.1"), BAD),
    "password in the target": (head(first="GET http://user:word@localhost/ HTTP/1.1"), BAD),
    "authority missing": (head(first="GET http:///smuggled HTTP/1.1"), BAD),
    "port of letters": (head(first="GET http://localhost:port/ HTTP/1.1"), BAD),
    "space in the authority": (head(first="GET http://local host/ HTTP/1.1"), BAD),
    "asterisk with GET": (head(first="GET * HTTP/1.1"), BAD),
    "authority-form with GET": (head(first="GET localhost:80 HTTP/1.1"), BAD),
}

HOSTS = {
    "Host missing": (head(host=None), BAD),
    "Host twice, equal": (head("Host: localhost"), BAD),
    "Host twice, differing": (head("Host: other"), BAD),
    "Host twice, one empty": (head("Host:"), BAD),
    "Host with a space": (head(host="Host: local host"), BAD),
    "Host with a tab": (head(host="Host: local\thost"), BAD),
    "Host with a path": (head(host="Host: localhost/x"), BAD),
    "Host with userinfo": (head(host="Host: a@localhost"), BAD),
    "Host with a port of letters": (head(host="Host: localhost:http"), BAD),
    "Host with two ports": (head(host="Host: localhost:80:81"), BAD),
    "Host with an open bracket": (head(host="Host: [::1"), BAD),
    "Host with a scheme": (head(host="Host: http://localhost"), BAD),
    "Host with a fragment": (head(host="Host: localhost#"), BAD),
    "Host with a query": (head(host="Host: localhost?x"), BAD),
    "Host with a quote": (head(host='Host: "localhost"'), BAD),
    "Host folded": (b"GET / HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n", BAD),
}

SMUGGLED = request("/smuggled")


class Attacks(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("smuggled", MARK)

    def outcome(self, pieces, method="GET"):
        """The answer, how the connection ended, and what else came before that."""
        client = self.client()
        for piece in pieces:
            client.send(piece)
            time.sleep(0.001 if len(pieces) > 1 else 0)
        try:
            reply = client.reply(method)
            more, how = client.rest()
        except (PeerClosed, PeerReset) as gone:
            self.fail(f"no answer: {gone!r}")
        finally:
            client.close()
        return reply, more, how

    def check(self, table):
        for name, (attack, statuses) in table.items():
            data = attack + SMUGGLED
            middle = len(attack) // 2
            for pieces in ([data], [attack, SMUGGLED], [data[:middle], data[middle:]]):
                with self.subTest(name, pieces=len(pieces), at=len(pieces[0])):
                    reply, more, how = self.outcome(pieces)
                    self.assertIn(reply.status, statuses, f"{reply} to {data[:200]!r}")
                    self.assertTrue(reply.closes(), reply)
                    self.assertNotIn(MARK, bytes(reply.body))
                    self.assertEqual((more, how), (b"", "fin"))

    def test_lines(self):
        self.check(LINES)

    def test_lengths(self):
        self.check(LENGTHS)

    def test_codings(self):
        self.check(CODINGS)

    def test_chunks(self):
        self.check(CHUNKS)

    def test_request_lines(self):
        self.check(REQUEST_LINES)

    def test_hosts(self):
        self.check(HOSTS)

    def test_the_second_request_would_be_answered(self):
        """The control: after a request in good order, the marked file comes."""
        for first in (head(), chunked(b"5;x=\"y\"\r\nhello\r\n0\r\nX: y\r\n\r\n"),
                      head("Content-Length: 3") + b"abc",
                      head("Content-Length: %d" % len(SMUGGLED)) + SMUGGLED):
            client = self.client()
            client.send(first + SMUGGLED)
            self.assertEqual(client.reply().status, 200)
            self.assertEqual(client.reply().body, MARK)

    def test_what_looks_alike_but_frames_nothing(self):
        """Unknown fields are passed over, so the next request is a request."""
        for line in ("Transfer_Encoding: chunked", "Content_Length: 100", "X-Content-Length: 100",
                     "TE: chunked", "Trailer: Content-Length", "Content-Lengt: 9",
                     "ContentLength: 9"):
            client = self.client()
            client.send(head(line) + SMUGGLED)
            self.assertEqual(client.reply().status, 200, line)
            self.assertEqual(client.reply().body, MARK, line)

    def test_a_length_swallows_exactly_that(self):
        """What is declared a body is never taken for a request, byte by byte around the edge."""
        for extra in (0, 1):
            client = self.client()
            body = SMUGGLED + b"\r\n" * extra
            client.send(head(f"Content-Length: {len(body)}") + body + request("/missing"))
            self.assertEqual(client.reply().status, 200)
            self.assertEqual(client.reply().status, 404)


class Answers(Case):
    """The peer gets to read the answer, though it keeps sending (RFC 9112 9.6)."""
    arguments = ("--max-body", "1000", "--max-head", "2048")

    cases = {
        400: head("bad field"),
        413: head("Content-Length: 100000000"),
        414: b"GET /" + b"a" * 5000,
        431: head("X: " + "v" * 5000),
        501: head(first="BREW / HTTP/1.1"),
        505: head(first="GET / HTTP/7.0"),
    }

    def check(self, client, status):
        reply = client.reply()
        self.assertEqual(reply.status, status)
        self.assertTrue(reply.closes())

    def test_a_mebibyte_before_reading(self):
        for status, attack in self.cases.items():
            for pause in (0, 0.05):
                with self.subTest(status, pause=pause):
                    client = self.client()
                    client.send(attack)
                    time.sleep(pause)
                    for _ in range(16):
                        client.send(b"x" * 65536)
                    time.sleep(0.05)
                    self.check(client, status)
                    client.close()

    def test_in_one_write(self):
        for status, attack in self.cases.items():
            with self.subTest(status):
                client = self.client()
                client.send(attack + b"x" * (1 << 20))
                self.check(client, status)
                client.expect_fin()

    def test_sending_while_reading(self):
        client = self.client()

        def go_on():
            try:
                for _ in range(100):
                    client.send(b"y" * 10000)
                    time.sleep(0.002)
            except OSError:
                pass
        sender = threading.Thread(target=go_on)
        client.send(self.cases[400])
        sender.start()
        time.sleep(0.1)
        self.check(client, 400)
        client.expect_fin()
        sender.join()

    def test_close_with_more_on_the_way(self):
        """The same after an answer that closes because the client asked so: what came along with
        the request tells that the client has not said its last."""
        client = self.client()
        client.send(request("/", fields=["Connection: close"]) + b"x" * (1 << 20))
        time.sleep(0.05)
        reply = client.reply()
        self.assertEqual((reply.status, reply.closes()), (200, True))
        client.expect_fin()

    def test_close_and_more_behind_it(self):
        """Who says that it will send no more, and does when all was read and answered, may be
        reset (RFC 9112 9.6). Its answer has come before that."""
        client = self.client()
        client.send(request("/", fields=["Connection: close"]))
        time.sleep(0.3)
        try:
            for _ in range(16):
                client.send(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass
        reply = client.reply()
        self.assertEqual((reply.status, reply.closes()), (200, True))
        self.assertEqual(self.client().get().status, 200)

    def test_peers_that_do_not_leave(self):
        self.together("wait_for_")

    def wait_for_a_peer_that_never_stops_is_cut(self):
        client = self.client()
        client.send(self.cases[400])
        self.check(client, 400)
        before = time.monotonic()
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            while time.monotonic() < before + 40:
                client.send(b"z" * 1000)
                time.sleep(0.02)

    def wait_for_a_peer_that_stays_is_forgotten(self):
        client = self.client()
        client.send(self.cases[400])
        self.check(client, 400)
        client.expect_fin()
        self.assertIsNotNone(client.hung_up(40), "still connected after 40 s")


if __name__ == "__main__":
    main()
