"""listing.py - a directory without an index as a client sees it: a page, JSON, and never stale."""
import email.utils
import html.parser
import json
import os
import random
import select
import time
import unittest
import urllib.parse

from server import NO_LEAK_CHECK, Case, Root, Server, main, request, until

JSON = "Accept: application/json"
FRESH_LATE = 30.0  # seconds until a change must show, on the busiest machine
TOLD = 5.0         # and until one of many must, which is before anything is looked at again by time
MANY = 20000       # names, of which
SHOWN = 10000      # so many are shown
HOT_MEANWHILE = 12  # requests that are answered while a directory is read; a server that reads it
                    # on the core's thread answers five, between its other steps
HOT_LATE = 120.0    # seconds until that was seen

ODD_NAMES = (b"<script>alert(1)<b>", b'" onclick="x', b"a&b;&lt;", b"it's", b"sp ace", b"q?x#y%41",
             b"javascript:alert(1)", b"new\nline\t", b"\x01\x7f", b"back\\slash", b"\xff\xfe",
             "ünï-☃-😀".encode(), b"\xed\xa0\x80", b"+plus=", b"-dash")


class Page(html.parser.HTMLParser):
    """The rows of a listing, and whatever is in it that should not be."""

    KNOWN = ("html", "head", "meta", "title", "style", "body", "h1", "a", "table", "thead",
             "tbody", "tr", "th", "td", "time", "span", "bdi", "p")

    def __init__(self, body):
        super().__init__()
        self.links, self.titles, self.times, self.sorts = [], [], [], []
        self.strange = []
        self.names = []
        self.in_name = False
        self.text = bytes(body).decode("utf-8", "strict")
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.KNOWN or any(name.startswith("on") for name in attrs):
            self.strange.append((tag, attrs))
        self.links += [attrs["href"]] if "href" in attrs else []
        self.titles += [attrs["title"]] if "title" in attrs else []
        self.times += [attrs["datetime"]] if "datetime" in attrs else []
        self.sorts += [attrs["aria-sort"]] if "aria-sort" in attrs else []
        if tag == "bdi":
            self.in_name = True
            self.names.append("")

    def handle_endtag(self, tag):
        if tag == "bdi":
            self.in_name = False

    def handle_data(self, data):
        if self.in_name:
            self.names[-1] += data


class Listing(Case):
    arguments = ("--listing", "--cores", "1")

    @classmethod
    def fill(cls, root):
        os.mkdir(root.path("sort"))
        for name, size, when in (("b.txt", 2000, 300), ("a.txt", 30, 200), ("C.txt", 100, 100),
                                 ("sub/x", 1, 50), ("Dir/x", 1, 60)):
            os.utime(root.write("sort/" + name, b"x" * size), (when, when))
        os.utime(root.path("sort/sub"), (1000, 1000))
        os.utime(root.path("sort/Dir"), (2000, 2000))
        root.mkdir("odd")
        for name in ODD_NAMES:
            root.write(b"odd/" + name, name)
        root.write("with/index.html", b"the index")
        root.write("with/other.txt", b"x")
        root.mkdir("empty")

    def page(self, target):
        reply = self.client().get(target)
        self.assertEqual((reply.status, reply.get("Content-Type")),
                         (200, "text/html; charset=utf-8"), target)
        page = Page(reply.body)
        self.assertEqual(page.strange, [])
        return page

    def names(self, target):
        return self.page(target).names

    def json(self, target, fields=(JSON,)):
        reply = self.client().get(target, fields)
        self.assertEqual((reply.status, reply.get("Content-Type")), (200, "application/json"))
        return json.loads(bytes(reply.body))

    def test_orders(self):
        for query, wanted in (
                ("", ["Dir/", "sub/", "a.txt", "b.txt", "C.txt"]),
                ("?sort=name&order=desc", ["sub/", "Dir/", "C.txt", "b.txt", "a.txt"]),
                ("?sort=size&order=asc", ["Dir/", "sub/", "a.txt", "C.txt", "b.txt"]),
                ("?sort=size&order=desc", ["Dir/", "sub/", "b.txt", "C.txt", "a.txt"]),
                ("?sort=modified&order=asc", ["sub/", "Dir/", "C.txt", "a.txt", "b.txt"]),
                ("?order=desc&sort=modified", ["Dir/", "sub/", "b.txt", "a.txt", "C.txt"]),
                ("?sort=none&x=y&order=", ["Dir/", "sub/", "a.txt", "b.txt", "C.txt"])):
            with self.subTest(query):
                self.assertEqual(self.names("/sort/" + query), wanted)
                entries = self.json("/sort/" + query)["entries"]
                self.assertEqual([entry["name"] for entry in entries],
                                 [name.rstrip("/") for name in wanted])

    def test_every_link_leads_somewhere(self):
        client = self.client()
        page = self.page("/sort/")
        self.assertEqual(page.sorts, ["ascending"])
        for link in page.links:
            target = urllib.parse.urljoin("/sort/", link)
            self.assertEqual(client.get(target).status, 200, link)
        self.assertIn("/", [urllib.parse.urljoin("/sort/", link) for link in page.links])

    def test_sizes_and_dates(self):
        page = self.page("/sort/")
        self.assertEqual(page.titles, ["30 bytes", "2000 bytes", "100 bytes"])
        self.assertIn("1970-01-01T00:05:00Z", page.times)
        self.assertIn(">1.9 KiB<", page.text)

    def test_json(self):
        listing = self.json("/sort/")
        self.assertEqual((listing["path"], listing["truncated"]), ("/sort/", False))
        self.assertEqual(listing["entries"][0],
                         {"name": "Dir", "href": "./Dir/", "type": "directory",
                          "modified": "1970-01-01T00:33:20Z"})
        self.assertEqual(listing["entries"][2],
                         {"name": "a.txt", "href": "./a.txt", "type": "file", "size": 30,
                          "modified": "1970-01-01T00:03:20Z"})
        self.assertEqual(self.json("/empty/")["entries"], [])

    def test_which_form(self):
        client = self.client()
        for accept, wanted in ((None, "text/html"), ("*/*", "text/html"),
                               ("text/html,application/xml;q=0.9,*/*;q=0.8", "text/html"),
                               ("application/json", "application/json"),
                               ("application/json, text/plain, */*", "application/json"),
                               ("application/json;q=0.5, text/html", "text/html"),
                               ("image/png", "text/html")):
            reply = client.get("/sort/", [f"Accept: {accept}"] if accept else [])
            self.assertEqual(reply.get("Content-Type").split(";")[0], wanted, accept)
            self.assertEqual(reply.get("Vary"), "Accept")

    def test_odd_names(self):
        client = self.client()
        links = [link for link in self.page("/odd/").links if link.startswith("./")]
        links.remove("./")
        hrefs = [entry["href"] for entry in self.json("/odd/")["entries"]]
        self.assertEqual(sorted(links), sorted(hrefs))
        found = {bytes(client.get(urllib.parse.urljoin("/odd/", link)).body) for link in links}
        self.assertEqual(found, set(ODD_NAMES))
        shown = {entry["name"] for entry in self.json("/odd/")["entries"]}
        self.assertIn("new\nline\t", shown)
        self.assertIn("ünï-☃-😀", shown)
        self.assertIn("\ufffd\ufffd", shown)

    def test_only_where_there_is_no_index(self):
        client = self.client()
        self.assertEqual(client.get("/with/").body, b"the index")
        reply = client.get("/with/", [JSON])
        self.assertEqual((reply.status, reply.body), (200, b"the index"))
        reply = client.get("/sort?sort=size")
        self.assertEqual((reply.status, reply.get("Location")), (301, "/sort/?sort=size"))
        for target in ("/none/", "/none", "/sort/a.txt/", "/with/index.html/"):
            self.assertEqual(client.get(target).status, 404)

    def test_head_conditions_and_ranges(self):
        client = self.client()
        whole = client.get("/sort/")
        head = client.get("/sort/", method="HEAD")
        self.assertEqual(head.stable_fields(), whole.stable_fields())
        self.assertEqual(whole.get("Cache-Control"), "no-cache")
        self.assertIsNone(whole.get("Last-Modified"))
        tag = whole.get("ETag")
        reply = client.get("/sort/", [f"If-None-Match: {tag}"])
        self.assertEqual((reply.status, reply.get("ETag"), reply.get("Vary")), (304, tag, "Accept"))
        self.assertNotEqual(client.get("/sort/", [JSON]).get("ETag"), tag)
        self.assertEqual(client.get("/sort/", [JSON, f"If-None-Match: {tag}"]).status, 200)
        later = email.utils.formatdate(time.time() + 1000, usegmt=True)
        self.assertEqual(client.get("/sort/", [f"If-Modified-Since: {later}"]).status, 200)
        part = client.get("/sort/", ["Range: bytes=10-29"])
        self.assertEqual((part.status, part.body), (206, whole.body[10:30]))

    def test_what_is_not_shown(self):
        self.root.mkdir("left")
        self.root.write("left/file", b"x")
        self.root.write("left/.hidden", b"x")
        self.root.write("_headers", b"")
        self.root.write("_redirects", b"")
        os.mkfifo(self.root.path("left/fifo"))
        for name, target in (("inside", "file"), ("across", "../sort"), ("out", "../../../etc"),
                             ("absolute", "/etc/passwd"), ("dangling", "nothing"),
                             ("up", "../..")):
            os.symlink(target, self.root.path("left/" + name))
        self.assertEqual(self.names("/left/"), ["across/", "file", "inside"])
        shown = self.names("/")
        self.assertIn("left/", shown)
        self.assertNotIn("_headers", shown)
        self.assertNotIn("_redirects", shown)

    def test_fresh(self):
        """Every event of a name shows in every form, though all are held."""
        self.root.mkdir("fresh")
        self.root.write("fresh/other", b"x")

        def shows(wanted):
            forms = [self.names("/fresh/"), self.names("/fresh/?sort=size&order=desc"),
                     [entry["name"] for entry in self.json("/fresh/")["entries"]]]
            return all(set(form) == wanted for form in forms)

        took = []

        def expect(*names):
            start = time.monotonic()
            self.assertTrue(until(lambda: shows(set(names)), FRESH_LATE), names)
            took.append(time.monotonic() - start)
        expect("other")
        took.clear()
        self.root.write("fresh/new", b"12")
        expect("other", "new")
        os.rename(self.root.path("fresh/new"), self.root.path("fresh/newer"))
        expect("other", "newer")
        self.root.write("fresh/newer", b"1234567")
        self.assertTrue(until(lambda: "7 bytes" in self.page("/fresh/").titles, FRESH_LATE))
        os.unlink(self.root.path("fresh/other"))
        expect("newer")
        self.root.write("fresh/index.html", b"an index")
        self.assertTrue(until(lambda: self.client().get("/fresh/").body == b"an index", FRESH_LATE))
        os.unlink(self.root.path("fresh/index.html"))
        expect("newer")
        os.rename(self.root.path("fresh"), self.root.path("gone"))
        self.assertTrue(until(lambda: self.client().get("/fresh/").status == 404, FRESH_LATE))
        self.assertLess(min(took[:3]), TOLD, took)

    def test_many_names_hold_nobody_up(self):
        """While the directory is read, requests on the same core are answered."""
        many = self.root.path("many")
        os.mkdir(many)
        source = self.root.write("hot.txt", b"hot")
        for number in range(MANY):
            os.link(source, os.path.join(many, b"%06d" % number))
        with self.server.client() as client:
            self.assertTrue(until(lambda: self.answered_meanwhile(client) == HOT_MEANWHILE,
                                  HOT_LATE))
        listing = self.json("/many/")
        self.assertEqual((len(listing["entries"]), listing["truncated"]), (SHOWN, True))
        page = self.page("/many/")
        self.assertEqual(len(page.names), SHOWN)
        self.assertIn(f"the first {SHOWN} names", page.text)

    def answered_meanwhile(self, client):
        """How many requests are answered one after the other until a listing comes that must be
        made anew."""
        self.root.write("many/changed", b"x" * random.randrange(1000))
        answered = 0
        with self.server.client(timeout=60) as reader:
            reader.send(request("/many/"))
            while answered < HOT_MEANWHILE and not select.select([reader.sock], [], [], 0)[0]:
                self.assertEqual(client.get("/hot.txt").body, b"hot")
                answered += 1
            self.assertEqual(reader.reply().status, 200)
        return answered


class Options(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)

    def test_off_by_default(self):
        self.root.write("file", b"x")
        with Server(self.root) as server:
            self.assertEqual(server.fetch("/").status, 404)
            self.assertEqual(server.fetch("/", fields=[JSON]).status, 404)

    def test_dotfiles(self):
        self.root.write(".hidden", b"x")
        with Server(self.root, "--listing", "--dotfiles") as server:
            self.assertEqual(Page(server.fetch("/").body).names, [".hidden"])

    def test_names_of_an_index(self):
        self.root.write("b/home.htm", b"home")
        self.root.write("b/index.html", b"index")
        with Server(self.root, "--index", "home.txt,home.htm", "--listing") as server:
            reply = server.fetch("/b/")
            self.assertEqual((reply.body, reply.get("Content-Type")),
                             (b"home", "text/html; charset=utf-8"))
            self.root.write("b/home.txt", b"text")
            self.assertTrue(until(lambda: server.fetch("/b/").body == b"text", FRESH_LATE))
            self.assertRegex(server.fetch("/b/").get("Content-Type"), "^text/plain")
            self.assertEqual(Page(server.fetch("/").body).names, ["b/"])

    def test_no_index(self):
        self.root.write("index.html", b"index")
        with Server(self.root, "--index", "", "--listing") as server:
            self.assertEqual(Page(server.fetch("/").body).names, ["index.html"])
        with Server(self.root, "--index", "") as server:
            self.assertEqual(server.fetch("/").status, 404)
            self.assertEqual(server.fetch("/index.html").body, b"index")

    def test_nothing_held(self):
        """Without a cache each listing is made for those who wait for it."""
        self.root.write("file", b"x")
        with Server(self.root, "--listing", "--cache-size", "0") as server:
            for _ in range(3):
                self.assertEqual(Page(server.fetch("/").body).names, ["file"])
            self.root.write("more", b"x")
            self.assertEqual(Page(server.fetch("/").body).names, ["file", "more"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become somebody else")
    def test_what_may_not_be_read(self):
        os.mkdir(self.root.path("closed"), 0o711)
        os.mkdir(self.root.path("shut"), 0o700)
        with Server(self.root, "--listing", "--user", "nobody", env=NO_LEAK_CHECK) as server:
            self.assertEqual(server.fetch("/closed/").status, 403)
            self.assertEqual(server.fetch("/shut/").status, 403)
            self.assertEqual(Page(server.fetch("/").body).names, ["closed/", "shut/"])
            os.chmod(self.root.path("closed"), 0o755)
            self.assertTrue(until(lambda: server.fetch("/closed/").status == 200, FRESH_LATE))


if __name__ == "__main__":
    main()
