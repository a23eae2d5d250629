"""process.py - the process (server/main.c) as its operator sees it: options, signals, limits, logs,
privileges."""
import contextlib
import errno
import os
import pwd
import socket
import threading
import time
import unittest

from server import (NO_LEAK_CHECK, Root, Server, deny_system_call, free_port, io_uring_refusal,
                    main, quickest, run, under_test, until)

AS_ROOT = os.geteuid() == 0

# Long option, short ones, variable's name, values to refuse.
VALUED = {
    "cores": ("c", ["0", "-1", "x", "999999", "1x", "", "0x1"]),
    "cpus": (None, ["a", "0-", "99999", "0,0", "-1", "0,,1", "", "1-0"]),
    "root": ("r", ["/no/such/dir", "/etc/passwd"]),
    "host": ("a", ["300.1.2.3", "1.2.3", "::g", "", "127.0.0.1:80", "[::1]x"]),
    "port": ("p", ["65536", "-1", "80a", "", "http", "99999999999999999999", " 80", "0x50"]),
    "timeout": ("t", ["x", "-1", "1parsec", "", "1e9", "99999999999999999999"]),
    "engine": (None, ["kqueue", "", "IO_URING", "epol"]),
    "drain-timeout": (None, ["x", "-1", "5parsecs", ""]),
    "header-timeout": (None, ["x", "-1", "ms", ""]),
    "body-timeout": (None, ["x", "-1", ""]),
    "write-timeout": (None, ["x", "-1", ""]),
    "cache-size": (None, ["x", "-1", "", "2000g"]),
    "max-head": (None, ["100", "1000000", "x", "", "-1"]),
    "max-body": (None, ["x", "-1", "", "99999999999999999999"]),
    "max-conns": (None, ["0", "x", "-1", ""]),
    "user": (None, ["no-such-user-here", "nobody:no-such-group-here", ""]),
    "mime-types": (None, ["/no/such/file"]),
    "log": ("l", [""]),
}
FLAGS = {"debug": "d", "quiet": "q", "dotfiles": None, "check": None, "help": "h", "version": "V"}


def variable(option):
    return "RINGLET_" + option.upper().replace("-", "_")


class CommandLine(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.root = Root()
        cls.addClassCleanup(cls.root.remove)
        cls.root.write("index.html", b"home")

    def test_help(self):
        for option in ("--help", "-h"):
            done = run(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("ringlet [OPTIONS] [DIR]", done.stdout)
            for name, short in [*((n, s) for n, (s, _) in VALUED.items()), *FLAGS.items()]:
                self.assertIn("--" + name, done.stdout)
                if short:
                    self.assertRegex(done.stdout, rf"(?<![\w-])-{short}\b")
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80)

    def test_version(self):
        for option in ("--version", "-V"):
            done = run(option)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, r"\Aringlet \d+\.\d+\.\d+")
            for word in ("io_uring", "epoll", "liburing"):
                self.assertIn(word, done.stdout)
            self.assertRegex(done.stdout.lower(), r"kernel|linux")

    def test_check(self):
        done = run("--check", "--port", "0", self.root.site)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(run("--check", "--port", "x", self.root.site).returncode, 2)

    def refuses(self, done, *words):
        self.assertEqual(done.returncode, 2, f"{done.args[1:]}: {done.stdout}{done.stderr}")
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"\A[^\n]+\n\Z", "not one sentence")
        for word in words:
            self.assertIn(word, done.stderr)

    def test_bad_values(self):
        for option, (short, values) in VALUED.items():
            for value in values:
                with self.subTest(option, value=value):
                    self.refuses(run(f"--{option}={value}", "--check"), "--" + option, value)
                    self.refuses(run("--check", env={variable(option): value}), variable(option),
                                 value)
            if short:
                with self.subTest(short):
                    self.refuses(run(f"-{short}", values[0], "--check"), values[0])

    def test_bad_usage(self):
        self.refuses(run("--frobnicate"), "--frobnicate")
        self.refuses(run("-Z"), "-Z")
        self.refuses(run("--port"), "--port")
        self.refuses(run("-p"), "-p")
        self.refuses(run("--quiet=yes"), "--quiet")
        self.refuses(run(self.root.site, "another"), "another")
        self.refuses(run("/no/such/dir"), "/no/such/dir")

    def test_unsafe_text_in_a_sentence(self):
        done = run("--port", "8\n0\x1b[31m")
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("\x1b", done.stderr)

    def test_log_that_cannot_be_opened(self):
        for value in ("/no/such/dir/access.log", self.root.site):
            done = run("--log", value, "--engine", under_test.engine, "--port", "0", self.root.site)
            self.assertIn(done.returncode, (1, 2))
            self.assertRegex(done.stderr, rf"\A[^\n]*--log[^\n]*{value}[^\n]*\n\Z")

    def test_more_cores_than_cpus(self):
        self.refuses(run("--cores", "999", self.root.site), "--cores", "999",
                     str(len(os.sched_getaffinity(0))))

    def test_command_line_before_environment(self):
        with Server(self.root, env={"RINGLET_PORT": "1", "RINGLET_ENGINE": "nonsense"}) as server:
            self.assertEqual(server.fetch("/").status, 200)

    def test_variables_are_obeyed(self):
        self.root.write(".dot", b"dot")
        log = os.path.join(self.root.top, "by-variable.log")
        env = {"RINGLET_PORT": "0", "RINGLET_ROOT": self.root.site,
               "RINGLET_ENGINE": under_test.engine,
               "RINGLET_HOST": "127.0.0.1", "RINGLET_CORES": "1", "RINGLET_LOG": log,
               "RINGLET_DOTFILES": "1",
               "RINGLET_MAX_BODY": "10", "RINGLET_MAX_HEAD": "1024",
               "RINGLET_HEADER_TIMEOUT": "300ms",
               "RINGLET_DRAIN_TIMEOUT": "1", "RINGLET_TIMEOUT": "5", "RINGLET_BODY_TIMEOUT": "1",
               "RINGLET_WRITE_TIMEOUT": "2s", "RINGLET_MAX_CONNS": "50"}
        with Server(None, env=env, raw=True) as server:
            self.assertIn(under_test.engine, server.start_line())
            self.assertRegex(server.start_line(), r"on 1 core\b")
            self.assertEqual(server.fetch("/.dot").body, b"dot")
            with server.client() as client:
                self.assertEqual(client.get("/", ["Content-Length: 11"]).status, 413)
            with server.client() as client:
                self.assertEqual(client.get("/", ["X: " + "v" * 2000]).status, 431)
            with server.client(timeout=8) as client:
                client.send(b"GET /")
                self.assertEqual(client.reply().status, 408)
            server.stop()
        with open(log, encoding="ascii") as file:
            self.assertIn('"GET /.dot HTTP/1.1" 200 3 ', file.read())

    def test_quiet_by_variable(self):
        port = free_port()
        with Server(self.root, env={"RINGLET_QUIET": "1"}, port=port, start_line=False) as server:
            self.assertEqual(server.fetch("/").status, 200)
            self.assertEqual(server.said(), "")

    def test_quiet(self):
        port = free_port()
        with Server(self.root, "-q", port=port, start_line=False) as server:
            self.assertEqual(server.fetch("/").status, 200)
            self.assertEqual(server.said(), "")

    def test_start_line(self):
        with Server(self.root, "--cores", "1") as server:
            self.assertRegex(server.start_line(),
                             rf"^ringlet \d+\.\d+\.\d+: serving {self.root.site} on "
                             rf"http://127\.0\.0\.1:\d+ with {under_test.engine} on 1 core"
                             r", cache 128 MiB over all$")
            self.assertEqual(len(server.said().splitlines()), 1)

    def test_debug(self):
        with Server(self.root, "--debug") as server:
            before = len(server.stderr.text())
            server.fetch("/")
            self.assertTrue(until(lambda: len(server.stderr.text()) > before))

    def test_workers_is_another_name(self):
        for option in ("--workers", "-w", "-c"):
            with Server(self.root, option, "1") as server:
                self.assertRegex(server.start_line(), r"on 1 core\b")


class Ports(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")

    def test_in_use(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = str(other.getsockname()[1])
            done = run("--engine", under_test.engine, "--port", port, self.root.site)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\A[^\n]+\n\Z")
        self.assertIn("127.0.0.1", done.stderr)
        self.assertIn(port, done.stderr)

    def test_in_use_by_another_of_us(self):
        """SO_REUSEPORT alone would share the port, and the connections."""
        with Server(self.root) as server:
            done = run("--engine", under_test.engine, "--port", str(server.address[1]),
                       self.root.site)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(str(server.address[1]), done.stderr)
            self.assertEqual(server.fetch("/").status, 200)

    def test_becomes_free_in_time(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            threading.Timer(0.4, other.close).start()
            with Server(self.root, port=other.getsockname()[1]) as server:
                self.assertEqual(server.fetch("/").status, 200)

    def test_immediate_restarts(self):
        port, took = free_port(), []
        for _ in range(10):
            start = time.monotonic()
            with Server(self.root, port=port) as server, server.client() as client:
                self.assertEqual(client.get("/").status, 200)
                with server.client() as closing:
                    self.assertTrue(closing.get("/", ["Connection: close"]).closes())
                client.close()
                server.stop()
            took.append(time.monotonic() - start)
        self.assertLess(sorted(took)[len(took) // 2], 3, took)

    def test_restart_after_a_kill(self):
        port = free_port()
        for _ in range(3):
            server = Server(self.root, port=port)
            with server.client() as client:
                self.assertEqual(client.get("/").status, 200)
                server.kill()

    def test_restart_does_not_reset_clients(self):
        """The old process's listener takes no connection meant for the new one."""
        port = free_port()
        for _ in range(5):
            with Server(self.root, port=port) as server:
                for _ in range(20):
                    self.assertEqual(server.fetch("/").status, 200)

    def test_ready_soon(self):
        self.assertLess(quickest(self.seconds_to_serve, 2), 2)

    def seconds_to_serve(self):
        start = time.monotonic()
        with Server(self.root) as server:
            self.assertEqual(server.fetch("/").status, 200)
            return time.monotonic() - start

    def test_privileged_address_is_refused_in_a_sentence(self):
        done = run("--engine", under_test.engine, "--host", "192.0.2.1", "--port", "0",
                   self.root.site)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\A[^\n]*192\.0\.2\.1[^\n]*\n\Z")


class Privileges(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")

    @unittest.skipUnless(AS_ROOT, "needs root to become somebody else")
    def test_user(self):
        nobody = pwd.getpwnam("nobody")
        for user in ("nobody", "nobody:nogroup", "nobody:daemon"):
            with Server(self.root, "--user", user, env=NO_LEAK_CHECK) as server:
                self.assertEqual(server.fetch("/").status, 200)
                tasks = server.tasks()
                self.assertGreater(len(tasks), 1)
                for lines in tasks.values():
                    self.assertEqual(lines["Uid"].split(), [str(nobody.pw_uid)] * 4)
                    self.assertEqual(len(set(lines["Gid"].split())), 1)
                    self.assertNotIn("0", lines["Gid"].split())
                    self.assertNotIn("0", lines["Groups"].split())
                    self.assertEqual(int(lines["CapEff"], 16), 0)
                    self.assertEqual(int(lines["CapPrm"], 16), 0)

    @unittest.skipUnless(AS_ROOT, "needs root to become somebody else")
    def test_user_with_low_port(self):
        """Bound before the privileges go."""
        port = next((port for port in range(1023, 900, -1) if self.is_free(port)), None)
        with Server(self.root, "--user", "nobody", port=port, env=NO_LEAK_CHECK) as server:
            self.assertEqual(server.fetch("/").status, 200)

    @staticmethod
    def is_free(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == errno.ECONNREFUSED

    @unittest.skipIf(AS_ROOT, "needs somebody who is not root")
    def test_user_needs_root(self):
        done = run("--engine", under_test.engine, "--user", "daemon", "--port", "0", self.root.site)
        self.assertIn(done.returncode, (1, 2))
        self.assertIn("--user", done.stderr)


class Cores(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")
        self.allowed = sorted(os.sched_getaffinity(0))

    def pinned(self, *arguments, **options):
        """The CPUs to which threads are pinned, each one alone; and what the start line says."""
        with Server(self.root, *arguments, **options) as server:
            self.assertEqual(server.fetch("/").status, 200)
            lists = [lines["Cpus_allowed_list"]
                     for task, lines in server.tasks().items() if task != server.pid]
            line = server.start_line()
        return sorted({int(cpus) for cpus in lists if cpus.isdigit()}), line

    def test_one_pinned_thread_each(self):
        for count in range(1, min(len(self.allowed), 4) + 1):
            cpus, line = self.pinned("--cores", str(count))
            self.assertEqual(len(cpus), count)
            self.assertLessEqual(set(cpus), set(self.allowed))
            self.assertRegex(line, rf"on {count} cores?\b")

    def test_named_cpus(self):
        last = self.allowed[-1]
        self.assertEqual(self.pinned("--cpus", str(last))[0], [last])
        if len(self.allowed) > 1:
            first, second = self.allowed[:2]
            self.assertEqual(self.pinned("--cpus", f"{second},{first}")[0], [first, second])

    @unittest.skipUnless(len(os.sched_getaffinity(0)) > 1, "needs two CPUs")
    def test_inside_the_allowed_set(self):
        last = self.allowed[-1]

        def confine():
            os.sched_setaffinity(0, {last})
        self.assertEqual(self.pinned(before_exec=confine)[0], [last])
        self.assertEqual(self.pinned("--cores", "1", before_exec=confine)[0], [last])
        for arguments in (["--cores", "2"], ["--cpus", str(self.allowed[0])]):
            done = run(*arguments, "--port", "0", self.root.site, before_exec=confine)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(arguments[0], done.stderr)

    @unittest.skipUnless(len(os.sched_getaffinity(0)) > 1, "needs two CPUs")
    def test_quota_of_a_cgroup(self):
        group = self.make_cgroup(100000, 100000)

        def join():
            with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as file:
                file.write(str(os.getpid()))
        cpus, line = self.pinned(before_exec=join)
        self.assertEqual(len(cpus), 1)
        self.assertRegex(line, r"on 1 core\b")

    def make_cgroup(self, period, quota):
        """A control group of our own, version 2 or 1, with a quota."""
        for top, knobs in (("/sys/fs/cgroup", {"cpu.max": f"{quota} {period}"}),
                           ("/sys/fs/cgroup/cpu",
                            {"cpu.cfs_period_us": period, "cpu.cfs_quota_us": quota})):
            if not os.path.exists(os.path.join(top, "cgroup.procs")):
                continue
            group = os.path.join(top, f"ringlet-test-{os.getpid()}")
            with contextlib.suppress(OSError):
                os.mkdir(group)
                self.addCleanup(until, lambda: self.removed(group), 5)
                for knob, value in knobs.items():
                    with open(os.path.join(group, knob), "r+", encoding="ascii") as file:
                        file.write(str(value))
                return group
        self.skipTest("no control group with a quota to be had")
        return None

    @staticmethod
    def removed(group):
        with contextlib.suppress(OSError):
            os.rmdir(group)
        return not os.path.exists(group)

    def test_memory_at_start(self):
        if under_test.sanitize != "off":
            self.skipTest("a sanitizer needs memory of its own")
        for count in range(1, min(len(self.allowed), 4) + 1):
            with Server(self.root, "--cores", str(count)) as server:
                server.fetch("/")
                kib = int(server.tasks()[server.pid]["VmRSS"].split()[0])
                self.assertLess(kib, (16 + 4 * count) * 1024)

    def test_an_idle_server_sleeps(self):
        if under_test.sanitize == "thread":
            self.skipTest("the sanitizer's own thread wakes up")
        log = os.path.join(self.root.top, "access.log")
        with Server(self.root) as fresh, Server(self.root, "--log", log) as used:
            with used.client() as kept:
                self.assertEqual(kept.get("/").status, 200)
                self.assertEqual(kept.get("/missing").status, 404)
                self.assertTrue(until(lambda: os.path.getsize(log) > 100))
                time.sleep(0.5)
                for _ in range(4):  # what was late may still be going on
                    before = fresh.switches(), used.switches()
                    time.sleep(2)
                    after = fresh.switches(), used.switches()
                    if before == after:
                        break
        self.assertEqual(before, after)


class Engines(unittest.TestCase):

    def setUp(self):
        self.root = Root()
        self.addCleanup(self.root.remove)
        self.root.write("index.html", b"home")

    def test_auto_takes_the_ring_where_there_is_one(self):
        with Server(self.root, engine="auto") as server:
            engine = "epoll" if io_uring_refusal() else "io_uring"
            self.assertIn(f"with {engine} ", server.start_line())
            self.assertEqual(server.fetch("/").body, b"home")

    def test_auto_falls_back(self):
        for error, words in ((errno.EPERM, "not permitted|EPERM"),
                             (errno.ENOSYS, "not implemented|ENOSYS|kernel"),
                             (errno.ENOMEM, "memory|ENOMEM")):
            with self.subTest(os.strerror(error)):
                with Server(self.root, engine="auto",
                            before_exec=deny_system_call(425, error)) as server:
                    self.assertIn("with epoll ", server.start_line())
                    self.assertEqual(server.fetch("/").body, b"home")
                    server.stop()
                    lines = [line for line in server.stderr.text().splitlines()
                             if "http://127" not in line]
                self.assertEqual(len(lines), 1, lines)
                self.assertIn("io_uring", lines[0])
                self.assertRegex(lines[0], f"(?i){words}")
                self.assertRegex(lines[0], "(?i)seccomp|io_uring_disabled|kernel|memlock|ulimit")

    def test_a_ring_or_nothing(self):
        done = run("--engine", "io_uring", "--port", "0", self.root.site,
                   before_exec=deny_system_call(425, errno.EPERM))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"\A[^\n]*io_uring[^\n]*\n\Z")

    def test_version_without_a_ring(self):
        done = run("--version", before_exec=deny_system_call(425, errno.EPERM))
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, "(?i)not permitted|EPERM|none|no ring|refused")

    def test_the_engine_is_the_one_asked_for(self):
        with Server(self.root) as server:
            server.fetch("/")
            kinds = set()
            for fd in os.listdir(f"/proc/{server.pid}/fd"):
                with contextlib.suppress(OSError):
                    kinds.add(os.readlink(f"/proc/{server.pid}/fd/{fd}"))
        self.assertEqual("anon_inode:[io_uring]" in kinds, under_test.engine == "io_uring")


if __name__ == "__main__":
    main()
