"""https_watch.py - how changes of certificates and keys are noticed, and who has to read them."""
import os
import pwd
import shutil
import signal
import unittest

from server import NO_LEAK_CHECK, main, run, until
from tls import SOON, Pair, ReloadCase, SecureServer

AS_ROOT = os.geteuid() == 0
READ_AGAIN = "ringlet: the certificates have been read again"


class Watch(ReloadCase):

    def test_renamed_into_place(self):
        server = self.start()
        old = self.pair.der()
        self.assertEqual(self.seen(server), old)
        for _ in range(2):
            self.pair.make()
            self.assertNotEqual(self.pair.der(), old)
            self.comes_to_serve(server, self.pair)
        server.stop()

    def test_written_in_place(self):
        """Half of it may be read in the middle; in the end the new one is served."""
        server = self.start()
        other = Pair(self.root.top, "other")
        for source, target in ((other.key, self.pair.key), (other.cert, self.pair.cert)):
            shutil.copyfile(source, target)
        self.comes_to_serve(server, self.pair)
        self.assertEqual(self.seen(server), other.der())
        server.stop()

    def test_a_link_that_turns(self):
        """As certbot does, and Kubernetes (`..data`)."""
        first, second = (os.path.join(self.folder, name) for name in ("1", "2"))
        for folder in (first, second):
            os.mkdir(folder)
            Pair(folder, "pair")
        live = os.path.join(self.folder, "live")
        os.symlink("1", live)
        pair = Pair(live, "pair")
        server = self.start(pairs=[pair])
        os.symlink("2", live + ".new")
        os.rename(live + ".new", live)
        self.comes_to_serve(server, pair)
        server.stop()

    def test_each_file_a_link(self):
        """certbot's live/cert.pem -> ../archive/cert1.pem."""
        for part, old in (("crt", self.pair.cert), ("key", self.pair.key)):
            os.rename(old, os.path.join(self.root.top, "one." + part))
            os.symlink(f"../one.{part}", old)
        server = self.start()
        new = Pair(self.root.top, "two")
        for part, old in (("crt", self.pair.cert), ("key", self.pair.key)):
            os.symlink(f"../two.{part}", old + ".new")
            os.rename(old + ".new", old)
        self.comes_to_serve(server, new)
        server.stop()

    def test_hangup(self):
        """What no file system tells of is read when the operator says so: never worse than before.
        """
        server = self.start()
        for _ in range(5):
            server.tell(signal.SIGHUP)
            self.assertEqual(server.secure_fetch("/").status, 200)
        self.assertTrue(until(lambda: self.count_lines(server, READ_AGAIN) > 0, SOON),
                        server.said())   # though no file has changed
        self.pair.make()
        server.tell(signal.SIGHUP)
        self.comes_to_serve(server, self.pair)
        server.stop()

    def test_the_folder_goes_and_comes(self):
        server = self.start()
        old = self.pair.der()
        os.rename(self.folder, self.folder + ".away")
        server.tell(signal.SIGHUP)
        self.assertEqual(self.seen(server), old)
        os.mkdir(self.folder)
        self.pair.make()
        server.tell(signal.SIGHUP)
        self.comes_to_serve(server, self.pair)
        server.stop()

    def test_other_files_there_do_not_matter(self):
        """No sentence, no work, for what belongs to others."""
        server = self.start()
        for i in range(50):
            with open(os.path.join(self.folder, f"other{i}"), "wb") as file:
                file.write(b"x")
        self.pair.make()
        self.comes_to_serve(server, self.pair)   # then the others have been noticed, too
        self.assertEqual(self.count_lines(server, os.path.join(self.folder, "other")), 0,
                         server.said())
        self.assertLessEqual(self.count_lines(server, READ_AGAIN), 2, server.said())
        server.stop()

    def test_a_key_after_its_certificate(self):
        """Two renames: between them nothing fits, and in the end the new pair is served."""
        server = self.start()
        old = self.pair.der()
        other = Pair(self.root.top, "other")
        with open(other.cert, "rb") as file:
            self.replace(self.pair.cert, file.read())
        until(lambda: self.pair.cert in server.stderr.text(), 3)
        self.assertEqual(self.seen(server), old)
        with open(other.key, "rb") as file:
            self.replace(self.pair.key, file.read())
        self.comes_to_serve(server, other)
        server.stop()


@unittest.skipUnless(AS_ROOT, "only root can become somebody else")
class Privileges(ReloadCase):
    """The key has to be one that the user who serves can read: it will be read again."""

    def setUp(self):
        super().setUp()
        os.chmod(self.folder, 0o755)
        self.nobody = pwd.getpwnam("nobody")

    def test_a_key_of_root_is_refused(self):
        os.chmod(self.pair.key, 0o600)
        done = run("--port", "0", "--tls-port", "0", *self.pair.options(), "--user", "nobody",
                   self.root.site, env=NO_LEAK_CHECK)
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, rf"\Aringlet: --tls-key {self.pair.key}: [^\n]*\n\Z")
        self.assertIn(str(self.nobody.pw_uid), done.stderr)

    def test_a_folder_of_root_is_refused(self):
        os.chown(self.pair.key, self.nobody.pw_uid, self.nobody.pw_gid)
        os.chmod(self.folder, 0o700)
        done = run("--port", "0", "--tls-port", "0", *self.pair.options(), "--user", "nobody",
                   self.root.site, env=NO_LEAK_CHECK)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(self.folder, done.stderr)

    def test_a_key_of_its_own_is_renewed(self):
        def give():
            os.chown(self.pair.key, self.nobody.pw_uid, self.nobody.pw_gid)
            os.chmod(self.pair.key, 0o400)
        give()
        with SecureServer(self.root, [self.pair], "--user", "nobody",
                          env=NO_LEAK_CHECK) as server:
            self.assertEqual(server.secure_fetch("/").status, 200)
            self.pair.make()
            give()
            server.tell(signal.SIGHUP)

            def renewed():
                with server.secure_client() as client:
                    return client.tls.getpeercert(True) == self.pair.der()
            self.assertTrue(until(renewed, SOON), server.said())


if __name__ == "__main__":
    main()
