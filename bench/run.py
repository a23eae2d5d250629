"""The comparison: what bench/run.sh starts when everything is built. See bench/README.md."""

import os
import pathlib
import shlex
import signal
import sys
import tempfile
import time

import content
import controls
import generators
import machine
import measure
import options as opt
import plan as planning
import presence
import probe
import report
import results
import servers
import summary
import targets
import tracers
import workloads

TREE = pathlib.Path(__file__).resolve().parent.parent
# What ringlet says where a container or a setting forbids io_uring: not our failure.
NO_ENGINE = "can't be had"
COUNTED = ('hello-bare', 'hello-browser', 'hello-name', 'json', 'baseline11', 'redirect-route',
           'https-1k', 'https-16k')
COUNT_SECONDS = 1.5
WRK2_SECONDS = 20
INTERRUPTED = 130


def main():
    options = opt.parse(sys.argv[1:], TREE)
    if options.list:
        show_list()
        return 0
    signal.signal(signal.SIGTERM, stop_on_signal)
    try:
        return Comparison(options).run()
    except (generators.GeneratorFailed, results.CannotResume) as error:
        print(f'ringlet: {error}', file=sys.stderr)
        return 1


def stop_on_signal(number, _frame):
    raise KeyboardInterrupt(signal.Signals(number).name)


def show_list():
    print('Workloads:')
    for workload in workloads.ALL:
        print(f'    {workload.name:20}  {workload.title}')
    print('Servers:\n    ringlet io_uring, ringlet epoll, and fixed answers on both engines')
    for name in servers.PEERS:
        print(f'    {name:20}  {machine.find_program(name) or "not on this machine"}')


class Comparison:
    """One series of measurements, from looking at the machine to the report."""

    def __init__(self, options):
        self.options = options
        self.files_max = machine.raise_files()
        self.set_generators()
        command = shlex.join(['bench/run.sh', *sys.argv[1:]])
        facts = machine.facts(TREE, options.build, options.build / 'ringlet')
        stay_aside(options)
        self.results = results.Results(options.out, command, facts, bool(options.resume))
        until = time.monotonic() + opt.QUICK_REPEAT_SECONDS if options.quick else None
        self.plan = planning.Plan(options.seconds + options.warmup, until, say)
        self.roles = {}
        self.kinds = []

    def set_generators(self):
        """wrk2 is for rates; ceilings are found by a generator that has them."""
        options = self.options
        options.rate_generator = generators.make(options.generator, options.build)
        options.loop_generator = options.rate_generator
        options.cold_generator = None
        if options.generator == 'wrk2':
            options.loop_generator = generators.make('ringlet-load', options.build)
        if options.generator == 'ringlet-load':
            options.cold_generator = options.rate_generator

    def run(self):
        home = pathlib.Path(tempfile.mkdtemp(prefix='ringlet-bench-'))
        yard = servers.Yard(home, self.options.server_cpus)
        interrupted = False
        try:
            self.measure(yard)
            self.results.finish()
        except KeyboardInterrupt:
            interrupted = True
            say('stopped: what was measured so far is reported')
        except servers.ServerFailed as error:
            self.results.problem(str(error))
        finally:
            yard.clean()
        self.write_report()
        return self.status(interrupted)

    def measure(self, yard):
        measurer = measure.Measurer(yard, self.results, self.options, self.plan)
        self.results.data['machine']['counters'] = 'perf' if measurer.with_perf else 'schedstat'
        self.say_conditions(measurer)
        entries = self.look(yard)
        if self.options.control:
            controls.Series(yard, self.results, self.options, self.plan).run(entries)
            return
        for entry in entries:
            self.plan_entry(entry)
        say(f'{self.plan.total} runs, about {planning.duration(self.plan.left_seconds())}')
        self.plan.start()
        for entry in entries:
            self.measure_entry(measurer, entry)
        if not self.options.no_counts:
            self.count(yard, measurer, entries)
        if not self.options.no_presence:
            self.attend(yard)

    def say_conditions(self, measurer):
        options = self.options
        say(f'servers on CPU {servers.listed(options.server_cpus)}, {options.generator} on CPU '
            f'{servers.listed(options.load_cpus)}; results in {options.out}')
        if options.shared_cpus:
            say('there is one CPU for both, so server and generator hinder each other')
        if options.generator == 'wrk2' and options.seconds < WRK2_SECONDS:
            say(f'wrk2 forgets its first ten seconds: {WRK2_SECONDS} or more are better')
        if not measurer.with_perf:
            say('cycles and instructions cannot be counted on this machine: CPU time instead')

    def look(self, yard):
        """Who is there, and who answers what: entries for every workload."""
        options = self.options
        kinds, missing = servers.peer_kinds(options.peers)
        own = servers.own_kinds(options.build, options.engines, len(options.server_cpus))
        beside = [kind for folder in options.beside
                  for kind in servers.other_kinds(pathlib.Path(folder).resolve(), options.engines)]
        kinds = own + self.spinning(own) + beside + kinds
        for name in missing:
            self.absent(name, 'it is not on this machine')
        self.roles = {kind.name: kind.role for kind in kinds}
        entries, failed = probe.probe(yard, kinds, workloads.named(options.workloads))
        for name, reason in failed.items():
            if NO_ENGINE in reason:
                self.absent(name, reason)
            else:
                self.results.problem(f'{name} does not start: {reason}')
        for entry in entries:
            self.settle(yard, entry)
        self.kinds = [kind for kind in kinds if kind.name not in failed]
        self.describe(yard, self.kinds, entries)
        return entries

    def spinning(self, own):
        """What polls before it sleeps, where this build can."""
        kinds = [servers.spinning(kind) for kind in own
                 if kind.role == 'ours' and not kind.compresses]
        if kinds and not probe.has_option(kinds[0].program, '--spin'):
            for kind in kinds:
                self.absent(kind.name, 'this ringlet has no --spin')
            return []
        return kinds

    def absent(self, name, reason):
        say(f'without {name}: {reason}')
        self.results.data['absent'][name] = reason

    def settle(self, yard, entry):
        """What is skipped, and who is absent or wrong, is said now and again in the report."""
        work = entry.workload
        entry.counts = self.counts(entry)
        if not entry.skipped and work.cold:
            entry.skipped = self.prepare_cold(yard)
        if entry.skipped:
            say(f'{work.name}: skipped, {entry.skipped}')
        for name, reason in entry.absent.items():
            say(f'{work.name}: without {name}, which {reason}')
        for name, reason in entry.wrong.items():
            self.results.problem(f'{work.name}: {name} {reason}')
        self.results.add_workload(entry, entry.counts)

    def prepare_cold(self, yard):
        """Why cold files cannot be had, or None when they are there."""
        if not self.options.cold_generator:
            return f'{self.options.generator} does not ask for cold files beside hot ones'
        why_not = content.why_never_cold(yard.site)
        if not why_not:
            content.write_cold(yard.site)
        return why_not

    def counts(self, entry):
        """The counts of connections that this machine allows."""
        work, found = entry.workload, []
        for count in opt.counts(work, self.options):
            needed = count + work.idle + servers.SPARE_FILES
            if needed <= self.files_max:
                found.append(count)
            elif not entry.skipped:
                say(f'{work.name}: not with {count + work.idle} connections, for a process may '
                    f'open {self.files_max} files (ulimit -Hn)')
        return found

    def describe(self, yard, kinds, entries):
        """The servers as they were started, and what each needs while nobody is there."""
        for kind in kinds:
            faces = dict.fromkeys(entry.workload.face for entry in entries if kind in entry.kinds)
            first, *others = [describe_face(yard, kind, face)
                              for face in ('files', *faces.keys() - {'files'})]
            self.results.put('servers', {
                'name': kind.name, 'kind': kind.role, 'cores': len(yard.cpus), **first,
                'faces': others}, 'name')
        self.results.write()

    def level_counts(self, entry):
        asked = entry.workload.level_connections(self.options.connections)
        return [count for count in asked if count in entry.counts]

    def plan_entry(self, entry):
        if entry.skipped:
            return
        for count in entry.counts if not self.options.rates else ():
            self.plan.add(self.cost(self.as_block(entry, count, 'ceiling')))
        for count in self.level_counts(entry):
            for level in opt.levels(entry.workload, self.options):
                self.plan.add(self.cost(self.as_block(entry, count, level)))

    def as_block(self, entry, count, level, rate=None):
        """Those who are to be compared there: with --targets whom its lines need."""
        kinds = entry.kinds
        if self.options.targets:
            kinds = [kind for kind in kinds
                     if targets.needs(kind, entry.workload.name, count, level)]
        return measure.Block(entry, tuple(kinds), count, level, rate)

    def cost(self, block):
        """How many runs are still to be made."""
        return 0 if self.is_done(block) else len(block.kinds) * self.options.repetitions

    def is_done(self, block):
        """Is it there from a series that is resumed?"""
        return bool(self.options.resume) and self.results.has(
            block.key(), [kind.name for kind in block.kinds], self.options.repetitions)

    def measure_entry(self, measurer, entry):
        """The ceilings first, for they say what the other levels are."""
        if entry.skipped or not entry.kinds:
            return
        ceilings = {}
        for count in entry.counts if not self.options.rates else ():
            ceilings[count] = self.block(measurer, self.as_block(entry, count, 'ceiling'))
        for count in self.level_counts(entry):
            for level in opt.levels(entry.workload, self.options):
                rate, why_not = measure.rate_at(level, ceilings.get(count, []), self.roles)
                block = self.as_block(entry, count, level, rate)
                if why_not:
                    say(f'{entry.workload.name}, {level}: left out, {why_not}')
                    self.plan.forget(self.cost(block))
                else:
                    self.block(measurer, block)

    def block(self, measurer, block):
        if self.is_done(block):
            return self.results.block(block.key())
        self.results.drop(block.key())
        runs = measurer.block(block)
        for line in summary.table(runs) if runs else ():
            say('    ' + line)
        return runs

    def count(self, yard, measurer, entries):
        """System calls and, where the CPU's counters are of no help, instructions."""
        for entry in entries:
            if entry.workload.name not in COUNTED or entry.skipped:
                continue
            for kind in self.counted_kinds(entry):
                if self.is_counted(kind, entry):
                    continue
                say(f'counting for {kind.name}, {entry.workload.name}')
                self.results.put('counts', self.count_one(yard, measurer, entry, kind), 'server',
                                 'workload')
                self.results.write()

    def counted_kinds(self, entry):
        """Those who take part, and for a small file ringlet with an access log, too."""
        small = entry.workload.name in targets.SMALL
        if self.options.targets:
            kinds = [kind for kind in entry.kinds if kind.role in ('ours', 'ceiling') and small]
        else:
            kinds = list(entry.kinds)
        return kinds + [servers.logging(kind) for kind in entry.kinds
                        if small and kind.name in targets.OWN]

    def is_counted(self, kind, entry):
        return bool(self.options.resume) and any(
            (count['server'], count['workload']) == (kind.name, entry.workload.name)
            for count in self.results.data['counts'])

    def count_one(self, yard, measurer, entry, kind):
        calls = instructions = None
        try:
            if tracers.can_trace():
                calls = self.trace(yard, measurer, entry, kind)
            if not measurer.with_perf:
                instructions = tracers.user_instructions(yard, kind, entry.workload,
                                                         self.options.build)
        except (tracers.CountFailed, servers.ServerFailed, generators.GeneratorFailed, OSError,
                ValueError) as error:
            say(f'not counted: {error}')
        return {'server': kind.name, 'workload': entry.workload.name,
                'user_instructions_per_request': instructions,
                'syscalls_per_request': sum(calls.values()) if calls is not None else None,
                'system_calls': calls}

    def trace(self, yard, measurer, entry, kind):
        generator = self.options.loop_generator
        with yard.server(kind, face=entry.workload.face) as server:
            target = kind.target(entry.workload.targets[0])
            load = generators.Load(entry.workload, server.port, (target,), tracers.CONNECTIONS,
                                   COUNT_SECONDS, 0, None, self.options.load_cpus, yard.home)
            return tracers.system_calls(
                server, lambda: generator.finish(generator.start(load), load).requests, yard.home)

    def attend(self, yard):
        """What servers of files cost by being there."""
        for kind in self.kinds:
            if kind.role == 'ceiling' or kind.fixed or kind.compresses or kind.spins:
                continue
            there = [found['server'] for found in self.results.data['presence']]
            if kind.name in there and self.options.resume:
                continue
            try:
                found = presence.measure(yard, kind, self.files_max)
            except (servers.ServerFailed, OSError, ValueError) as error:
                self.results.problem(f'{kind.name}, being there: {error}')
                continue
            say(presence.line(found))
            self.results.put('presence', found, 'server')
            self.results.write()

    def write_report(self):
        """The page, and what the server must reach in results.json and for the terminal."""
        try:
            self.results.data['targets'] = targets.rows(self.results.data)
            self.results.write()
            report.write(self.options.out)
            for line in targets.lines(self.results.data['targets']):
                say(line)
            say(f'{self.options.out}/report.html')
        except (Exception, SystemExit) as error:  # pylint: disable=broad-except
            self.results.problem(f'no report: {error}')

    def status(self, interrupted):
        for sentence in self.results.data['problems']:
            print(f'ringlet: {sentence}', file=sys.stderr)
        if interrupted:
            return INTERRUPTED
        return 1 if self.results.data['problems'] else 0


def describe_face(yard, kind, face):
    """A server's command, its configuration, and its memory before any load."""
    with yard.server(kind, face=face) as server:
        return {'face': face, 'command': shlex.join(server.command),
                'config': kind.config(server.place), 'idle_rss_bytes': server.memory_bytes()}


def say(sentence):
    print(sentence, flush=True)


def stay_aside(options):
    """Keep this program off the CPUs of the servers and, where there are others, of the
    generator."""
    aside = set(machine.allowed_cpus()) - set(options.server_cpus) - set(options.load_cpus)
    os.sched_setaffinity(0, aside or set(options.load_cpus))


if __name__ == '__main__':
    sys.exit(main())
