"""Order of runs, and which of them are marked, kept and repeated."""

import unittest

import where
import disturbance
import measure

assert where


def run(server='a', repetition=0, cost=1000, **others):
    made = {'server': server, 'repetition': repetition, 'cpu_ns_per_request': cost, 'steal': 0.0,
            'errors': 0, 'refused': None, 'bound': False, 'rate': None}
    return made | others


def marks(runs):
    disturbance.judge(runs)
    return [made['disturbed'] for made in runs]


def kept(runs):
    disturbance.judge(runs)
    return [made['kept'] for made in runs]


class Steal(unittest.TestCase):
    def test_as_much_as_is_allowed(self):
        runs = [run(steal=0.04), run(repetition=1, steal=0.06)]
        disturbance.judge(runs)
        self.assertEqual([made['kept'] for made in runs], [False, False])
        disturbance.judge(runs, 0.05)
        self.assertEqual([made['kept'] for made in runs], [True, False])


class Order(unittest.TestCase):
    def test_there_and_back(self):
        self.assertEqual([name for _, name in measure.order(['a', 'b', 'c'], 2)], list('abccba'))

    def test_every_server_runs_once_in_each_repetition(self):
        runs = list(measure.order(['a', 'b'], 3))
        self.assertEqual(runs, [(0, 'a'), (0, 'b'), (1, 'b'), (1, 'a'), (2, 'a'), (2, 'b')])


class Marks(unittest.TestCase):
    def test_quiet_runs_have_none(self):
        self.assertEqual(marks([run(), run(repetition=1, cost=1250)]), [None, None])

    def test_steal_above_one_percent(self):
        self.assertEqual(marks([run(steal=0.01), run(steal=0.021)]), [None, 'steal 2.1 %'])

    def test_slow_against_its_own_least_only(self):
        runs = [run(cost=1000), run(repetition=1, cost=1400), run('b', cost=5000)]
        self.assertEqual(marks(runs), [None, 'slow spell 1.4x', None])

    def test_by_turns_a_late_generator_costs_only_the_latencies(self):
        def late(**others):
            return run(refused='too late', rate=100, **others)
        runs = [late(by_turns=True, requests_per_second=99.5),
                late(by_turns=True, requests_per_second=98.5),
                late(requests_per_second=99.5)]
        for one in runs:
            disturbance.judge([one])
        self.assertEqual([one['kept'] for one in runs], [True, False, False])
        self.assertEqual([one['disturbed'] for one in runs],
                         ['no latency: too late'] + ['rate not held: too late'] * 2)

    def test_a_later_least_marks_an_earlier_run(self):
        self.assertEqual(marks([run(cost=1400), run(repetition=1)]), ['slow spell 1.4x', None])

    def test_generator(self):
        runs = [run(bound=True), run(refused='too late', rate=5)]
        self.assertEqual(marks(runs), ['generator-bound', 'rate not held: too late'])

    def test_wrong_answers_go_first(self):
        self.assertEqual(marks([run(errors=3, steal=1)]), ['3 wrong answers'])

    def test_a_cost_that_is_unknown_is_not_slow(self):
        self.assertEqual(marks([run(cost=None), run()]), [None, None])


class Kept(unittest.TestCase):
    def test_the_first_undisturbed_attempt(self):
        self.assertEqual(kept([run(steal=0.5), run(), run()]), [False, True, False])

    def test_none_when_all_were_disturbed(self):
        self.assertEqual(kept([run(steal=0.5), run(steal=0.5)]), [False, False])

    def test_bound_in_a_closed_loop_is_a_lower_limit(self):
        self.assertEqual(kept([run(bound=True), run(bound=True)]), [False, True])
        self.assertEqual(kept([run(bound=True, rate=1000)]), [False])


class Repeats(unittest.TestCase):
    def again(self, runs, repeats=2):
        disturbance.judge(runs)
        return disturbance.to_repeat(runs, repeats)

    def test_only_what_was_disturbed(self):
        runs = [run(), run('b', steal=0.5), run('b', 1)]
        self.assertEqual(self.again(runs), [('b', 0)])

    def test_not_what_stands_by_now(self):
        self.assertEqual(self.again([run(steal=0.5), run()]), [])

    def test_at_most_so_often(self):
        runs = [run(steal=0.5)] * 2
        self.assertEqual(self.again([dict(made) for made in runs], 2), [('a', 0)])
        self.assertEqual(self.again([run(steal=0.5) for _ in range(3)], 2), [])
        self.assertEqual(self.again([run(steal=0.5)], 0), [])

    def test_wrong_answers_are_no_spell(self):
        self.assertEqual(self.again([run(errors=1)]), [])

    def test_a_rate_that_was_not_held(self):
        for who, again in (('the server fell behind: 9 %', 0), ('the generator fell behind', 3)):
            runs = [run(repetition=number, refused=who, rate=7) for number in range(3)]
            self.assertEqual(len(self.again(runs, 2)), again, who)

    def test_a_generator_that_always_meets_its_limit(self):
        runs = [run(repetition=number, bound=True) for number in range(3)]
        self.assertEqual(self.again(runs, 2), [])
        self.assertEqual(len(self.again([*runs, run(repetition=3)], 2)), 3)


class Steal(unittest.TestCase):
    def test_the_worst_cpu_counts(self):
        before = {0: (0, 100), 1: (5, 100)}
        after = {0: (0, 200), 1: (8, 200)}
        share = measure.counters.machine.steal_share
        self.assertAlmostEqual(share(before, after, (0, 1)), 0.03)
        self.assertEqual(share(before, after, (0,)), 0)
        self.assertEqual(share(before, before, (0, 1)), 0)


if __name__ == '__main__':
    unittest.main()
