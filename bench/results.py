"""results.json and what lies beside it, written anew after every run, so that a comparison that
was stopped still reports."""

import datetime
import json
import re

import machine

FORMAT = 1


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')


class CannotResume(Exception):
    """What was measured before does not go with what is to be measured now."""


class Results:
    """The folder and the object that becomes results.json."""

    def __init__(self, folder, command, facts, resume=False):
        self.folder = folder
        (folder / 'hgrm').mkdir(parents=True, exist_ok=True)
        self.data = {'format': FORMAT, 'started': now(), 'finished': None, 'command': command,
                     'machine': facts, 'servers': [], 'workloads': [], 'runs': [], 'counts': [],
                     'presence': [],
                     'absent': {}, 'problems': []}
        if resume:
            self.take_up(json.loads((folder / 'results.json').read_text()))
        (folder / 'machine.txt').write_text(machine.as_text(facts))
        self.write()

    def write(self):
        """Whole or not at all: a reader never meets half of it."""
        path = self.folder / 'results.json'
        fresh = self.folder / 'results.json.new'
        fresh.write_text(json.dumps(self.data, indent=1) + '\n')
        fresh.replace(path)

    def take_up(self, earlier):
        """Go on with what was measured before, of the same commit."""
        if earlier['format'] != FORMAT:
            raise CannotResume('its results.json has another format')
        was, now_is = (found['machine'].get('commit') for found in (earlier, self.data))
        if was != now_is:
            raise CannotResume(f'it was measured at commit {was}, and this is {now_is}')
        command = self.data['command']
        if 'controls' in earlier:
            self.data['controls'] = earlier['controls']
        self.data |= {name: earlier.get(name, []) for name in
                      ('started', 'servers', 'workloads', 'runs', 'counts', 'presence',
                       'problems')}
        self.data['command'] = '\n'.join([*earlier['command'].splitlines(), command])

    def put(self, name, row, *keys):
        """Add a row to a list, in the place of one that is about the same."""
        rows = self.data[name]
        rows[:] = [other for other in rows if any(other[key] != row[key] for key in keys)]
        rows.append(row)

    def block(self, key):
        """The runs of a (workload, connections, level)."""
        return [run for run in self.data['runs']
                if (run['workload'], run['connections'], run['level']) == key]

    def has(self, key, servers, repetitions):
        """Has every server been measured there as often as is asked for?"""
        made = {(run['server'], run['repetition']) for run in self.block(key)}
        return all((server, i) in made for server in servers for i in range(repetitions))

    def drop(self, key):
        """Forget a block that was not measured to its end."""
        gone = {id(run) for run in self.block(key)}
        self.data['runs'] = [run for run in self.data['runs'] if id(run) not in gone]

    def problem(self, sentence):
        if sentence not in self.data['problems']:
            self.data['problems'].append(sentence)
        self.write()

    def add_workload(self, entry, counts):
        work = entry.workload
        self.put('workloads', {
            'name': work.name, 'title': work.title, 'requests': list(work.targets),
            'fields': list(work.fields), 'connections': list(counts), 'tls': work.tls,
            'skipped': entry.skipped, 'absent': entry.absent | entry.wrong,
            'head_bytes': entry.head_bytes}, 'name')
        self.write()

    def add_run(self, run, spectrum):
        """Keep a run and the text of its histogram."""
        if spectrum:
            run['hgrm'] = f'hgrm/{self.hgrm_name(run)}'
            (self.folder / run['hgrm']).write_text(spectrum)
        self.data['runs'].append(run)
        self.write()

    def hgrm_name(self, run):
        attempt = sum(is_same(run, other) for other in self.data['runs'])
        words = [run['workload'], run['server'], f'{run["connections"]}c', run['level'],
                 f'r{run["repetition"]}'] + ([f'again{attempt}'] if attempt else [])
        return re.sub(r'[^\w.-]+', '-', '-'.join(words).replace('%', 'pct')) + '.hgrm'

    def finish(self):
        self.data['finished'] = now()
        self.write()


def is_same(run, other):
    return all(run[key] == other[key]
               for key in ('workload', 'server', 'connections', 'level', 'repetition'))
