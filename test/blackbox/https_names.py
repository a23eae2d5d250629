"""https_names.py - which certificate a client gets: by the name it asks for (SNI), and else the
first."""
import os
import ssl

from server import main
from tls import Chain, Pair, SecureCase, SecureServer, of_version, openssl, trusting

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


class Names(SecureCase):

    arguments = ("--cores", "1")

    @classmethod
    def pairs(cls):
        top = cls.root.top
        cls.others = {
            "a": Pair(top, "a", ("a.test", "www.a.test")),
            "wild": Pair(top, "wild", ("*.wild.test",)),
            "exact": Pair(top, "exact", ("one.wild.test",)),
            "both": Pair(top, "both", ("both.test",), kind="rsa"),
            "both-ec": Pair(top, "both-ec", ("both.test",)),
            "address": Pair(top, "address", ("10.1.2.3", "address.test")),
        }
        return [cls.pair, *cls.others.values()]

    def expect(self, name, pair, **options):
        for version in VERSIONS:
            with self.subTest(f"{name} {version.name}"):
                client = self.client(context=of_version(version, **options), name=name)
                wanted = self.others[pair] if pair else self.pair
                self.assertEqual(client.tls.getpeercert(True), wanted.der())
                self.assertEqual(client.get("/", host=name or "x").status, 200)

    def test_by_name(self):
        self.expect("localhost", None)
        self.expect("a.test", "a")
        self.expect("www.a.test", "a")
        self.expect("address.test", "address")

    def test_in_any_letters(self):
        self.expect("A.TeSt", "a")
        self.expect("Two.WILD.test", "wild")

    def test_wildcard_is_one_label(self):
        self.expect("x.wild.test", "wild")
        self.expect("x-y.wild.test", "wild")
        self.expect("wild.test", None)
        self.expect("x.y.wild.test", None)

    def test_exact_before_wildcard(self):
        self.expect("one.wild.test", "exact")

    def test_the_first_for_all_others(self):
        for name in ("unknown.test", "b.a.test", "test", "a.test.evil", "xa.test", "10.1.2.3",
                     None):
            self.expect(name, None)

    def test_a_dot_at_the_end(self):
        """s_client sends the name as it is given; Python would leave it out or refuse."""
        host, port = self.server.secure
        done = openssl("s_client", "-connect", f"{host}:{port}", "-servername", "a.test.", data=b"")
        self.assertIn(b"subject=CN = a\n", done.stdout)

    def test_two_kinds_for_one_name(self):
        self.expect("both.test", "both-ec")
        for cipher, pair in (("RSA", "both"), ("ECDSA", "both-ec")):
            context = of_version(VERSIONS[0], ciphers=f"ECDHE-{cipher}-AES128-GCM-SHA256")
            client = self.client(context=context, name="both.test")
            self.assertEqual(client.tls.getpeercert(True), self.others[pair].der())

    def test_checked_by_a_client(self):
        for name, pair in (("a.test", "a"), ("x.wild.test", "wild"), ("both.test", "both-ec")):
            context = trusting(self.others[pair].cert)
            self.assertEqual(self.client(context=context, name=name).get("/").status, 200)
        with self.assertRaises(ssl.SSLCertVerificationError):
            self.client(context=trusting(self.others["a"].cert), name="unknown.test")
        self.assertEqual(self.client().get("/").status, 200)

    def test_names_that_are_none(self):
        """A name with bytes that no name has is no reason to fail, nor is the longest."""
        for name in ("a" * 63 + "." + "b" * 63 + ".test", "under_score.test", "xn--bcher-kva.test"):
            self.expect(name, None)


class ManyPairs(SecureCase):

    @classmethod
    def pairs(cls):
        cls.more = [Pair(cls.root.top, f"n{i}", (f"n{i}.test",)) for i in range(15)]
        return [cls.pair, *cls.more]

    def test_each_has_its_own(self):
        for i, pair in enumerate(self.more):
            client = self.client(name=f"n{i}.test")
            self.assertEqual(client.tls.getpeercert(True), pair.der())


class Chains(SecureCase):

    @classmethod
    def start(cls):
        cls.pair = Chain(cls.root.top, "pair", ("localhost",))
        return SecureServer(cls.root, [cls.pair])

    def test_the_chain_is_sent(self):
        """Who knows nothing but the root can check it."""
        for version in VERSIONS:
            context = of_version(version, ca=self.pair.root)
            self.assertEqual(self.client(context=context).get("/").status, 200)


class SelfSigned(SecureCase):

    @classmethod
    def start(cls):
        return SecureServer(cls.root, [], "--tls-self-signed")

    def certificate(self):
        client = self.client()
        self.assertEqual(client.get("/").status, 200)
        path = os.path.join(self.root.top, "seen.crt")
        with open(path, "w", encoding="ascii") as file:
            file.write(ssl.DER_cert_to_PEM_cert(client.tls.getpeercert(True)))
        return path

    def test_names(self):
        """A client that is told to believe it finds the names that one would try."""
        path = self.certificate()
        for name in ("localhost", "127.0.0.1", "::1", os.uname().nodename):
            with self.subTest(name):
                client = self.client(context=trusting(path), name=name)
                self.assertEqual(client.get("/").status, 200)

    def test_says_so(self):
        """With what tells the certificate from another one, so that it can be checked by eye."""
        path = self.certificate()
        said = self.server.said()
        self.assertIn("self-signed", said)
        shown = openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256").stdout.decode()
        fingerprint = shown.strip().split("=")[1]
        self.assertIn(fingerprint.replace(":", "").lower(), said.replace(":", "").lower())

    def test_the_same_on_every_core(self):
        seen = set()
        for _ in range(20):
            with self.server.secure_client() as client:
                seen.add(client.tls.getpeercert(True))
        self.assertEqual(len(seen), 1)

    def test_another_at_each_start(self):
        with SecureServer(self.root, [], "--tls-self-signed") as other:
            with other.secure_client() as client:
                seen = client.tls.getpeercert(True)
        self.assertNotEqual(seen, self.client().tls.getpeercert(True))


if __name__ == "__main__":
    main()
