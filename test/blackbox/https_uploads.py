"""https_uploads.py - requests with content over TLS, and the endpoints of --demo."""
import os
import ssl
import threading

from large import resident
from server import chunks, main, request, under_test, until
from tls import SecureCase, of_version

MIB = 1 << 20
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def post(target, body, *fields):
    return request(target, "POST", [*fields, f"Content-Length: {len(body)}"], body=body)


class Uploads(SecureCase):

    arguments = ("--demo", "--cores", "1", "--max-body", "32m")

    def ask(self, client, data):
        client.send(data)
        return client.reply("POST")

    def test_with_a_length(self):
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            for size in (0, 1, 100, 16384, 16385, MIB + 1, 20 * MIB):
                reply = self.ask(client, post("/upload", bytes(size)))
                self.assertEqual((reply.status, reply.body), (200, str(size).encode()))

    def test_what_comes_back(self):
        """Every byte as it was, whatever the records were cut like."""
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            for size in (0, 1, 16383, 16384, 16385, 100000, 4 * MIB):
                body = os.urandom(size)
                self.assertTrue(self.ask(client, post("/echo", body)).body == body, size)

    def test_in_records_of_any_size(self):
        body = os.urandom(20000)
        data = post("/echo", body)
        for size in (13, 100, 1000, 16384):
            client = self.client()
            client.sock.sendall(b"".join(client.seal(data[at:at + size])
                                         for at in range(0, len(data), size)))
            self.assertTrue(client.reply("POST").body == body, size)

    def test_a_byte_of_ciphertext_at_a_time(self):
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            client.pace = 1
            body = os.urandom(3000)
            self.assertTrue(self.ask(client, post("/echo", body)).body == body)

    def test_chunked(self):
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            pieces = [os.urandom(size) for size in (1, 4096, 16384, 100000, 300000)]
            for target, wanted in (("/echo", b"".join(pieces)),
                                   ("/upload", str(sum(map(len, pieces))).encode())):
                data = request(target, "POST", ["Transfer-Encoding: chunked"])
                self.assertTrue(self.ask(client, data + chunks(*pieces)).body == wanted)

    def test_each_chunk_in_a_record(self):
        client = self.client()
        client.send(request("/upload", "POST", ["Transfer-Encoding: chunked"]))
        for _ in range(300):
            client.send(b"3\r\nabc\r\n")
        client.send(b"0\r\n\r\n")
        self.assertEqual(client.reply("POST").body, b"900")

    def test_continue(self):
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            fields = ["Expect: 100-continue", "Content-Length: 200000"]
            self.assertEqual(self.ask(client, request("/upload", "POST", fields)).status, 100)
            client.send(bytes(200000))
            self.assertEqual(client.reply("POST").body, b"200000")

    def test_pipelined(self):
        client = self.client()
        bodies = [os.urandom(size) for size in (10, 30000, 0, 5, 200000, 1)]

        def send():
            client.sock.sendall(b"".join(sealed))
        sealed = [client.seal(post("/echo", body) + request("/")) for body in bodies]
        sender = threading.Thread(target=send)
        sender.start()
        for body in bodies:
            self.assertTrue(client.reply("POST").body == body)
            self.assertEqual(client.reply().body, b"<h1>home</h1>\n")
        sender.join()

    def test_too_long(self):
        for data in (request("/echo", "POST", [f"Content-Length: {(16 << 20) + 1}"]),
                     request("/", "POST", [f"Content-Length: {33 << 20}"])):
            self.refused(data, 413, method="POST")

    def test_a_refusal_can_be_read(self):
        """Though the client has megabytes to send, and sends them."""
        client = self.client()
        client.send(request("/", "POST", [f"Content-Length: {40 << 20}"]))

        def send():
            try:
                for piece in sealed:
                    client.sock.sendall(piece)
            except OSError:
                pass
        sealed = [client.seal(bytes(16384)) for _ in range(512)]
        sender = threading.Thread(target=send)
        sender.start()
        self.assertEqual(client.reply("POST").status, 413)
        client.close()
        sender.join()

    def test_end_in_the_middle(self):
        """A body that is cut short, with and without a word, is not taken for a whole one."""
        for end in ("half_close", "say_end", "close", "reset"):
            for fields, part in ((["Content-Length: 100000"], bytes(500)),
                                 (["Transfer-Encoding: chunked"], b"5\r\nhello\r\n")):
                client = self.client()
                client.send(request("/upload", "POST", fields) + part)
                getattr(client, end)()
                if end in ("half_close", "say_end"):
                    self.assertNotIn(b"HTTP/1.1 200", client.rest()[0])
                    client.close()
        self.assertEqual(self.client().get("/ping").body, b"pong")

    def test_uploads_hold_little_memory(self):
        """Many at a time, in the middle of which memory is looked at."""
        count, size, pieces = 48, 4 * MIB, 32
        before = resident(self.server.pid)
        clients = [self.client() for _ in range(count)]
        for client in clients:
            client.send(request("/upload", "POST", [f"Content-Length: {size}"]))
        most = 0
        for _ in range(pieces):
            for client in clients:
                client.send(bytes(size // pieces))
            most = max(most, resident(self.server.pid) - before)
        for client in clients:
            self.assertEqual(client.reply("POST").body, str(size).encode())
        if under_test.sanitize == "off":
            self.assertLess(most, 48 * MIB)

    def test_leaving_in_the_middle(self):
        def descriptors():
            return len(os.listdir(f"/proc/{self.server.pid}/fd"))
        before = descriptors()
        for target in ("/upload", "/echo") * 20:
            client = self.client()
            client.send(request(target, "POST", ["Content-Length: 100000"]) + bytes(50000))
            client.reset()
        self.assertTrue(until(lambda: descriptors() <= before + 1))

    def test_endpoints(self):
        """Over TLS they answer what they answer without."""
        for target in ("/ping", "/pipeline", "/json", "/bigger", "/hello", "/hello?name=b%26",
                       "/baseline11?a=13&b=42", "/length/1", "/length/3000", "/length/100000",
                       "/length/0", "/easter", "/none"):
            for method in ("GET", "HEAD", "OPTIONS"):
                with self.subTest(f"{method} {target}"):
                    secure = self.server.secure_fetch(target, method)
                    plain = self.server.fetch(target, method)
                    self.assertEqual(secure.status, plain.status)
                    self.assertEqual(secure.stable_fields(), plain.stable_fields())
                    self.assertTrue(secure.body == plain.body)

    def test_long_ones(self):
        for version in VERSIONS:
            client = self.client(context=of_version(version))
            first = client.get("/length/16777216").body
            self.assertEqual(len(first), 16 << 20)
            self.assertTrue(client.get("/length/16777216").body == first)

    def test_endpoints_pipelined(self):
        targets = ("/pipeline", "/length/3000", "/", "/json", "/length/100000", "/none")
        client = self.client()
        client.send(b"".join(request(target) for target in targets) * 20)
        for number in range(20 * len(targets)):
            reply = client.reply()
            target = targets[number % len(targets)]
            self.assertEqual(reply.status, 404 if target == "/none" else 200)
            if target.startswith("/length/"):
                self.assertEqual(len(reply.body), int(target[8:]))


if __name__ == "__main__":
    main()
