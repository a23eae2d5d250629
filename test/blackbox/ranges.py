"""ranges.py - parts of files as a client sees them (RFC 9110 14): one, several, none, and what a
list of them may cost."""
import email
import email.policy
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from server import Case, Root, Server, main, request, until

SIZES = {"empty.txt": 0, "tiny.txt": 13, "medium.bin": 100 * 1024, "large.bin": 10 << 20}
CURL = shutil.which("curl")


class Files(Case):
    """A tiny and an empty file, one that is held in memory and one that is sent from disk."""

    contents = {}

    @classmethod
    def fill(cls, root):
        super().fill(root)
        for name, size in SIZES.items():
            cls.contents[name] = os.urandom(size)
            root.write(name, cls.contents[name])

    def ask(self, client, name, ranges, *fields, method="GET"):
        return client.get("/" + name, [f"Range: {ranges}", *fields], method=method)

    def is_part(self, reply, name, first, last):
        """One part: status, fields and bytes."""
        content = self.contents[name]
        self.assertEqual(reply.status, 206, reply)
        self.assertEqual(reply.all("Content-Range"), [f"bytes {first}-{last}/{len(content)}"])
        self.assertEqual(reply.get("Content-Length"), str(last - first + 1))
        self.assertTrue(reply.body == content[first:last + 1], f"other bytes in {reply}")
        for field in ("ETag", "Last-Modified", "Content-Type"):
            self.assertIsNotNone(reply.get(field), field)

    def is_whole(self, reply, name):
        self.assertEqual(reply.status, 200, reply)
        self.assertIsNone(reply.get("Content-Range"))
        self.assertEqual(reply.get("Accept-Ranges"), "bytes")
        self.assertTrue(reply.body == self.contents[name], f"other bytes in {reply}")

    def has_parts(self, reply, name, ranges):
        """Several parts, read by a parser that was not written for this."""
        content = self.contents[name]
        self.assertEqual(reply.status, 206, reply)
        self.assertIsNone(reply.get("Content-Range"))
        kind = reply.get("Content-Type")
        self.assertRegex(kind, r"^multipart/byteranges; boundary=[0-9a-z]{16,70}$")
        message = email.message_from_bytes(
            b"Content-Type: " + kind.encode() + b"\r\n\r\n" + bytes(reply.body),
            policy=email.policy.HTTP)
        self.assertFalse(message.defects)
        parts = message.get_payload()
        self.assertEqual([part["Content-Range"] for part in parts],
                         [f"bytes {first}-{last}/{len(content)}" for first, last in ranges])
        # The email parser mends line ends in binary bytes, so those are cut out by hand.
        boundary = b"--" + kind.split("=")[1].encode()
        pieces = bytes(reply.body).split(boundary)
        self.assertEqual((pieces[0], pieces[-1]), (b"", b"--\r\n"))
        self.assertEqual(len(pieces), len(ranges) + 2)
        for piece, (first, last) in zip(pieces[1:-1], ranges):
            head, _, body = piece.partition(b"\r\n\r\n")
            self.assertIn(b"Content-Type: ", head)
            self.assertTrue(body == content[first:last + 1] + b"\r\n", (first, last))


class OneRange(Files):

    def test_every_kind_of_every_file(self):
        client = self.client()
        for name in ("tiny.txt", "medium.bin", "large.bin"):
            last = SIZES[name] - 1
            for ranges, first, end in (
                    ("bytes=0-0", 0, 0), ("bytes=0-", 0, last), ("bytes=5-", 5, last),
                    ("bytes=-5", last - 4, last), (f"bytes={last}-", last, last),
                    (f"bytes=0-{last + 9}", 0, last), (f"bytes=-{last + 9}", 0, last),
                    ("BYTES=1-3", 1, 3), ("bytes=3-4,5-6", 3, 6), ("bytes=0-6, 4-9", 0, 9),
                    ("bytes=2-3,99999999999999999999999-", 2, 3)):
                with self.subTest(name=name, ranges=ranges):
                    self.is_part(self.ask(client, name, ranges), name, first, end)

    def test_random_ranges_of_the_large_file(self):
        client = self.client()
        for seed in range(60):
            draw = random.Random(seed)
            first = draw.randrange(SIZES["large.bin"])
            last = min(SIZES["large.bin"] - 1, first + draw.choice((0, 4095, 70000, 1 << 20)))
            self.is_part(self.ask(client, "large.bin", f"bytes={first}-{last}"), "large.bin",
                         first, last)

    def test_what_cannot_be_satisfied(self):
        client = self.client()
        for name, ranges in (("tiny.txt", "bytes=13-"), ("tiny.txt", "bytes=-0"),
                             ("tiny.txt", "bytes=13-14,99-"), ("empty.txt", "bytes=0-"),
                             ("large.bin", f"bytes={10 << 20}-")):
            with self.subTest(name=name, ranges=ranges):
                reply = self.ask(client, name, ranges)
                self.assertEqual(reply.status, 416)
                self.assertEqual(reply.get("Content-Range"), f"bytes */{SIZES[name]}")
                self.assertFalse(reply.closes())

    def test_what_is_ignored(self):
        client = self.client()
        for ranges in ("bytes=", "bytes=a-b", "bytes=3-2", "bytes", "lines=1-2", "bytes=1-2x",
                       "bytes=0-1,x", "bytes=--1", "0-1"):
            for name in ("tiny.txt", "medium.bin", "large.bin"):
                with self.subTest(name=name, ranges=ranges):
                    self.is_whole(self.ask(client, name, ranges), name)
        self.is_whole(self.ask(client, "empty.txt", "bytes=-5"), "empty.txt")
        self.is_whole(client.get("/tiny.txt", ["Range: bytes=0-1", "Range: bytes=2-3"]),
                      "tiny.txt")

    def test_head_knows_no_ranges(self):
        client = self.client()
        for name, size in SIZES.items():
            for ranges in ("bytes=0-0", "bytes=0-0,5-5", f"bytes={size}-"):
                reply = self.ask(client, name, ranges, method="HEAD")
                self.assertEqual((reply.status, reply.get("Content-Length")), (200, str(size)))
                self.assertEqual(reply.stable_fields(),
                                 client.get("/" + name, method="HEAD").stable_fields())

    def test_there_is_no_range_of_what_is_not_there(self):
        client = self.client()
        self.assertEqual(self.ask(client, "missing", "bytes=0-0").status, 404)

    def test_if_range(self):
        client = self.client()
        for name in ("tiny.txt", "large.bin"):
            os.utime(self.root.path(name), (1e9, 1e9))
        self.assertTrue(until(lambda: "2001" in client.get("/tiny.txt", method="HEAD")
                              .get("Last-Modified")))
        self.assertTrue(until(lambda: "2001" in client.get("/large.bin", method="HEAD")
                              .get("Last-Modified")))
        for name in ("tiny.txt", "large.bin"):
            etag = client.get("/" + name, method="HEAD").get("ETag")
            for value, holds in ((etag, True), ("Sun, 09 Sep 2001 01:46:40 GMT", True),
                                 ("Sunday, 09-Sep-01 01:46:40 GMT", True), ("W/" + etag, False),
                                 ('"other"', False), ("Sun, 09 Sep 2001 01:46:41 GMT", False),
                                 ("Sun, 09 Sep 2001 01:46:39 GMT", False), ("rubbish", False)):
                with self.subTest(name=name, value=value):
                    reply = self.ask(client, name, "bytes=2-3", f"If-Range: {value}")
                    if holds:
                        self.is_part(reply, name, 2, 3)
                    else:
                        self.is_whole(reply, name)


class Bytewise(Files):

    def test_one_byte_at_a_time(self):
        client = self.client()
        for name in ("medium.bin", "large.bin"):
            for byte in request("/" + name, fields=["Range: bytes=1-2,10-20"]):
                client.send(bytes([byte]))
            self.has_parts(client.reply(), name, [(1, 2), (10, 20)])


class SeveralRanges(Files):

    def test_parts_in_the_order_asked_for(self):
        client = self.client()
        for name in ("medium.bin", "large.bin"):
            size = SIZES[name]
            for ranges in ([(0, 0), (2, 2)], [(5000, 5999), (0, 99), (size - 10, size - 1)],
                           [(i * 6000, i * 6000 + 2999) for i in range(16)],
                           [(i * 6000, i * 6000) for i in reversed(range(16))],
                           [(0, 9), (5, 14), (100, 109)]):
                with self.subTest(name=name, ranges=ranges):
                    text = ",".join(f"{first}-{last}" for first, last in ranges)
                    self.has_parts(self.ask(client, name, "bytes=" + text), name, ranges)

    def test_large_parts(self):
        ranges = [(7 << 20, (9 << 20) + 5), (0, 1 << 20), (3 << 20, 5 << 20)]
        text = ",".join(f"{first}-{last}" for first, last in ranges)
        self.has_parts(self.ask(self.client(), "large.bin", "bytes=" + text), "large.bin", ranges)

    def test_no_list_costs_more_than_the_file(self):
        client = self.client()
        lists = {
            "tiny.txt": ("0-0,2-2", "0-,-1,5-6", ",".join("0-" for _ in range(1000))),
            "medium.bin": ("0-,0-,0-", "0-9,5-14,14-20", "0-60000,60002-",
                           ",".join(f"{i}-{i}" for i in range(0, 34, 2)),
                           ",".join("0-" for _ in range(3000)),
                           ",".join(f"{i}-" for i in range(1500))),
            "large.bin": ("0-,1-,2-", ",".join(f"{i * 100}-{i * 100}" for i in range(1000))),
        }
        for name, texts in lists.items():
            for text in texts:
                with self.subTest(name=name, ranges=text[:40]):
                    self.is_whole(self.ask(client, name, "bytes=" + text), name)

    def test_pipelined(self):
        """Answers in order, in parts and whole, from memory and from disk, and a close at last."""
        client = self.client()
        wanted = []
        data = b""
        for i in range(12):
            name = ("medium.bin", "large.bin", "tiny.txt")[i % 3]
            data += request("/" + name, fields=[f"Range: bytes={i}-{i}, {i + 4000}-{i + 4999}"])
            wanted.append((name, i))
        data += request("/tiny.txt", fields=["Connection: close"]) + request("/tiny.txt")
        client.send(data)
        for name, i in wanted:
            reply = client.reply()
            if name == "tiny.txt": # only the first can be satisfied
                self.is_part(reply, name, i, i)
            else:
                self.has_parts(reply, name, [(i, i), (i + 4000, i + 4999)])
        self.is_whole(client.reply(), "tiny.txt")
        client.expect_fin()

    def test_close_after_the_last_part(self):
        for name in ("medium.bin", "large.bin"):
            ranges = [(i * 6000, i * 6000 + 2999) for i in range(16)]
            text = ",".join(f"{first}-{last}" for first, last in ranges)
            client = self.client()
            reply = self.ask(client, name, "bytes=" + text, "Connection: close")
            self.assertTrue(reply.closes())
            self.has_parts(reply, name, ranges)
            client.expect_fin()

    def test_half_closed_behind_the_request(self):
        for name in ("medium.bin", "large.bin"):
            ranges = [(i * 6000, i * 6000 + 2999) for i in range(16)]
            text = ",".join(f"{first}-{last}" for first, last in ranges)
            client = self.client()
            client.send(request("/" + name, fields=["Range: bytes=" + text]))
            client.half_close()
            self.has_parts(client.reply(), name, ranges)
            client.expect_fin()


class Unread(unittest.TestCase):

    def test_who_stops_reading_between_parts_is_cut(self):
        root = Root()
        self.addCleanup(root.remove)
        root.write("large.bin", bytes(40 << 20))
        with Server(root, "--write-timeout", "1s") as server:
            with server.client(receive_buffer=4096) as client:
                text = ",".join(f"{i << 21}-{(i << 21) + (3 << 19)}" for i in range(16))
                client.send(request("/large.bin", fields=["Range: bytes=" + text]))
                client.head()
                self.assertIsNotNone(client.hung_up(20))
            with server.client() as client:
                self.assertEqual(client.get("/large.bin", ["Range: bytes=0-0"]).body, b"\0")

    def test_log_counts_what_was_sent(self):
        root = Root()
        self.addCleanup(root.remove)
        root.write("medium.bin", bytes(50000))
        log = os.path.join(root.top, "access.log")
        lengths = []
        with Server(root, "--log", log) as server:
            with server.client() as client:
                for fields in (["Range: bytes=0-99"], ["Range: bytes=0-0,100-199"],
                               ["Range: bytes=50000-"], ["If-None-Match: *"],
                               ["If-Match: \"x\""]):
                    reply = client.get("/medium.bin", fields)
                    lengths.append((str(reply.status), str(len(reply.body))))
        with open(log, encoding="ascii") as file:
            lines = [re.search(r'" (\d+) (\d+|-) ', line).groups() for line in file]
        self.assertEqual([line[0] for line in lines], ["206", "206", "416", "304", "412"])
        self.assertEqual([(status, "0" if size == "-" else size) for status, size in lines],
                         lengths)


@unittest.skipUnless(CURL, "curl is not installed")
class Curl(Files):

    def curl(self, name, *arguments):
        done = subprocess.run([CURL, "-sS", "--max-time", "20", "--noproxy", "*", *arguments,
                               f"http://127.0.0.1:{self.server.address[1]}/{name}"],
                              capture_output=True, timeout=40, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout

    def test_range(self):
        for name in ("medium.bin", "large.bin"):
            self.assertTrue(self.curl(name, "-r", "100-70000")
                            == self.contents[name][100:70001])
            self.assertTrue(self.curl(name, "-r", "-300") == self.contents[name][-300:])

    def test_resume(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.contents["large.bin"][:3000000])
            file.flush()
            self.curl("large.bin", "-C", "-", "-o", file.name)
            with open(file.name, "rb") as whole:
                self.assertTrue(whole.read() == self.contents["large.bin"])

    def test_time_condition(self):
        with tempfile.TemporaryDirectory() as place:
            out = os.path.join(place, "out")
            self.assertEqual(self.curl("tiny.txt", "-o", out, "-R", "-w", "%{http_code}"), b"200")
            os.utime(out, (time.time() + 5,) * 2)
            self.assertEqual(self.curl("tiny.txt", "-o", os.devnull, "-z", out, "-w",
                                       "%{http_code}"), b"304")
            os.utime(out, (1e9, 1e9))
            self.assertEqual(self.curl("tiny.txt", "-o", os.devnull, "-z", out, "-w",
                                       "%{http_code}"), b"200")

    def test_etag(self):
        with tempfile.TemporaryDirectory() as place:
            tag = os.path.join(place, "tag")
            arguments = ("--etag-compare", tag, "--etag-save", tag, "-w", " %{http_code}")
            self.assertTrue(self.curl("tiny.txt", *arguments).endswith(b" 200"))
            self.assertEqual(self.curl("tiny.txt", *arguments), b" 304")


if __name__ == "__main__":
    main()
