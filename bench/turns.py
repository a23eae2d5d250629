"""Servers side by side: all of them are up, each with a generator, and one pair
after the other is let run for a moment while the rest stand still.

A machine that has fast and slow spells has them for everybody then, and what is compared has met
the same.

Each generator first runs alone, until its connections stand and it has begun to send: that is its
warm-up, which goes on by the clock while it stands still. Its answers count from then on, as does
its server's CPU time, until all has ended. No turn has to end at a request. Those that a server
had answered when the count began, and its generator has not seen, make up for those under way when
it ends.

At a rate a generator comes to rest by itself (load/pause.h): it waits for what is under way, and
its clock stands still until its next turn, so that no request is late for having been held up. With
its first rest its warm-up is over. Its turns are longer, for each begins with a server that has
just done nothing."""

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
TURN_AT_RATE_SECONDS = 0.2
# A generator that had less than this to spare of its turns may be what bounded them.
BUSY_MAX = 0.9

# What a generator takes at most to have its connections, alone and at the start.
START_SECONDS = 0.15
CONNECT_SECONDS = 60e-6
HANDSHAKE_SECONDS = 3e-3
# How much longer its warm-up is than that.
SPARE_SECONDS = 0.1

# A warm-up that its generator's first rest ends, long before.
WARMUP_UNTIL_REST = 600
# A generator may wait for what is under way: for as long as its patience with an answer, twice.
REST_SECONDS = 0.5
REST_TRIES = 20
LOOK_SECONDS = 0.0005


class Lane:
    """A server and its generator, which stands still but for its turns."""

    turn_seconds = TURN_SECONDS

    def __init__(self, server, load, generator):
        self.server = server
        self.load = load
        self.generator = generator
        self.cpu_ns = self.softirqd_ns = 0
        self.active = 0.0
        self.started = time.monotonic()
        self.process = generator.start(load, name_of(server.kind))

    @staticmethod
    def fitted(load, lanes_count):
        """The same load for one of so many: it begins with a warm-up that is long enough for all to
        begin, and lasts for as long as all the turns."""
        begin = set_up_seconds(load)
        seconds = load.seconds * lanes_count + begin * (lanes_count + 1)
        return dataclasses.replace(load, seconds=round(seconds, 3),
                                   warmup=round(begin + SPARE_SECONDS, 3))

    def set_up(self, seconds):
        """Let it open its connections and begin."""
        generators.await_end(self.process, seconds)
        self.rest()

    def await_begin(self):
        """Until its warm-up is over."""
        time.sleep(max(0, self.started + self.load.warmup - time.monotonic()))

    def rest(self):
        """Returns when it stands still, or has ended."""
        self.signal(signal.SIGSTOP)

    def begin(self):
        """Its warm-up is over."""
        self.cpu_ns = self.server.cpu_ns()

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def turn(self):
        """Let it run. Returns whether it has not come to its end."""
        softirqd = counters.softirqd_ns(self.server.place.cpus)
        begun = time.monotonic()
        self.signal(signal.SIGCONT)
        ended = generators.await_end(self.process, self.turn_seconds)
        if not ended:
            self.rest()
        self.active += time.monotonic() - begun
        self.softirqd_ns += counters.softirqd_ns(self.server.place.cpus) - softirqd
        return not ended

    def outcome(self, steal):
        """What came of all its turns, as of a run in one piece: (outcome, spent, memory)."""
        outcome = self.generator.finish(self.process, self.load, name_of(self.server.kind))
        self.correct(outcome)
        spent = {'cpu_ns': (self.server.cpu_ns() - self.cpu_ns) / outcome.seconds,
                 'softirqd_ns': self.softirqd_ns / outcome.seconds, 'steal': steal}
        return outcome, spent, self.server.memory_bytes()

    def correct(self, outcome):
        """Of what a generator says, which does not know of its turns."""
        if outcome.busy is not None:
            outcome.busy = min(1.0, outcome.busy * outcome.seconds / self.active)
            outcome.bound = outcome.busy > BUSY_MAX
        outcome.seconds = self.active


class LaneAtRate(Lane):
    """The same, with a generator that sends at a rate and knows of its turns."""

    turn_seconds = TURN_AT_RATE_SECONDS

    @staticmethod
    def fitted(load, lanes_count):
        return dataclasses.replace(load, warmup=WARMUP_UNTIL_REST)

    def await_begin(self):
        """Its rest was that."""

    def rest(self):
        """One that has only just been started does not hear it yet. What is said too often is
        forgotten with its next turn (SIGCONT)."""
        for _ in range(REST_TRIES):
            self.signal(signal.SIGTSTP)
            if self.has_come_to_rest():
                return
        raise generators.GeneratorFailed('the generator does not come to rest')

    def has_come_to_rest(self):
        until = time.monotonic() + REST_SECONDS
        while time.monotonic() < until:
            if os.waitid(os.P_PID, self.process.pid,
                         os.WSTOPPED | os.WEXITED | os.WNOWAIT | os.WNOHANG):
                return True
            time.sleep(LOOK_SECONDS)
        return False

    def correct(self, outcome):
        """It does."""


def name_of(kind):
    """Of a generator's files beside those of others."""
    return kind.name.replace(' ', '-')


def set_up_seconds(load):
    """Until the connections of a load stand and have been warmed up."""
    connections = load.connections + load.workload.idle
    each = CONNECT_SECONDS + (HANDSHAKE_SECONDS if load.workload.tls else 0)
    return START_SECONDS + connections * each + load.warmup


def can_stand_together(kinds):
    """Servers that can't be told a port have all the same one."""
    return sum(kind.peer in servers.FIXED_PEERS for kind in kinds) <= 1


def lane_of(load):
    return LaneAtRate if load.rate else Lane


@contextlib.contextmanager
def lanes(up, loads, generator):
    """Generators for servers that are up, at the end of their warm-up; ended with the block."""
    made = []
    try:
        for server, load in zip(up, loads):
            made.append(lane_of(load)(server, lane_of(load).fitted(load, len(up)), generator))
            made[-1].set_up(set_up_seconds(load))
        for lane in made:
            lane.await_begin()
        for lane in made:
            lane.begin()
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
    loads = [load_for(server) for server in up]
    ticks = machine.cpu_ticks()
    with lanes(up, loads, generator) as made:
        take(made)
        steal = machine.steal_share(ticks, machine.cpu_ticks(), cpus)
        return [lane.outcome(steal) for lane in made]
