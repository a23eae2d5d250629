"""https_streams.py - all of streams.py over TLS, and what the end of a TLS client means there."""
import os
import ssl

import streams
from server import PeerCut, PeerReset, main, request, under_test, until
from tls import SecureServer, of_version

MIB = 1 << 20


class SecureStreams(streams.Streams):
    """What is true of them without TLS is true with it."""

    test_a_stop_cuts_what_is_open = None   # it has a server of its own, without TLS

    @classmethod
    def setUpClass(cls):
        path = os.path.join(os.path.dirname(under_test.binary), "test", "blackbox", "embedder")
        cls.server = SecureServer(None, [], binary=path, tls_port=None)

    def client(self, **options):
        client = self.server.secure_client(**options)
        self.addCleanup(client.close)
        return client

    def get(self, target):
        return self.server.secure_fetch(target)

    def test_what_is_cut_is_seen_to_be(self):
        """Nobody says that it was the end."""
        for target in ("/short", "/abort"):
            client = self.client()
            client.send(request(target))
            with self.assertRaises((PeerCut, PeerReset, ssl.SSLError)):
                client.reply()

    def test_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.client(context=of_version(version))
            for _ in range(2):
                self.assertTrue(client.get(f"/stream?total={3 * MIB}").body ==
                                streams.pattern(3 * MIB))

    def test_half_closed_in_the_middle(self):
        """Who has said that nothing more comes still gets the stream, and the late reply."""
        for target, body in ((f"/stream?total={3 * MIB}", streams.pattern(3 * MIB)),
                             ("/late?ms=200", b"late"), ("/ready?ms=200", b"late")):
            client = self.client()
            client.send(request(target))
            client.say_end()
            self.assertTrue(client.reply().body == body)
            client.expect_fin()

    def test_a_body_that_waits_in_the_kernel(self):
        """What the handler has not asked for is left where it is, and TLS holds little of it."""
        count, size = 30, 2 * MIB
        before = self.resident()
        self.get("/pause")
        clients = [self.client() for _ in range(count)]
        for client in clients:
            client.send(request("/take", "POST", [f"Content-Length: {size}"]))
            client.send(bytes(100000))
        self.await_counts(waiting=count)
        if under_test.sanitize == "off":
            self.assertLess(self.resident() - before, 16 * MIB)
        self.assertEqual(self.get("/late").body, b"late")
        self.get("/release")
        for client in clients:
            client.send(bytes(size - 100000))
            self.assertEqual(client.reply("POST").body, str(size).encode())
        self.await_counts(waiting=0)

    def test_end_while_it_is_silent(self):
        """close_notify alone is no reason to end what goes on."""
        client = self.client()
        client.send(request("/silent"))
        client.head()
        client.say_end()
        with self.client() as other:
            told = other.get("/publish", ["Content-Length: 2"], "POST", body=b"hi")
            self.assertEqual(told.body, b"1")
        self.assertEqual(client.line(), b"2")
        self.assertEqual(client.take(4), b"hi\r\n")
        client.reset()
        self.assertTrue(until(lambda: self.counts()["open"] == 0))


if __name__ == "__main__":
    main()
