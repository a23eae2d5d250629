"""The report: ratios by hand, words that do not flatter, histograms, a page that stands alone."""

import html.parser
import json
import pathlib
import tempfile
import unittest

import where  # pylint: disable=unused-import
import hgrm
import page
import ratios
import report
import sentences

SERVERS = ('ringlet io_uring', 'ringlet epoll', 'nginx <&"`')
COSTS = {SERVERS[0]: (4000, 5000, 6000), SERVERS[1]: (4000, 4000, 8000), SERVERS[2]: (8000,) * 3}


def spectrum_text(scale):
    """A histogram of 10,000 answers, as ringlet-load and wrk2 print them: in milliseconds."""
    steps = [(0.1, 0.0, 1), (0.2, 0.5, 5000), (0.4, 0.9, 9000), (0.8, 0.99, 9900),
             (1.6, 0.999, 9990), (3.2, 1.0, 10000)]
    lines = ['       Value   Percentile   TotalCount 1/(1-Percentile)', '']
    for value, share, count in steps:
        turns = f'{1 / (1 - share):.2f}' if share < 1 else 'inf'
        lines.append(f'{value * scale:12.3f} {share:12.6f} {count:12d} {turns:>12}')
    return '\n'.join([*lines, '#[Mean    =        0.300, StdDeviation   =        0.100]', ''])


def run(server, level, repetition, **changes):
    made = {'workload': 'hello', 'server': server, 'connections': 64, 'level': level,
            'rate': None if level == 'ceiling' else 5000, 'repetition': repetition, 'position': 0,
            'generator': 'ringlet-load', 'kept': True, 'disturbed': None, 'seconds': 1.0,
            'requests': 10000, 'errors': 0, 'requests_per_second': 10000.0,
            'bytes_per_second': 1e6, 'cpu_ns_per_request': COSTS[server][repetition],
            'cycles_per_request': None, 'user_instructions_per_request': None,
            'kernel_instructions_per_request': None, 'syscalls_per_request': None,
            'server_rss_bytes': 3 << 20, 'generator_busy': 0.5, 'per_core_requests': None,
            'latency_us': None, 'hgrm': None}
    return made | changes


def at_rate(server, repetition, scale):
    latency = {'50': 200 * scale, '99': 800 * scale, '99.9': 1600 * scale}
    name = f'hgrm/{SERVERS.index(server)}-{repetition}.hgrm'
    return run(server, '50%', repetition, latency_us=latency, hgrm=name)


def results():
    runs = [run(server, 'ceiling', i) for server in SERVERS for i in range(3)]
    runs += [at_rate(SERVERS[0], i, 1) for i in range(3)]
    runs += [at_rate(SERVERS[1], i, 2) for i in range(3)]
    runs += [run(SERVERS[2], '50%', 0, kept=False,
                 disturbed='rate not held: the server fell behind')]
    runs += [run(SERVERS[0], 'ceiling', 0, kept=False, disturbed='steal 2.1 %')]
    servers = [{'name': name, 'kind': 'peer' if i == 2 else 'ours', 'command': f'{name} --x',
                'config': 'listen <here>;' if i == 2 else None, 'cores': 1,
                'idle_rss_bytes': 2 << 20} for i, name in enumerate(SERVERS)]
    work = {'requests': ['/'], 'fields': [], 'connections': [64], 'tls': False}
    return {'format': 1, 'started': '2026-11-21T00:00:00+00:00', 'finished': None,
            'command': 'bench/run.sh --levels 50%', 'problems': ['something <odd>'],
            'machine': {'cpu': 'A CPU', 'cpus': 2, 'kernel': '6.18', 'commit': 'abc',
                        'dirty': True, 'counters': 'schedstat', 'versions': {'nginx': '1.22'}},
            'servers': servers,
            'workloads': [work | {'name': 'hello', 'title': 'A file <13 B>', 'skipped': None,
                                  'absent': {'faf': 'has no files'}},
                          work | {'name': 'json', 'title': 'JSON', 'skipped': 'no such endpoint',
                                  'absent': {}}],
            'runs': runs,
            'counts': [{'server': SERVERS[0], 'workload': 'hello',
                        'user_instructions_per_request': 1237.0, 'syscalls_per_request': 0.1,
                        'system_calls': {'io_uring_enter': 0.1}}]}


class Reader(html.parser.HTMLParser):
    """Checks that elements nest, and keeps text and what points elsewhere."""

    EMPTY = {'meta', 'br', 'rect', 'path', 'use', 'stop', 'polygon'}

    def __init__(self):
        super().__init__()
        self.open, self.words, self.links, self.seen = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.links += [value for name, value in attrs if name.split(':')[-1] in ('href', 'src')]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.words.append(data)


class Whole(unittest.TestCase):
    """A made-up series, as a page."""

    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / 'hgrm').mkdir()
            data = results()
            (folder / 'results.json').write_text(json.dumps(data))
            for made in data['runs']:
                if made['hgrm']:
                    scale = 1 if made['server'] == SERVERS[0] else 2
                    (folder / made['hgrm']).write_text(spectrum_text(scale))
            report.write(folder)
            cls.html = (folder / 'report.html').read_text(encoding='utf-8')
        cls.reader = Reader()
        cls.reader.feed(cls.html)
        cls.text = ' '.join(' '.join(cls.reader.words).split())

    def test_stands_alone(self):
        self.assertEqual(self.reader.open, [])
        self.assertEqual(self.reader.links, [])
        self.assertNotRegex(self.html, r'https?:|@import|url\(|<script')

    def test_has_everything(self):
        for words in (*SERVERS, 'A file <13 B>', 'JSON', 'no such endpoint', 'has no files',
                      'something <odd>', 'listen <here>;', 'bench/run.sh --levels 50%',
                      'with changes not committed', 'stopped before its end', '1,237',
                      'io_uring_enter 0.10', 'On 1 core: 64 connections each',
                      'steal 2.1 %', 'CPU time, from the scheduler'):
            self.assertIn(words, self.text)
        self.assertEqual(self.reader.seen.count('svg'), 1)

    def test_ratios(self):
        """CPU against epoll: 1, 1.25 and 0.75; against nginx: 0.5, 0.625 and 0.75."""
        self.assertIn('1.00 (0.75–1.25) level', self.text)
        self.assertIn('0.62 (0.50–0.75)', self.text)
        self.assertIn('0.50 (0.50–0.50)', self.text)

    def test_words(self):
        self.assertIn('against ringlet epoll CPU per request level', self.text)
        self.assertIn('CPU per request 38 % less', self.text)
        self.assertIn('p99 50 % lower', self.text)
        self.assertIn(f'No curve of {SERVERS[2]}: the rate was not held', self.text)
        self.assertIn(f'Fewer than three undisturbed repetitions of {SERVERS[2]}', self.text)
        self.assertIn('beyond 99.9 % rests on fewer than ten', self.text)


class Ratios(unittest.TestCase):

    def block(self, ones, others):
        return [run(SERVERS[0], 'ceiling', i, cpu_ns_per_request=cost)
                for i, cost in enumerate(ones)] + \
               [run(SERVERS[1], 'ceiling', i, cpu_ns_per_request=cost)
                for i, cost in enumerate(others)]

    def of(self, ones, others):
        return ratios.ratio(self.block(ones, others), SERVERS[0], SERVERS[1],
                            'cpu_ns_per_request')

    def test_pairs_not_medians(self):
        """What drifts for both is no difference: medians alone would say 10 / 20."""
        found = self.of([10, 20, 5], [20, 40, 10])
        self.assertEqual((found.middle, found.least, found.most), (0.5, 0.5, 0.5))

    def test_only_kept_pairs(self):
        runs = self.block([10, 20, 30], [10, 10, 10])
        runs[1]['kept'] = False
        found = ratios.ratio(runs, SERVERS[0], SERVERS[1], 'cpu_ns_per_request')
        self.assertEqual((found.pairs, found.least, found.most), (2, 1, 3))
        self.assertIsNone(ratios.ratio(runs[:2], SERVERS[0], SERVERS[1], 'cpu_ns_per_request'))

    def test_words(self):
        self.assertEqual(ratios.word(self.of([9, 10, 11], [10] * 3), 'less', 'more'), 'level')
        self.assertEqual(ratios.word(self.of([8, 8, 9], [10] * 3), 'less', 'more'), '20 % less')
        self.assertEqual(ratios.word(self.of([15, 16, 14], [10] * 3), 'less', 'more'),
                         '50 % more')
        self.assertIn('too few', ratios.word(self.of([1, 1], [10, 10]), 'less', 'more'))

    def test_level_at_one(self):
        self.assertTrue(self.of([10, 8, 8], [10, 10, 10]).level())
        self.assertTrue(self.of([98, 98, 99], [100, 100, 100]).level())
        self.assertFalse(self.of([96, 96, 97], [100, 100, 100]).level())

    def test_missing_figures(self):
        runs = self.block([None, 10], [10, 0])
        self.assertIsNone(ratios.ratio(runs, SERVERS[0], SERVERS[1], 'cpu_ns_per_request'))
        self.assertIsNone(ratios.ratio(runs, SERVERS[0], SERVERS[1], 'p99'))


class Histograms(unittest.TestCase):

    def test_values(self):
        found = hgrm.read(spectrum_text(1))
        self.assertEqual(found.count, 10000)
        self.assertAlmostEqual(found.at(0.5), 200)
        self.assertAlmostEqual(found.at(0.500001), 400)
        self.assertAlmostEqual(found.at(0.99), 800)
        self.assertAlmostEqual(found.at(1), 3200)
        self.assertAlmostEqual(found.resolved(), 0.9999)

    def test_nothing(self):
        with self.assertRaises(ValueError):
            hgrm.read('Value Percentile\n#[Mean = 0]\n')

    def test_grid(self):
        shares = hgrm.grid()
        self.assertEqual(shares, sorted(set(shares)))
        self.assertEqual(shares[0], 0.5)
        for share in (0.9, 0.99, 0.999, 0.9999, 0.99999):
            self.assertTrue(any(abs(share - other) < 1e-9 for other in shares), share)


class Words(unittest.TestCase):

    def test_alone(self):
        servers = [{'name': SERVERS[0], 'kind': 'ours'}]
        self.assertIn('Only ringlet io_uring', sentences.shows([], servers))
        self.assertIn('not measured', sentences.shows([], []))

    def test_generator_bound(self):
        runs = [run(SERVERS[0], 'ceiling', i, disturbed='generator-bound') for i in range(3)]
        self.assertIn('what the generator could do', sentences.hides(runs, {}))

    def test_escapes(self):
        self.assertEqual(page.text('<&"'), '&lt;&amp;&quot;')


if __name__ == '__main__':
    unittest.main()
