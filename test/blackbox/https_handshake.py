"""https_handshake.py - what is agreed on: versions, suites, keys, protocols, sessions."""
import os
import re
import ssl
import struct

from server import PeerCut, main, request
from tls import Pair, Records, SecureCase, SecureServer, of_version, openssl, trusting

TLS_12, TLS_13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

CHANGE_CIPHER_SPEC = 20   # a type of records

# Alerts (RFC 8446 6).
HANDSHAKE_FAILURE, PROTOCOL_VERSION, NO_APPLICATION_PROTOCOL = 40, 70, 120

SUITES = ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"]   # behind ECDHE-X-
WEAK = ["ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA256", "AES128-GCM-SHA256", "AES128-SHA",
        "AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-SHA", "NULL-SHA256",
        "ECDHE-ECDSA-NULL-SHA", "AECDH-AES128-SHA", "ADH-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES128-CCM8", "ARIA128-GCM-SHA256"]


def client_hello(version, suites=(0xC02B, 0xC02F, 0x0035, 0x002F)):
    """As an old client puts it: no extensions, so no newer version beside this one."""
    listed = struct.pack(f"!{len(suites)}H", *suites)
    body = struct.pack("!H", version) + os.urandom(32) + b"\0"
    body += struct.pack("!H", len(listed)) + listed + b"\1\0"
    body = b"\1" + struct.pack("!I", len(body))[1:] + body
    return struct.pack("!BHH", 22, min(version, 0x0301), len(body)) + body


class Handshake(SecureCase):

    arguments = ("--cores", "1")

    @classmethod
    def pairs(cls):
        cls.rsa = Pair(cls.root.top, "rsa", kind="rsa")
        return [cls.pair, cls.rsa]

    def alert(self, client):
        """What a client that can't agree with the server is told, before it is closed."""
        with self.assertRaises((ssl.SSLError, PeerCut)):
            client.handshake()
        return [body for _, body in client.records.alerts]

    def test_versions(self):
        for version, name in ((TLS_12, "TLSv1.2"), (TLS_13, "TLSv1.3")):
            client = self.client(context=of_version(version))
            self.assertEqual(client.tls.version(), name)
            self.assertEqual(client.get("/").status, 200)
        self.assertEqual(self.client().tls.version(), "TLSv1.3")

    def test_old_versions_are_refused(self):
        for version in (0x0300, 0x0301, 0x0302):
            with self.subTest(hex(version)):
                raw = self.raw()
                raw.send(client_hello(version))
                said, how = raw.rest()
                records = Records()
                records.add(said)
                # SSL 3 may not know of a wrong version.
                said_why = (PROTOCOL_VERSION, HANDSHAKE_FAILURE)[:1 + (version == 0x0300)]
                self.assertIn(records.alerts, [[(2, why)] for why in said_why], said)
                self.assertEqual(len(records.seen), 1)
                self.assertEqual(how, "fin")

    def test_the_oldest_hello(self):
        """That of SSL 2, which SSL 3 could still come in."""
        raw = self.raw()
        raw.send(b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10" + bytes(37))
        said, how = raw.rest()
        self.assertIn(how, ("fin", "rst"))
        self.assertLess(len(said), 100)
        self.assertEqual(self.client().get("/").status, 200)

    def test_suites(self):
        for key in ("ECDSA", "RSA"):
            for suite in SUITES:
                name = f"ECDHE-{key}-{suite}"
                client = self.client(context=of_version(TLS_12, ciphers=name))
                self.assertEqual(client.tls.cipher()[0], name)
                self.assertEqual(client.get("/").status, 200)

    def test_weak_suites_are_refused(self):
        for name in WEAK:
            with self.subTest(name):
                context = of_version(TLS_12)
                try:
                    context.set_ciphers(name + ":@SECLEVEL=0")
                except ssl.SSLError:
                    continue   # this machine has forgotten it altogether
                client = self.client(context=context, handshake=False)
                self.assertEqual(self.alert(client), [HANDSHAKE_FAILURE])

    def test_whose_suite(self):
        """The client's own wish counts where it says that it has no AES of its own."""
        fast, slow = "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES128-GCM-SHA256"
        for first, second, wanted in ((fast, slow, fast), (slow, fast, slow),
                                      ("ECDHE-ECDSA-AES256-GCM-SHA384", slow, slow)):
            context = of_version(TLS_12, ciphers=f"{first}:{second}")
            self.assertEqual(self.client(context=context).tls.cipher()[0], wanted)

    def test_nothing_is_compressed(self):
        for version in (TLS_12, TLS_13):
            context = of_version(version)
            context.options &= ~ssl.OP_NO_COMPRESSION
            self.assertIsNone(self.client(context=context).tls.compression())

    def test_protocols(self):
        for version in (TLS_12, TLS_13):
            for offered, chosen in ((None, None), (["http/1.1"], "http/1.1"),
                                    (["h2", "http/1.1"], "http/1.1"),
                                    (["http/1.0", "http/1.1", "spdy/3"], "http/1.1"),
                                    (["http/1.0"], "http/1.0")):
                with self.subTest(offered):
                    client = self.client(context=of_version(version, alpn=offered))
                    self.assertEqual(client.tls.selected_alpn_protocol(), chosen)
                    self.assertEqual(client.get("/").status, 200)

    def test_none_of_our_protocols(self):
        """RFC 7301 3.2."""
        for version in (TLS_12, TLS_13):
            for offered in (["h2"], ["spdy/3", "h3"]):
                client = self.client(context=of_version(version, alpn=offered), handshake=False)
                self.assertEqual(self.alert(client), [NO_APPLICATION_PROTOCOL])

    def test_a_pair_of_each_kind(self):
        """Who can check an ECDSA signature gets that one, who can't the other."""
        self.assertEqual(self.client().tls.getpeercert(True), self.pair.der())
        for cipher, pair in (("ECDHE-ECDSA-AES128-GCM-SHA256", self.pair),
                             ("ECDHE-RSA-AES128-GCM-SHA256", self.rsa)):
            client = self.client(context=of_version(TLS_12, ciphers=cipher))
            self.assertEqual(client.tls.getpeercert(True), pair.der())

    def s_client(self, *arguments, data=b""):
        """What `openssl s_client` tells of its connection."""
        host, port = self.server.secure
        done = openssl("s_client", "-connect", f"{host}:{port}", "-servername", "localhost",
                       *arguments, data=data)
        return (done.stdout + done.stderr).decode("utf-8", "replace")

    def test_a_pair_of_each_kind_in_tls_13(self):
        for signatures, kind in (("RSA-PSS+SHA256", "RSA-PSS"), ("ECDSA+SHA256", "ECDSA")):
            said = self.s_client("-tls1_3", "-sigalgs", signatures)
            self.assertRegex(said, f"Peer signature type: {kind}", said)

    def test_groups(self):
        for group, wanted in (("X25519:P-256", "X25519, 253 bits"), ("P-256", "ECDH, prime256v1"),
                              ("P-384:X25519", "X25519|ECDH, secp384r1")):
            for version in ("-tls1_2", "-tls1_3"):
                said = self.s_client(version, "-groups", group)
                self.assertRegex(said, f"Server Temp Key: ({wanted})", said)

    def test_asked_for_another_share(self):
        """A client whose first guess of a group is not ours: HelloRetryRequest, a second flight."""
        said = self.s_client("-tls1_3", "-groups", "P-521:P-256",
                             data=request("/", fields=["Connection: close"]))
        self.assertRegex(said, "Server Temp Key: ECDH, prime256v1", said)

    def test_no_early_data(self):
        """A ticket says that none is taken, so no client sends any."""
        said = self.s_client("-tls1_3", "-ign_eof",
                             data=request("/", fields=["Connection: close"]))
        self.assertIn("HTTP/1.1 200 OK", said)
        self.assertRegex(said, r"New, TLSv1.3", said)
        self.assertIn("Max Early Data: 0", said)


class Sessions(SecureCase):
    """Resumption without a session cache: a client brings all the server knew."""

    @classmethod
    def start(cls):
        cls.arguments = ("--cores", str(min(2, len(os.sched_getaffinity(0)))))
        return super().start()

    def session(self, context):
        """That of a connection that got an answer, and with it a ticket."""
        with self.server.secure_client(context=context) as client:
            self.assertFalse(client.tls.session_reused)
            self.assertEqual(client.get("/").status, 200)
            return client.tls.session

    def test_resumed_on_any_core(self):
        """On so many connections that each core had some; a core alone does not know them."""
        for version in (TLS_12, TLS_13):
            context = of_version(version)
            session = self.session(context)
            self.assertTrue(session.has_ticket)
            for _ in range(40):
                with self.server.secure_client(context=context, session=session) as client:
                    self.assertTrue(client.tls.session_reused)
                    self.assertEqual(client.get("/").status, 200)

    def test_each_core_had_some(self):
        """What the test above takes for granted: connections are spread by their ports."""
        context = trusting()
        session = self.session(context)
        before = self.server.switches()
        clients = [self.client(context=context, session=session) for _ in range(40)]
        for client in clients:
            self.assertTrue(client.tls.session_reused)
            self.assertEqual(client.get("/").status, 200)
        after = self.server.switches()
        cores = self.cores()
        self.assertEqual(len(cores), int(self.arguments[1]))
        for task in cores:
            self.assertGreater(after[task], before[task])

    def cores(self):
        """The threads that take what signals the first one takes, which helpers don't."""
        tasks = self.server.tasks()
        mask = tasks.pop(self.server.pid)["SigBlk"]
        return [task for task, status in tasks.items() if status["SigBlk"] == mask]

    def test_resumed_again_and_again(self):
        """Each connection's own ticket is as good as the first."""
        for version in (TLS_12, TLS_13):
            context = of_version(version)
            session = self.session(context)
            for _ in range(5):
                with self.server.secure_client(context=context, session=session) as client:
                    self.assertTrue(client.tls.session_reused)
                    self.assertEqual(client.get("/").status, 200)
                    session = client.tls.session

    def test_no_session_ids(self):
        """Without tickets there is nothing to resume: the server remembers nobody."""
        context = of_version(TLS_12)
        context.options |= ssl.OP_NO_TICKET
        session = self.session(context)
        with self.server.secure_client(context=context, session=session) as client:
            self.assertFalse(client.tls.session_reused)
            self.assertEqual(client.get("/").status, 200)

    def test_a_ticket_of_another_server(self):
        """It is not ours: a full handshake, and no failure."""
        for version in (TLS_12, TLS_13):
            context = of_version(version)
            session = self.session(context)
            with SecureServer(self.root, self.pairs()) as other:
                with other.secure_client(context=context, session=session) as client:
                    self.assertFalse(client.tls.session_reused)
                    self.assertEqual(client.get("/").status, 200)

    def test_a_damaged_ticket(self):
        """As it would be if somebody guessed."""
        context = of_version(TLS_12)
        session = self.session(context)
        client = self.client(context=context, session=session, handshake=False)
        hello = bytearray(client.hello())
        self.assertTrue(self.resumed(hello))
        at = self.ticket_at(hello)
        for i in range(at, at + 100):
            hello[i] ^= 0x55
        self.assertFalse(self.resumed(hello))
        self.assertEqual(self.client().get("/").status, 200)

    def resumed(self, hello):
        """Who is not resumed is shown the certificate, which TLS 1.2 does in the clear."""
        raw = self.raw()
        raw.send(hello)
        while self.pair.der() not in raw.buffer:
            raw.more()
            records = Records()
            records.add(raw.buffer)
            if CHANGE_CIPHER_SPEC in [kind for kind, _ in records.seen]:
                return self.pair.der() not in raw.buffer
        return False

    def ticket_at(self, hello):
        """Where the longest extension of 35, session_ticket, begins."""
        found = [found.end() for found in re.finditer(rb"\x00\x23\x00[\x80-\xff]", hello)]
        self.assertTrue(found, "no ticket in the hello")
        return found[0]

    def test_half_of_one_name(self):
        """A session begun under one name goes on under another, where one pair serves both."""
        for version in (TLS_12, TLS_13):
            context = of_version(version)
            session = self.session(context)
            client = self.client(context=context, session=session, name="other.test")
            self.assertTrue(client.tls.session_reused)
            self.assertEqual(client.get("/").status, 200)


if __name__ == "__main__":
    main()
