"""Control rows: what can't be had is named, who answers wrongly is left out, words are honest."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest
from unittest import mock

import where
import control_table
import controls
import options
import probe
import servers
import surroundings
import workloads

assert where

RING, EPOLL, NGINX = 'ringlet io_uring', 'ringlet epoll', 'nginx'
# CPU time of three repetitions by server and setting: the ring is level with epoll plain, ahead of
# it under the filter and behind it over veth; there is one repetition of nginx under the filter.
COSTS = {(RING, 'plain'): (100, 110, 90), (EPOLL, 'plain'): (100, 100, 100),
         (NGINX, 'plain'): (200, 220, 180),
         (RING, 'seccomp'): (100, 110, 90), (EPOLL, 'seccomp'): (120, 130, 110),
         (NGINX, 'seccomp'): (220,),
         (RING, 'veth'): (150, 165, 135), (EPOLL, 'veth'): (100, 110, 90),
         (NGINX, 'veth'): (300, 330, 270)}


def run(of, setting, repetition, cost):
    name = of if setting == 'plain' else f'{of}, {setting}'
    return {'workload': 'hello-bare', 'server': name, 'of': of, 'setting': setting,
            'connections': 64, 'level': 'ceiling', 'repetition': repetition, 'kept': True,
            'cpu_ns_per_request': cost, 'requests_per_second': 1e6 / cost,
            'softirqd_ns_per_request': 0.0, 'generator_cpu_ns_per_request': 50.0}


def rows():
    return {'settings': {'plain': 'over <loopback>', 'seccomp': 'a filter'},
            'skipped': {'veth': 'no <cable>'},
            'left_out': ['hello-bare: without faf, which is <odd>'],
            'runs': [run(*place, repetition, cost) for place, costs in COSTS.items()
                     for repetition, cost in enumerate(costs)]}


class Words(unittest.TestCase):
    def test_where_the_ring_stands(self):
        found = control_table.sentences(rows())
        for words in ('Plain, ringlet io_uring against ringlet epoll: level in hello-bare (1.00).',
                      'Plain, ringlet io_uring against nginx: ahead in hello-bare (0.50).',
                      'Under the filter, ringlet io_uring against ringlet epoll: ahead in '
                      'hello-bare (0.83).',
                      'Under the filter, ringlet io_uring against nginx: no result in hello-bare.',
                      'Over veth, ringlet io_uring against ringlet epoll: behind in hello-bare '
                      '(1.50).'):
            self.assertIn(words, found)

    def test_what_a_setting_costs(self):
        found = control_table.sentences(rows())
        for words in ('What the filter costs ringlet io_uring, against plain: level in hello-bare '
                      '(1.00).',
                      'What the filter costs ringlet epoll, against plain: dearer in hello-bare '
                      '(1.20).',
                      'What the network costs nginx, against plain: dearer in hello-bare (1.50).'):
            self.assertIn(words, found)

    def test_what_is_not_kept_says_nothing(self):
        data = rows()
        for made in data['runs']:
            made['kept'] = made['repetition'] == 0
        self.assertTrue(all('no result' in words for words in control_table.sentences(data)))

    def test_counts_of_connections_are_told_apart(self):
        data = rows()
        data['runs'] += [made | {'connections': 1000} for made in data['runs']]
        self.assertIn('level in hello-bare (64 connections) (1.00), hello-bare '
                      '(1,000 connections) (1.00)', control_table.sentences(data)[0])

    def test_section(self):
        text = control_table.section(rows(), {'hello-bare': 'A file <13 B>'})
        for words in ('<h2>Controls</h2>', 'A file &lt;13 B&gt;, 64 connections', 'schedstat',
                      'over &lt;loopback&gt;', 'not measured, no &lt;cable&gt;',
                      'which is &lt;odd&gt;', '1.50 (1.50–1.50)'):
            self.assertIn(words, text)
        self.assertEqual(control_table.section(None, {}), '')

    def test_pieces_are_one_table(self):
        """Pairs are of one piece, though repetitions are counted from none in each."""
        with tempfile.TemporaryDirectory() as folder:
            for name, factor in (('a', 1), ('b', 10)):
                data = rows()
                data['runs'] = [made | {'cpu_ns_per_request': factor * made['cpu_ns_per_request']}
                                for made in data['runs']]
                pathlib.Path(folder, name).mkdir()
                pathlib.Path(folder, name, 'results.json').write_text(
                    json.dumps({'controls': data}))
            found = control_table.joined([f'{folder}/a', f'{folder}/b'])
        text = control_table.markdown(found)
        self.assertIn('| hello-bare | veth | 1.50 (1.50–1.50) | 0.50 (0.50–0.50) |', text)
        self.assertIn('(1.20)', text)


class Settings(unittest.TestCase):
    def test_what_cannot_be_had_is_named(self):
        def no_cable(_stack, _build):
            raise controls.NotHere('no luck')
        with mock.patch.dict(controls.OPENERS, {'veth': no_cable}), \
                controls.opened(('seccomp', 'veth'), pathlib.Path('/x')) as (settings, skipped):
            self.assertEqual(settings, [])
            self.assertEqual(skipped['veth'], 'no luck')
            self.assertIn('libseccomp', skipped['seccomp'])

    def test_a_filter_that_fails(self):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, 'ringlet-confine')
            program.write_text('#!/bin/sh\necho no such luck >&2; exit 1\n')
            program.chmod(0o755)
            with controls.opened(('seccomp',), pathlib.Path(folder)) as (_, skipped):
                self.assertEqual(skipped, {'seccomp': 'no such luck'})

    def test_commands(self):
        kind = servers.Kind(EPOLL, 'ours', '/bin/ringlet', 'epoll')
        around = surroundings.Surroundings('10.77.0.1', ('before', 'it'))
        other = controls.surrounded(kind, controls.Setting('veth', 'far', around))
        self.assertEqual((other.name, other.role), ('ringlet epoll, veth', 'ours'))
        place = servers.Place(pathlib.Path('/yard'), pathlib.Path('/site'), (0,), 80,
                              host=other.around.host)
        self.assertIn('--host 10.77.0.1', ' '.join(other.command(place)))
        nginx = servers.Kind('nginx', 'peer', '/bin/nginx', peer='nginx')
        self.assertIn('listen 10.77.0.1:80 ', nginx.config(place))

    def test_options(self):
        def parse(*words):
            with contextlib.redirect_stderr(io.StringIO()):
                return options.parse(list(words), where.TREE)
        self.assertEqual(parse('--control', 'seccomp,veth').workloads, controls.ROWS)
        self.assertEqual(parse('--control', 'veth', '--workloads', 'json').workloads, ('json',))
        with self.assertRaises(SystemExit):
            parse('--control', 'weather')
        self.assertEqual(parse('--beside', 'before/build,after/there').beside,
                         ('before/build', 'after/there'))
        with self.assertRaises(SystemExit):
            parse('--beside', 'before/build,after/build')
        self.assertTrue(workloads.named(controls.ROWS))


class Surrounding(unittest.TestCase):
    """The entry of a series: every server in every setting that it answers in."""

    def setUp(self):
        results = mock.Mock(data={'controls': {'left_out': [], 'runs': []}})
        asked = mock.Mock(control=('seccomp',), connections=(), repetitions=1)
        with mock.patch.object(controls.measure.counters, 'can_count', return_value=False):
            self.series = controls.Series(mock.Mock(cpus=(0,)), results, asked, mock.Mock())
        self.results = results

    def surround(self, ask):
        own = [servers.Kind(name, 'ours', '/bin/it', name.split()[1]) for name in (RING, EPOLL)]
        kinds = [*own, servers.Kind('it spins', 'ours', '/bin/it', spins=True),
                 servers.Kind('it compresses', 'ours', '/bin/it', compresses=True)]
        entry = probe.Entry(workloads.named(['hello-bare'])[0], kinds=kinds)
        setting = controls.Setting('seccomp', 'a filter', surroundings.LOOPBACK)
        with mock.patch.object(probe, 'ask_of', ask):
            return self.series.surround(entry, [setting])

    def test_neighbours(self):
        def right(_yard, kind, _face, entries):
            entries[0].kinds.append(kind)
        found = self.surround(right)
        self.assertEqual([kind.name for kind in found.kinds],
                         [RING, f'{RING}, seccomp', EPOLL, f'{EPOLL}, seccomp'])
        self.series.shelf.add_run({'server': f'{RING}, seccomp'}, None)
        self.assertEqual(self.results.data['controls']['runs'],
                         [{'server': f'{RING}, seccomp', 'of': RING, 'setting': 'seccomp'}])

    def test_one_that_does_not_start(self):
        def ask(_yard, kind, _face, entries):
            if kind.name.startswith(RING):
                raise servers.ServerFailed('no ring for it')
            entries[0].kinds.append(kind)
        found = self.surround(ask)
        self.assertEqual([kind.name for kind in found.kinds], [RING, EPOLL, f'{EPOLL}, seccomp'])
        self.assertIn('no ring for it', self.results.data['controls']['left_out'][0])
        self.assertIn('no ring for it', self.results.problem.call_args[0][0])


if __name__ == '__main__':
    unittest.main()
