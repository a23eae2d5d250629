"""server.py - start ringlet, talk to it over plain sockets, read its answers strictly, stop it.

Every file of this folder is a program: it takes the binary and the engine from the command line
(`main`), starts servers of its own on free ports over temporary roots, and leaves nothing behind.
The reader of answers accepts only what RFC 9112 lets a server send, so that every test is also a
test of the answer's form.
"""
import argparse
import concurrent.futures
import contextlib
import ctypes
import errno
import faulthandler
import os
import random
import re
import select
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import types
import unittest

SKIP = 77          # what ctest takes for "skipped"
PATIENCE = 30.0    # seconds until silence counts as a failure
RUN_MAX = 380      # seconds until a whole program is given up
EXIT_MAX = 40.0    # seconds that a server may take to leave

under_test = types.SimpleNamespace(binary=None, engine=None, sanitize="off")

libc = ctypes.CDLL(None, use_errno=True)

# The leak checker may not trace after a setuid.
NO_LEAK_CHECK = {"ASAN_OPTIONS": "detect_leaks=0"}

URL = re.compile(r"http://(\[[^\]\s]+\]|[^\s:/\[\]]+):(\d+)")
REPORT = re.compile(r"(Address|Leak|Thread|Memory)Sanitizer|runtime error:")


class PeerClosed(Exception):
    """The server closed in good order (FIN) where more was expected."""


class PeerReset(Exception):
    """The server reset the connection (RST)."""


class PeerCut(Exception):
    """The server ended a TLS connection without saying so: a FIN, but no close_notify before."""


class Malformed(AssertionError):
    """An answer that no server may send."""


# ---- what the machine allows -----------------------------------------------------------------

def io_uring_refusal():
    """Why this machine gives nobody a ring such as ringlet needs; None when it does."""
    setup, single_issuer, defer_taskrun = 425, 1 << 12, 1 << 13
    params = (ctypes.c_uint32 * 30)()
    params[2] = single_issuer | defer_taskrun
    fd = libc.syscall(setup, 4, ctypes.byref(params))
    if fd >= 0:
        os.close(fd)
        return None
    error = ctypes.get_errno()
    if error in (errno.EPERM, errno.ENOSYS, errno.EACCES, errno.EINVAL):
        return f"io_uring_setup: {os.strerror(error)}"
    return None


def deny_system_call(number, error):
    """A function for `before_exec` after which system call `number` fails with `error`."""
    rules = struct.pack("HBBI" * 4,
                        0x20, 0, 0, 0,                       # load the call's number
                        0x15, 0, 1, number,                  # is it this one?
                        0x06, 0, 0, 0x00050000 | error,      # SECCOMP_RET_ERRNO
                        0x06, 0, 0, 0x7FFF0000)              # SECCOMP_RET_ALLOW
    rules = ctypes.create_string_buffer(rules, len(rules))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(rules)))

    def deny(_keep=rules):
        no_new_privs, seccomp, filter_mode = 38, 22, 2
        if libc.prctl(no_new_privs, 1, 0, 0, 0) or libc.prctl(seccomp, filter_mode, program, 0, 0):
            os._exit(99)
    return deny


def free_port(host="127.0.0.1"):
    """A port that nobody listens on just now, and that the kernel gives to nobody by itself."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    for port in random.sample(range(10000, lowest), 20) if lowest > 10100 else []:
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            return port
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def until(condition, within=PATIENCE, every=0.01):
    """Wait until `condition()` is true; its value, or the last false one when time is up."""
    end = time.monotonic() + within
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


def quickest(measure, wanted, attempts=4):
    """The least of what `measure()` returns, which is tried until that is below `wanted`. A busy
    machine makes a good server late now and then; a bad one is late every time."""
    least = measure()
    while least >= wanted and attempts > 1:
        least = min(least, measure())
        attempts -= 1
    return least


# ---- a place to serve ------------------------------------------------------------------------

class Root:
    """A temporary directory that holds `site`, which is served, and what must never be."""

    def __init__(self):
        self.top = tempfile.mkdtemp(prefix="ringlet-")
        os.chmod(self.top, 0o755)
        self.site = os.path.join(self.top, "site")
        os.mkdir(self.site, 0o755)

    def path(self, name):
        return os.path.join(os.fsencode(self.site), os.fsencode(name))

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        return path

    def replace(self, name, content):
        """Write beside it, then rename over it: no reader ever sees half of it."""
        other = self.write(os.fsencode(name) + b".new", content)
        os.rename(other, self.path(name))

    def mkdir(self, name):
        os.makedirs(self.path(name), exist_ok=True)

    def remove(self):
        shutil.rmtree(self.top, ignore_errors=True)


# ---- the process -----------------------------------------------------------------------------

def environment(extra=None):
    """Our own environment without any option of ringlet's, and `extra` on top."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("RINGLET_")}
    env.update(extra or {})
    return env


def run(*args, env=None, timeout=PATIENCE, before_exec=None):
    """Run the binary to its end; for everything that does not stay to serve."""
    return subprocess.run([under_test.binary, *args], env=environment(env), timeout=timeout,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", preexec_fn=before_exec, check=False)


class Stream:
    """Collects what a pipe brings, on a thread of its own, so that nobody has to drain it."""

    def __init__(self, pipe):
        self.bytes = b""
        self.pipe = pipe
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()

    def collect(self):
        while True:
            piece = os.read(self.pipe.fileno(), 65536)
            if not piece:
                return
            self.bytes += piece

    def text(self):
        return self.bytes.decode("utf-8", "replace")

    def close(self):
        self.thread.join(PATIENCE)
        self.pipe.close()


class Server:
    """A running ringlet. `address` is where it says it serves."""

    def __init__(self, root, *args, engine=None, binary=None, env=None, port=0, drain_stdout=True,
                 before_exec=None, start_line=True, raw=False):
        command = [binary or under_test.binary]
        if not raw:
            command += ["--engine", engine or under_test.engine, "--port", str(port)]
        command += args
        if root is not None:
            command.append(root.site if isinstance(root, Root) else root)
        self.command = command
        self.process = subprocess.Popen(
            command, env=environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=lambda: prepare(before_exec))
        self.pid = self.process.pid
        self.stdout = Stream(self.process.stdout) if drain_stdout else None
        self.stderr = Stream(self.process.stderr)
        self.address = ("127.0.0.1", port)
        try:
            self.wait_until_served(start_line)
        except BaseException:
            self.kill()
            raise

    def said(self):
        return (self.stdout.text() if self.stdout else "") + self.stderr.text()

    def wait_until_served(self, start_line):
        ready = self.find_start_line if start_line else self.answers_connect
        until(lambda: ready() or self.process.poll() is not None)
        if self.process.poll() is not None or not ready():
            status = self.process.poll()
            self.kill()  # what it said last may still lie in the pipes: this reads them to the end
            raise AssertionError(f"{' '.join(map(str, self.command))} does not serve"
                                 f" (status {status}): {self.said()}")

    def find_start_line(self):
        found = URL.search(self.said())
        if found:
            self.address = (found[1].strip("[]"), int(found[2]))
        return found is not None

    def answers_connect(self):
        try:
            socket.create_connection(self.address, 1).close()
            return True
        except OSError:
            return False

    def start_line(self):
        return next(line for line in self.said().splitlines() if URL.search(line))

    def client(self, **options):
        return Client(self.address, **options)

    def fetch(self, target="/", method="GET", fields=(), **options):
        """One request on a connection of its own."""
        with self.client(**options) as client:
            client.send(request(target, method, fields=[*fields, "Connection: close"]))
            reply = client.reply(method)
            client.expect_fin()
            return reply

    def tell(self, number):
        self.process.send_signal(number)

    def wait(self, within=EXIT_MAX):
        """Its exit status; TimeoutExpired when it is still there."""
        status = self.process.wait(within)
        for stream in (self.stdout, self.stderr):
            if stream:
                stream.close()
        if not self.stdout:
            self.process.stdout.close()
        return status

    def stop(self, number=signal.SIGTERM, within=EXIT_MAX):
        """Ask it to leave, and see that it leaves in good order. Returns its standard error."""
        if self.process.poll() is None:
            self.tell(number)
        try:
            status = self.wait(within)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still there {within} s after signal {number}:"
                                 f" {self.said()}") from None
        said = self.stderr.text()
        if status != 0 or REPORT.search(said):
            raise AssertionError(f"left with status {status}: {said}")
        return said

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.returncode is not None:
            return
        if kind is None:
            self.stop()
        else:
            self.kill()

    # What the kernel knows of it.

    def tasks(self):
        """The status of each thread, as a dict of dicts; kernel workers of a ring are left out."""
        found = {}
        for task in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{self.pid}/task/{task}/status", encoding="ascii") as file:
                    lines = dict(line.rstrip("\n").split(":\t", 1) for line in file
                                 if ":\t" in line)
                if not lines["Name"].startswith("iou-"):
                    found[int(task)] = lines
        return found

    def switches(self):
        """How often each thread has left or come to a CPU."""
        return {task: int(lines["voluntary_ctxt_switches"])
                + int(lines["nonvoluntary_ctxt_switches"]) for task, lines in self.tasks().items()}

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self):
        """How many sockets it holds, listeners included."""
        count = 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            with contextlib.suppress(OSError):
                count += stat.S_ISSOCK(os.stat(f"/proc/{self.pid}/fd/{fd}").st_mode)
        return count


def prepare(before_exec):
    """In the child: die with the test, whatever happens to it."""
    set_parent_death_signal = 1
    libc.prctl(set_parent_death_signal, signal.SIGKILL, 0, 0, 0)
    if before_exec:
        before_exec()


# ---- requests and answers --------------------------------------------------------------------

def to_bytes(text):
    return text if isinstance(text, bytes) else text.encode("utf-8")


def request(target="/", method="GET", fields=(), version="HTTP/1.1", host="localhost", body=b""):
    """A request's bytes; `fields` are whole lines, `host` None leaves Host out."""
    lines = [b" ".join(map(to_bytes, (method, target, version)))]
    if host is not None:
        lines.append(b"Host: " + to_bytes(host))
    lines += map(to_bytes, fields)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunks(*pieces, trailers=()):
    """A chunked body."""
    coded = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return coded + b"0\r\n" + b"".join(to_bytes(line) + b"\r\n" for line in trailers) + b"\r\n"


STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
CHUNK_LINE = re.compile(rb"([0-9a-fA-F]{1,16})(;[^\r\n]*)?")
ONCE = ("content-length", "content-type", "date", "etag", "last-modified", "location", "server",
        "allow", "transfer-encoding", "connection")


class Reply:
    """One answer: `status`, `reason`, `fields` as (name, value) in order, `body`."""

    def __init__(self, head):
        first, *lines = head.split(b"\r\n")
        found = STATUS_LINE.fullmatch(first)
        if not found:
            raise Malformed(f"status line {first!r}")
        self.status = int(found[1])
        self.reason = found[2].decode("ascii")
        self.fields = []
        self.body = b""
        for line in lines:
            field = FIELD_LINE.fullmatch(line)
            if not field:
                raise Malformed(f"field line {line!r}")
            self.fields.append((field[1].decode("ascii"), field[2].decode("latin-1").strip(" \t")))
        for name in ONCE:
            if len(self.all(name)) > 1:
                raise Malformed(f"{name} more than once in {head!r}")

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        return found[0] if found else default

    def closes(self):
        tokens = [token.strip().lower() for token in self.get("Connection", "").split(",")]
        return "close" in tokens

    def stable_fields(self):
        """Everything that two equal answers have in common."""
        return sorted((name.lower(), value) for name, value in self.fields if name != "Date")

    def __repr__(self):
        return f"<{self.status} {self.reason} {self.fields} {bytes(self.body[:60])!r}>"


class Client:
    """One connection. Reading gives up after `timeout` seconds of silence."""

    def __init__(self, address, timeout=PATIENCE, receive_buffer=None):
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.sock = socket.socket(family)
        try:
            if receive_buffer:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.sock.settimeout(timeout)
            self.sock.connect(address)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except BaseException:
            self.sock.close()
            raise
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def reset(self):
        """Close with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def get(self, target="/", fields=(), method="GET", **options):
        self.send(request(target, method, fields, **options))
        return self.reply(method)

    def reply(self, method="GET"):
        """Read the next answer, which is to a request of `method`."""
        reply = Reply(self.head())
        length, coding = reply.get("Content-Length"), reply.get("Transfer-Encoding")
        if reply.status < 200 or reply.status in (204, 304) or method == "HEAD":
            self.check_bodiless(reply, method)
        elif coding is not None:
            if coding.lower() != "chunked" or length is not None:
                raise Malformed(f"framing of {reply}")
            reply.body = self.chunked_body()
        else:
            if length is None or not re.fullmatch("[0-9]+", length):
                raise Malformed(f"length of {reply}")
            reply.body = self.take(int(length))
        if reply.status >= 200 and not reply.get("Date"):
            raise Malformed(f"no Date in {reply}")
        return reply

    @staticmethod
    def check_bodiless(reply, method):
        """RFC 9110 8.6: no length with 1xx and 204, where there is no body to have one."""
        framed = reply.get("Content-Length") or reply.get("Transfer-Encoding")
        if framed and (reply.status < 200 or reply.status == 204):
            raise Malformed(f"a length where there is no body: {reply} to {method}")

    def head(self):
        while True:
            end = self.buffer.find(b"\r\n\r\n")
            if end >= 0:
                break
            if len(self.buffer) > 65536:
                raise Malformed(f"no end of head in {bytes(self.buffer[:200])!r}")
            self.more()
        head = bytes(self.buffer[:end])
        del self.buffer[:end + 4]
        return head

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, _, rest = bytes(self.buffer).partition(b"\r\n")
        self.buffer = bytearray(rest)
        return line

    def chunked_body(self):
        body = bytearray()
        while True:
            line = self.line()
            found = CHUNK_LINE.fullmatch(line)
            if not found:
                raise Malformed(f"chunk size {line!r}")
            size = int(found[1], 16)
            if size == 0:
                break
            body += self.take(size)
            if self.take(2) != b"\r\n":
                raise Malformed("no CRLF after a chunk")
        while self.line():
            pass
        return bytes(body)

    def take(self, count):
        """Exactly `count` bytes."""
        if len(self.buffer) >= count:
            taken = bytes(self.buffer[:count])
            del self.buffer[:count]
            return taken
        taken = bytearray(count)
        filled = len(self.buffer)
        taken[:filled] = self.buffer
        self.buffer.clear()
        view = memoryview(taken)
        while filled < count:
            filled += self.receive(lambda: self.sock.recv_into(view[filled:]))
        return taken

    def more(self):
        self.buffer += self.receive(lambda: self.sock.recv(262144), bytes)

    def receive(self, call, size=int):
        try:
            got = call()
        except ConnectionResetError:
            raise PeerReset(f"after {bytes(self.buffer[:200])!r}") from None
        if not got:
            raise PeerClosed(f"after {bytes(self.buffer[:200])!r}")
        return size(got)

    def end(self, within=PATIENCE):
        """How the connection ends: "fin", "rst", "cut", "bytes" when something comes first, or
        "open"."""
        if self.buffer:
            return "bytes"
        self.sock.settimeout(within)
        try:
            self.more()
            return "bytes"
        except PeerClosed:
            return "fin"
        except PeerReset:
            return "rst"
        except PeerCut:
            return "cut"
        except TimeoutError:
            return "open"

    def expect_fin(self, within=PATIENCE):
        how = self.end(within)
        if how != "fin":
            raise AssertionError(f"expected a FIN, got {how} {bytes(self.buffer[:300])!r}")

    def rest(self):
        """All bytes up to the end, and how it ended."""
        while True:
            try:
                self.more()
            except PeerClosed:
                return bytes(self.buffer), "fin"
            except PeerReset:
                return bytes(self.buffer), "rst"
            except PeerCut:
                return bytes(self.buffer), "cut"
            except TimeoutError:
                return bytes(self.buffer), "open"

    def hung_up(self, within):
        """Has the server reset us, though we read nothing? Seconds until then, or None."""
        start = time.monotonic()
        poll = select.poll()
        poll.register(self.sock, 0)
        return time.monotonic() - start if poll.poll(within * 1000) else None


# ---- tests -----------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """Tests that share one server: `arguments` are its options, `fill` makes what it serves."""

    arguments = ()
    root = None
    server = None

    @classmethod
    def fill(cls, root):
        root.write("index.html", b"<h1>home</h1>\n")

    @classmethod
    def setUpClass(cls):
        cls.root = Root()
        cls.addClassCleanup(cls.root.remove)
        cls.fill(cls.root)
        cls.server = cls.start()

    @classmethod
    def start(cls):
        return Server(cls.root, *cls.arguments)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        status = self.server.process.poll() if self.server else None
        if status is not None:
            self.fail(f"the server has gone with status {status}: {self.server.said()}")

    def client(self, **options):
        """A connection that is closed when the test ends."""
        client = self.server.client(**options)
        self.addCleanup(client.close)
        return client

    def refused(self, data, *statuses, method="GET"):
        """Send `data`; it must be answered with one of `statuses` and a close in good order."""
        client = self.client()
        client.send(data)
        reply = client.reply(method)
        self.assertIn(reply.status, statuses, f"{reply} to {data[:300]!r}")
        self.assertTrue(reply.closes(), f"no Connection: close in {reply}")
        client.expect_fin()
        client.close()
        return reply


    def together(self, prefix):
        """Run the methods with this prefix at once: they mostly wait, so they wait together."""
        names = [name for name in dir(self) if name.startswith(prefix)]
        with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
            futures = {name: pool.submit(getattr(self, name)) for name in names}
        for name, future in futures.items():
            with self.subTest(name):
                future.result()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--engine", required=True, choices=("auto", "io_uring", "epoll"))
    parser.add_argument("--sanitize", default="off")
    options, rest = parser.parse_known_args()
    under_test.binary = os.path.abspath(options.binary)
    under_test.engine = options.engine
    under_test.sanitize = options.sanitize
    refusal = io_uring_refusal() if options.engine == "io_uring" else None
    if refusal:
        print(f"skipped: no io_uring on this machine ({refusal})")
        sys.exit(SKIP)
    faulthandler.dump_traceback_later(RUN_MAX, exit=True)
    unittest.main(module="__main__", argv=[sys.argv[0], *rest])
