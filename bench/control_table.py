"""The control rows as a table and in sentences: what a filter or a network costs each server, and
where the ring is ahead there, level, or behind.

    python3 -B bench/control_table.py FOLDER...     as Markdown; several pieces make one table
"""

import json
import pathlib
import sys

import page
import ratios
import summary

PLAIN = 'plain'
RING = 'ringlet io_uring'
# Servers of fixed answers: a bound, and nobody to be ahead of.
CEILING = 'ceiling'
COST = 'cpu_ns_per_request'
# Figures of a server in a setting: title, key, what it is divided by.
METRICS = (('CPU µs', COST, 1000), ('requests/s', 'requests_per_second', 1),
           ('softirq thread µs', 'softirqd_ns_per_request', 1000),
           ('generator CPU µs', 'generator_cpu_ns_per_request', 1000))
WHERE = {PLAIN: 'plain', 'seccomp': 'under the filter', 'veth': 'over veth',
         'veth-cubic': 'over veth with cubic'}
COSTS = {'seccomp': 'the filter', 'veth': 'the network', 'veth-cubic': 'the network with cubic'}
COUNTED = ('CPU time is that of the threads of the server (schedstat), over loopback and over veth '
           'alike. What arrives is handled, up to the socket, on the CPU of the one who sends, and '
           'counts as the time of the thread that runs there: so the server pays for handing its '
           'answers to the generator’s socket, and the generator for handing requests to the '
           'server’s, and for what its acknowledgements set going there. Handling that a '
           'softirq thread took over is shown apart; handling and timers that met an idle CPU '
           'are in no figure.')


class Rows:
    """The runs of control rows, by workload and connections."""

    def __init__(self, runs):
        self.blocks = {}
        for run in runs:
            self.blocks.setdefault((run['workload'], run['connections']), []).append(run)
        self.servers = list(dict.fromkeys(run['of'] for run in runs))
        self.settings = list(dict.fromkeys(run['setting'] for run in runs))
        self.names = {(run['of'], run['setting']): run['server'] for run in runs}

    def ratio(self, key, one, other):
        """Of the CPU time of two (server, setting), or None."""
        names = [self.names.get(place) for place in (one, other)]
        return ratios.ratio(self.blocks[key], *names, COST) if all(names) else None

    def spread(self, key, place, metric):
        name = self.names.get(place)
        return ratios.spread(self.blocks[key], name, metric) if name else None

    def compared(self, one, other):
        """The ratios of two (server, setting) in each block that has both."""
        found = {self.title(key): self.ratio(key, one, other) for key in self.blocks}
        return {title: ratio for title, ratio in found.items() if ratio}

    def title(self, key):
        """The workload, and the connections where it is there with several counts of them."""
        workload, connections = key
        alone = sum(name == workload for name, _ in self.blocks) == 1
        return workload if alone else f'{workload} ({connections:,} connections)'


def sorted_out(found, words):
    """Ratios by title, in words: those with less CPU, those that are level, those with more, and
    those that say nothing. `words` are what the first and the third are called."""
    less, more = words
    parts = []
    for word, wanted in ((less, lambda ratio: not ratio.level() and ratio.middle < 1),
                         ('level', lambda ratio: ratio.level()),
                         (more, lambda ratio: not ratio.level() and ratio.middle > 1)):
        mine = [f'{title} ({ratio.middle:.2f})' for title, ratio in found.items()
                if ratio.enough() and wanted(ratio)]
        if mine:
            parts.append(f'{word} in {", ".join(mine)}')
    few = [title for title, ratio in found.items() if not ratio.enough()]
    if few:
        parts.append(f'no result in {", ".join(few)}')
    return '; '.join(parts)


def sentences(data):
    """What the rows show, from the figures alone."""
    rows = Rows(data['runs'])
    found = []
    for setting in rows.settings:
        for other in rows.servers:
            told = sorted_out(rows.compared((RING, setting), (other, setting)),
                              ('ahead', 'behind')) if is_rival(other) else ''
            if told:
                found.append(f'{WHERE[setting]}, {RING} against {other}: {told}.')
    for setting in rows.settings:
        for server in rows.servers if setting != PLAIN else ():
            told = sorted_out(rows.compared((server, setting), (server, PLAIN)),
                              ('cheaper', 'dearer'))
            if told:
                found.append(f'what {COSTS[setting]} costs {server}, against plain: {told}.')
    return [sentence[0].upper() + sentence[1:] for sentence in found]


def is_rival(server):
    return server != RING and not server.startswith(CEILING)


def shown(ratio):
    if not ratio:
        return '–'
    if not ratio.enough():
        return f'{ratio.middle:.2f} (of {ratio.pairs})'
    return ratio.shown() + (' level' if ratio.level() else '')


def figure(found, unit):
    return summary.shown(found[0] / unit) if found else '–'


def cells(rows, key, server, setting):
    """One row of the report's table."""
    place = server, setting
    found = [server, setting]
    found += [figure(rows.spread(key, place, metric), unit) for _, metric, unit in METRICS]
    found.append('' if setting == PLAIN else shown(rows.ratio(key, place, (server, PLAIN))))
    found.append('' if server == RING else shown(rows.ratio(key, (RING, setting), place)))
    return found


def section(data, titles):
    """The report's section; nothing where no control rows were asked for."""
    if not data:
        return ''
    rows = Rows(data['runs'])
    parts = ['<h2>Controls</h2>', page.note(COUNTED)]
    parts += [page.note(f'{name}: {told}.') for name, told in data['settings'].items()]
    parts += [page.note(f'{name}: not measured, {why}') for name, why in data['skipped'].items()]
    parts += [page.note(sentence) for sentence in (*data['left_out'], *sentences(data))]
    head = ['', 'setting', *(title for title, _, _ in METRICS), 'CPU to plain',
            f'{RING} to it']
    for key in rows.blocks:
        title = f'{titles.get(key[0], key[0])}, {key[1]:,} connections'
        body = [[page.text(cell) for cell in cells(rows, key, server, setting)]
                for server in rows.servers for setting in rows.settings
                if (server, setting) in rows.names]
        parts.append(f'<section><h3>{page.text(title)}</h3>{page.table(head, body)}</section>')
    return '\n'.join(parts)


def markdown(data):
    """Two tables: CPU time with its ratio to plain, and the ring's ratio to the others."""
    rows = Rows(data['runs'])
    others = [server for server in rows.servers if server != RING]
    costs = [['workload', 'setting', *rows.servers]]
    standing = [['workload', 'setting', *(f'to {server}' for server in others)]]
    for key in rows.blocks:
        for setting in rows.settings:
            begin = [rows.title(key), setting]
            costs.append(begin + [cost_cell(rows, key, server, setting)
                                  for server in rows.servers])
            standing.append(begin + [shown(rows.ratio(key, (RING, setting), (other, setting)))
                                     for other in others])
    return '\n'.join(table_lines(costs) + [''] + table_lines(standing))


def cost_cell(rows, key, server, setting):
    cost = figure(rows.spread(key, (server, setting), COST), 1000)
    if setting == PLAIN:
        return cost
    ratio = rows.ratio(key, (server, setting), (server, PLAIN))
    return f'{cost} ({ratio.middle:.2f})' if ratio else cost


def table_lines(rows):
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    return [lines[0], '|---' * len(rows[0]) + '|', *lines[1:]]


def joined(folders):
    """The control rows of several folders as if they were of one: each piece is a repetition or
    several of its own, and pairs are taken within a piece."""
    data = {'runs': [], 'settings': {}, 'skipped': {}, 'left_out': []}
    for number, folder in enumerate(folders):
        text = (pathlib.Path(folder) / 'results.json').read_text(encoding='utf-8')
        found = json.loads(text).get('controls') or {'runs': []}
        for run in found['runs']:
            data['runs'].append(run | {'repetition': (number, run['repetition'])})
    return data


def main():
    if len(sys.argv) < 2:
        sys.exit('usage: control_table.py FOLDER...')
    data = joined(sys.argv[1:])
    print(markdown(data))
    print('\n' + '\n'.join(sentences(data)))
    return 0


if __name__ == '__main__':
    sys.exit(main())
