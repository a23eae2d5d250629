"""What tracers count, in runs of their own, because they slow down what they watch."""

import re
import shutil
import signal
import subprocess
import time
import pathlib

import client
import machine
import servers

ATTACH_SECONDS = 20
CONNECTIONS = 64
SHORT_ROUNDS = 10
LONG_ROUNDS = 60
TRIES = 3
PRELOAD_SOURCE = pathlib.Path(__file__).parent / 'openat2.c'


class CountFailed(Exception):
    """A tracer could not do its work."""


def system_calls(server, send, folder):
    """System calls by name per request, by strace -c -f, while send() loads the server and tells
    how many requests were answered."""
    out = folder / 'strace.out'
    command = ['strace', '-c', '-f', '-o', str(out)]
    for pid in server.pids():
        command += ['-p', str(pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, start_new_session=True,
                              preexec_fn=servers.end_with_parent)
    try:
        wait_traced(server)
        requests = send()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)
    if not requests:
        raise CountFailed('nothing was answered under strace')
    return {name: calls / requests for name, calls in parse_strace(out.read_text()).items()}


def parse_strace(text):
    """Calls by name in the table of strace -c."""
    rows = re.findall(r'^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w*)$', text, re.M)
    return {name: int(calls) for calls, name in rows if name != 'total'}


def wait_traced(server):
    """Until strace has hold of every process of the server."""
    deadline = time.monotonic() + ATTACH_SECONDS
    while time.monotonic() < deadline:
        states = [machine.read(f'/proc/{pid}/status') for pid in server.pids()]
        if all(re.search(r'^TracerPid:\t[1-9]', state, re.M) for state in states):
            return
        time.sleep(0.02)
    raise CountFailed(f'strace cannot attach to {server.kind.name}')


def can_trace():
    return shutil.which('strace') is not None


def can_instrument():
    return shutil.which('valgrind') is not None and shutil.which('cc') is not None


def user_instructions(yard, kind, workload):
    """User-space instructions per request, by callgrind: the difference of a long life and a short
    one, so that starting and stopping fall out."""
    lives = [count_again(yard, kind, workload, rounds) for rounds in (SHORT_ROUNDS, LONG_ROUNDS)]
    return (lives[1] - lives[0]) / ((LONG_ROUNDS - SHORT_ROUNDS) * CONNECTIONS)


def count_again(yard, kind, workload, rounds):
    """count_life, and again when nothing came of it: under valgrind one thread runs at a time, and
    now and then a server sleeps through its start or its end."""
    for _ in range(TRIES - 1):
        try:
            return count_life(yard, kind, workload, rounds)
        except (CountFailed, servers.ServerFailed):
            pass
    return count_life(yard, kind, workload, rounds)


def count_life(yard, kind, workload, rounds):
    """User-space instructions of a server's whole life with so many rounds of requests."""
    out = yard.home / 'callgrind.out'
    out.unlink(missing_ok=True)
    wrapper = ['valgrind', '--tool=callgrind', '--quiet', f'--callgrind-out-file={out}']
    environment = {'LD_PRELOAD': str(preload(yard.home))}
    with yard.server(kind, wrapper, environment, workload.face) as server:
        target = kind.target(workload.targets[0])
        drive(client.request_bytes(server.port, target, workload.fields), server.port, rounds,
              workload.tls)
    total = re.search(r'^(?:totals|summary): (\d+)', machine.read(out), re.M)
    if not total:
        raise CountFailed(f'callgrind counted nothing for {kind.name}')
    return int(total[1])


def preload(home):
    """The library that stands in for a system call valgrind does not know."""
    library = home / 'openat2.so'
    if not library.exists():
        subprocess.run(['cc', '-shared', '-fPIC', '-o', library, PRELOAD_SOURCE], check=True,
                       capture_output=True)
    return library


def drive(request, port, rounds, tls=False):
    """A fixed number of requests: CONNECTIONS a round, all sent before any answer is read."""
    peers = [client.connect(port, timeout=60, tls=tls) for _ in range(CONNECTIONS)]
    try:
        for _ in range(rounds):
            for peer in peers:
                peer.sendall(request)
            for peer in peers:
                client.read_answer(peer)
    finally:
        for peer in peers:
            peer.close()
