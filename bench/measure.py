"""The measuring itself: one run, and blocks of interleaved runs, repeated when disturbed."""

import contextlib
import dataclasses
import itertools

import content
import counters
import disturbance
import generators
import servers
import summary
import turns
import workloads

# When the measured part of a run has begun for sure, after the start and the warm-up.
START_SECONDS = 0.05
CONNECT_SECONDS = 60e-6
# How much of it the CPU is watched for: the rest is a margin at its end.
WATCHED = 0.85

# A rate above this share of the slowest server's ceiling is not asked for.
NEAR_CEILING = 0.901

COLD_CONNECTIONS = 8
COLD_RATE = 200


@dataclasses.dataclass(frozen=True)
class Block:
    """Runs that are compared with each other."""

    entry: object
    kinds: tuple
    connections: int
    level: str
    rate: object = None

    def key(self):
        return (self.entry.workload.name, self.connections, self.level)


def order(names, repetitions):
    """Who runs when: A B C C B A, so that what drifts drifts for everybody."""
    for repetition in range(repetitions):
        for name in names if repetition % 2 == 0 else names[::-1]:
            yield repetition, name


def cold_rate(seconds):
    """So slow that no cold file is asked for twice in a run."""
    return max(1, min(COLD_RATE, int(content.COLD_FILES / (seconds + 2))))


class Measurer:
    """Runs blocks and hands each run to the results. `plan` is told of every run."""

    def __init__(self, yard, results, options, plan):
        self.yard = yard
        self.results = results
        self.options = options
        self.plan = plan
        self.with_perf = counters.can_count(yard.cpus)

    def generator(self, rate):
        return self.options.rate_generator if rate else self.options.loop_generator

    def block(self, block):
        """All runs of a block; its kept runs are judged when the last is done."""
        kinds = {kind.name: kind for kind in block.kinds}
        why_not = self.generator(block.rate).refusal(block.entry.workload, block.rate)
        if why_not:
            self.plan.note(f'{block.entry.workload.name}, {block.level}: left out, {why_not}')
            self.plan.forget(len(kinds) * self.options.repetitions)
            return []
        if self.by_turns(block):
            return self.block_by_turns(block)
        runs = []
        for repetition, name in order(list(kinds), self.options.repetitions):
            self.add(runs, block, kinds[name], repetition)
        while True:
            disturbance.judge(runs, self.options.steal_max / 100)
            again = disturbance.to_repeat(runs, self.options.repeats)
            if not again or not self.plan.may_repeat():
                break
            for name, repetition in again:
                self.plan.add(1)
                self.add(runs, block, kinds[name], repetition)
        self.results.write()
        return runs

    def by_turns(self, block):
        """Side by side, where no counter of the CPU is asked and nobody else loads the server. At a
        rate only one thread comes to rest."""
        return (self.generator(block.rate).takes_turns and not self.with_perf
                and not block.entry.workload.cold and turns.can_stand_together(block.kinds)
                and (block.rate is None or len(self.options.load_cpus) == 1))

    def block_by_turns(self, block):
        """A repetition that was disturbed was so for all: another is made in its place."""
        runs, left, repeats = [], self.options.repetitions, self.options.repeats
        for repetition in itertools.count():
            if left == 0:
                break
            made = self.together(block, repetition)
            runs += [run for run, _ in made]
            disturbance.judge(runs, self.options.steal_max / 100)
            for run, spectrum in made:
                self.hand_in(block, run, spectrum)
            left -= 1
            disturbed = any(run['disturbed'] not in (None, disturbance.BOUND) for run, _ in made)
            if disturbed and repeats > 0 and self.plan.may_repeat():
                left, repeats = left + 1, repeats - 1
                self.plan.add(len(block.kinds))
        self.results.write()
        return runs

    def together(self, block, repetition):
        """One run of everybody, each with its histogram; without those that fail."""
        generator = self.generator(block.rate)
        with contextlib.ExitStack() as stack:
            up = [server for kind in block.kinds
                  for server in self.started(stack, block, kind)]
            try:
                found = turns.run(up, lambda server: self.load(block, server), generator,
                                  (*self.yard.cpus, *self.options.load_cpus))
            except (generators.GeneratorFailed, OSError) as error:
                self.failed(block, block.kinds, error)
                return []
            return [(as_run(block, server.kind, repetition, position, generator.name, *what)
                     | {'by_turns': True}, what[0].spectrum)
                    for position, (server, what) in enumerate(zip(up, found))]

    def started(self, stack, block, kind):
        try:
            return [stack.enter_context(self.yard.server(kind, face=block.entry.workload.face))]
        except servers.ServerFailed as error:
            self.failed(block, [kind], error)
            return []

    def failed(self, block, kinds, error):
        for kind in kinds:
            self.results.problem(f'{block.entry.workload.name}, {kind.name}: {error}')
            self.plan.failed(block, kind, error)

    def add(self, runs, block, kind, repetition):
        """One run; one that fails is a problem and not the end of the comparison."""
        try:
            run, spectrum = self.run(block, kind, repetition, len(runs))
        except (servers.ServerFailed, generators.GeneratorFailed, OSError) as error:
            self.failed(block, [kind], error)
            return
        runs.append(run)
        disturbance.judge(runs, self.options.steal_max / 100)
        self.hand_in(block, run, spectrum)

    def hand_in(self, block, run, spectrum):
        self.results.add_run(run, spectrum)
        if run['errors']:
            where = f'{block.entry.workload.name}, {run["server"]}'
            counts = f'{run["errors"]} of {run["requests"]}'
            self.results.problem(f'{where}: {counts} answers were wrong')
        self.plan.done(run)

    def run(self, block, kind, repetition, position):
        with self.yard.server(kind, face=block.entry.workload.face) as server:
            load = self.load(block, server)
            outcome, spent, memory = self.under_load(server, load)
        return as_run(block, kind, repetition, position, self.generator(block.rate).name, outcome,
                      spent, memory), outcome.spectrum

    def load(self, block, server):
        work = block.entry.workload
        targets = tuple(server.kind.target(target) for target in work.targets)
        return generators.Load(work, server.port, targets, block.connections, self.options.seconds,
                               self.options.warmup, block.rate, self.options.load_cpus,
                               self.yard.home, server.kind.around)

    def under_load(self, server, load):
        """Outcome, what the CPU did, and the memory it took, of one stretch of load."""
        generator = self.generator(load.rate)
        if not generator.warms_up and load.warmup:
            first = dataclasses.replace(load, seconds=load.warmup, warmup=0)
            generator.finish(generator.start(first), first)
            load = dataclasses.replace(load, warmup=0)
        beside = self.start_cold(load) if load.workload.cold else None
        process = generator.start(load)
        try:
            spent, memory = self.watch(server, load, process)
            outcome = generator.finish(process, load)
            if beside:
                outcome.errors += self.finish_cold(*beside)
        finally:
            generators.abandon(process)
            if beside:
                generators.abandon(beside[0])
        return outcome, spent, memory

    def watch(self, server, load, process):
        """What the server's CPU does in the middle of the run."""
        connections = load.connections + load.workload.idle
        watched = WATCHED * load.seconds
        generators.await_end(process, load.warmup + START_SECONDS + connections * CONNECT_SECONDS)
        window = counters.Window(server, (*self.yard.cpus, *load.cpus), watched, self.with_perf)
        try:
            generators.await_end(process, watched)
            return window.close(), server.memory_bytes()
        finally:
            window.abandon()

    def start_cold(self, load):
        """Ask for files that are not in memory, at an even rate that is the same for everybody."""
        content.drop_cold(self.yard.site)
        work = workloads.Workload('cold', 'files that are not in memory')
        cold = dataclasses.replace(load, workload=work, targets=tuple(content.cold_targets()),
                                   connections=COLD_CONNECTIONS, rate=cold_rate(load.seconds))
        return self.options.cold_generator.start(cold, 'cold'), cold

    def finish_cold(self, process, cold):
        return self.options.cold_generator.finish(process, cold, 'cold').errors


def as_run(block, kind, repetition, position, generator, outcome, spent, memory):
    """A run as results.json has it. `disturbed` and `kept` are judged later."""
    rate = outcome.per_second()
    run = {'workload': block.entry.workload.name, 'server': kind.name,
           'connections': block.connections, 'level': block.level, 'rate': block.rate,
           'repetition': repetition, 'position': position, 'generator': generator,
           'kept': False, 'disturbed': None, 'refused': outcome.refused, 'steal': spent['steal'],
           'bound': outcome.bound, 'seconds': outcome.seconds, 'requests': outcome.requests,
           'errors': outcome.errors, 'requests_per_second': rate,
           'bytes_per_second': bytes_per_second(block.entry.workload, outcome)}
    run |= counters.per_request(spent, rate)
    run |= {'syscalls_per_request': None, 'server_rss_bytes': memory,
            'generator_busy': outcome.busy,
            'generator_cpu_ns_per_request': outcome.cpu_ns_per_request,
            'handshakes': outcome.handshakes, 'per_core_requests': None,
            'latency_us': outcome.latency_us, 'hgrm': None}
    return run


def bytes_per_second(workload, outcome):
    """Of the answers; of the requests' bodies where there are any."""
    if not outcome.seconds:
        return 0.0
    return (outcome.requests * workload.body_bytes or outcome.bytes) / outcome.seconds


def rate_at(level, ceilings, roles):
    """Requests a second at a level of a workload: (rate, None), or (None, why there is none)."""
    slowest = summary.slowest(ceilings, roles)
    if level.endswith('/s'):
        return workloads.rate_of(level, None), None
    if not slowest:
        return None, 'no ceiling was measured'
    if level == workloads.HALF_OF_NGINX:
        middle = summary.median_rate(ceilings, 'nginx')
        if not middle:
            return None, 'no ceiling of nginx was measured'
        rate = max(1, round(middle / 2))
    else:
        rate = workloads.rate_of(level, slowest)
    if rate > NEAR_CEILING * slowest:
        return None, f'{rate}/s is above nine tenths of the slowest ceiling of {slowest:.0f}/s'
    return rate, None
