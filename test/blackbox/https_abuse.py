"""https_abuse.py - what clients send to a TLS port that they should not."""
import contextlib
import random
import socket
import ssl
import subprocess
import threading

from server import PATIENCE, Client, PeerClosed, PeerCut, PeerReset, main, request, until
from tls import Records, SecureCase, TlsClient, of_version

TLS_12, TLS_13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
FATAL = 2                 # an alert's level
SEED = 7


class Abuse(SecureCase):

    arguments = ("--cores", "1", "--header-timeout", "5m")

    def tearDown(self):
        """Whatever a test did, others are served afterwards."""
        self.assertEqual(self.server.secure_fetch("/").body, b"<h1>home</h1>\n")

    def answer_to(self, data, end=False):
        """What the port says to these bytes, and how it closes."""
        raw = self.raw()
        raw.send(data)
        if end:
            raw.half_close()
        with contextlib.suppress(OSError):
            return raw.rest()
        return b"", "rst"

    def refused_with_alert(self, data):
        said, how = self.answer_to(data)
        records = Records()
        records.add(said)
        self.assertEqual([level for level, _ in records.alerts], [FATAL],
                         f"{said!r} to {data[:50]}")
        self.assertEqual(records.left, b"")
        self.assertIn(how, ("fin", "rst"))

    def test_garbage(self):
        """An alert and the end, and no waiting for more."""
        for data in (b"\x16\x03\x01\x00\x05hello", b"\x16\x03\x03\xff\xff" + bytes(100),
                     b"\x17\x03\x03\x00\x20" + bytes(32), b"\x14\x03\x03\x00\x01\x01",
                     b"\x16\x03\x03\x00\x00" * 40, b"\x16\x03\x00\x00\x05hello",
                     b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"):
            with self.subTest(data[:12]):
                self.refused_with_alert(data)

    def test_other_garbage(self):
        """Where no alert is due, the end at least."""
        dice = random.Random(SEED)
        for data in (bytes(1000), b"\xff" * 1000, b"\r\n\r\n", b"\x00", b"SSH-2.0-x\r\n",
                     dice.randbytes(5000), b"\x15\x03\x03\x00\x02\x02\x28",
                     b"\x15\x03\x03\x00\x02\x01\x00"):
            with self.subTest(data[:12]):
                said, how = self.answer_to(data, end=True)
                self.assertIn(how, ("fin", "rst"))
                self.assertLess(len(said), 1000)

    def test_plain_http(self):
        """Somebody typed http:// for https://: told in a way that a browser can show."""
        for data in (request("/"), request("/x?y", "POST", ["Content-Length: 3"], body=b"abc"),
                     request("/", "HEAD"), request("/", version="HTTP/1.0"),
                     b"GET / HTTP/1.1\r\n\r\n"):
            with self.subTest(data[:12]):
                raw = self.raw()
                raw.send(data)
                reply = raw.reply("GET")
                self.assertEqual((reply.status, reply.closes()), (400, True))
                self.assertRegex(reply.body, b"HTTPS")
                raw.expect_fin()

    def test_plain_http_in_bits(self):
        """The first byte says it."""
        raw = self.raw()
        raw.send(b"G")
        with contextlib.suppress(OSError):
            for byte in b"ET / HTTP/1.1\r\n":
                raw.send(bytes([byte]))
        reply = raw.reply()
        self.assertEqual((reply.status, reply.closes()), (400, True))

    def test_tls_to_the_plain_port(self):
        """The other way round: refused, and not taken for a long request."""
        client = Client(self.server.address)
        self.addCleanup(client.close)
        tls = TlsClient(self.server.secure, handshake=False)
        client.send(tls.hello())
        tls.close()
        reply = client.reply()
        self.assertEqual((reply.status, reply.closes()), (400, True))

    def test_renegotiation(self):
        """Told no_renegotiation or worse, and closed; TLS 1.3 has none."""
        host, port = self.server.secure
        with subprocess.Popen(["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as client:
            client.stdin.write(b"R\n")
            client.stdin.flush()
            watch = threading.Timer(PATIENCE, client.kill)
            watch.start()
            said = client.stdout.read()   # up to its end: the server closes
            watch.cancel()
        self.assertIn(b"RENEGOTIATING", said)
        self.assertRegex(said, rb"(?i)no.renegotiation|handshake failure|alert number (40|100)")
        self.assertGreater(client.returncode, -1, "it was not closed")

    def test_cut_at_every_length(self):
        """A hello that ends anywhere; then comes a FIN, or a reset."""
        for version in (TLS_12, TLS_13):
            with TlsClient(self.server.secure, of_version(version), handshake=False) as client:
                hello = client.hello()
            for length in [*range(1, 60), *range(60, len(hello), 13)]:
                raw = self.raw()
                raw.send(hello[:length])
                if length % 2:
                    raw.half_close()
                    said, how = raw.rest()
                    self.assertLess(len(said), 10)
                    self.assertIn(how, ("fin", "rst"))
                    raw.close()
                else:
                    raw.reset()

    def test_leaving_at_every_flight(self):
        """After the hello, before and after the client's last flight, after the first request."""
        for version in (TLS_12, TLS_13):
            for leave in ("close", "reset", "half"):
                for stage in range(3):
                    client = self.client(context=of_version(version), handshake=False)
                    client.sock.sendall(client.hello())
                    if stage:
                        client.fetch()
                    if stage == 2:
                        with contextlib.suppress(ssl.SSLWantReadError):
                            client.tls.do_handshake()
                        client.put()
                    if leave == "half":
                        client.sock.shutdown(socket.SHUT_WR)
                        with contextlib.suppress(OSError):
                            while client.sock.recv(65536):
                                pass
                    getattr(client, "close" if leave == "half" else leave)()
        self.assertTrue(until(lambda: self.server.sockets() <= self.listeners))

    def test_damaged_records(self):
        """A bit is wrong: bad_record_mac, which comes sealed, and nothing is answered."""
        for version in (TLS_12, TLS_13):
            for where in (5, 20, -1):
                client = self.client(context=of_version(version))
                client.get("/")
                data = bytearray(client.seal(request("/")))
                data[where] ^= 1
                client.sock.sendall(data)
                with self.assertRaisesRegex(ssl.SSLError, "(?i)bad.record.mac"):
                    client.reply()

    def test_records_out_of_order(self):
        client = self.client()
        first, second = client.seal(request("/")), client.seal(request("/"))
        client.sock.sendall(second + first)
        with self.assertRaises(ssl.SSLError):
            client.reply()

    def test_replayed_records(self):
        """What came twice is answered once at most."""
        client = self.client()
        data = client.seal(request("/"))
        client.sock.sendall(data + data)
        with contextlib.suppress(ssl.SSLError, PeerReset):
            self.assertEqual(client.reply().status, 200)
            with self.assertRaises((ssl.SSLError, PeerReset)):
                client.reply()

    def test_plain_text_after_the_handshake(self):
        for version in (TLS_12, TLS_13):
            client = self.client(context=of_version(version))
            client.get("/")
            client.sock.sendall(request("/"))
            with self.assertRaises((ssl.SSLError, PeerCut, PeerReset)):
                client.reply()

    def test_too_long_a_record(self):
        client = self.client()
        client.get("/")
        client.sock.sendall(b"\x17\x03\x03\xff\xff" + bytes(65535))
        with self.assertRaises((ssl.SSLError, PeerReset, OSError)):
            client.reply()

    def test_empty_records(self):
        """Without even a tag: nobody who has the keys makes such a record."""
        for version in (TLS_12, TLS_13):
            client = self.client(context=of_version(version))
            client.get("/")
            client.sock.sendall(b"\x17\x03\x03\x00\x00" + client.seal(request("/")))
            with self.assertRaises((ssl.SSLError, PeerCut, PeerReset)):
                client.reply()

    def test_alerts_from_the_client(self):
        """Any, before there are keys, is the end."""
        for alert in (b"\x02\x28", b"\x01\x00", b"\x02\x2a"):
            client = self.client(handshake=False)
            client.sock.sendall(client.hello())
            client.fetch()
            client.sock.sendall(b"\x15\x03\x03\x00\x02" + alert)
            with contextlib.suppress(ConnectionError):   # but no TimeoutError: it has to end
                while client.sock.recv(65536):
                    pass

    def test_hello_in_bits(self):
        """A record has a byte of it."""
        for version in (TLS_12, TLS_13):
            client = self.client(context=of_version(version), handshake=False)
            hello = client.hello()
            body = hello[5:]
            client.sock.sendall(b"".join(hello[:3] + b"\0\1" + bytes([byte]) for byte in body))
            client.handshake()
            self.assertEqual(client.get("/").status, 200)

    def test_two_hellos(self):
        client = self.client(handshake=False)
        hello = client.hello()
        client.sock.sendall(hello + hello)
        with self.assertRaises((ssl.SSLError, PeerCut, PeerReset)):
            client.handshake()
            client.get("/")

    def test_request_together_with_the_last_flight(self):
        """TLS 1.3 lets a client; it is no early data."""
        client = self.client(context=of_version(TLS_13), handshake=False)
        client.sock.sendall(client.hello())
        while True:
            client.fetch()
            try:
                client.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.put()
        client.tls.write(request("/"))
        client.tls.write(request("/"))
        client.put()
        for _ in range(2):
            self.assertEqual(client.reply().status, 200)

    def test_who_never_reads_its_tickets(self):
        """Handshakes of many clients that leave at once: no reset of those who stay."""
        stays = self.client()
        for _ in range(200):
            with contextlib.suppress(OSError, ssl.SSLError, PeerCut, PeerReset):
                self.server.secure_client().close()
        self.assertEqual(stays.get("/").status, 200)

    def test_many_at_once(self):
        """Bad ones of every kind beside good ones, which notice nothing."""
        stop, failures = threading.Event(), []

        def bother():
            dice = random.Random(SEED)
            with TlsClient(self.server.secure, handshake=False) as client:
                hello = client.hello()
            while not stop.is_set():
                data = bytearray(hello)
                for _ in range(dice.randrange(4)):
                    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
                with contextlib.suppress(OSError, PeerClosed, PeerReset):
                    raw = Client(self.server.secure, timeout=PATIENCE)
                    raw.sock.settimeout(0.05)
                    raw.send(data[:dice.randrange(1, len(data) + 1)])
                    raw.more()
                    raw.send(dice.randbytes(100))
                raw.reset()

        def ask():
            try:
                for _ in range(40):
                    with self.server.secure_client() as client:
                        for _ in range(3):
                            if client.get("/").status != 200:
                                failures.append("status")
            except Exception as error:   # noqa: whatever it is goes to the main thread
                failures.append(repr(error))
        threads = [threading.Thread(target=bother) for _ in range(2)]
        askers = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads + askers:
            thread.start()
        for thread in askers:
            thread.join()
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])


if __name__ == "__main__":
    main()
