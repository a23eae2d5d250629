"""tls.py - what the tests of HTTPS need beside server.py: certificates, a server that has some, and
a client that sees the records.

The client keeps TLS (Python's ssl over memory) apart from the socket. So a test can send half a
record, or a byte at a time, and read what the server's records look like from outside. How a
connection ended is told strictly: "fin" is a close_notify and then a FIN, "cut" a FIN alone.
"""
import contextlib
import os
import re
import ssl
import struct
import subprocess
import unittest

from server import (PATIENCE, Case, Client, PeerClosed, PeerCut, PeerReset, Root, Server, request,
                    until)

SECURE_URL = re.compile(r"https://(\[[^\]\s]+\]|[^\s:/\[\]]+):(\d+)")
SLICE = 262144   # bytes that are read or sealed in one go

ALERT, HANDSHAKE, DATA = 21, 22, 23   # types of records (RFC 8446 5.1)

NAMES = ("localhost", "127.0.0.1", "::1")
SOON = 20.0      # seconds in which a machine that is busy notices a new file


# ---- certificates ----------------------------------------------------------------------------

def openssl(*arguments, data=None, timeout=PATIENCE):
    """Run the openssl command; what it did goes back whole."""
    return subprocess.run(["openssl", *arguments], input=data, capture_output=True, check=False,
                          timeout=timeout)


def must(*arguments):
    done = openssl(*arguments)
    if done.returncode != 0:
        raise AssertionError(f"openssl {arguments[0]}: {done.stderr.decode('utf-8', 'replace')}")


KEYS = {"ec": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        "rsa": ("-newkey", "rsa:2048"), "rsa1024": ("-newkey", "rsa:1024")}


class Pair:
    """A certificate and its key in files of `folder`, for `names`, signed by itself."""

    def __init__(self, folder, name, names=NAMES, kind="ec", days=30):
        self.name = name
        self.cert = os.path.join(folder, name + ".crt")
        self.key = os.path.join(folder, name + ".key")
        self.make(names, kind, days)

    def make(self, names=NAMES, kind="ec", days=30):
        """Write both files, or put others into their places, each at once."""
        cert, key = self.cert + ".new", self.key + ".new"
        covers = ",".join(("IP:" if re.fullmatch(r"[0-9.]+|.*:.*", name) else "DNS:") + name
                          for name in names)
        must("req", "-x509", *KEYS[kind], "-nodes", "-subj", "/CN=" + self.name,
             "-addext", "subjectAltName=" + covers, "-days", str(days), "-keyout", key,
             "-out", cert)
        os.rename(key, self.key)
        os.rename(cert, self.cert)

    def expire(self):
        """Sign the certificate again, for a time that is over."""
        must("x509", "-in", self.cert, "-signkey", self.key, "-days", "-1", "-out", self.cert)

    def options(self):
        return ["--tls-cert", self.cert, "--tls-key", self.key]

    def der(self):
        """What a client sees of it."""
        with open(self.cert, encoding="ascii") as file:
            return ssl.PEM_cert_to_DER_cert(file.read().split("-----END")[0]
                                            + "-----END CERTIFICATE-----\n")


class Chain(Pair):
    """A leaf with the certificate between it and `root`, which clients trust."""

    def make(self, names=NAMES, kind="ec", days=30):
        self.root = self.cert + ".root"
        middle, middle_key, ask = (self.cert + part for part in (".middle", ".middle.key", ".ask"))
        root_key = self.key + ".root"
        must("req", "-x509", *KEYS[kind], "-nodes", "-subj", "/CN=root", "-days", str(days),
             "-keyout", root_key, "-out", self.root)
        for subject, key, issuer, issuer_key, out, adds in (
                ("middle", middle_key, self.root, root_key, middle, "basicConstraints=CA:TRUE"),
                (self.name, self.key, middle, middle_key, self.cert,
                 "subjectAltName=" + ",".join("DNS:" + name for name in names if ":" not in name))):
            must("req", "-new", *KEYS[kind], "-nodes", "-subj", "/CN=" + subject, "-keyout", key,
                 "-addext", adds, "-out", ask)
            must("x509", "-req", "-in", ask, "-CA", issuer, "-CAkey", issuer_key, "-days",
                 str(days), "-copy_extensions", "copy", "-out", out)
        with open(middle, "rb") as between, open(self.cert, "ab") as file:
            file.write(between.read())


# ---- the process -----------------------------------------------------------------------------

class SecureServer(Server):
    """A ringlet that serves HTTPS, too: `secure` is where. With tls_port None it is unasked."""

    def __init__(self, root, pairs, *args, tls_port=0, **options):
        self.secure = None
        given = [] if tls_port is None else ["--tls-port", str(tls_port)]
        for pair in pairs:
            given += pair.options()
        super().__init__(root, *given, *args, **options)

    def find_start_line(self):
        found = SECURE_URL.search(self.said())
        if found:
            self.secure = (found[1].strip("[]"), int(found[2]))
        return super().find_start_line() and found is not None

    def secure_client(self, **options):
        return TlsClient(self.secure, **options)

    def secure_fetch(self, target="/", method="GET", fields=(), **options):
        """One request over TLS, on a connection of its own."""
        with self.secure_client(**options) as client:
            client.send(request(target, method, fields=[*fields, "Connection: close"]))
            reply = client.reply(method)
            client.expect_fin()
            return reply


# ---- the client ------------------------------------------------------------------------------

def trusting(ca=None, low=None, high=None, alpn=None, ciphers=None):
    """A client's context: it believes `ca` alone, or everybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(ca)
    # Below what this machine's policy would have: what is refused is for the server to say.
    context.set_ciphers((ciphers or "DEFAULT") + ":@SECLEVEL=0")
    if low:
        context.minimum_version = low
    if high:
        context.maximum_version = high
    if alpn:
        context.set_alpn_protocols(alpn)
    return context


def of_version(version, **options):
    """A client's context of exactly this version."""
    return trusting(low=version, high=version, **options)


class Records:
    """Follows a stream of ciphertext: the type and length of each record in it."""

    def __init__(self):
        self.seen = []        # (type, length of what is behind the head)
        self.left = bytearray()
        self.alerts = []      # bodies of those that came in plain, before there were keys

    def add(self, data):
        self.left += data
        while len(self.left) >= 5:
            kind, _, length = struct.unpack("!BHH", self.left[:5])
            if len(self.left) < 5 + length:
                return
            self.seen.append((kind, length))
            if kind == ALERT and length == 2:
                self.alerts.append(tuple(self.left[5:7]))
            del self.left[:5 + length]

    def sizes(self, kind=DATA):
        return [length for seen, length in self.seen if seen == kind]


class TlsClient(Client):
    """One connection with TLS in it. With handshake=False it is only connected: `hello` begins."""

    def __init__(self, address, context=None, name="localhost", session=None, handshake=True,
                 pace=0, **options):
        super().__init__(address, **options)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or trusting()).wrap_bio(self.incoming, self.outgoing,
                                                    server_hostname=name, session=session)
        self.pace = pace      # bytes of ciphertext in a segment; 0 is all at once
        self.records = Records()
        try:
            if handshake:
                self.handshake()
        except BaseException:
            self.close()
            raise

    # The socket's side.

    def put(self):
        """Send what TLS has to say."""
        data = self.outgoing.read()
        step = self.pace or max(1, len(data))
        for at in range(0, len(data), step):
            self.sock.sendall(data[at:at + step])

    def fetch(self):
        """Give TLS what has come."""
        try:
            data = self.sock.recv(SLICE)
        except ConnectionResetError:
            raise PeerReset(f"after {bytes(self.buffer[:200])!r}") from None
        if not data:
            raise PeerCut(f"after {bytes(self.buffer[:200])!r}")
        self.records.add(data)
        self.incoming.write(data)

    def work(self, step):
        """Go on with `step` until TLS needs nothing from the peer for it."""
        while True:
            try:
                done = step()
                self.put()
                return done
            except ssl.SSLWantReadError:
                self.put()
                self.fetch()
            except ssl.SSLError:
                self.put()   # its alert
                raise

    # TLS.

    def hello(self):
        """The first flight, as bytes; nothing is sent."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return self.outgoing.read()

    def handshake(self):
        self.work(self.tls.do_handshake)

    def seal(self, data):
        """Records with `data`, as bytes; nothing is sent."""
        self.tls.write(data)
        return self.outgoing.read()

    def say_end(self):
        """Say that nothing more will be sent (close_notify); what comes can still be read."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while True:   # OpenSSL takes it ill when it finds content where it looks for the end
                self.buffer += self.tls.read(SLICE)
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.put()

    # What Client has, over TLS.

    def send(self, data):
        view = memoryview(data)
        for at in range(0, len(view), SLICE):
            self.tls.write(view[at:at + SLICE])
            self.put()

    def half_close(self):
        self.say_end()
        super().half_close()

    def more(self):
        try:
            data = self.work(lambda: self.tls.read(SLICE))
        except ssl.SSLZeroReturnError:
            data = b""
        if not data:
            self.after_the_end()
        self.buffer += data

    def after_the_end(self):
        """The server said that it sends no more: then it sends no more."""
        try:
            data = self.sock.recv(SLICE)
        except ConnectionResetError:
            raise PeerReset(f"after {bytes(self.buffer[:200])!r}") from None
        if data:
            raise AssertionError(f"{len(data)} bytes after close_notify")
        raise PeerClosed(f"after {bytes(self.buffer[:200])!r}")

    def take(self, count):
        while len(self.buffer) < count:
            self.more()
        taken = bytes(memoryview(self.buffer)[:count])
        del self.buffer[:count]
        return taken


def all_read(client):
    """Has the server read all that was sent to it? What waits in the kernel it has not."""
    mine, its = client.sock.getsockname()[1], client.sock.getpeername()[1]
    with open("/proc/net/tcp", encoding="ascii") as file:
        for line in list(file)[1:]:
            _, local, remote, _, queues = line.split()[:5]
            if local.endswith(f":{its:04X}") and remote.endswith(f":{mine:04X}"):
                return queues.split(":")[1] == "00000000"
    return False


# ---- tests -----------------------------------------------------------------------------------

class SecureCase(Case):
    """Tests that share one server of HTTPS; `client` is one with TLS, `plain` one without."""

    pair = None
    listeners = 0   # sockets that it has while nobody is connected

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.listeners = cls.server.sockets()

    @classmethod
    def pairs(cls):
        """What the server gets; they are made in the folder above the site."""
        return [cls.pair]

    @classmethod
    def start(cls):
        cls.pair = Pair(cls.root.top, "pair")
        return SecureServer(cls.root, cls.pairs(), *cls.arguments)

    def client(self, **options):
        client = self.server.secure_client(**options)
        self.addCleanup(client.close)
        return client

    def plain(self, **options):
        return super().client(**options)

    def raw(self, **options):
        """A plain connection to the port of HTTPS."""
        client = Client(self.server.secure, **options)
        self.addCleanup(client.close)
        return client


class ReloadCase(unittest.TestCase):
    """Tests that change what is in `folder`, where `pair` is, while servers run."""

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.folder = os.path.join(self.root.top, "pairs")
        os.mkdir(self.folder)
        self.pair = Pair(self.folder, "pair")

    def start(self, *arguments, pairs=None, **options):
        server = SecureServer(self.root, pairs or [self.pair], *arguments, **options)
        self.addCleanup(server.kill)
        return server

    @staticmethod
    def seen(server, name="localhost"):
        with server.secure_client(name=name) as client:
            return client.tls.getpeercert(True)

    def comes_to_serve(self, server, pair, within=SOON, name="localhost"):
        """Every core does, so it has to be seen again and again."""
        def settled():
            return all(self.seen(server, name) == pair.der() for _ in range(8))
        self.assertTrue(until(settled, within), f"not served: {server.said()}")

    def count_lines(self, server, words):
        return sum(words in line for line in server.stderr.text().splitlines())

    def replace(self, path, content):
        with open(path + ".new", "wb") as file:
            file.write(content)
        os.rename(path + ".new", path)
