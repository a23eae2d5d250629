"""https_clients.py - HTTPS asked for by programs that were not written for these tests."""
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import unittest
import urllib.request

from curl import CURL, curl
from large import pattern
from server import main, request
from tls import SecureCase, openssl, trusting

MIB = 1 << 20
HOME = b"<h1>home</h1>\n"
WRK = shutil.which("wrk")


class Clients(SecureCase):

    arguments = ("--demo",)

    @classmethod
    def fill(cls, root):
        super().fill(root)
        cls.big = pattern(5 * MIB)
        root.write("big.bin", cls.big)
        root.write("dir/index.html", b"the index of dir")
        root.write("text.txt", pattern(3000))

    def url(self, path="/"):
        return f"https://localhost:{self.server.secure[1]}{path}"

    def name(self):
        return "{}:{}".format(*self.server.secure)


@unittest.skipUnless(CURL, "curl is not installed")
class Curl(Clients):

    def ok(self, *arguments, data=None):
        done = curl("--cacert", self.pair.cert, *arguments, data=data)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def test_get(self):
        self.assertEqual(self.ok(self.url()), HOME)
        self.assertTrue(self.ok(self.url("/big.bin")) == self.big)
        self.assertEqual(self.ok("-L", self.url("/dir")), b"the index of dir")

    def test_versions(self):
        for version in ("1.2", "1.3"):
            said = self.ok("--tlsv" + version, "--tls-max", version, "--http1.1", self.url())
            self.assertEqual(said, HOME)
        self.assertEqual(self.ok("--http1.0", self.url()), HOME)

    def test_no_old_ones(self):
        done = curl("-k", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0", self.url())
        self.assertEqual(done.returncode, 35, done)

    def test_http2_is_not_chosen(self):
        """curl offers h2 with http/1.1 beside it, and goes on with that."""
        self.assertEqual(self.ok("--http2", "-w", "%{http_version}", self.url()), HOME + b"1.1")

    def test_trust(self):
        self.assertEqual(curl(self.url()).returncode, 60)
        self.assertEqual(curl("-k", self.url()).stdout, HOME)

    def test_one_connection_for_all(self):
        said = self.ok("-w", " %{num_connects}\n", *[self.url("/ping")] * 20)
        self.assertEqual(said.split(), [b"pong", b"1"] + [b"pong", b"0"] * 19)

    def test_uploads(self):
        body = os.urandom(300000)
        for fields in ((), ("-H", "Transfer-Encoding: chunked"), ("-H", "Expect: 100-continue"),
                       ("-H", "Expect:")):
            said = self.ok(*fields, "--data-binary", "@-", self.url("/echo"), data=body)
            self.assertTrue(said == body, fields)

    def test_parallel(self):
        arguments = []
        for i in range(12):
            arguments += ["-o", os.path.join(self.root.top, f"got{i}"), self.url("/big.bin")]
        self.ok("-Z", "--parallel-max", "12", "--no-progress-meter", *arguments)
        for i in range(12):
            with open(os.path.join(self.root.top, f"got{i}"), "rb") as file:
                self.assertTrue(file.read() == self.big)

    def test_plain_http_to_it(self):
        """curl is told in words."""
        said = curl("-o", os.devnull, "-w", "%{http_code}", self.url().replace("https", "http"))
        self.assertEqual((said.stdout, said.returncode), (b"400", 0))


class Openssl(Clients):

    def s_client(self, *arguments, data=b"", ask=True):
        text = request("/text.txt", fields=["Connection: close"]) if ask else b""
        done = openssl("s_client", "-connect", self.name(), "-ign_eof", "-CAfile", self.pair.cert,
                       "-verify_return_error", "-verify_hostname", "localhost", *arguments,
                       data=data + text)
        return done.returncode, done.stdout + done.stderr

    def test_get(self):
        for version in ("-tls1_2", "-tls1_3"):
            status, said = self.s_client(version)
            self.assertEqual(status, 0, said)
            self.assertIn(b"HTTP/1.1 200 OK", said)
            self.assertIn(pattern(3000)[-500:], said)
            self.assertIn(b"Verify return code: 0 (ok)", said)
            self.assertIn(b"closed", said)
            self.assertNotIn(b"unexpected eof", said)
            self.assertIn(b"Compression: NONE", said)

    def test_keys_changed(self):
        """TLS 1.3 may change its keys at any time; s_client does at a line with a K."""
        with subprocess.Popen(["openssl", "s_client", "-connect", self.name(), "-tls1_3"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as client:
            for line in (b"K\n", b"k\n"):
                client.stdin.write(line)
                client.stdin.flush()
                self.wait_for(client, b"KEYUPDATE")
            client.stdin.write(request("/ping", fields=["Connection: close"]))
            client.stdin.flush()
            self.wait_for(client, b"pong")
            client.communicate(timeout=30)

    def wait_for(self, client, words):
        said = b""
        while words not in said:
            piece = os.read(client.stdout.fileno(), 65536)
            self.assertTrue(piece, said)
            said += piece

    def test_resumed(self):
        path = os.path.join(self.root.top, "session")
        for version, words in (("-tls1_2", b"Reused, TLSv1.2"), ("-tls1_3", b"Reused, TLSv1.3")):
            self.s_client(version, "-sess_out", path)
            status, said = self.s_client(version, "-sess_in", path)
            self.assertEqual(status, 0)
            self.assertIn(words, said)
            self.assertIn(b"HTTP/1.1 200 OK", said)

    def test_early_data_is_not_taken(self):
        """A client that sends some all the same gets its answer once the handshake is over."""
        path, early = (os.path.join(self.root.top, name) for name in ("session", "early"))
        self.s_client("-tls1_3", "-sess_out", path)
        with open(early, "wb") as file:
            file.write(request("/ping"))
        _, said = self.s_client("-tls1_3", "-sess_in", path, "-early_data", early)
        self.assertNotIn(b"Early data was accepted", said)
        self.assertIn(b"HTTP/1.1 200 OK", said)


class Python(Clients):

    def test_http_client(self):
        context = trusting(self.pair.cert)
        there = http.client.HTTPSConnection("localhost", self.server.secure[1], context=context,
                                            timeout=30)
        self.addCleanup(there.close)
        for path, body in (("/", HOME), ("/big.bin", self.big), ("/ping", b"pong")) * 2:
            there.request("GET", path)
            reply = there.getresponse()
            self.assertEqual(reply.status, 200)
            self.assertTrue(reply.read() == body)
        there.request("POST", "/echo", body=self.big)
        self.assertTrue(there.getresponse().read() == self.big)

    def test_urllib(self):
        context = ssl.create_default_context(cafile=self.pair.cert)
        with urllib.request.urlopen(self.url("/dir"), context=context, timeout=30) as reply:
            self.assertEqual((reply.status, reply.read()), (200, b"the index of dir"))

    def test_unwrapped_in_good_order(self):
        """With a socket of ssl's own: closing is said by both, and the socket is left usable."""
        context = trusting(self.pair.cert)
        with socket.create_connection(self.server.secure, 30) as sock:
            tls = context.wrap_socket(sock, server_hostname="localhost",
                                      suppress_ragged_eofs=False)
            tls.sendall(request("/ping"))
            said = b""
            while b"pong" not in said:
                said += tls.recv(65536)
            bare = tls.unwrap()
            self.assertEqual(bare.recv(10), b"")
            bare.close()


@unittest.skipUnless(WRK, "wrk is not installed")
class Wrk(Clients):

    def test_short(self):
        for path in ("/", "/ping", "/text.txt"):
            done = subprocess.run([WRK, "-t1", "-c20", "-d1", self.url(path)], timeout=60,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, r"\n +[1-9][0-9]* requests in ")
            self.assertIsNone(re.search("Socket errors|Non-2xx", done.stdout), done.stdout)


if __name__ == "__main__":
    main()
