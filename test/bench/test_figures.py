"""The figures that the README quotes: which runs count, what the table says, and the picture."""

import shutil
import unittest

import where
import figures

assert where

KEY = 'hello-bare'


def run(server, repetition, cost, kept=True, steal=0.0, **changes):
    made = {'workload': KEY, 'connections': 64, 'level': 'ceiling', 'server': server,
            'repetition': repetition, 'kept': kept, 'steal': steal, 'disturbed': None,
            'cpu_ns_per_request': cost * 1000}
    return made | changes


def made(runs):
    return figures.Figures({
        'started': '2026-11-21T10:00:00+00:00', 'runs': runs,
        'machine': {'cpus': 2, 'cpu': 'A CPU', 'kernel': '6.18.1-x'},
        'workloads': [{'name': KEY, 'title': '13 bytes'}, {'name': 'other', 'title': 'Other'}]})


def three(server, *costs):
    return [run(server, i, cost) for i, cost in enumerate(costs)]


class Counting(unittest.TestCase):
    def test_the_undisturbed_run_counts(self):
        found = made([run('nginx', 0, 30, kept=False, steal=0.0), run('nginx', 0, 20, steal=0.01)])
        self.assertEqual(found.cost(KEY, 'nginx'), 20)
        self.assertEqual(found.counted(), (1, 1))

    def test_without_one_that_with_the_least_steal(self):
        found = made([run('nginx', 0, 30, kept=False, steal=0.2),
                      run('nginx', 0, 25, kept=False, steal=0.1)])
        self.assertEqual(found.cost(KEY, 'nginx'), 25)
        self.assertEqual(found.counted(), (1, 0))

    def test_slow_spells_count_for_nobody(self):
        found = made([run('nginx', 0, 30, kept=False, disturbed='slow spell 1.5x'),
                      run('nginx', 1, 20), run('h2o', 0, 10), run('h2o', 1, 10)])
        self.assertEqual(found.cost(KEY, 'nginx'), 20)
        self.assertEqual(figures.few(found.ratio(KEY, 'nginx', 'h2o')),
                         '2.00 (2.00–2.00), pairs: 1')

    def test_ratios_are_taken_within_a_repetition(self):
        found = made(three('nginx', 20, 40, 60) + three('ringlet io_uring', 10, 10, 20)[:3])
        ratio = found.ratio(KEY, 'nginx', 'ringlet io_uring')
        self.assertEqual((ratio.middle, ratio.least, ratio.most, ratio.pairs), (3, 2, 4, 3))
        self.assertIsNone(found.ratio(KEY, 'h2o', 'ringlet io_uring'))

    def test_other_levels_and_servers_do_not_count(self):
        found = made([run('nginx', 0, 30, level='idle'), run('lighttpd', 0, 30)])
        self.assertEqual(found.works, {})


class Showing(unittest.TestCase):
    def test_the_table(self):
        found = made(three('ringlet io_uring', 10, 10, 10) + three('nginx', 20, 22, 24))
        lines = list(figures.table(found))
        self.assertEqual(lines[0], '2026-11-21, 2 CPUs (A CPU), Linux 6.18.1; 6 of 6 runs '
                                   'undisturbed:')
        self.assertEqual(lines[4], '| 13 bytes | 10.0 | – | 22.0 | – | 2.20 (2.00–2.40) | – |')

    def test_bars_only_where_all_were_measured(self):
        runs = three('ringlet io_uring', 10, 10, 10) + three('nginx', 20, 20, 20)
        self.assertEqual(list(figures.bars(made(runs))), [])
        runs += three('ringlet epoll', 16, 16, 16) + three('h2o', 40, 40, 40)
        self.assertEqual(list(figures.bars(made(runs))), [(KEY, [2, 1.25, 1, 0.5])])

    @unittest.skipUnless(shutil.which('gnuplot'), 'gnuplot is not on this machine')
    def test_the_picture(self):
        runs = [entry for server in figures.NAMES for entry in three(server, 10, 10, 10)]
        drawn = figures.picture(made(runs))
        self.assertIn('<svg', drawn)
        self.assertIn(KEY, drawn)

    def test_what_is_too_high_is_written(self):
        runs = [entry for server in figures.NAMES for entry in three(server, 10, 10, 10)]
        runs += [run(server, i, 90 if server == 'nginx' else 10, workload='other')
                 for server in figures.NAMES for i in range(3)]
        written = figures.script(made(runs))
        self.assertIn('not drawn: other 9.0, 9.0, 1.0, 9.0', written)
        self.assertNotIn('"other"', written)


if __name__ == '__main__':
    unittest.main()
