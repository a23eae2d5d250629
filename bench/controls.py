"""Control rows: the same servers with one thing different, in the same series as without it.

What is different is a setting. Each server takes turns plain and in each setting, so that every
figure has a neighbour to be compared with."""

import contextlib
import dataclasses
import pathlib
import subprocess

import control_table
import measure
import namespaces
import probe
import servers
import summary
import surroundings

# What is measured when no workload is named.
ROWS = ('hello-bare', 'file-16k', 'file-100k', 'new-connection', 'https-1k')
CALLS = pathlib.Path(__file__).parent / 'system_service.txt'
PATIENCE_SECONDS = 20
PLAIN_TOLD = 'over loopback, without a filter'
FILTER_TOLD = ('under the system-call filter that systemd 252 makes of '
               'SystemCallFilter=@system-service, SystemCallErrorNumber=EPERM and '
               'NoNewPrivileges=yes')


class NotHere(Exception):
    """A setting can't be had on this machine; the text says why."""


@dataclasses.dataclass(frozen=True)
class Setting:
    """One thing that is different: `name` is the option's word for it, `told` a sentence's."""

    name: str
    told: str
    around: surroundings.Surroundings


def open_filter(_stack, build):
    """ringlet-confine, if it can do its work here."""
    program = build / 'ringlet-confine'
    if not program.exists():
        raise NotHere('ringlet-confine was not built: that takes libseccomp')
    words = (str(program), str(CALLS))
    try:
        done = subprocess.run([*words, 'true'], capture_output=True, text=True,
                              timeout=PATIENCE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHere(str(error)) from error
    if done.returncode != 0:
        raise NotHere(done.stderr.strip())
    return Setting('seccomp', FILTER_TOLD, surroundings.Surroundings(before_server=words))


def open_cable(stack, _build, name='veth', congestion=None):
    """Two namespaces, there until the stack is closed."""
    try:
        pair = stack.enter_context(namespaces.connected(congestion))
    except namespaces.NotMade as error:
        raise NotHere(str(error)) from error
    around = surroundings.Surroundings(pair.server.address, pair.server.words(),
                                       pair.load.words(), pair.load.inside)
    return Setting(name, f'over {pair.told()}', around)


def open_cubic_cable(stack, build):
    """The same with the congestion control that Linux comes with, where the system has another."""
    return open_cable(stack, build, 'veth-cubic', 'cubic')


OPENERS = {'seccomp': open_filter, 'veth': open_cable, 'veth-cubic': open_cubic_cable}
NAMES = tuple(OPENERS)


@contextlib.contextmanager
def opened(names, build):
    """The settings of these names for as long as the block lasts, and why others can't be had."""
    settings, skipped = [], {}
    with contextlib.ExitStack() as stack:
        for name in names:
            try:
                settings.append(OPENERS[name](stack, build))
            except NotHere as error:
                skipped[name] = str(error)
        yield settings, skipped


def surrounded(kind, setting):
    """A server in a setting, under a name of its own."""
    return dataclasses.replace(kind, name=f'{kind.name}, {setting.name}', around=setting.around)


class Shelf:
    """Where a measurer's runs go: beside those of the comparison, each with its server's plain name
    and its setting."""

    def __init__(self, results):
        self.results = results
        self.places = {}

    def add_run(self, run, _spectrum):
        run['of'], run['setting'] = self.places[run['server']]
        self.results.data['controls']['runs'].append(run)
        self.write()

    def problem(self, sentence):
        self.results.problem(sentence)

    def write(self):
        self.results.write()


class Series:
    """All control rows of a comparison, from the entries that it has looked at."""

    def __init__(self, yard, results, options, plan):
        self.yard = yard
        self.options = options
        self.plan = plan
        self.results = results
        self.shelf = Shelf(results)
        self.measurer = measure.Measurer(yard, self.shelf, options, plan)

    def run(self, entries):
        with opened(self.options.control, self.options.build) as (settings, skipped):
            self.begin(settings, skipped)
            blocks = [measure.Block(row, tuple(row.kinds), count, 'ceiling') for entry in entries
                      if not entry.skipped
                      for row in [self.surround(entry, settings)]
                      for count in self.counts(entry)]
            for block in blocks:
                self.plan.add(len(block.kinds) * self.options.repetitions)
            self.plan.start()
            for block in blocks if settings else ():
                for line in summary.table(self.measurer.block(block)):
                    self.plan.note('    ' + line)
        for sentence in control_table.sentences(self.results.data['controls']):
            self.plan.note(sentence)

    def begin(self, settings, skipped):
        for name, reason in skipped.items():
            self.plan.note(f'control row {name}: skipped, {reason}')
        told = {control_table.PLAIN: PLAIN_TOLD} | {setting.name: setting.told
                                                    for setting in settings}
        self.results.data['controls'] = {'settings': told, 'skipped': skipped, 'left_out': [],
                                         'runs': []}
        self.results.write()

    def counts(self, entry):
        asked = entry.workload.level_connections(self.options.connections)
        return [count for count in asked if count in entry.counts]

    def surround(self, entry, settings):
        """The entry with every server in every setting that it answers in as it should."""
        found = dataclasses.replace(entry, kinds=[], absent={}, wrong={}, head_bytes={})
        for kind in entry.kinds:
            if kind.compresses or kind.spins:
                continue
            found.kinds.append(kind)
            self.shelf.places[kind.name] = kind.name, control_table.PLAIN
            for setting in settings:
                other = surrounded(kind, setting)
                self.shelf.places[other.name] = kind.name, setting.name
                self.ask(found, other)
        for name, reason in (found.absent | found.wrong).items():
            self.leave_out(f'{entry.workload.name}: without {name}, which {reason}')
        for name, reason in found.wrong.items():
            self.results.problem(f'{entry.workload.name}: {name} {reason}')
        return found

    def ask(self, entry, kind):
        try:
            probe.ask_of(self.yard, kind, entry.workload.face, [entry])
        except servers.ServerFailed as error:
            probe.judge(entry, kind, f'does not start: {error}')

    def leave_out(self, sentence):
        self.plan.note(sentence)
        self.results.data['controls']['left_out'].append(sentence)
