"""Two cores of one process beside two processes of one core each: what is lost to sharing.

    python3 -B bench/two_cores.py [--build DIR] [--workloads https-1k,https-full,https-resumed]

Both have the same CPUs, and the same four generators, two on each of them. The generators take
their part of those CPUs: requests a second are not what the servers could do, but the CPU time of a
request is theirs alone. Futex calls are counted by strace, in runs of their own."""

import argparse
import contextlib
import dataclasses
import pathlib
import statistics
import sys
import time

import generators
import machine
import measure
import options
import servers
import tracers
import workloads

TREE = pathlib.Path(__file__).resolve().parent.parent
DEFAULT_ROWS = ('https-1k', 'https-full', 'https-resumed')
COUNT_SECONDS = 1
# A nice value: each is worth a fifth of the weight, and three nearly the half.
HALF_WEIGHT = '3'


def parse(arguments):
    made = argparse.ArgumentParser(prog='bench/two_cores.py', description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add('--build', type=pathlib.Path, default=TREE / 'build' / 'bench', metavar='DIR')
    add('--engines', type=options.words, default=('io_uring', 'epoll'), metavar='LIST')
    add('--workloads', type=options.words, default=DEFAULT_ROWS, metavar='LIST')
    add('--connections', type=options.positive, default=64, metavar='N', help='in all (64)')
    add('--seconds', type=float, default=3)
    add('--warmup', type=float, default=0.5)
    add('--repetitions', type=options.positive, default=4, metavar='N')
    asked = made.parse_args(arguments)
    asked.build = asked.build.resolve()
    asked.cpus = tuple(machine.allowed_cpus()[:2])
    if len(asked.cpus) < 2:
        made.error('this process may use only one CPU')
    return asked


@contextlib.contextmanager
def one_process(yard, kind, face):
    with yard.server(kind, face=face) as server:
        yield [server, server]


@contextlib.contextmanager
def two_processes(yard, kind, face):
    with contextlib.ExitStack() as stack:
        found = []
        for cpu in yard.cpus:
            mine = dataclasses.replace(kind, name=f'{kind.name} on CPU {cpu}')
            found.append(stack.enter_context(yard.server(mine, face=face, cpus=(cpu,))))
            weigh_half(found[-1])
        yield found


def weigh_half(server):
    """Sessions share CPUs before processes do, sched(7): where the generators want a CPU, too, one
    process on two has half the weight on each that a process of its own has there."""
    with contextlib.suppress(OSError):
        pathlib.Path(f'/proc/{server.process.pid}/autogroup').write_text(HALF_WEIGHT)


def loads_on(yard, found, work, asked, seconds):
    """From each CPU to each server, a quarter of the connections."""
    share = max(1, asked.connections // (len(found) * len(yard.cpus)))
    return [generators.Load(work, server.port, work.targets, share, seconds, asked.warmup, None,
                            (cpu,), yard.home) for server in found for cpu in yard.cpus]


def start_all(generator, loads):
    return [(generator.start(load, f'load{i}'), load, f'load{i}') for i, load in enumerate(loads)]


def finish_all(generator, started):
    """What came of each; none goes on when one fails."""
    try:
        found = [generator.finish(*one) for one in started]
    finally:
        for process, *_ in started:
            generators.abandon(process)
    for outcome in found:
        if outcome.errors or outcome.refused:
            raise generators.GeneratorFailed(outcome.refused or f'{outcome.errors} wrong answers')
    return found


def cost(yard, standing, work, asked, generator):
    """CPU nanoseconds of a request, and requests a second."""
    with standing as found:
        own = list({server.port: server for server in found}.values())
        started = start_all(generator, loads_on(yard, found, work, asked, asked.seconds))
        time.sleep(asked.warmup + 2 * measure.START_SECONDS)
        begun, before = time.monotonic(), sum(server.cpu_ns() for server in own)
        time.sleep(measure.WATCHED * asked.seconds)
        spent = (sum(server.cpu_ns() for server in own) - before) / (time.monotonic() - begun)
        rate = sum(outcome.per_second() for outcome in finish_all(generator, started))
    return spent / rate, rate


@dataclasses.dataclass(frozen=True)
class Together:
    """Servers that are traced as one."""

    kind: object
    servers: tuple

    def pids(self):
        return [pid for server in self.servers for pid in server.pids()]


def futexes(yard, standing, work, asked, generator):
    """Futex calls a request, in words."""
    if not tracers.can_trace():
        return 'not counted'
    with standing as found:
        def send():
            loads = loads_on(yard, found, work, asked, COUNT_SECONDS)
            done = finish_all(generator, start_all(generator, loads))
            return sum(outcome.requests for outcome in done)
        own = tuple({server.port: server for server in found}.values())
        try:
            calls = tracers.system_calls(Together(own[0].kind, own), send, yard.home)
        except tracers.CountFailed:
            return 'not counted'
    return f'{calls.get("futex", 0.0):.4f}'


def compare(yard, kind, work, asked, generator):
    """Print the row of one workload on one engine."""
    ways = {'one process': one_process, 'two processes': two_processes}
    found = {name: [] for name in ways}
    for _, name in measure.order(list(ways), asked.repetitions):
        found[name].append(cost(yard, ways[name](yard, kind, work.face), work, asked, generator))
    one, two = found.values()
    ratios = [mine[0] / other[0] for mine, other in zip(one, two)]
    told = ', '.join(f'{name} {statistics.median(cpu for cpu, _ in runs) / 1000:.2f} us '
                     f'({statistics.median(rate for _, rate in runs):,.0f}/s)'
                     for name, runs in found.items())
    calls = ' and '.join(futexes(yard, way(yard, kind, work.face), work, asked, generator)
                         for way in ways.values())
    print(f'{work.name}, {kind.name}: {told}; ratio {statistics.median(ratios):.3f} '
          f'({min(ratios):.3f}-{max(ratios):.3f}); futex calls a request {calls}', flush=True)


def main():
    asked = parse(sys.argv[1:])
    machine.raise_files()
    generator = generators.make('ringlet-load', asked.build)
    kinds = [kind for kind in servers.own_kinds(asked.build, asked.engines, len(asked.cpus))
             if not kind.compresses]
    with servers.open_yard(asked.cpus) as yard:
        for work in workloads.named(asked.workloads):
            for kind in kinds:
                compare(yard, kind, work, asked, generator)
    return 0


if __name__ == '__main__':
    sys.exit(main())
