"""rig.py - run ringlet-load in tests, and servers that answer as no good server would."""
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "blackbox"))

from server import under_test  # noqa: E402

RUN_MAX = 60     # seconds one run of the generator may take
ENDED_MAX = 20   # seconds until the last connection of a generator that is gone has ended
TRIES = 4        # runs until a machine is too busy for what is to be shown


class Run:
    """One run: exit status, what was printed, the JSON and the .hgrm text (None: not written)."""

    def __init__(self, *args, env=None, before_exec=None, meanwhile=None):
        with tempfile.TemporaryDirectory(prefix="ringlet-load-") as folder:
            files = [os.path.join(folder, name) for name in ("json", "hgrm")]
            binary = os.path.join(os.path.dirname(under_test.binary), "ringlet-load")
            command = [binary, "--json", files[0], "--hgrm", files[1], *map(str, args)]
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, preexec_fn=before_exec,
                                       env={**os.environ, **(env or {})})
            try:
                if meanwhile:
                    meanwhile(process)
                self.stdout, self.stderr = process.communicate(timeout=RUN_MAX)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.communicate()
            self.status = process.returncode
            written, self.hgrm = (read_if_there(file) for file in files)
            self.json = json.loads(written) if written else None

    def said(self):
        return f"status {self.status}\n{self.stdout}{self.stderr}"

    def errors(self):
        """The kinds of errors that were met, with their counts."""
        return {kind: count for kind, count in self.json["errors"].items() if count}


def read_if_there(path):
    if not os.path.exists(path):
        return None
    with open(path, encoding="ascii") as file:
        return file.read()


def run_held(test, *args, **options):
    """A run whose rate was held, or that had an answer at all. A machine that is too busy for that
    is given some tries; when it is the server that was late in all of them, that run it is."""
    for _ in range(TRIES):
        run = Run(*args, **options)
        if run.status != 3 and "no answer came" not in run.stderr:
            return run
    if "the generator fell behind" in run.stderr:
        test.skipTest(f"this machine is too busy: {run.stderr}")
    return run


class Rig:
    """A server of threads. `answer(number, target, body)` gives the bytes for the number-th request
    of all, or None to close without one; bytes that end with CLOSE are sent, then it closes."""

    CLOSE = b"\0close"

    def __init__(self, answer, context=None):
        self.answer = answer
        self.context = context
        self.requests = 0
        self.connections = 0
        self.ciphers = set()    # (name, version) of each TLS session,
        self.resumed = []       # and whether it was resumed;
        self.cut_short = 0      # those that ended before this side knew
        self.serving = 0
        self.lock = threading.Condition()
        self.sockets = set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                self.serving += 1
                self.sockets.add(sock)
            threading.Thread(target=self.serve, args=(sock,), daemon=True).start()

    def shake_hands(self, plain):
        try:
            sock = self.context.wrap_socket(plain, server_side=True)
        except OSError:
            with self.lock:
                self.cut_short += 1
            raise
        with self.lock:
            self.sockets.discard(plain)
            self.sockets.add(sock)
            self.ciphers.add(sock.cipher()[:2])
            self.resumed.append(sock.session_reused)
        return sock

    def serve(self, sock):
        try:
            if self.context:
                sock = self.shake_hands(sock)
            with sock, sock.makefile("rb") as file:
                while self.serve_one(sock, file):
                    pass
        except (OSError, ValueError):
            pass
        with self.lock:
            self.sockets.discard(sock)
            self.serving -= 1
            self.lock.notify_all()

    def has_ended(self):
        """Waits until all connections have, which their clients close."""
        with self.lock:
            return self.lock.wait_for(lambda: self.serving == 0, ENDED_MAX)

    def serve_one(self, sock, file):
        line = file.readline()
        if not line:
            return False
        answer = self.answer(self.count(), line.split()[1].decode(), read_body(file))
        if answer is None:
            return False
        sock.sendall(answer.removesuffix(self.CLOSE))
        return not answer.endswith(self.CLOSE)

    def count(self):
        with self.lock:
            self.requests += 1
            return self.requests

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        with self.lock:
            for sock in self.sockets:
                sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def read_body(file):
    """Past the head; the body by its length or in chunks."""
    length, chunked = 0, False
    while (line := file.readline()) not in (b"\r\n", b""):
        name, value = line.lower().split(b":", 1)
        if name == b"content-length":
            length = int(value)
        chunked |= name == b"transfer-encoding" and value.strip() == b"chunked"
    if not chunked:
        return file.read(length)
    body = b""
    while size := int(file.readline(), 16):
        body += file.read(size)
        file.readline()
    file.readline()
    return body


def ok(body, *fields):
    """A plain answer."""
    head = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *fields]
    return b"\r\n".join(head) + b"\r\n\r\n" + body
