"""A client that asks one thing at a time: for looking at answers, never for measuring."""

import dataclasses
import functools
import re
import socket
import ssl

import surroundings

PATIENCE_SECONDS = 10
# For a body: where its receiver is slow the kernel drops segments, and waits to send them anew.
BODY_SECONDS = 60


class Closed(ConnectionError):
    """The server closed the connection before its answer was whole."""


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer; `head` is all up to and with the empty line."""

    status: int
    head: bytes
    body: bytes

    def field(self, name):
        """The value of a field, or None."""
        found = re.search(rb'(?i)\r\n%s:[ \t]*([^\r\n]*)' % re.escape(name.encode()), self.head)
        return found[1].decode('latin-1').strip() if found else None


def request_bytes(port, target, fields=(), body_bytes=0):
    """A request as the generator sends it, a POST where it has a body; `fields` are whole lines."""
    method = 'POST' if body_bytes else 'GET'
    length = [f'Content-Length: {body_bytes}'] if body_bytes else []
    lines = [f'{method} {target} HTTP/1.1', f'Host: 127.0.0.1:{port}', *fields, *length, '', '']
    return '\r\n'.join(lines).encode() + b'x' * body_bytes


def ask(port, target, fields=(), tls=False, body_bytes=0, around=surroundings.LOOPBACK):
    """Ask once, over a connection of its own."""
    with connect(port, BODY_SECONDS if body_bytes else PATIENCE_SECONDS, tls, around) as peer:
        peer.sendall(request_bytes(port, target, fields, body_bytes))
        return read_answer(peer)


def connect(port, timeout=PATIENCE_SECONDS, tls=False, around=surroundings.LOOPBACK):
    """A connection; over TLS the server's word that it is itself is taken."""
    with around.inside():
        peer = socket.create_connection((around.host, port), timeout=timeout)
    return trusting().wrap_socket(peer) if tls else peer


@functools.lru_cache(maxsize=1)
def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def read_answer(peer):
    """The next answer on a connection: framed by length, by chunks, or by the close."""
    data = bytearray()
    while b'\r\n\r\n' not in data:
        data += receive(peer)
    end = data.index(b'\r\n\r\n') + 4
    answer = Answer(status_of(data), bytes(data[:end]), b'')
    rest = data[end:]
    if answer.status in (204, 304):
        return answer
    return dataclasses.replace(answer, body=read_body(peer, answer, rest))


def status_of(data):
    found = re.match(rb'HTTP/1\.[01] (\d{3})', data)
    if not found:
        raise ValueError(f'not an answer: {bytes(data[:80])!r}')
    return int(found[1])


def read_body(peer, answer, rest):
    if answer.field('Transfer-Encoding'):
        return read_chunks(peer, rest)
    length = answer.field('Content-Length')
    if length is None:
        return read_to_end(peer, rest)
    while len(rest) < int(length):
        rest += receive(peer)
    return bytes(rest[:int(length)])


def read_chunks(peer, rest):
    body = bytearray()
    while True:
        while b'\r\n' not in rest:
            rest += receive(peer)
        line, _, rest = rest.partition(b'\r\n')
        size = int(line.split(b';')[0], 16)
        while len(rest) < size + 2:
            rest += receive(peer)
        if size == 0:
            return bytes(body)
        body += rest[:size]
        rest = rest[size + 2:]


def read_to_end(peer, rest):
    while True:
        try:
            rest += receive(peer)
        except Closed:
            return bytes(rest)


def receive(peer):
    data = peer.recv(262144)
    if not data:
        raise Closed('the server closed the connection')
    return data
