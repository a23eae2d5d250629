"""From a folder of results to one page that stands by itself: report.html.

    python3 -B bench/report.py FOLDER
"""

import json
import pathlib
import statistics
import sys

import charts
import control_table
import hgrm
import page
import ratios
import sentences
import summary
import targets

# Figures of a run: title, key, what it is divided by.
METRICS = (('requests/s', 'requests_per_second', 1), ('CPU µs', 'cpu_ns_per_request', 1000),
           ('cycles', 'cycles_per_request', 1),
           ('user instructions', 'user_instructions_per_request', 1),
           ('kernel instructions', 'kernel_instructions_per_request', 1),
           ('p50 µs', 'p50', 1), ('p99 µs', 'p99', 1), ('p99.9 µs', 'p99.9', 1),
           ('MiB/s', 'bytes_per_second', 1 << 20), ('memory MiB', 'server_rss_bytes', 1 << 20))
PRESENCE = (('ready, ms', 'ready_ms', 1), ('memory at start, MiB', 'start_rss_bytes', 1 << 20),
            ('switches/s alone', 'switches_per_second', 1),
            ('idle connection, KiB', 'idle_connection_bytes', 1 << 10))
COST = 'cpu_ns_per_request'
HEADLINE_LEVELS = ('ceiling', '50%', 'half-nginx')


class Report:
    """The page of one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.data = json.loads((self.folder / 'results.json').read_text(encoding='utf-8'))
        self.servers = self.data['servers']
        self.index = {server['name']: i for i, server in enumerate(self.servers)}
        self.titles = {work['name']: work['title'] for work in self.data['workloads']}

    def blocks(self):
        """Runs that are compared with each other, by (workload, connections, level)."""
        found = {}
        for run in self.data['runs']:
            key = (run['workload'], run['connections'], run['level'])
            found.setdefault(key, []).append(run)
        return found

    def colour(self, server):
        return charts.style(self.index.get(server, 0))[0]

    def present(self, runs):
        """Servers that took part, in the order of the list."""
        names = {run['server'] for run in runs}
        return [server for server in self.servers if server['name'] in names]

    def html(self):
        parts = [self.top(), self.targets(), self.headline(), self.controls(), *self.sections(),
                 self.counted(), self.presence(), self.disturbed(), self.skipped(), self.machine(),
                 self.started(), self.again()]
        return page.whole('ringlet, measured', '\n'.join(part for part in parts if part))

    def top(self):
        machine = self.data['machine']
        dirty = ', with changes not committed' if machine.get('dirty') else ''
        line = (f'{self.data["started"]} · commit {machine.get("commit")}{dirty} · '
                f'{machine.get("cpu")}, {machine.get("cpus")} CPUs, Linux {machine.get("kernel")}')
        parts = ['<h1>ringlet, measured</h1>', page.note(line)]
        if not self.data['finished']:
            parts.append(page.note('The series was stopped before its end: this is what there is.'))
        if machine.get('counters') != 'perf':
            parts.append(page.note('This machine lets nobody count cycles and kernel instructions: '
                                   'cost is CPU time, from the scheduler’s books.'))
        parts += [page.note(sentence) for sentence in self.data.get('problems', ())]
        return '\n'.join(parts)

    def targets(self):
        """Each line of what the server must reach, and whether it does."""
        found = targets.rows(self.data)
        rows, line = [], None
        for row in found:
            if row['verdict'] != targets.NOT_MEASURED:
                if row['line'] != line:
                    line = row['line']
                    rows.append([f'<b>{page.text(line)}</b>', '', '', '', ''])
                rows.append(target_cells(row))
        explained = ('Ratios and figures are medians with the least and the most, ratios within '
                     'each repetition. Level: the least and the most lie on both sides of what is '
                     'wanted. No result: fewer than three undisturbed repetitions. ringlet without '
                     'an engine is ' + str(sentences.ours(self.servers)) + '.')
        parts = ['<h2>What it must reach</h2>', page.note(f'{targets.tally(found)}.')]
        if rows:
            parts += [page.note(explained),
                      page.table(['', 'wanted', 'measured', 'verdict', 'from'], rows)]
        missing = [[page.text('; '.join(names)), page.text(reason)]
                   for reason, names in targets.unmeasured(found)]
        if missing:
            parts.append(page.folded('Not measured', page.table(['', 'why'], missing)))
        return '\n'.join(parts)

    def headline(self):
        """Ratios of the first of our engines to everybody else."""
        first = sentences.ours(self.servers)
        others = [server['name'] for server in self.servers
                  if server['name'] != first and server['kind'] != 'ceiling']
        ceilings = [server['name'] for server in self.servers if server['kind'] == 'ceiling']
        if not first or not (others or ceilings):
            return ''
        others += ceilings
        rows = []
        for key, runs in self.blocks().items():
            if key[2] in HEADLINE_LEVELS:
                rows += self.headline_rows(key, runs, first, others)
        explained = (f'{first} divided by each of the others: CPU time per request, and p99 at a '
                     'rate. Below 1 is ahead. Medians of the ratios within each repetition, with '
                     'the least and the most; where these lie on both sides of 1, or the median '
                     'is within 3 % of it, the two are level.')
        return ('<h2>At a glance</h2>' + page.note(explained)
                + page.table(['', *others], rows))

    def controls(self):
        return control_table.section(self.data.get('controls'), self.titles)

    def headline_rows(self, key, runs, first, others):
        metrics = [(COST, 'CPU')] + ([('p99', 'p99')] if key[2] != 'ceiling' else [])
        for metric, title in metrics:
            found = [ratios.ratio(runs, first, other, metric) for other in others]
            if any(found):
                yield [page.text(f'{title}: {self.block_title(key)}'), *map(glance, found)]

    def block_title(self, key):
        workload, connections, level = key
        loads = {'ceiling': 'as many as it takes', 'idle': '1,000 a second',
                 'half-nginx': 'half of nginx’s ceiling'}
        load = loads.get(level, f'{level} of the slowest ceiling' if '%' in level else level)
        plural = '' if connections == 1 else 's'
        return f'{self.titles.get(workload, workload)}, {connections:,} connection{plural}, {load}'

    def sections(self):
        by_workload = {}
        for key, runs in self.blocks().items():
            by_workload.setdefault(key[0], []).append((key, runs))
        for workload, blocks in by_workload.items():
            yield f'<h2>{page.text(self.titles.get(workload, workload))}</h2>'
            for key, runs in blocks:
                yield self.section(key, runs)

    def section(self, key, runs):
        servers = self.present(runs)
        spectra = self.spectra(runs)
        rate = next((run['rate'] for run in runs if run['rate']), None)
        title = self.block_title(key) + (f' ({rate:,.0f} requests/s)' if rate else '')
        parts = [f'<section><h3>{page.text(title)}</h3>', self.figures(runs, servers),
                 page.note(per_core(key[1], runs, servers)), page.note(own_limit(runs)),
                 self.picture(spectra), page.note('Shows: ' + sentences.shows(runs, servers)),
                 page.note('Does not show: ' + sentences.hides(runs, spectra)), '</section>']
        return '\n'.join(part for part in parts if part)

    def spectra(self, runs):
        """The histograms of the kept runs, by server."""
        found = {}
        for run in runs:
            if run['kept'] and run['hgrm']:
                text = (self.folder / run['hgrm']).read_text(encoding='utf-8')
                found.setdefault(run['server'], []).append(hgrm.read(text))
        return found

    def picture(self, spectra):
        names = sorted(spectra, key=lambda name: self.index.get(name, 0))
        return charts.latency([(name, self.index.get(name, 0), charts.curve(spectra[name]))
                               for name in names])

    def figures(self, runs, servers):
        """A row a server, a column for each figure that was counted; bars for CPU time."""
        spreads = {(server['name'], key): ratios.spread(runs, server['name'], key)
                   for server in servers for _, key, _ in METRICS}
        columns = [metric for metric in METRICS
                   if any(spreads[server['name'], metric[1]] for server in servers)]
        most = max((found[0] for (_, key), found in spreads.items() if key == COST and found),
                   default=1)
        rows = []
        for server in servers:
            name = server['name']
            cells = [page.dot(self.colour(name)) + page.text(name), self.standing(runs, name)]
            cells += [figure(spreads[name, key], unit) for _, key, unit in columns]
            cost = spreads[name, COST]
            cells.append(page.bar(cost[0] / most, self.colour(name)) if cost else '')
            rows.append(cells)
        head = ['', 'kept', *(title for title, _, _ in columns), 'CPU per request']
        return page.table(head, rows)

    def standing(self, runs, name):
        """How many repetitions have a run that counts, of how many runs."""
        made = sum(run['server'] == name for run in runs)
        return f'{len(ratios.kept(runs, name))} of {made}'

    def counted(self):
        """What was counted in runs of their own."""
        rows = []
        for count in self.data['counts']:
            calls = count['system_calls'] or {}
            names = ', '.join(f'{name} {number:.2f}' for name, number in
                              sorted(calls.items(), key=lambda item: -item[1])[:4])
            rows.append([page.text(self.titles.get(count['workload'], count['workload'])),
                         page.dot(self.colour(count['server'])) + page.text(count['server']),
                         whole_number(count['user_instructions_per_request']),
                         plain(count['syscalls_per_request']), page.text(names)])
        if not rows:
            return ''
        head = ['', 'server', 'user instructions', 'system calls', 'which']
        told = ('Per request, in runs of their own under ringlet-steps and strace, which slow down '
                'what they watch. A dash: could not be counted here.')
        return '<h2>Counted</h2>' + page.note(told) + page.table(head, rows)

    def presence(self):
        """What servers cost while nobody asks them."""
        rows = []
        for found in self.data.get('presence', ()):
            cells = [page.dot(self.colour(found['server'])) + page.text(found['server'])]
            cells += [figure(summary.spread(found[key]), unit) for _, key, unit in PRESENCE]
            rows.append(cells)
        if not rows:
            return ''
        told = ('Fresh processes: from exec to the first answer; resident memory then; context '
                'switches of all threads while nobody is connected; user memory of each of '
                f'{found["idle_connections"]:,} connections that asked once and stay.')
        return ('<h2>Being there</h2>' + page.note(told)
                + page.table(['', *(title for title, _, _ in PRESENCE)], rows))

    def disturbed(self):
        rows = []
        for run in self.data['runs']:
            if run['disturbed']:
                key = (run['workload'], run['connections'], run['level'])
                rows.append([page.text(self.block_title(key)), page.text(run['server']),
                             str(run['repetition'] + 1), page.text(run['disturbed']),
                             page.text(self.consequence(run))])
        if not rows:
            return '<h2>Disturbed runs</h2>' + page.note('None.')
        head = ['', 'server', 'repetition', 'by what', 'and then']
        return ('<h2>Disturbed runs</h2>'
                + page.folded(f'{len(rows)} of {len(self.data["runs"])} runs',
                              page.table(head, rows)))

    def consequence(self, run):
        if run['kept']:
            return 'kept as a lower limit'
        same = ('workload', 'server', 'connections', 'level', 'repetition')
        again = any(other['kept'] and all(other[key] == run[key] for key in same)
                    for other in self.data['runs'])
        return 'repeated, and the other one counts' if again else 'this repetition has no result'

    def skipped(self):
        rows = [[page.text(server), page.text(reason)]
                for server, reason in self.data.get('absent', {}).items()]
        for work in self.data['workloads']:
            if work['skipped']:
                rows.append([page.text(work['title']), page.text(work['skipped'])])
            for server, reason in work.get('absent', {}).items():
                rows.append([page.text(work['title']), page.text(f'without {server}: {reason}')])
        return '<h2>Not measured</h2>' + page.table(['', 'why'], rows) if rows else ''

    def machine(self):
        rows = []
        for name, fact in self.data['machine'].items():
            if isinstance(fact, dict):
                fact = '; '.join(f'{key}: {value}' for key, value in fact.items())
            rows.append(f'{name}: {fact}')
        return '<h2>The machine</h2>' + page.pre('\n'.join(rows))

    def started(self):
        parts = ['<h2>The servers</h2>']
        for server in self.servers:
            memory = (server.get('idle_rss_bytes') or 0) / (1 << 20)
            content = ''.join(as_started(shown) for shown in (server, *server.get('faces', ())))
            title = f'{server["name"]}: {server["cores"]} core(s), {memory:.1f} MiB before any load'
            parts.append(page.folded(title, content))
        return '\n'.join(parts)

    def again(self):
        return ('<h2>Again</h2>' + page.pre(self.data['command'])
                + page.note('The method, and what it does not show: bench/README.md.'))


def as_started(shown):
    """The command of one face of a server, and its configuration."""
    return page.pre(shown['command']) + (page.pre(shown['config']) if shown['config'] else '')


def target_cells(row):
    verdict = page.text(row['verdict'])
    if row['verdict'] == targets.REACHED:
        verdict = f'<span class="ahead">{verdict}</span>'
    if row['why']:
        verdict += f'<br><small>{page.text(row["why"])}</small>'
    return [page.text(row['what']), page.text(row['wanted']), page.text(row['measured']), verdict,
            f'<small>{page.text(row["runs"])}</small>']


def glance(found):
    if not found:
        return '–'
    if not found.enough():
        return page.text(f'{found.middle:.2f} (of {found.pairs})')
    shown = page.text(found.shown())
    if found.level():
        return f'{shown} level'
    return f'<span class="ahead">{shown}</span>' if found.middle < 1 else shown


def per_core(connections, runs, servers):
    """Connections and requests a second of each core."""
    told = []
    for server in servers:
        found = ratios.spread(runs, server['name'], 'requests_per_second')
        if found:
            told.append(f'{server["name"]} {plain(found[0] / server["cores"])}')
    cores = max(server['cores'] for server in servers)
    plural = '' if cores == 1 else 's'
    told = ', '.join(told) or 'none kept'
    return (f'On {cores} core{plural}: {connections / cores:,.0f} connections each; requests a '
            f'second each: {told}.')


def own_limit(runs):
    """What the generator can do itself, at the CPU that an answer took it."""
    costs = [run['generator_cpu_ns_per_request'] for run in runs
             if run['kept'] and run.get('generator_cpu_ns_per_request')]
    if not costs:
        return 'Whether the generator was the limit is not known.'
    cost = statistics.median(costs)
    return (f'The generator took {plain(cost / 1000)} µs of CPU a request: one thread of it asks '
            f'for at most {plain(1e9 / cost)} a second.')


def plain(number):
    """Three figures or so; a dash for what was not counted."""
    if number is None:
        return '–'
    if number >= 100:
        return f'{number:,.0f}'
    return f'{number:.1f}' if number >= 10 else f'{number:.2f}'


def whole_number(number):
    return '–' if number is None else f'{number:,.0f}'


def figure(found, unit):
    """Median, and the spread below it."""
    if not found:
        return '–'
    middle, least, most = (plain(number / unit) for number in found)
    return middle if least == most else f'{middle}<br><small>{least}–{most}</small>'


def write(folder):
    """Write FOLDER/report.html. SystemExit with a sentence where gnuplot is missing."""
    try:
        content = Report(folder).html()
    except FileNotFoundError as error:
        if error.filename == 'gnuplot':
            raise SystemExit('gnuplot is missing; as root: apt-get install gnuplot-nox') from error
        raise
    fresh = pathlib.Path(folder) / 'report.html.new'
    fresh.write_text(content, encoding='utf-8')
    fresh.replace(pathlib.Path(folder) / 'report.html')


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit('usage: report.py FOLDER')
    write(sys.argv[1])
