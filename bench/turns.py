"""Servers side by side in a closed loop: all of them are up, each with a generator, and one pair
after the other is let run for a moment while the rest stand still.

A machine that has fast and slow spells has them for everybody then, and what is compared has met
the same. The CPU time of a server is all that it took since before its generator began, and the
requests are all that were answered: no turn has to end at a request."""

import contextlib
import dataclasses
import os
import random
import signal
import time

import counters
import generators
import machine
import servers

TURN_SECONDS = 0.04
# A generator that had less than this to spare of its turns may be what bounded them.
BUSY_MAX = 0.9


class Lane:
    """A server and its generator, which stands still but for its turns."""

    def __init__(self, server, load, generator):
        self.server = server
        self.load = load
        self.generator = generator
        self.cpu_ns = server.cpu_ns()
        self.softirqd_ns = 0
        self.active = 0.0
        self.process = generator.start(load, name_of(server.kind))
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def turn(self):
        """Let it run. Returns whether it has not come to its end."""
        softirqd = counters.softirqd_ns(self.server.place.cpus)
        begun = time.monotonic()
        self.signal(signal.SIGCONT)
        ended = generators.await_end(self.process, TURN_SECONDS)
        self.signal(signal.SIGSTOP)
        self.active += time.monotonic() - begun
        self.softirqd_ns += counters.softirqd_ns(self.server.place.cpus) - softirqd
        return not ended

    def outcome(self, steal):
        """What came of all its turns, as of a run in one piece: (outcome, spent, memory)."""
        outcome = self.generator.finish(self.process, self.load, name_of(self.server.kind))
        if outcome.busy is not None:
            outcome.busy = min(1.0, outcome.busy * outcome.seconds / self.active)
            outcome.bound = outcome.busy > BUSY_MAX
        outcome.seconds = self.active
        spent = {'cpu_ns': (self.server.cpu_ns() - self.cpu_ns) / self.active,
                 'softirqd_ns': self.softirqd_ns / self.active, 'steal': steal}
        return outcome, spent, self.server.memory_bytes()


def name_of(kind):
    """Of a generator's files beside those of others."""
    return kind.name.replace(' ', '-')


def can_stand_together(kinds):
    """Servers that can't be told a port have all the same one."""
    return sum(kind.peer in servers.FIXED_PEERS for kind in kinds) <= 1


@contextlib.contextmanager
def lanes(stack_of, loads, generator):
    """Generators for servers that are up, ended with the block."""
    made = []
    try:
        for server, load in zip(stack_of, loads):
            made.append(Lane(server, load, generator))
        yield made
    finally:
        for lane in made:
            lane.signal(signal.SIGCONT)
            generators.abandon(lane.process)


def take(made):
    """Turns for all until all have come to their ends. The order is another in each round, so that
    nobody always follows the same."""
    left = list(made)
    while left:
        random.shuffle(left)
        left = [lane for lane in left if lane.turn()]


def run(up, load_for, generator, cpus):
    """What came of servers that are up, by turns: a list of (outcome, spent, memory). load_for
    makes the load of a server; each gets its seconds of turns."""
    loads = []
    for server in up:
        load = load_for(server)
        first = dataclasses.replace(load, seconds=load.warmup or TURN_SECONDS, warmup=0)
        generator.finish(generator.start(first), first)
        loads.append(dataclasses.replace(load, seconds=round(load.seconds * len(up), 3), warmup=0))
    ticks = machine.cpu_ticks()
    with lanes(up, loads, generator) as made:
        take(made)
        steal = machine.steal_share(ticks, machine.cpu_ticks(), cpus)
        return [lane.outcome(steal) for lane in made]
