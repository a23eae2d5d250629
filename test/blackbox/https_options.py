"""https_options.py - what is said to an operator whose options or files can't be served from."""
import os
import unittest

from server import Root, free_port, main, run, under_test, until
from tls import Pair, SecureServer, must

PAIRS_MAX = 16


class Options(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.root = Root()
        cls.addClassCleanup(cls.root.remove)
        cls.root.write("index.html", b"home")
        cls.pair = Pair(cls.root.top, "pair")
        cls.other = Pair(cls.root.top, "other")

    def refused(self, *args, words=(), status=2):
        """One sentence, before anything starts, that names these."""
        done = run("--port", "0", "--engine", under_test.engine, *args, self.root.site)
        self.assertEqual(done.returncode, status, f"{args}: {done.stderr}")
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\Aringlet: [^\n]+\n\Z", "not one sentence")
        for word in words:
            self.assertIn(word, done.stderr)
        return done.stderr

    def bad(self, cert, key, *words):
        """What is wrong with the files is no matter of how the options were spelled."""
        done = run("--port", "0", "--tls-port", "0", "--engine", under_test.engine, "--tls-cert",
                   cert, "--tls-key", key, self.root.site)
        self.assertIn(done.returncode, (1, 2, 78), done.stderr)
        said = [line for line in done.stderr.splitlines() if "warning" not in line]
        self.assertEqual(len(said), 1, done.stderr)
        for word in words:
            self.assertIn(word, said[0])
        self.assertNotIn("PRIVATE KEY-----", done.stderr)

    def test_port_without_certificate(self):
        self.refused("--tls-port", "0", words=["--tls-port", "--tls-cert", "--tls-self-signed"])

    def test_certificate_without_port(self):
        self.refused(*self.pair.options(), words=["--tls-port"])
        self.refused("--tls-self-signed", words=["--tls-self-signed", "--tls-port"])
        self.refused("--https-redirect", words=["--https-redirect", "--tls-port"])
        self.refused("--hsts", "300", words=["--hsts", "--tls-port"])

    def test_certificate_without_key(self):
        self.refused("--tls-port", "0", "--tls-cert", self.pair.cert, words=["--tls-key"])
        self.refused("--tls-port", "0", "--tls-key", self.pair.key, words=["--tls-cert"])
        self.refused("--tls-port", "0", *self.pair.options(), "--tls-cert", self.other.cert,
                     words=["--tls-cert", "--tls-key"])

    def test_both_kinds(self):
        self.refused("--tls-port", "0", "--tls-self-signed", *self.pair.options(),
                     words=["--tls-self-signed", "--tls-cert"])

    def test_too_many_pairs(self):
        self.refused("--tls-port", "0", *self.pair.options() * (PAIRS_MAX + 1),
                     words=["--tls-cert", str(PAIRS_MAX)])

    def test_values(self):
        for value in ("65536", "-1", "443x", "", "https"):
            self.refused("--tls-self-signed", f"--tls-port={value}", words=["--tls-port", value])

    def test_variables(self):
        env = {"RINGLET_TLS_PORT": "0", "RINGLET_TLS_CERT": self.pair.cert,
               "RINGLET_TLS_KEY": self.pair.key, "RINGLET_HSTS": "300"}
        with SecureServer(self.root, [], env=env) as server:
            reply = server.secure_fetch("/")
            self.assertEqual(reply.get("Strict-Transport-Security"), "max-age=300")
        env = {"RINGLET_TLS_CERT": f"{self.pair.cert}\n{self.other.cert}",
               "RINGLET_TLS_KEY": f"{self.pair.key}\n{self.other.key}"}
        with SecureServer(self.root, [], env=env) as server:
            self.assertEqual(server.secure_fetch("/").status, 200)

    def test_check(self):
        done = run("--check", "--tls-port", "0", *self.pair.options(), self.root.site)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("--check", "--tls-port", "0", "--tls-cert", self.pair.cert, "--tls-key",
                   self.other.key, self.root.site)
        self.assertNotEqual(done.returncode, 0)

    def test_help(self):
        said = run("--help").stdout
        for option in ("tls-port", "tls-cert", "tls-key", "tls-self-signed", "https-redirect",
                       "hsts"):
            self.assertIn("--" + option, said)

    def test_files_that_are_not_there(self):
        self.bad("/no/such.crt", self.pair.key, "/no/such.crt", "No such file")
        self.bad(self.pair.cert, "/no/such.key", "/no/such.key", "No such file")
        self.bad(self.root.site, self.pair.key, self.root.site)
        self.bad("/dev/zero", self.pair.key, "/dev/zero")

    def test_files_that_are_none(self):
        empty = self.file("empty", b"")
        text = self.file("text", b"not PEM at all\n")
        huge = self.file("huge", b"x" * (2 << 20))
        for wrong in (empty, text, huge):
            self.bad(wrong, self.pair.key, wrong)
            self.bad(self.pair.cert, wrong)
        with open(self.pair.cert, "rb") as file:
            cut = self.file("cut", file.read()[:300])
        self.bad(cut, self.pair.key, cut)

    def file(self, name, content):
        path = os.path.join(self.root.top, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def test_pairs_that_are_none(self):
        self.bad(self.pair.cert, self.other.key, self.pair.cert, "key")
        self.bad(self.pair.key, self.pair.cert)

    def test_an_encrypted_key(self):
        path = os.path.join(self.root.top, "encrypted.key")
        must("pkey", "-in", self.pair.key, "-aes256", "-passout", "pass:secret", "-out", path)
        self.bad(self.pair.cert, path, "encrypted")

    def test_a_weak_key(self):
        weak = Pair(self.root.top, "weak", kind="rsa1024")
        self.bad(weak.cert, weak.key, "2048")

    def test_an_expired_certificate(self):
        """It is served, with a warning: not serving would help nobody."""
        pair = Pair(self.root.top, "expired")
        pair.expire()
        with SecureServer(self.root, [pair]) as server:
            self.assertEqual(server.secure_fetch("/").status, 200)
            self.assertRegex(server.said(), rf"{pair.cert}[^\n]*expired")

    def test_a_key_that_all_can_read(self):
        os.chmod(self.other.key, 0o644)
        with SecureServer(self.root, [self.other]) as server:
            self.assertTrue(until(lambda: self.other.key in server.said()), server.said())

    def test_a_port_in_use(self):
        with SecureServer(self.root, [self.pair]) as server:
            done = run("--port", "0", "--tls-port", str(server.secure[1]), "--engine",
                       under_test.engine, *self.pair.options(), self.root.site)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(str(server.secure[1]), done.stderr)
            self.assertIn("in use", done.stderr)

    def test_both_ports_the_same(self):
        port = str(free_port())
        done = run("--port", port, "--tls-port", port, "--engine", under_test.engine,
                   *self.pair.options(), self.root.site)
        self.assertIn(done.returncode, (1, 2), done.stderr)
        self.assertIn(port, done.stderr)

    def test_quiet(self):
        """Nothing is said where nothing was asked for."""
        port = free_port()
        with SecureServer(self.root, [self.pair], "--quiet", start_line=False, port=free_port(),
                          tls_port=port) as server:
            server.secure = ("127.0.0.1", port)
            self.assertEqual(server.secure_fetch("/").status, 200)
            said = server.stop()
        self.assertEqual([line for line in said.splitlines() if "https" in line], [])


if __name__ == "__main__":
    main()
