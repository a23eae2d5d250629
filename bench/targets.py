"""What the server must reach, line by line, and whether a series of measurements shows it.

A line that names a ratio is judged by the ratio's spread: where that crosses the bound it is level
with it, and fewer than three pairs are no result."""

import dataclasses
import typing

import ratios
import series

OWN = ('ringlet io_uring', 'ringlet epoll')
RING, EPOLL = OWN
PEERS = ('nginx', 'h2o', 'lwan', 'libreactor', 'faf')
# How far io_uring may be behind epoll: what is closer is not resolved.
BEHIND = 1 + ratios.RESOLVED
SMALL = ('hello-bare', 'hello-browser')

REACHED, MISSED, LEVEL = 'reached', 'missed', 'level'
NO_RESULT, NOT_MEASURED, REPORTED = 'no result', 'not measured', 'reported'
VERDICTS = (REACHED, LEVEL, MISSED, NO_RESULT, NOT_MEASURED, REPORTED)

STEPPED = 'stepped, 64 connections'
STUCK_READ = ('the test test/blackbox/slow_disk.py does it: reads hang for up to 20 s, and hot '
              'requests on the same core are to finish within 100 ms each')


def at_least(bound, found):
    return judged(found.least >= bound, found.most < bound)


def at_most(bound, found):
    return judged(found.most <= bound, found.least > bound)


def ahead(bound, found):
    """Above the bound by more than what is not resolved."""
    near = abs(found.middle - bound) < ratios.RESOLVED
    return judged(found.least > bound and not near, found.most < bound and not near)


def not_above(bound, found):
    """Level with the bound will do."""
    above = found.least > bound and found.middle >= bound + ratios.RESOLVED
    return MISSED if above else REACHED


def middle_at_most(bound, found):
    return REACHED if found.middle <= bound else MISSED


def judged(reached, missed):
    if reached:
        return REACHED
    return MISSED if missed else LEVEL


def told(_bound, _found):
    return REPORTED


@dataclasses.dataclass(frozen=True)
class Target:
    """One row: a part of a line, what is wanted, and find(series), which looks for the figure.
    Figures and bound are shown in a unit of `scale`; `enough` of them take a verdict."""

    line: str
    what: str
    find: typing.Callable
    judge: typing.Callable
    bound: float = 0
    unit: str = ''
    scale: float = 1
    enough: int = ratios.ENOUGH

    def wanted(self):
        sign = {at_least: '≥ ', at_most: '≤ ', ahead: '> ', not_above: '≤ ',
                middle_at_most: 'median ≤ '}.get(self.judge)
        if not sign:
            return 'its spread'
        beyond = ', beyond noise' if self.judge in (ahead, not_above) else ''
        return sign + self.shown(self.bound) + beyond

    def shown(self, number):
        return f'{number / self.scale:,.4g}{self.unit}'

    def row(self, of):
        """The row as results.json has it."""
        found = self.find(of)
        verdict, why = self.verdict(found)
        return {'line': self.line, 'what': self.what, 'wanted': self.wanted(),
                'bound': None if self.judge is told else self.bound, 'median': found.middle,
                'least': found.least, 'most': found.most, 'count': found.count,
                'measured': self.measured(found), 'runs': found.runs, 'verdict': verdict,
                'why': why}

    def verdict(self, found):
        if found.middle is None:
            return NOT_MEASURED, found.why
        if found.count < self.enough:
            return NO_RESULT, f'{found.count} undisturbed, {self.enough} are needed'
        if isinstance(found, Worst):
            return found.verdict, found.why
        return self.judge(self.bound, found), found.why

    def measured(self, found):
        """Median, least and most, in the unit that is shown."""
        if found.middle is None:
            return ''
        shown = self.shown(found.middle)
        if found.least == found.most:
            return shown
        least, most = (f'{number / self.scale:,.4g}' for number in (found.least, found.most))
        return f'{shown} ({least}–{most})'


@dataclasses.dataclass(frozen=True)
class Worst(series.Found):
    """The worst of many blocks, and what all of them amount to."""

    verdict: str = REACHED


def key(workload, level='ceiling', connections=64):
    return (workload, connections, level)


def cost_ratio(where, one, other):
    """CPU per request of one server, divided by another's."""
    return lambda of: of.ratio(where, one or of.first, other or of.first, of.cost())


def figure_ratio(where, one, other, metric):
    return lambda of: of.ratio(where, one or of.first, other or of.first, metric)


# In place of a name: the first of our engines that takes part.
FIRST = None


def small_file():
    line = 'A small cached file'
    for work in SMALL:
        for engine in ('io_uring', 'epoll'):
            yield Target(line, f'{work}: CPU of ceiling {engine} / ringlet {engine}',
                         cost_ratio(key(work), f'ceiling {engine}', f'ringlet {engine}'),
                         at_least, 0.95)
        for peer, judge, bound in (('nginx', at_least, 2), ('h2o', at_least, 1.5),
                                   ('lwan', ahead, 1), ('libreactor', ahead, 1),
                                   ('faf', at_least, 1 - ratios.RESOLVED)):
            yield Target(line, f'{work}: CPU of {peer} / ringlet',
                         cost_ratio(key(work), peer, FIRST), judge, bound)
    for work, bound in zip(SMALL, (600, 1200)):
        for name in OWN:
            yield Target(line, f'{work}: user-space instructions a request, {name}',
                         lambda of, work=work, name=name: instructions(of, name, work), at_most,
                         bound, enough=1)
    for work in SMALL:
        for name in OWN:
            yield Target(line, f'{work}: instructions that the access log adds, {name}',
                         lambda of, work=work, name=name: logging(of, name, work), at_most, 400,
                         enough=1)


def instructions(of, name, work):
    """By the CPU's counters over the runs, or by stepping."""
    counted = of.runs(key(work), name, 'user_instructions_per_request')
    number = of.instructions(name, work)
    if counted.middle is not None or number is None:
        return counted if counted.middle is not None else not_counted(of, name)
    return series.Found(number, number, number, 1, STEPPED)


def logging(of, name, work):
    without, with_it = (of.instructions(which, work) for which in (name, name + ' --log FILE'))
    if without is None or with_it is None:
        return not_counted(of, name)
    more = with_it - without
    return series.Found(more, more, more, 1, STEPPED)


def not_counted(of, name):
    return series.Found(why=of.absence(name) or f'nothing was counted of {name}')


def pipelined():
    for peer in ('nginx', 'h2o'):
        yield Target('Pipelined 16 deep', f'CPU of {peer} / ringlet',
                     cost_ratio(key('pipelined-16'), peer, FIRST), at_least, 10)


def engines():
    yield Target('io_uring beside epoll',
                 'CPU of io_uring / epoll, the worst of all workloads and loads', worst_block,
                 at_most, BEHIND)


def worst_block(of):
    """The block in which io_uring is furthest behind; missed where it is in any, and level or
    without result where no block is worse than that."""
    found = {}
    for where in of.blocks:
        pair = of.ratio(where, RING, EPOLL, of.cost())
        if pair.middle is not None:
            verdict = at_most(BEHIND, pair) if pair.count >= ratios.ENOUGH else NO_RESULT
            found.setdefault(verdict, []).append((pair, where))
    blocks = sum(map(len, found.values()))
    if not blocks:
        return series.Found(why=of.absence(RING) or of.absence(EPOLL) or 'no runs of both')
    verdict = next(word for word in (MISSED, LEVEL, NO_RESULT, REACHED) if word in found)
    judged_ones = [one for word, some in found.items() if word != NO_RESULT for one in some]
    pair, where = max(judged_ones or found[NO_RESULT], key=lambda one: one[0].middle)
    names = [f'{word}: ' + '; '.join(series.block(place) + f' {one.middle:.2f}'
                                     for one, place in found[word])
             for word in (MISSED, LEVEL, NO_RESULT) if word in found]
    return Worst(pair.middle, pair.least, pair.most, max(pair.count, ratios.ENOUGH),
                 f'{blocks} blocks; the worst is {series.block(where)}',
                 '. '.join(names) or None, verdict)


def fixed_rate():
    line = 'A fixed rate at half of nginx’s ceiling'
    for work in SMALL:
        where = key(work, 'half-nginx')
        for peer in ('nginx', 'h2o'):
            yield Target(line, f'{work}: p99 of {peer} / ringlet',
                         figure_ratio(where, peer, FIRST, 'p99'), ahead, 1)
        yield Target(line, f'{work}: p99 of io_uring / epoll',
                     figure_ratio(where, RING, EPOLL, 'p99'), not_above, 1)
        yield Target(line, f'{work}: CPU of ringlet / nginx', cost_ratio(where, FIRST, 'nginx'),
                     at_most, 0.7)
        for tail in ('p99.9', 'p99.99'):
            yield Target(line, f'{work}: {tail}',
                         lambda of, where=where, tail=tail: of.runs(where, of.first, tail),
                         told, unit=' µs')


def new_connection():
    line, where = 'A connection per request', key('new-connection')
    yield Target(line, 'CPU of nginx (deferred) / ringlet', cost_ratio(where, 'nginx', FIRST),
                 ahead, 1)
    yield Target(line, 'CPU of io_uring / epoll', cost_ratio(where, RING, EPOLL), at_most, BEHIND)


def one_at_a_time():
    for name in OWN:
        yield Target('One connection at a time', f'requests/s of {name} --spin 50 / without',
                     figure_ratio(key('one-at-a-time', connections=1), f'{name} --spin 50', name,
                                  'requests_per_second'), at_least, 1.4)


def idle_connections():
    for name in OWN:
        yield Target('10,000 idle connections', f'{name}: user memory of each',
                     lambda of, name=name: of.there(name, 'idle_connection_bytes',
                                                    'fresh processes'),
                     at_most, 1024, ' KiB', 1024)


def cold_files():
    line = 'Files that are not in memory'
    for name in OWN:
        yield Target(line, f'{name}: the slowest hot request beside them',
                     lambda of, name=name: of.runs(key('cold-beside-hot', '50%', 16), name,
                                                   'p100'), at_most, 1e5, ' ms', 1000)
    yield Target(line, 'the slowest hot request while a read is stuck for 2 s',
                 lambda of: series.Found(why=STUCK_READ), at_most, 1e5, ' ms', 1000)


def being_there():
    line = 'Being there'
    for name in OWN:
        def alone(figures, what, name=name):
            return lambda of: of.there(name, figures, what)
        yield Target(line, f'{name}: context switches a second while nobody is connected',
                     alone('switches_per_second', 'fresh processes, 3 s each'), at_most, 0)
        yield Target(line, f'CPU of {name} / nginx at 1,000 requests a second',
                     cost_ratio(key('hello-bare', 'idle'), name, 'nginx'), at_most, 1)
        yield Target(line, f'{name}: from exec to the first answer', alone('ready_ms', 'starts'),
                     middle_at_most, 20, ' ms')
        yield Target(line, f'{name}: resident memory at start, over 4 MiB a core',
                     lambda of, name=name: above_cores(of, name), at_most, 16 << 20, ' MiB',
                     1 << 20)
        yield Target(line, f'{name}: memory (Pss) at 4,096 busy connections',
                     lambda of, name=name: of.runs(key('hello-bare', connections=4096), name,
                                                   'server_rss_bytes'),
                     at_most, 64 << 20, ' MiB', 1 << 20)


def above_cores(of, name):
    """Resident memory without the 4 MiB that each core may have."""
    found = of.there(name, 'start_rss_bytes', 'starts')
    if found.middle is None:
        return found
    cores = of.presence[name]['cores'] * (4 << 20)
    return dataclasses.replace(found, middle=found.middle - cores, least=found.least - cores,
                               most=found.most - cores)


LINES = (small_file, pipelined, engines, fixed_rate, new_connection, one_at_a_time,
         idle_connections, cold_files, being_there)
TARGETS = tuple(target for line in LINES for target in line())

# What a series needs for all of them: whom our engines stand beside, by workload and connections,
# and at which load. Everywhere else they stand beside each other, at the ceiling.
FIELD = ('ceiling io_uring', 'ceiling epoll', *PEERS)
NEEDS = {
    ('hello-bare', 64): {'ceiling': FIELD, 'half-nginx': ('nginx', 'h2o'), 'idle': ('nginx',)},
    ('hello-browser', 64): {'ceiling': FIELD, 'half-nginx': ('nginx', 'h2o')},
    ('pipelined-16', 64): {'ceiling': ('nginx', 'h2o')},
    ('new-connection', 64): {'ceiling': ('nginx',)},
    ('cold-beside-hot', 16): {'ceiling': (), '50%': ()},
}


def levels(workload):
    """Those below the ceiling that some line needs of a workload."""
    return tuple(level for (name, _), needed in NEEDS.items() if name == workload
                 for level in needed if level != 'ceiling')


def needs(kind, workload, connections, level):
    """Does a line need this server there?"""
    if kind.role == 'ours':
        return not kind.compresses
    return kind.name in NEEDS.get((workload, connections), {}).get(level, ())


def rows(data):
    """All rows, of what results.json holds."""
    of = series.Series(data)
    return [target.row(of) for target in TARGETS]


def tally(found):
    """How many rows came out how."""
    counts = [(sum(row['verdict'] == word for row in found), word) for word in VERDICTS]
    return ', '.join(f'{count} {word}' for count, word in counts if count)


def unmeasured(found):
    """What was not measured, by the reason: (reason, names)."""
    reasons = {}
    for row in found:
        if row['verdict'] == NOT_MEASURED:
            reasons.setdefault(row['why'], []).append(f'{row["line"]}: {row["what"]}')
    return list(reasons.items())


def lines(found):
    """For the terminal: what was measured, a line each, and what was not, by its reason."""
    shown = [row for row in found if row['verdict'] != NOT_MEASURED]
    made, line = [f'What it must reach: {tally(found)}'], None
    for row in shown:
        if row['line'] != line:
            line = row['line']
            made.append(f'  {line}')
        made.append(f'    {row["verdict"]:9}  {row["what"]}: {row["measured"]}, wanted '
                    f'{row["wanted"]} [{row["runs"]}]' + (f' - {row["why"]}' if row['why'] else ''))
    for reason, names in unmeasured(found) if shown else ():
        made.append(f'  not measured, {reason}:')
        made += [f'    {name}' for name in names]
    return made
