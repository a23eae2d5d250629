"""load_peers.py - ringlet-load against servers that err, and against none at all.

    load_peers.py --binary RINGLET --engine auto --sanitize KIND

The generator is the ringlet-load beside the binary.
"""
import os
import resource
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest

from rig import TRIES, Rig, Run, ok, run_held
from server import SKIP, free_port, io_uring_refusal, main

CONNECTIONS = 4
SHORT = ("-d", 0.3, "--warmup", 0.05, "-c", CONNECTIONS)


class Peers(unittest.TestCase):

    def run_against(self, answer, *args, **options):
        with Rig(answer, options.pop("context", None)) as rig:
            run = Run(*SHORT, *args, rig.url + "/", **options)
            run.connections = rig.connections
            return run

    def expect_good(self, run):
        self.assertEqual(run.status, 0, run.said())
        self.assertEqual(run.errors(), {})
        self.assertGreater(run.json["requests"], 0)

    def expect_error(self, run, *kinds):
        self.assertEqual(run.status, 4, run.said())
        self.assertEqual(sorted(run.errors()), sorted(kinds), run.said())

    def test_chunked_answers(self):
        pieces = b"5\r\nhello\r\n4000\r\n" + b"x" * 0x4000 + b"\r\n0\r\nTrailer: y\r\n\r\n"
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
        self.expect_good(self.run_against(lambda *_: answer, "--expect-length", 5 + 0x4000))

    def test_answers_until_close(self):
        answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 20000 + Rig.CLOSE
        run = self.run_against(lambda *_: answer, "--expect-length", 20000)
        self.expect_good(run)
        self.assertGreater(run.connections, 4)

    def test_a_close_that_was_announced_is_no_error(self):
        run = self.run_against(lambda *_: ok(b"x", b"Connection: close") + Rig.CLOSE)
        self.expect_good(run)

    def test_bodies_arrive(self):
        def check(_, target, body):
            return ok(b"x") if body == b"x" * 50000 else b"HTTP/1.1 400 No\r\n" + ok(b"x")[17:]
        self.expect_good(self.run_against(check, "--body-size", 50000))
        self.expect_good(self.run_against(check, "--body-size", 50000, "--chunked"))
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 50000)
            file.flush()
            self.expect_good(self.run_against(check, "--body-file", file.name))

    def test_wrong_lengths_are_counted(self):
        run = self.run_against(lambda number, *_: ok(b"x" * (1 + number % 2)))
        self.expect_error(run, "length")
        self.assertLess(run.json["errors"]["length"], run.json["requests"])
        run = self.run_against(lambda *_: ok(b"xy"), "--expect-length", 3)
        self.expect_error(run, "length")
        self.assertEqual(run.json["errors"]["length"], run.json["requests"])

    def test_nonsense_is_counted(self):
        run = self.run_against(lambda number, *_: b"nonsense\r\n" if number % 9 == 8 else ok(b"x"))
        self.expect_error(run, "syntax")
        self.assertGreater(run.json["requests"], 0)
        run = self.run_against(lambda number, *_: ok(b"x") + b"y" if number % 9 == 8 else ok(b"x"))
        self.assertIn("syntax", run.errors(), run.said())

    def test_answers_cut_short_are_counted(self):
        run = self.run_against(
            lambda number, *_: ok(b"xy")[:-1] + Rig.CLOSE if number % 9 == 8 else ok(b"xy"))
        self.expect_error(run, "read")
        self.assertGreater(run.json["requests"], 0)
        run = self.run_against(lambda number, *_: None if number % 9 == 8 else ok(b"xy"))
        self.expect_error(run, "read")

    def test_silence_is_counted(self):
        run = self.run_against(lambda number, *_: b"HTTP/1.1" if number % 50 == 49 else ok(b"x"),
                               "--timeout", 0.1)
        self.expect_error(run, "timeout")

    def test_nobody_there(self):
        port = free_port()
        run = Run(*SHORT, f"http://127.0.0.1:{port}/")
        self.assertEqual(run.status, 1, run.said())
        self.assertIn(f"127.0.0.1:{port}: Connection refused", run.stderr)
        self.assertIsNone(run.json)

    def test_more_connections_than_fit(self):
        def lower():
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
        run = Run("-c", 300, "http://127.0.0.1:9/", before_exec=lower)
        self.assertEqual(run.status, 1, run.said())
        self.assertIn("300 connections need", run.stderr)

    def test_wrong_usage(self):
        for args in ([], ["-c", "0", "http://a/"], ["ftp://a/"], ["http://a/", "http://b/"],
                     ["--targets", "/nonexistent/file", "http://a/"],
                     ["--tls-cipher", "TLS_AES_128_GCM_SHA256", "http://127.0.0.1:9/"],
                     ["--tls-resume", "--new-connection", "http://127.0.0.1:9/"]):
            run = Run(*args)
            self.assertEqual(run.status, 2, run.said())
            self.assertIn("ringlet-load: ", run.stderr)

    def test_quiet(self):
        run = self.run_against(lambda *_: ok(b"x"), "--quiet")
        self.assertEqual((run.status, run.stdout, run.stderr), (0, "", ""))


@unittest.skipUnless(shutil.which("openssl"), "no openssl to make a certificate with")
class Tls(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="ringlet-tls-")
        cls.certificate = os.path.join(cls.folder.name, "certificate.pem")
        key = os.path.join(cls.folder.name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                        "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                        "-out", cls.certificate], check=True, capture_output=True)
        cls.key = key
        cls.context = cls.make_context()

    @classmethod
    def make_context(cls):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cls.certificate, cls.key)
        return context

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_tls(self, *args, env=None, body=b"x", context=None, held=True):
        with Rig(lambda *_: ok(body), context or self.context) as rig:
            args = (*SHORT, *args, rig.url + "/")
            run = run_held(self, *args, env=env) if held else Run(*args, env=env)
            self.assertTrue(rig.has_ended())
        run.ciphers, run.resumed, run.cut_short = rig.ciphers, rig.resumed, rig.cut_short
        return run

    def expect_good(self, run):
        self.assertEqual(run.status, 0, run.said())
        self.assertGreater(run.json["requests"], 0)

    def test_a_certificate_is_verified(self):
        self.expect_good(self.run_tls(env={"SSL_CERT_FILE": self.certificate}))
        run = self.run_tls("--timeout", 0.5, env={"SSL_CERT_FILE": os.devnull})
        self.assertEqual(run.status, 1, run.said())
        self.assertIn("TLS", run.stderr)

    def test_any_certificate_when_told(self):
        self.expect_good(self.run_tls("--tls-insecure", "--pipeline", 4))
        self.expect_good(self.run_tls("--tls-insecure", body=b"x" * 100000))
        self.expect_good(self.run_tls("--tls-insecure", "--new-connection"))
        self.expect_good(self.run_tls("--tls-insecure", "--body-size", 100000))

    def test_bytes_are_those_of_the_answers(self):
        run = self.run_tls("--tls-insecure", body=b"x" * 100000)
        self.expect_good(run)
        of_one = len(ok(b"x" * 100000))
        self.assertAlmostEqual(run.json["bytes"] / of_one, run.json["requests"], delta=4)

    def test_one_cipher_and_nothing_older(self):
        for cipher in ("TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"):
            run = self.run_tls("--tls-insecure", "--tls-cipher", cipher)
            self.expect_good(run)
            self.assertEqual(run.ciphers, {(cipher, "TLSv1.3")})
        older = self.make_context()
        older.maximum_version = ssl.TLSVersion.TLSv1_2
        run = self.run_tls("--tls-insecure", "--tls-cipher", cipher, "--timeout", 0.5,
                           context=older)
        self.assertEqual(run.status, 1, run.said())
        run = self.run_tls("--tls-cipher", "TLS_NONSENSE")
        self.assertEqual(run.status, 1, run.said())
        self.assertIn("TLS_NONSENSE", run.stderr)

    def test_full_handshakes(self):
        run = self.run_tls("--tls-insecure", "--new-connection", "-d", 2)
        self.expect_good(run)
        self.assertGreater(run.json["handshakes"]["full"], 0)
        self.assertEqual(run.json["handshakes"]["resumed"], 0)
        self.assertFalse(any(run.resumed))

    def test_sessions_are_resumed(self):
        run = self.run_tls("--tls-insecure", "--new-connection", "--tls-resume", "-d", 2)
        self.expect_good(run)
        handshakes = run.json["handshakes"]
        self.assertGreater(handshakes["resumed"], 0)
        self.assertGreaterEqual(handshakes["resumed"], 0.99 * sum(handshakes.values()))
        # A client is done with a handshake a flight before its server, and ends some in between.
        self.assertGreaterEqual(sum(run.resumed) + run.cut_short, handshakes["resumed"])
        self.assertLessEqual(run.cut_short, TRIES * CONNECTIONS)
        self.assertIn(f"TLS handshakes: {handshakes['full']} full, {handshakes['resumed']} resumed",
                      run.stdout)

    def test_a_server_that_does_not_resume_is_no_result(self):
        context = self.make_context()
        context.num_tickets = 0
        run = self.run_tls("--tls-insecure", "--new-connection", "--tls-resume", "-d", 2,
                           context=context, held=False)   # refused is what it shall be
        self.assertEqual(run.status, 3, run.said())
        self.assertRegex(run.json["refused"], r"^only 0 of \d+ sessions were resumed$")
        self.assertFalse(any(run.resumed))


if __name__ == "__main__":
    if io_uring_refusal():
        print(f"skipped: ringlet-load needs io_uring ({io_uring_refusal()})")
        sys.exit(SKIP)
    main()
