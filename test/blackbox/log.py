"""log.py - the access log: its form, its order, and what happens when it can't be written."""
import os
import pwd
import re
import signal
import time
import unittest

from server import NO_LEAK_CHECK, Client, Root, Server, free_port, main, request, until


LINE = re.compile(r'(\S+) - - \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000)\]'
                  r' "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"')


class AccessLog(unittest.TestCase):
    """On one core where the order of lines matters: cores write their batches when they like."""

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.root.write("big.bin", bytes(300000))
        self.log = os.path.join(self.root.top, "access.log")

    def lines(self, text=None):
        if text is None:
            with open(self.log, encoding="utf-8", errors="surrogateescape") as file:
                text = file.read()
        found = []
        self.assertTrue(text.endswith("\n") or not text)
        for line in text.split("\n")[:-1]:
            match = LINE.fullmatch(line)
            self.assertIsNotNone(match, f"not the combined format: {line!r}")
            found.append(match.groups())
        return found

    def test_combined_format(self):
        asked = [("/", "GET", [], "200", "4"), ("/big.bin", "GET", [], "200", "300000"),
                 ("/", "HEAD", [], "200", None), ("/missing?x=y", "GET", [], "404", ""),
                 ("/", "POST", [], "405", ""),
                 ("/", "GET", ["Referer: http://a/", "User-Agent: me/1.0"], "200", "4")]
        with Server(self.root, "--log", self.log) as server, server.client() as client:
            lengths = [len(client.get(target, fields, method).body)
                       for target, method, fields, _, _ in asked]
            client.close()
            server.stop()
        lines = self.lines()
        self.assertEqual(len(lines), len(asked))
        for line, length, (target, method, fields, status, _) in zip(lines, lengths, asked):
            address, _, first, code, size, referer, agent = line
            self.assertEqual((address, first, code),
                             ("127.0.0.1", f"{method} {target} HTTP/1.1", status))
            self.assertIn(size, {str(length)} if length else {"0", "-"})
            self.assertEqual((referer, agent), ("http://a/", "me/1.0") if fields else ("-", "-"))
        stamp = time.strptime(lines[0][1], "%d/%b/%Y:%H:%M:%S +0000")
        self.assertLess(abs(time.mktime(stamp) - time.mktime(time.gmtime())), 60)

    def test_closed_standard_streams(self):
        """Their numbers go to nothing that what is meant for them could harm."""
        port = free_port()
        for closed in ((2,), (0, 1, 2)):
            with Server(self.root, "--debug", port=port, start_line=False,
                        before_exec=lambda: [os.close(fd) for fd in closed]) as server:
                server.address = ("127.0.0.1", port)
                self.assertEqual(server.fetch("/").status, 200)
                held = {os.readlink(f"/proc/{server.pid}/fd/{fd}") for fd in closed}
                self.assertEqual(held, {"/"})

    def test_a_log_to_a_closed_stream_is_refused(self):
        with self.assertRaisesRegex(AssertionError, r"status 1\).*--log -: .*Bad file descriptor"):
            Server(self.root, "--log", "-", before_exec=lambda: os.close(1))

    def test_refusals_are_logged(self):
        with Server(self.root, "--cores", "1", "--log", self.log,
                    "--header-timeout", "300ms") as server:
            for data in (b"nonsense\r\n\r\n", b"GET /x HTTP/1.1\r\nHost : a\r\n\r\n",
                         b"GET /" + b"a" * 20000, b"GET /late"):
                with server.client() as client:
                    client.send(data)
                    client.reply()
            server.stop()
        self.assertEqual([line[3] for line in self.lines()], ["400", "400", "414", "408"])

    def test_nothing_can_forge_a_line(self):
        fields = ['User-Agent: a"b\\c\td', 'Referer: " 200 1 "-" "forged']
        targets = ['/"quoted"', "/%0a127.0.0.1", "/back\\slash", b"/\xff\xc3\xa4"]
        options = ("--cores", "1", "--log", self.log)
        with Server(self.root, *options) as server, server.client() as client:
            for target in targets:
                self.assertEqual(client.get(target, fields).status, 404)
            with server.client() as other:
                other.send(b"GET /\x1b[31m\x07 HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertEqual(other.reply().status, 400)
            client.close()
            server.stop()
        lines = self.lines()
        self.assertEqual(len(lines), 5)
        for line in lines:
            self.assertNotRegex("".join(line), r"[\x00-\x1f\x7f]")
        for line in lines[:4]:
            self.assertNotEqual(line[5], "-")

    def test_written_soon(self):
        with Server(self.root, "--log", self.log) as server:
            server.fetch("/")
            self.assertTrue(until(lambda: len(self.lines()) == 1))

    def test_standard_output(self):
        with Server(self.root, "--cores", "1", "-l", "-") as server:
            server.fetch("/one")
            self.assertTrue(until(lambda: '"GET /one HTTP/1.1" 404' in server.stdout.text()))
            server.fetch("/two")
            server.stop()
            log = "".join(line + "\n" for line in server.stdout.text().splitlines()
                          if "HTTP/1.1" in line)
        self.assertEqual([line[2] for line in self.lines(log)],
                         ["GET /one HTTP/1.1", "GET /two HTTP/1.1"])

    def test_order_and_number_under_load(self):
        with Server(self.root, "--log", self.log) as server, server.client() as client:
            for start in range(0, 5000, 500):
                client.send(b"".join(request(f"/?{i}") for i in range(start, start + 500)))
                for _ in range(500):
                    client.reply()
            client.close()
            server.stop()
        self.assertEqual([line[2] for line in self.lines()],
                         [f"GET /?{i} HTTP/1.1" for i in range(5000)])

    def test_reopened(self):
        with Server(self.root, "--cores", "1", "--log", self.log) as server:
            server.fetch("/before")
            self.assertTrue(until(lambda: os.path.getsize(self.log) > 0))
            os.rename(self.log, self.log + ".1")
            server.tell(signal.SIGUSR1)
            self.assertTrue(until(lambda: os.path.exists(self.log)))
            server.fetch("/after")
            os.rename(self.log, self.log + ".2")
            server.tell(signal.SIGHUP)
            self.assertTrue(until(lambda: os.path.exists(self.log)), "SIGHUP reopens logs, too")
            server.fetch("/last")
            server.stop()
        text = []
        for name in (self.log + ".1", self.log + ".2", self.log):
            with open(name, encoding="ascii") as file:
                text.append(re.findall("GET (/[a-z]+)", file.read()))
        self.assertEqual(text[0], ["/before"])
        self.assertEqual(text[1] + text[2], ["/after", "/last"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to make a file of root's own")
    def test_log_is_opened_for_the_user(self):
        """Reopened by SIGUSR1 when the privileges have gone, in a directory the user may write."""
        logs = os.path.join(self.root.top, "logs")
        os.mkdir(logs)
        os.chown(logs, pwd.getpwnam("nobody").pw_uid, -1)
        log = os.path.join(logs, "access.log")
        with Server(self.root, "--user", "nobody", "--log", log, env=NO_LEAK_CHECK) as server:
            server.fetch("/")
            self.assertTrue(until(lambda: os.path.getsize(log) > 0))
            os.rename(log, log + ".1")
            server.tell(signal.SIGUSR1)
            self.assertTrue(until(lambda: os.path.exists(log)))
            server.fetch("/after")
            server.stop()
        with open(log, encoding="ascii") as file:
            self.assertIn("/after", file.read())

    def test_reopening_that_fails_is_survived(self):
        logs = os.path.join(self.root.top, "logs")
        os.mkdir(logs)
        with Server(self.root, "--log", os.path.join(logs, "a.log")) as server:
            server.fetch("/")
            os.rename(logs, logs + ".away")
            server.tell(signal.SIGUSR1)
            self.assertTrue(until(lambda: "a.log" in server.stderr.text()),
                            "not a word about it")
            self.assertEqual(server.fetch("/").status, 200)

    def test_appends(self):
        for _ in range(2):
            with Server(self.root, "--log", self.log) as server:
                server.fetch("/")
        self.assertEqual(len(self.lines()), 2)

    def test_a_pipe_that_nobody_reads(self):
        with Server(self.root, "--quiet", "--log", "-", "--drain-timeout", "2", port=free_port(),
                    drain_stdout=False, start_line=False) as server:
            with server.client() as client:
                agent = "User-Agent: " + "a" * 300
                for _ in range(100):
                    client.send(request("/", fields=[agent]) * 50)
                    for _ in range(50):
                        self.assertEqual(client.reply().status, 200)
            start = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - start, 10)

    def test_a_pipe_whose_reader_has_gone(self):
        with Server(self.root, "--quiet", "--log", "-", port=free_port(), drain_stdout=False,
                    start_line=False) as server:
            server.process.stdout.close()
            for _ in range(3):
                self.assertEqual(server.fetch("/").status, 200)
                time.sleep(0.5)

    def test_a_full_disk(self):
        with Server(self.root, "--log", "/dev/full") as server:
            for _ in range(3):
                self.assertEqual(server.fetch("/").status, 200)
                time.sleep(0.5)

    def test_addresses_of_both_families(self):
        with Server(self.root, "--cores", "1", "--host", "::", "--log", self.log) as server:
            for address in ("127.0.0.1", "::1"):
                with Client((address, server.address[1])) as client:
                    client.get("/")
            server.stop()
        self.assertEqual([line[0] for line in self.lines()], ["127.0.0.1", "::1"])


if __name__ == "__main__":
    main()
