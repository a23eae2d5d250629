"""The figures that the README quotes, of a series: a small table, and a picture of it.

    python3 -B bench/figures.py FOLDER [PICTURE.svg]    the table as Markdown

A repetition counts with its undisturbed run or, where the machine gave none, with the run that lost
least to the host; the table says how many of those there are. A run in a slow spell counts for
nobody: it would make its server dearer than it is.
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile

import charts
import disturbance
import ratios

COST = 'cpu_ns_per_request'
BASE = 'nginx'
NAMES = {'ringlet io_uring': 'io_uring', 'ringlet epoll': 'epoll', 'nginx': 'nginx', 'h2o': 'H2O'}
PEERS = ('nginx', 'h2o')
RING = 'ringlet io_uring'
# Bars higher than this would make all others look alike: their heights are written instead.
BAR_MAX = 8


def main():
    data = json.loads((pathlib.Path(sys.argv[1]) / 'results.json').read_text(encoding='utf-8'))
    figures = Figures(data)
    print('\n'.join(table(figures)))
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(picture(figures), encoding='utf-8')


def stand_in(runs):
    """The run that a repetition counts with."""
    return min(runs, key=lambda run: (not run['kept'], run['steal'] or 0))


def may_count(run):
    return run[COST] and not (run['disturbed'] or '').startswith(disturbance.SLOW)


def few(found):
    """A ratio, and of how many pairs where they are too few."""
    if not found:
        return '–'
    return found.shown() if found.enough() else f'{found.shown()}, pairs: {found.pairs}'


class Figures:
    """Of each workload the runs that count, by server and repetition."""

    def __init__(self, data):
        self.data = data
        self.titles = {work['name']: work['title'] for work in data['workloads']}
        self.works = {}
        found = {}
        for run in data['runs']:
            if run['level'] == 'ceiling' and run['server'] in NAMES and may_count(run):
                found.setdefault((run['workload'], run['server'], run['repetition']),
                                 []).append(run)
        for (work, server, repetition), runs in found.items():
            self.works.setdefault(work, {}).setdefault(server, {})[repetition] = stand_in(runs)

    def counted(self):
        """How many runs count, and how many of them were undisturbed."""
        runs = [run for servers in self.works.values() for own in servers.values()
                for run in own.values()]
        return len(runs), sum(run['kept'] for run in runs)

    def cost(self, work, server):
        """The median, in CPU µs, or None."""
        runs = self.works[work].get(server)
        return statistics.median(run[COST] for run in runs.values()) / 1000 if runs else None

    def ratio(self, work, one, other):
        """Of what a request costs, over the repetitions that have both; or None."""
        ones, others = (self.works[work].get(name, {}) for name in (one, other))
        pairs = [ones[i][COST] / others[i][COST] for i in sorted(set(ones) & set(others))]
        return ratios.Ratio(statistics.median(pairs), min(pairs), max(pairs),
                            len(pairs)) if pairs else None


def number(value):
    if value is None:
        return '–'
    return f'{value:.1f}' if value < 100 else f'{value:,.0f}'


def table(figures):
    data = figures.data
    machine = data['machine']
    runs, kept = figures.counted()
    yield (f'{data["started"][:10]}, {machine["cpus"]} CPUs ({machine["cpu"]}), '
           f'Linux {machine["kernel"].split("-")[0]}; {kept} of {runs} runs undisturbed:')
    yield ''
    yield '| CPU µs per request | ' + ' | '.join(NAMES.values()) + ' | ' + \
        ' | '.join(f'{NAMES[peer]} / io_uring' for peer in PEERS) + ' |'
    yield '|' + '---|' * (1 + len(NAMES) + len(PEERS))
    for work in figures.works:
        cells = [number(figures.cost(work, server)) for server in NAMES]
        for peer in PEERS:
            found = figures.ratio(work, peer, RING)
            cells.append(few(found))
        yield f'| {figures.titles[work]} | ' + ' | '.join(cells) + ' |'


def bars(figures):
    """Of each workload, how much more of it than nginx each server does with the same CPU time."""
    for work in figures.works:
        found = [figures.ratio(work, BASE, server) for server in NAMES]
        if all(found):
            yield work, [ratio.middle for ratio in found]


def script(figures):
    found = dict(bars(figures))
    drawn = {work: values for work, values in found.items() if max(values) <= BAR_MAX}
    rows = '\n'.join(f'"{work}" ' + ' '.join(f'{bar:.3f}' for bar in values)
                     for work, values in drawn.items())
    beyond = '; '.join(f'{work} ' + ', '.join(f'{bar:.1f}' for bar in values)
                       for work, values in found.items() if work not in drawn)
    plots = ', '.join(f"$bars using {i + 2}:xtic(1) lc rgb '{charts.style(i)[0]}' "
                      f'title "{name}"' for i, name in enumerate(NAMES.values()))
    return f'''set terminal svg size 880,360 dynamic font 'sans-serif,13' background rgb 'white'
set termoption noenhanced
set style data histogram
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set yrange [0:*]
set ylabel 'requests for the same CPU time, nginx = 1'
set grid ytics lc rgb '{charts.NEUTRAL}' lw 0.4 dt 3
set border 3 lc rgb '{charts.NEUTRAL}'
set tics nomirror
set xlabel '{f"not drawn: {beyond}" if beyond else ""}'
set key outside top center horizontal
$bars << EOD
{rows}
EOD
plot {plots}
'''


def picture(figures):
    """An SVG document. Raises OSError without gnuplot, and ValueError when it refuses."""
    with tempfile.TemporaryDirectory(prefix='ringlet-figures-') as home:
        path = os.path.join(home, 'bars.gp')
        pathlib.Path(path).write_text(script(figures), encoding='utf-8')
        return charts.drawn(path)


if __name__ == '__main__':
    main()
