"""What tracers count, in runs of their own, because they slow down what they watch."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time

import client
import machine
import servers

ATTACH_SECONDS = 20
CONNECTIONS = 64
WARM_ROUNDS = 3
# Of requests that are stepped: one of nginx takes ten times as long.
OWN_ROUNDS = 6
PEERS_ROUNDS = 1
STOP_SECONDS = 20


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


def user_instructions(yard, kind, workload, build, places=None):
    """User-space instructions per request, by ringlet-steps, which is on the server's own CPU:
    there it costs a switch and no wake-up of another. A server that is stepped is slow, and so
    there is always more to do, as at the ceiling; its clocks are as slow. What was executed goes
    to `places`, and what is mapped where beside it."""
    steps = build / 'ringlet-steps'
    rounds = PEERS_ROUNDS if kind.role == 'peer' else OWN_ROUNDS
    with yard.server(kind, face=workload.face, preload=build / 'ringlet-slow-clock.so') as server:
        request = client.request_bytes(server.port, kind.target(workload.targets[0]),
                                       workload.fields)
        peers = [client.connect(server.port, timeout=60, tls=workload.tls)
                 for _ in range(CONNECTIONS)]
        try:
            drive(peers, request, WARM_ROUNDS)
            with stepped(server, steps): # as many are under way now as will be
                drive(peers, request, 1)
            with stepped(server, steps, places) as tracer:
                drive(peers, request, rounds)
            if places:
                maps = machine.read(f'/proc/{server.pids()[0]}/maps')
                places.with_suffix('.maps').write_text(maps)
        finally:
            for peer in peers:
                peer.close()
    return tracer.counted / (rounds * CONNECTIONS)


class Stepper:
    """ringlet-steps, with hold of all threads of a server that has started them."""

    def __init__(self, server, steps, places):
        more = ['-o', str(places)] if places else []
        self.counted = 0
        self.process = subprocess.Popen(
            [str(steps), *more, *map(str, server.pids())], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=lambda: stand_beside(server.place.cpus))

    def wait_ready(self):
        if self.process.stdout.readline() != 'stepping\n':
            raise CountFailed(self.process.communicate(timeout=STOP_SECONDS)[1].strip())

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        said, wrong = self.process.communicate(timeout=STOP_SECONDS)
        if self.process.returncode != 0 or not said.strip().isdigit():
            raise CountFailed(wrong.strip() or 'ringlet-steps counted nothing')
        self.counted = int(said)


def stand_beside(cpus):
    servers.end_with_parent()
    os.sched_setaffinity(0, cpus)


@contextlib.contextmanager
def stepped(server, steps, places=None):
    """The server is stepped for as long as the block lasts; then its steps are `counted`."""
    stepper = Stepper(server, steps, places)
    try:
        stepper.wait_ready()
        yield stepper
    finally:
        if stepper.process.poll() is None:
            stepper.stop()
        else:
            stepper.process.communicate()


def drive(peers, request, rounds):
    """A fixed number of requests: one a connection in each round, all sent before any answer is
    read."""
    for _ in range(rounds):
        for peer in peers:
            peer.sendall(request)
        for peer in peers:
            client.read_answer(peer)
