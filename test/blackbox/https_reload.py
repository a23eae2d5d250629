"""https_reload.py - certificates that change while they are served, and nobody is held up."""
import os
import signal
import ssl
import threading

from server import main, request, until
from tls import SOON, Pair, ReloadCase, of_version, trusting

MIB = 1 << 20


class Reload(ReloadCase):

    def test_one_of_several(self):
        pairs = [self.pair, *(Pair(self.folder, name, (name + ".test",)) for name in "ab")]
        server = self.start(pairs=pairs)
        self.assertEqual(self.seen(server, "new.test"), self.pair.der())
        pairs[1].make(("a.test", "new.test"))
        self.comes_to_serve(server, pairs[1], name="new.test")
        self.comes_to_serve(server, pairs[0])
        self.comes_to_serve(server, pairs[2], name="b.test")
        server.stop()

    def test_no_request_fails(self):
        """Under load, while the pair changes several times; connections go on."""
        server = self.start()
        stop, failures, served = threading.Event(), [], []

        def ask(keep):
            context = trusting()
            try:
                while not stop.is_set():
                    with server.secure_client(context=context) as client:
                        for _ in range(50 if keep else 1):
                            if client.get("/").body != b"home":
                                failures.append("not home")
                            served.append(1)
            except Exception as error:   # whatever it is goes to the main thread
                failures.append(repr(error))
        threads = [threading.Thread(target=ask, args=(keep,)) for keep in (True, False) * 2]
        stays = server.secure_client()
        self.addCleanup(stays.close)
        for thread in threads:
            thread.start()
        for _ in range(3):
            self.pair.make()
            self.comes_to_serve(server, self.pair)
            self.assertEqual(stays.get("/").body, b"home")
        stop.set()
        for thread in threads:
            thread.join(30)
        self.assertEqual(failures, [])
        self.assertGreater(len(served), 50)
        self.assertEqual(stays.get("/").body, b"home")
        stays.close()
        server.stop()

    def test_downloads_go_on(self):
        self.root.write("huge.bin", bytes(12 * MIB))
        server = self.start()
        clients = [server.secure_client(receive_buffer=65536,
                                        context=of_version(version))
                   for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
        for client in clients:
            self.addCleanup(client.close)
            client.send(request("/huge.bin"))
            client.head()
        self.pair.make()
        self.comes_to_serve(server, self.pair)
        for client in clients:
            self.assertFalse(client.take(12 * MIB).strip(b"\0"))
            self.assertEqual(client.get("/").body, b"home")
            client.close()
        server.stop()

    def test_sessions_outlive_it(self):
        """A ticket is worth as much after it: clients need not begin anew."""
        server = self.start()
        context = trusting()
        with server.secure_client(context=context) as client:
            client.get("/")
            session = client.tls.session
        self.pair.make()
        self.comes_to_serve(server, self.pair)
        with server.secure_client(context=context, session=session) as client:
            self.assertTrue(client.tls.session_reused)
            self.assertEqual(client.get("/").body, b"home")
        server.stop()

    def stays(self, server, old, words, since):
        """A sentence is said, after the first `since` characters, and the old one is served."""
        self.assertTrue(until(lambda: f"{words}: " in server.stderr.text()[since:], SOON),
                        server.said())
        self.assertEqual([self.seen(server) for _ in range(6)], [old] * 6)
        self.assertEqual(server.secure_fetch("/").status, 200)

    def test_bad_pairs(self):
        """Each is refused with a sentence that names the file; then a good one is taken."""
        server = self.start()
        old = self.pair.der()
        other = Pair(self.root.top, "other")

        def garbage():
            self.replace(self.pair.cert, b"garbage")

        def of_another():
            with open(other.cert, "rb") as file:
                self.replace(self.pair.cert, file.read())

        def gone():
            os.unlink(self.pair.key)
            server.tell(signal.SIGHUP)

        def empty():
            self.replace(self.pair.key, b"")

        for spoil, file in ((garbage, self.pair.cert), (of_another, self.pair.cert),
                            (gone, self.pair.key), (empty, self.pair.key)):
            with self.subTest(spoil.__name__):
                since = len(server.stderr.text())
                spoil()
                self.stays(server, old, file, since)
                self.pair.make()
                self.comes_to_serve(server, self.pair)
                old = self.pair.der()
        self.assertNotIn("PRIVATE KEY", server.said())
        server.stop()

    def test_many_times(self):
        """What a reload takes is given back."""
        server = self.start("--cores", "1")

        def descriptors():
            return len(os.listdir(f"/proc/{server.pid}/fd"))
        self.pair.make()
        self.comes_to_serve(server, self.pair)
        before = descriptors()
        for _ in range(4):
            self.pair.make()
            self.comes_to_serve(server, self.pair)
        self.assertTrue(until(lambda: descriptors() <= before + 1))
        server.stop()   # the leak checker speaks here


if __name__ == "__main__":
    main()
