"""What the server must reach: verdicts on made-up figures, and what is named as missing."""

import json
import pathlib
import tempfile
import unittest

import where
import report
import results
import servers
import targets
import workloads

assert where

RING, EPOLL = targets.OWN
KEY = ('hello-bare', 64, 'ceiling')


def run(server, repetition, cost, key=KEY, **changes):
    made = {'workload': key[0], 'connections': key[1], 'level': key[2], 'server': server,
            'repetition': repetition, 'kept': True, 'disturbed': None, 'rate': None,
            'requests_per_second': 1e9 / cost, 'cpu_ns_per_request': cost,
            'cycles_per_request': None, 'user_instructions_per_request': None,
            'kernel_instructions_per_request': None, 'bytes_per_second': 1.0,
            'server_rss_bytes': 5 << 20, 'latency_us': None, 'hgrm': None}
    return made | changes


def block(costs, key=KEY, **changes):
    """Runs of several servers: a list of costs each."""
    return [run(server, i, cost, key, **changes) for server, mine in costs.items()
            for i, cost in enumerate(mine)]


def data(runs=(), **others):
    names = ('ringlet io_uring', 'ringlet epoll', 'nginx')
    made = {'started': '2026-11-21', 'finished': '2026-11-21', 'command': 'bench/run.sh',
            'machine': {'counters': 'schedstat'}, 'problems': [], 'counts': [], 'presence': [],
            'absent': {'faf': 'it is not on this machine'},
            'servers': [{'name': name, 'kind': 'peer' if name == 'nginx' else 'ours', 'cores': 1,
                         'command': name, 'config': None, 'idle_rss_bytes': 1}
                        for name in names],
            'workloads': [{'name': name, 'title': name, 'skipped': None, 'absent': {},
                           'connections': [64], 'requests': [], 'fields': [], 'tls': False}
                          for name in dict.fromkeys(run['workload'] for run in runs)],
            'runs': list(runs)}
    return made | others


def row(made, what):
    found = [row for row in targets.rows(made) if what in row['what']]
    assert len(found) == 1, (what, [row['what'] for row in found])
    return found[0]


def verdict(costs, what='hello-bare: CPU of nginx / ringlet', key=KEY):
    return row(data(block(costs, key)), what)['verdict']


class Verdicts(unittest.TestCase):
    def test_at_least(self):
        for nginx, told in (((25, 21, 22), 'reached'), ((19, 15, 18), 'missed'),
                            ((25, 19, 22), 'level'), ((25, 25), 'no result')):
            self.assertEqual(verdict({RING: [10] * 3, 'nginx': nginx}), told)

    def test_ahead(self):
        what, key = 'CPU of nginx (deferred)', ('new-connection', 64, 'ceiling')
        for nginx, told in (((105, 108, 104), 'reached'), ((101, 102, 101), 'level'),
                            ((95, 94, 93), 'missed'), ((99, 120, 110), 'level')):
            self.assertEqual(verdict({RING: [100] * 3, 'nginx': nginx}, what, key), told)

    def test_not_above_beyond_noise(self):
        key = ('hello-bare', 64, 'half-nginx')
        for ring, told in (((90, 90, 90), 'reached'), ((101, 102, 101), 'reached'),
                           ((120, 99, 110), 'reached'), ((120, 110, 105), 'missed')):
            runs = [run(server, i, 1, key, latency_us={'99': tail}) for server, tails in
                    ((RING, ring), (EPOLL, (100,) * 3)) for i, tail in enumerate(tails)]
            self.assertEqual(row(data(runs), 'hello-bare: p99 of io_uring / epoll')['verdict'],
                             told)

    def test_only_kept_runs(self):
        runs = block({RING: [10] * 3, 'nginx': [25] * 3})
        runs[0]['kept'] = False
        found = row(data(runs), 'hello-bare: CPU of nginx / ringlet')
        self.assertEqual((found['verdict'], found['count']), ('no result', 2))
        self.assertIn('2 undisturbed, 3 are needed', found['why'])

    def test_what_a_row_says(self):
        found = row(data(block({RING: [10, 10, 10], 'nginx': [20, 25, 30]})),
                    'hello-bare: CPU of nginx / ringlet')
        self.assertEqual((found['median'], found['least'], found['most']), (2.5, 2, 3))
        self.assertEqual((found['wanted'], found['measured'], found['runs']),
                         ('≥ 2', '2.5 (2–3)', 'hello-bare, 64 connections, ceiling, 3 pairs'))

    def test_cycles_where_they_are_counted(self):
        runs = [run(server, i, 10, cycles_per_request=cycles)
                for server, cycles in ((RING, 1000), ('nginx', 3000)) for i in range(3)]
        made = data(runs, machine={'counters': 'perf'})
        self.assertEqual(row(made, 'hello-bare: CPU of nginx / ringlet')['median'], 3)

    def test_one_engine_alone_is_ringlet(self):
        made = data(block({EPOLL: [10] * 3, 'nginx': [30] * 3}))
        made['servers'] = made['servers'][1:]
        self.assertEqual(row(made, 'hello-bare: CPU of nginx / ringlet')['verdict'], 'reached')


class Engines(unittest.TestCase):
    WHAT = 'the worst of all workloads'

    def found(self, *blocks):
        runs = [one for i, ring in enumerate(blocks)
                for one in block({RING: ring, EPOLL: [100] * 3}, (f'w{i}', 64, 'ceiling'))]
        return row(data(runs), self.WHAT)

    def test_the_worst_of_all_blocks(self):
        fine = self.found([90, 90, 90], [102, 101, 103])
        self.assertEqual((fine['verdict'], fine['median'], fine['why']), ('reached', 1.02, None))
        level = self.found([90, 90, 90], [101, 104, 105])
        self.assertEqual((level['verdict'], level['median']), ('level', 1.04))
        self.assertEqual(level['why'], 'level: w1, 64 connections, ceiling 1.04')
        missed = self.found([90, 90, 90], [110, 104, 105], [101, 104, 105])
        self.assertEqual(missed['verdict'], 'missed')
        self.assertIn('missed: w1, 64 connections, ceiling 1.05. level: w2', missed['why'])

    def test_a_block_without_a_result_is_no_reached(self):
        found = self.found([90, 90, 90], [200])
        self.assertEqual((found['verdict'], found['median']), ('no result', 0.9))
        self.assertIn('no result: w1', found['why'])

    def test_nothing(self):
        found = row(data(), self.WHAT)
        self.assertEqual((found['verdict'], found['why']), ('not measured', 'no runs of both'))


class Figures(unittest.TestCase):
    def test_instructions(self):
        counts = [{'server': server, 'workload': 'hello-bare',
                   'user_instructions_per_request': number}
                  for server, number in ((RING, None), (EPOLL, 590.0),
                                         (EPOLL + ' --log FILE', 1000.0))]
        made = data(counts=counts)
        found = row(made, 'hello-bare: user-space instructions a request, ringlet epoll')
        self.assertEqual((found['verdict'], found['median']), ('reached', 590))
        self.assertIn('stepped', found['runs'])
        added = 'hello-bare: instructions that the access log adds, '
        self.assertEqual(row(made, added + EPOLL)['verdict'], 'missed')
        self.assertEqual(row(made, added + RING)['verdict'], 'not measured')
        for what in ('hello-browser: user-space instructions a request, ringlet epoll',
                     'hello-bare: user-space instructions a request, ringlet io_uring'):
            self.assertEqual(row(made, what)['verdict'], 'not measured')

    def test_instructions_by_the_cpus_counters(self):
        runs = [run(RING, i, 10, user_instructions_per_request=700.0 + i) for i in range(3)]
        found = row(data(runs), 'hello-bare: user-space instructions a request, ringlet io_uring')
        self.assertEqual((found['verdict'], found['median']), ('missed', 701))

    def test_being_there(self):
        there = {'server': RING, 'cores': 2, 'ready_ms': [8, 9, 40], 'not_measured': {
            'idle_connection_bytes': 'too few files'}, 'start_rss_bytes': [25 << 20] * 3,
            'switches_per_second': [0, 0, 1], 'idle_connection_bytes': []}
        made = data(presence=[there])
        for what, told in (('ringlet io_uring: from exec', 'reached'),
                           ('ringlet io_uring: resident memory at start', 'missed'),
                           ('ringlet io_uring: context switches', 'level'),
                           ('ringlet io_uring: user memory of each', 'not measured'),
                           ('ringlet epoll: from exec', 'not measured')):
            self.assertEqual(row(made, what)['verdict'], told, what)
        self.assertEqual(row(made, 'ringlet io_uring: resident memory')['measured'], '17 MiB')
        self.assertEqual(row(made, 'ringlet io_uring: user memory')['why'], 'too few files')

    def test_the_slowest_hot_request(self):
        key = ('cold-beside-hot', 16, '50%')
        runs = [run(RING, i, 10, key, latency_us={'100': slowest})
                for i, slowest in enumerate((9000.0, 99000.0, 101000.0))]
        found = row(data(runs), 'ringlet io_uring: the slowest hot request')
        self.assertEqual((found['verdict'], found['measured']), ('level', '99 ms (9–101)'))
        self.assertIn('slow_disk.py', row(data(), 'a read is stuck')['why'])
        test = targets.STUCK_READ.split()[2]
        self.assertTrue((where.TREE / test).exists(), test)

    def test_why_not(self):
        made = data(block({RING: [10] * 3}))
        made['workloads'].append({'name': 'idle', 'skipped': None})
        self.assertEqual(row(made, 'hello-bare: CPU of faf')['why'],
                         'faf: it is not on this machine')
        self.assertIn('no runs of nginx', row(made, 'hello-bare: CPU of nginx / ringlet')['why'])
        self.assertIn('hello-browser is not part',
                      row(made, 'hello-browser: CPU of nginx')['why'])
        self.assertIn('no runs: hello-bare, 4,096 connections, ceiling',
                      row(made, 'ringlet epoll: memory (Pss)')['why'])


class Needs(unittest.TestCase):
    def test_rows_that_are_needed_exist(self):
        for (name, count), levels in targets.NEEDS.items():
            work = workloads.named([name])[0]
            self.assertIn(count, work.connections)
            for level in levels:
                self.assertIn(level, ('ceiling', *work.levels), name)
        self.assertIn(4096, workloads.named(['hello-bare'])[0].connections)

    def test_who_is_needed(self):
        nginx = servers.Kind('nginx', 'peer', 'nginx', peer='nginx')
        ours = servers.Kind(RING, 'ours', 'ringlet')
        self.assertTrue(targets.needs(nginx, 'hello-bare', 64, 'idle'))
        self.assertFalse(targets.needs(nginx, 'hello-bare', 16, 'ceiling'))
        self.assertFalse(targets.needs(nginx, 'file-1k', 16, 'ceiling'))
        self.assertTrue(targets.needs(ours, 'file-1k', 16, 'ceiling'))
        self.assertEqual(targets.levels('hello-bare'), ('half-nginx', 'idle'))
        self.assertEqual(targets.levels('json'), ())


class Shown(unittest.TestCase):
    def test_in_the_terminal(self):
        made = data(block({RING: [10] * 3, 'nginx': [25] * 3}))
        told = '\n'.join(targets.lines(targets.rows(made)))
        self.assertRegex(told, r'^What it must reach: 1 reached, \d+ not measured\n')
        self.assertIn('reached    hello-bare: CPU of nginx / ringlet: 2.5, wanted ≥ 2 '
                      '[hello-bare, 64 connections, ceiling, 3 pairs]', told)
        self.assertIn('not measured, faf: it is not on this machine:', told)

    def test_on_the_page(self):
        made = data(block({RING: [10] * 3, 'nginx': [25] * 3}))
        for server in made['runs']:
            server |= {'errors': 0, 'requests': 1}
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, 'results.json').write_text(json.dumps(made))
            text = report.Report(folder).targets()
        for words in ('What it must reach', '1 reached', '<b>A small cached file</b>',
                      '<span class="ahead">reached</span>', '2.5', 'faf: it is not on this'):
            self.assertIn(words, text)


class Resume(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name)

    def make(self, commit='abc', resume=True):
        return results.Results(self.out, 'bench/run.sh', {'commit': commit}, resume)

    def test_blocks_that_are_whole_stay(self):
        first = self.make(resume=False)
        for one in block({RING: [10, 11], EPOLL: [12]}):
            first.add_run(one, None)
        again = self.make()
        self.assertEqual(len(again.block(KEY)), 3)
        self.assertTrue(again.has(KEY, [RING], 2))
        self.assertFalse(again.has(KEY, [RING, EPOLL], 2))
        again.drop(KEY)
        self.assertEqual(again.block(KEY), [])
        self.assertEqual(again.data['command'], 'bench/run.sh\nbench/run.sh')

    def test_another_commit(self):
        self.make(resume=False)
        with self.assertRaisesRegex(results.CannotResume, 'at commit abc, and this is xyz'):
            self.make('xyz')

    def test_rows_take_the_place_of_their_like(self):
        made = self.make(resume=False)
        for number in (1, 2):
            made.put('counts', {'server': 'a', 'workload': 'w', 'n': number}, 'server', 'workload')
        made.put('counts', {'server': 'b', 'workload': 'w', 'n': 3}, 'server', 'workload')
        self.assertEqual([count['n'] for count in made.data['counts']], [2, 3])


if __name__ == '__main__':
    unittest.main()
