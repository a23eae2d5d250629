"""What an idle connection costs a server in memory.

    python3 -B bench/idle_memory.py [--build DIR] [--peers nginx,h2o] [--face tls]

Each connection asks once and stays. What they have is the difference between the server's memory
before and after, and before there have been others that asked often and are still there: so what a
server has anyway is not counted, nor the buffers that all share. Memory of the kernel, which is the
same for everybody, is not in it."""

import argparse
import contextlib
import pathlib
import sys

import client
import machine
import options
import servers
import summary

TREE = pathlib.Path(__file__).resolve().parent.parent
# Connections before those that count, and how often each asks: more than a core has buffers.
FIRST = 50
FIRST_ASK = 100
TARGET = '/1k.txt'


def parse(arguments):
    made = argparse.ArgumentParser(prog='bench/idle_memory.py', description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add('--build', type=pathlib.Path, default=TREE / 'build' / 'bench', metavar='DIR')
    add('--engines', type=options.words, default=('io_uring', 'epoll'), metavar='LIST')
    add('--peers', type=options.words, default=('nginx', 'h2o'), metavar='LIST')
    add('--face', choices=('tls', 'files'), default='tls')
    add('--connections', type=options.positive, default=1000, metavar='N')
    add('--repetitions', type=options.positive, default=3, metavar='N')
    return made.parse_args(arguments)


def open_idle(stack, server, count, times=1):
    """Connections that have had so many answers each, open until the stack is closed."""
    for _ in range(count):
        peer = client.connect(server.port, tls=server.place.face == 'tls')
        stack.enter_context(peer)
        for _ in range(times):
            peer.sendall(client.request_bytes(server.port, TARGET))
            if client.read_answer(peer).status != 200:
                raise servers.ServerFailed(f'{server.kind.name} does not answer {TARGET}')


def bytes_each(yard, kind, face, count):
    """Of one idle connection, by a fresh process."""
    with yard.server(kind, face=face) as server, contextlib.ExitStack() as stack:
        open_idle(stack, server, FIRST, FIRST_ASK)
        before = server.memory_bytes()
        open_idle(stack, server, count)
        return (server.memory_bytes() - before) / count


def measure(yard, kind, asked):
    """One line: the median, and the least and the most."""
    try:
        found = [bytes_each(yard, kind, asked.face, asked.connections)
                 for _ in range(asked.repetitions)]
    except (OSError, ValueError, servers.ServerFailed) as error:
        return f'{kind.name:20}  not measured: {error}'
    middle, least, most = (summary.shown(number / 1024) for number in summary.spread(found))
    return f'{kind.name:20}  {middle} KiB a connection ({least}-{most})'


def main():
    asked = parse(sys.argv[1:])
    machine.raise_files()
    peers, missing = servers.peer_kinds(asked.peers)
    own = servers.own_kinds(asked.build.resolve(), asked.engines, 1)
    kinds = [kind for kind in own + peers
             if kind.shows(asked.face) and not kind.fixed and not kind.compresses]
    with servers.open_yard(machine.allowed_cpus()[:1]) as yard:
        for kind in kinds:
            print(measure(yard, kind, asked), flush=True)
    for name in missing:
        print(f'{name:20}  is not on this machine')
    return 0


if __name__ == '__main__':
    sys.exit(main())
