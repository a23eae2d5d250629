"""handlers.py - the endpoints of --demo (app/demo.c), which are what any program's handlers are."""
import json
import os
import unittest

from server import Case, Root, Server, chunks, main, request, run, under_test, until

ITEMS = [{"id": number, "name": f"Item {number}", "category": "tools", "price": 10.25 * number,
          "quantity": number % 7, "active": number % 2 == 0, "tags": ["a", "b"],
          "rating": {"score": 48, "count": number}} for number in range(1, 51)]

UNREADABLE = b"every parameter and the body are whole numbers of at most 15 digits\n"


def post(client, target, body):
    return client.get(target, [f"Content-Length: {len(body)}"], "POST", body=body)


class Demo(Case):

    arguments = ("--demo", "--cores", "1")

    @classmethod
    def setUpClass(cls):
        cls.top = Root()
        cls.addClassCleanup(cls.top.remove)
        cls.dataset = os.path.join(cls.top.top, "items.json")
        with open(cls.dataset, "w", encoding="ascii") as file:
            json.dump(ITEMS, file)
        cls.arguments = (*Demo.arguments, "--dataset", cls.dataset)
        super().setUpClass()

    def expect(self, target, status, body, kind="text/plain; charset=utf-8"):
        reply = self.client().get(target)
        self.assertEqual((reply.status, bytes(reply.body), reply.get("Content-Type")),
                         (status, body, kind))
        self.assertFalse(reply.closes())

    def test_fixed_texts(self):
        self.expect("/ping", 200, b"pong")
        self.expect("/pipeline", 200, b"ok")
        self.expect("/json", 200, b'{"message":"Hello, World!"}', "application/json")
        self.expect("/%70ing", 200, b"pong")
        reply = self.client().get("/bigger")
        self.assertEqual(len(reply.body), 585)
        json.loads(reply.body)

    def test_files_stand_beside(self):
        with self.client() as client:
            self.assertEqual(client.get("/").body, b"<h1>home</h1>\n")
            self.assertEqual(client.get("/ping/").status, 404)

    def test_easter(self):
        reply = self.client().get("/easter")
        self.assertEqual((reply.status, reply.get("Location"), reply.body), (301, "/", b""))

    def test_hello(self):
        self.expect("/hello", 200, b"hello, world")
        self.expect("/hello?name=bill", 200, b"hello, bill")
        self.expect("/hello?x=y&name=b+%26%3Cb%3E%0d%0a", 200, b"hello, b &amp;&lt;b&gt;??")
        self.expect("/hello?name=" + 256 * "%22", 200, b"hello, " + 256 * b"&quot;")
        self.expect("/hello?name=" + 257 * "x", 400, b"a name has 256 bytes at most\n")

    def test_sums(self):
        self.expect("/baseline11?a=13&b=42", 200, b"55")
        self.expect("/baseline11?a=-1&b=999999999999999", 200, b"999999999999998")
        self.expect("/baseline11", 200, b"0")
        for wrong in ("a=-1&b=x", "a", "a=", "a=1.5", "a=%2b1", "a=-", "b=1000000000000000"):
            self.expect("/baseline11?" + wrong, 400, UNREADABLE)

    def test_lengths(self):
        with self.client() as client:
            for length in (1, 5, 2048, 2049, 100000, 16 << 20):
                body = client.get(f"/length/{length}").body
                self.assertEqual(len(body), length)
                if length < 16 << 20:
                    self.assertEqual(client.get(f"/length/{length}").body, body)
            self.assertEqual(client.get("/length/100000", method="HEAD").get("Content-Length"),
                             "100000")
        for wrong in ("0", "16777217", "x", "-1", "1x", "99999999999999999999"):
            self.expect(f"/length/{wrong}", 400, b"a length from 1 to 16777216 is allowed\n")

    def test_lengths_on_their_way_are_bounded(self):
        """Who reads slowly is lent what he reads: there is so much, and no more."""
        with Server(self.root, "--demo", "--cores", "1") as server:
            slow = [server.client(receive_buffer=4096) for _ in range(2)]
            for number, client in enumerate(slow):
                client.send(request(f"/length/{(16 << 20) - number}"))
                client.head()
            with server.client() as client:
                reply = client.get("/length/16000000")
                self.assertEqual((reply.status, reply.get("Retry-After")), (503, "1"))
                self.assertEqual(client.get("/ping").body, b"pong")
                self.assertEqual(len(client.get("/length/16777216").body), 16 << 20)
                slow[0].reset()
                slow[1].reset()
                self.assertTrue(until(lambda: client.get("/length/16000000").status == 200))

    def test_the_same_length_on_every_core(self):
        cores = min(2, len(os.sched_getaffinity(0)))
        with Server(self.root, "--demo", "--cores", str(cores)) as server:
            bodies = {bytes(server.fetch("/length/1000").body) for _ in range(20)}
        self.assertEqual(len(bodies), 1)

    def test_items(self):
        with self.client() as client:
            for count, wanted, multiplier in ((1, 1, 1), (50, 50, 3), (60, 50, -2)):
                reply = client.get(f"/json/{count}?m={multiplier}")
                self.assertEqual(reply.get("Content-Type"), "application/json")
                found = json.loads(reply.body)
                self.assertEqual(found["count"], wanted)
                for item, given in zip(found["items"], ITEMS[:wanted], strict=True):
                    self.assertAlmostEqual(item.pop("total"),
                                           given["price"] * given["quantity"] * multiplier, 2)
                    self.assertEqual(item, given)
            for wrong in ("/json/0", "/json/x", "/json/5?m=x"):
                self.assertEqual(client.get(wrong).status, 400)

    def test_methods(self):
        with self.client() as client:
            for method, status in (("PUT", 405), ("OPTIONS", 200)):
                reply = client.get("/ping", method=method)
                self.assertEqual((reply.status, reply.get("Allow")),
                                 (status, "GET, HEAD, OPTIONS"))
            self.assertEqual(client.get("/ping", method="HEAD").get("Content-Length"), "4")

    def test_sums_of_bodies(self):
        with self.client() as client:
            target = "/baseline11?a=13&b=42"
            self.assertEqual(post(client, target, b"20").body, b"75")
            client.send(request(target, "POST", ["Transfer-Encoding: chunked"])
                        + chunks(b"2", b"0"))
            self.assertEqual(client.reply("POST").body, b"75")
            self.assertEqual(post(client, target, b"").body, b"55")
            for wrong in (b"x", b"20 ", b"2\n", b"-"):
                reply = post(client, target, wrong)
                self.assertEqual((reply.status, reply.body), (400, UNREADABLE))

    def test_echo(self):
        with self.client() as client:
            for length in (0, 1, 5000, 1 << 20):
                body = os.urandom(length)
                self.assertEqual(post(client, "/echo", body).body, body)
            pieces = [os.urandom(length) for length in (1, 4096, 100000)]
            client.send(request("/echo", "POST", ["Transfer-Encoding: chunked"])
                        + chunks(*pieces))
            self.assertEqual(client.reply("POST").body, b"".join(pieces))
        too_long = request("/echo", "POST", [f"Content-Length: {(16 << 20) + 1}"])
        self.refused(too_long, 413, method="POST")

    def test_continue(self):
        with self.client() as client:
            fields = ["Expect: 100-continue", "Content-Length: 3"]
            client.send(request("/upload", "POST", fields))
            self.assertEqual(client.reply("POST").status, 100)
            client.send(b"abc")
            self.assertEqual(client.reply("POST").body, b"3")
            client.send(request("/ping", "GET", fields))
            self.assertEqual(client.reply().body, b"pong")
            client.send(b"abc" + request("/ping", "POST", fields))
            self.assertEqual(client.reply("POST").status, 405)

    def test_uploads_hold_little_memory(self):
        """Many large ones at a time; each is counted, and none is held."""
        count, size, piece = 64, 2000000, bytes(50000)
        most = before = self.resident()
        clients = [self.client() for _ in range(count)]
        for client in clients:
            client.send(request("/upload", "POST", [f"Content-Length: {size}"]))
        for _ in range(size // len(piece)):
            for client in clients:
                client.send(piece)
            most = max(most, self.resident())
        most -= before
        for client in clients:
            self.assertEqual(client.reply("POST").body, str(size).encode())
        if under_test.sanitize == "off":
            self.assertLess(most, 32 << 20)

    def resident(self):
        with open(f"/proc/{self.server.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def test_a_client_gone_while_it_uploads(self):
        for target in ("/upload", "/echo"):
            client = self.client()
            client.send(request(target, "POST", ["Content-Length: 100000"]) + bytes(50000))
            client.reset()
        self.expect("/ping", 200, b"pong")

    def test_pipelined_in_order(self):
        targets = ("/pipeline", "/length/3000", "/", "/json", "/length/100000", "/none")
        with self.client() as client:
            client.send(b"".join(request(target) for target in targets) * 30)
            for number in range(30 * len(targets)):
                reply = client.reply()
                target = targets[number % len(targets)]
                self.assertEqual(reply.status, 404 if target == "/none" else 200)
                if target.startswith("/length/"):
                    self.assertEqual(len(reply.body), int(target[8:]))

    def test_a_client_gone_in_the_middle(self):
        for _ in range(5):
            client = self.client(receive_buffer=4096)
            client.send(request("/length/16777216"))
            client.head()
            client.reset()
        self.expect("/ping", 200, b"pong")


class Options(unittest.TestCase):

    def test_without_demo(self):
        root = Root()
        self.addCleanup(root.remove)
        with Server(root) as server:
            self.assertEqual(server.fetch("/ping").status, 404)

    def test_refusals(self):
        done = run("--dataset", "/proc/self/status", "--port", "0", "/tmp")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"\Aringlet: --dataset [^\n]* only --demo reads it")
        done = run("--demo", "--dataset", under_test.binary, "--port", "0", "--check", "/tmp")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\Aringlet: --demo: [^\n]*\n\Z")


if __name__ == "__main__":
    main()
