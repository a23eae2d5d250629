"""curl.py - curl as a client that was not written for these tests."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from server import SKIP, Case, Root, Server, main

CURL = shutil.which("curl")


def curl(*arguments, data=None):
    return subprocess.run([CURL, "-sS", "--max-time", "20", "--noproxy", "*", *arguments],
                          input=data,
                          capture_output=True, timeout=40, check=False)


class Curl(Case):

    @classmethod
    def fill(cls, root):
        super().fill(root)
        root.write("dir/index.html", b"the index of dir")
        root.write("big.bin", os.urandom(1 << 20) * 5)
        root.write("a b.txt", b"a space")
        for i in range(30):
            root.write(f"n{i}.txt", b"number %d" % i)

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.server.address[1]}{path}"

    def ok(self, *arguments, **options):
        done = curl(*arguments, **options)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def code(self, *arguments, **options):
        return self.ok("-o", os.devnull, "-w", "%{http_code}", *arguments, **options).decode()

    def test_get(self):
        self.assertEqual(self.ok(self.url()), b"<h1>home</h1>\n")
        self.assertEqual(self.ok(self.url("/a%20b.txt")), b"a space")
        self.assertEqual(self.code(self.url("/missing")), "404")

    def test_large(self):
        with open(self.root.path("big.bin"), "rb") as file:
            self.assertTrue(self.ok(self.url("/big.bin")) == file.read())

    def test_head(self):
        head = self.ok("-I", self.url("/big.bin")).decode()
        self.assertRegex(head, r"^HTTP/1\.1 200 OK\r\n")
        self.assertIn("Content-Length: 5242880\r\n", head)

    def test_options(self):
        self.assertRegex(self.ok("-i", "-X", "OPTIONS", self.url()).decode(), "\nAllow: .*GET")
        shown = self.ok("-i", "-X", "OPTIONS", "--request-target", "*", self.url()).decode()
        self.assertRegex(shown, "\nAllow: .*GET")

    def test_old_versions(self):
        self.assertEqual(self.ok("--http1.0", self.url()), b"<h1>home</h1>\n")
        self.assertEqual(self.ok("--http1.0", "-H", "Connection: keep-alive", self.url(),
                                 self.url()),
                         b"<h1>home</h1>\n" * 2)

    def test_http2_is_declined(self):
        """curl asks to upgrade to h2c and goes on in HTTP/1.1."""
        self.assertEqual(self.ok("--http2", "-w", "%{http_version}", self.url()),
                         b"<h1>home</h1>\n1.1")

    def test_one_connection_for_all(self):
        urls = [self.url(f"/n{i}.txt") for i in range(30)]
        shown = self.ok("-w", " %{num_connects}\n", *urls).decode().splitlines()
        self.assertEqual(shown, [f"number {i} {int(i == 0)}" for i in range(30)])

    def test_connection_survives_errors(self):
        shown = self.ok("-w", "%{http_code}/%{num_connects} ", "-o", os.devnull, "-o", os.devnull,
                        "-o", os.devnull,
                        self.url("/missing"), self.url("/index.html/"), self.url())
        self.assertEqual(shown.split(), [b"404/1", b"404/0", b"200/0"])

    def test_redirect_is_followed(self):
        self.assertEqual(self.ok("-L", "-w", "%{url_effective}", self.url("/dir?q=1")),
                         b"the index of dir" + self.url("/dir/?q=1").encode())

    def test_uploads_are_declined(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes(500000))
            file.flush()
            self.assertEqual(self.code("-T", file.name, self.url("/new.bin")), "405")
            self.assertEqual(self.code("-d", "@" + file.name, self.url()), "405")
            self.assertEqual(self.code("-H", "Expect:", "-d", "@" + file.name, self.url()), "405")
            self.assertEqual(self.code("-H", "Transfer-Encoding: chunked", "-d", "@" + file.name,
                                       self.url()), "405")
        self.assertEqual(self.code("-d", "a=b", self.url()), "405")
        self.assertEqual(self.code("-F", "a=b", self.url()), "405")
        self.assertEqual(self.code("-T", "-", self.url("/x"), data=b"from a pipe"), "405")
        self.assertFalse(os.path.exists(self.root.path("new.bin")))

    def test_too_large_an_upload(self):
        """curl reads the 413 though it has megabytes to send."""
        for expect in ("Expect:", "Expect: 100-continue"):
            shown = curl("-o", os.devnull, "-w", "%{http_code}", "-H", expect, "--data-binary",
                         "@-", self.url(),
                         data=bytes(8 << 20))
            self.assertEqual(shown.stdout, b"413", shown)

    def test_expect_on_a_get(self):
        shown = self.ok("-i", "-X", "GET", "-H", "Expect: 100-continue", "-d", "a=b",
                        self.url()).decode()
        self.assertRegex(shown, r"\AHTTP/1\.1 200 ")
        self.assertEqual(self.code("-H", "Expect: tea", self.url()), "417")

    def test_parallel(self):
        with tempfile.TemporaryDirectory() as place:
            arguments = ["-Z", "--parallel-max", "20", "--no-progress-meter"]
            for i in range(30):
                arguments += ["-o", f"{place}/{i}",
                              self.url("/big.bin" if i % 3 == 0 else f"/n{i}.txt")]
            self.ok(*arguments)
            with open(self.root.path("big.bin"), "rb") as file:
                big = file.read()
            for i in range(30):
                with open(f"{place}/{i}", "rb") as file:
                    self.assertTrue(file.read() == (big if i % 3 == 0 else b"number %d" % i), i)

    def test_path_as_is(self):
        for path in ("/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                     "/dir/../../etc/passwd", "/..%2fetc/passwd"):
            shown = self.ok("--path-as-is", "-w", "%{http_code}", self.url(path))
            self.assertRegex(shown, rb"(400|403|404)\Z")
            self.assertNotIn(b"root:", shown)
        self.assertEqual(self.ok("--path-as-is", self.url("/dir/../dir/./index.html")),
                         b"the index of dir")

    def test_many_fields(self):
        fields = [part for i in range(60) for part in ("-H", f"X-Field-{i}: {'v' * 100}")]
        self.assertEqual(self.code(*fields, self.url()), "200")


class Addresses(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")

    def reaches(self, server, address):
        return curl(f"http://{address}:{server.address[1]}/").stdout == b"home"

    def test_ipv6(self):
        with Server(self.root, "--host", "::1") as server:
            self.assertIn("http://[::1]:", server.start_line())
            self.assertTrue(self.reaches(server, "[::1]"))
            self.assertFalse(self.reaches(server, "127.0.0.1"))

    def test_both_families(self):
        with Server(self.root, "-a", "::") as server:
            self.assertTrue(self.reaches(server, "[::1]"))
            self.assertTrue(self.reaches(server, "127.0.0.1"))

    def test_local_by_default(self):
        with Server(self.root) as server:
            self.assertTrue(self.reaches(server, "127.0.0.1"))
            self.assertFalse(self.reaches(server, "127.0.0.2"))
            self.assertFalse(self.reaches(server, "[::1]"))

    def test_all_of_ipv4(self):
        with Server(self.root, "--host", "0.0.0.0") as server:
            self.assertTrue(self.reaches(server, "127.0.0.2"))
            self.assertFalse(self.reaches(server, "[::1]"))


if __name__ == "__main__":
    if not CURL:
        print("skipped: curl is not installed")
        sys.exit(SKIP)
    main()
