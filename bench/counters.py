"""What a server's CPU did while it was under load: its time, and the events it can count."""

import functools
import pathlib
import re
import subprocess
import time

import machine
import servers

EVENTS = ('instructions:u', 'instructions:k', 'cycles')


class Window:
    """A stretch of a run. It opens when it is made and closes with close(); both are a look at
    /proc, which is all that the generator's CPU is troubled with."""

    def __init__(self, server, cpus, seconds, with_perf):
        self.server = server
        self.cpus = cpus
        self.ticks = machine.cpu_ticks()
        self.perf = start_perf(server.place.cpus, seconds) if with_perf else None
        self.seconds = seconds
        self.softirqd_ns = softirqd_ns(server.place.cpus)
        self.cpu_ns = server.cpu_ns()
        self.begun = time.monotonic()

    def close(self):
        """What was spent in it, a second: so the generator's rate makes it a request's share."""
        wall = time.monotonic() - self.begun
        spent = self.server.cpu_ns() - self.cpu_ns
        softirqd = softirqd_ns(self.server.place.cpus) - self.softirqd_ns
        found = {'cpu_ns': spent / wall, 'softirqd_ns': softirqd / wall,
                 'steal': machine.steal_share(self.ticks, machine.cpu_ticks(), self.cpus)}
        for name, count in (read_perf(self.perf) if self.perf else {}).items():
            found[name] = count / self.seconds
        return found

    def abandon(self):
        if self.perf and self.perf.poll() is None:
            self.perf.kill()
            self.perf.communicate()


def softirqd_ns(cpus):
    """CPU time of the threads that take over what softirqs on these CPUs leave: work for the
    network that is no process's."""
    return sum(servers.task_ns(f'/proc/{pid}') for pid in softirqds(tuple(cpus)))


@functools.lru_cache(maxsize=8)
def softirqds(cpus):
    names = {f'ksoftirqd/{cpu}' for cpu in cpus}
    return [path.parent.name for path in pathlib.Path('/proc').glob('[0-9]*/comm')
            if machine.read(path) in names]


def perf_command(cpus, seconds):
    """By CPU (-C): counting by process slows some guests down."""
    return ['perf', 'stat', '-x', ',', '-C', servers.listed(cpus), '-e', ','.join(EVENTS), '--',
            'sleep', f'{seconds:.3f}']


def start_perf(cpus, seconds):
    return subprocess.Popen(perf_command(cpus, seconds), stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                            preexec_fn=servers.end_with_parent)


def read_perf(process):
    _, said = process.communicate(timeout=60)
    return parse_perf(said)


def parse_perf(text):
    """The counts in what `perf stat -x ,` printed, without those it could not count."""
    rows = (line.split(',') for line in text.splitlines())
    return {row[2]: float(row[0]) for row in rows
            if len(row) > 2 and re.fullmatch(r'[\d.]+', row[0])}


def can_count(cpus):
    """Can this machine's counters be read?"""
    if not machine.find_program('perf'):
        return False
    try:
        return set(read_perf(start_perf(cpus, 0.1))) == set(EVENTS)
    except (OSError, subprocess.TimeoutExpired):
        return False


def per_request(spent, requests_per_second):
    """The window's shares of one request, named as results.json names them."""
    def share(name):
        if name not in spent or requests_per_second <= 0:
            return None
        return spent[name] / requests_per_second
    return {'cpu_ns_per_request': share('cpu_ns'),
            'softirqd_ns_per_request': share('softirqd_ns'), 'cycles_per_request': share('cycles'),
            'user_instructions_per_request': share('instructions:u'),
            'kernel_instructions_per_request': share('instructions:k')}
