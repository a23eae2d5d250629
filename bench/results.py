"""results.json and what lies beside it, written anew after every run, so that a comparison that
was stopped still reports."""

import datetime
import json
import re

import machine

FORMAT = 1


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')


class Results:
    """The folder and the object that becomes results.json."""

    def __init__(self, folder, command, facts):
        self.folder = folder
        (folder / 'hgrm').mkdir(parents=True, exist_ok=True)
        self.data = {'format': FORMAT, 'started': now(), 'finished': None, 'command': command,
                     'machine': facts, 'servers': [], 'workloads': [], 'runs': [], 'counts': [],
                     'presence': [],
                     'absent': {}, 'problems': []}
        (folder / 'machine.txt').write_text(machine.as_text(facts))
        self.write()

    def write(self):
        """Whole or not at all: a reader never meets half of it."""
        path = self.folder / 'results.json'
        fresh = self.folder / 'results.json.new'
        fresh.write_text(json.dumps(self.data, indent=1) + '\n')
        fresh.replace(path)

    def problem(self, sentence):
        self.data['problems'].append(sentence)
        self.write()

    def add_workload(self, entry, counts):
        work = entry.workload
        self.data['workloads'].append({
            'name': work.name, 'title': work.title, 'requests': list(work.targets),
            'fields': list(work.fields), 'connections': list(counts), 'tls': work.tls,
            'skipped': entry.skipped, 'absent': entry.absent | entry.wrong,
            'head_bytes': entry.head_bytes})
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
