"""Side by side: one pair at a time, all that was spent counted, and disturbed repetitions made
again for everybody."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
import types
import unittest
from unittest import mock

import where
import disturbance
import generators
import measure
import turns
import workloads

assert where

# Says when it ran: the moments at which it looked, until its time is over. Told to come to rest it
# takes a while, in which it looks no more.
PROGRAM = '''
import json, os, signal, sys, time

def rest(*_):
    time.sleep(0.02)
    begun = time.monotonic()
    os.kill(os.getpid(), signal.SIGSTOP)
    global end
    end += time.monotonic() - begun

signal.signal(signal.SIGTSTP, rest)
end, seen = time.monotonic() + float(sys.argv[1]), []
while time.monotonic() < end:
    seen.append(time.monotonic())
    time.sleep(0.001)
print(json.dumps(seen))
'''
SECONDS = 0.8


class Server:
    def __init__(self, name):
        self.kind = types.SimpleNamespace(name=name, peer='')
        self.place = types.SimpleNamespace(cpus=(0,))
        self.spent = 1000

    def cpu_ns(self):
        self.spent += 500
        return self.spent

    def memory_bytes(self):
        return 7


class Generator:
    """Runs the program; what it says is the outcome."""

    name = 'it'
    takes_turns = True

    def refusal(self, _workload, _rate):
        return None

    def start(self, load, name='load'):
        del name
        return subprocess.Popen([sys.executable, '-c', PROGRAM, str(load.seconds)], text=True,
                                stdout=subprocess.PIPE, start_new_session=True)

    def finish(self, process, load, name='load'):
        del name
        said, _ = process.communicate(timeout=60)
        return generators.Outcome(10, load.seconds, 0, 0, busy=0.2, said=said)


def load_for(_server):
    work = workloads.named(['hello-bare'])[0]
    return generators.Load(work, 0, (), 1, SECONDS, 0, None, (0,), None)


class Turns(unittest.TestCase):
    def test_one_at_a_time(self):
        found = turns.run([Server('a'), Server('b')], load_for, Generator(), (0,))
        moments = sorted((moment, name) for name, (outcome, _, _) in zip('ab', found)
                         for moment in json.loads(outcome.said))
        changes = sum(one[1] != next_one[1] for one, next_one in zip(moments, moments[1:]))
        self.assertGreater(changes, 4)
        self.assertLess(changes, 4 * SECONDS / turns.TURN_SECONDS)
        for name in 'ab':
            self.assertGreater(sum(other == name for _, other in moments), 20)

    def test_what_was_spent(self):
        begun = time.monotonic()
        found = turns.run([Server('a'), Server('b')], load_for, Generator(), (0,))
        passed = time.monotonic() - begun
        (outcome, spent, memory), (other, _, _) = found
        self.assertLess(outcome.seconds + other.seconds, passed)
        self.assertGreater(min(outcome.seconds, other.seconds), SECONDS / 4)
        self.assertAlmostEqual(spent['cpu_ns'] * outcome.seconds, 500, 3)
        self.assertEqual(memory, 7)
        self.assertGreater(outcome.busy, 0.2)

    def test_at_a_rate(self):
        """Each has its seconds, with the one warm-up that it was set up in, and rests by itself."""
        def rated(server):
            return dataclasses.replace(load_for(server), rate=100)
        found = turns.run([Server('a'), Server('b')], rated, Generator(), (0,))
        moments = sorted((moment, name) for name, (outcome, _, _) in zip('ab', found)
                         for moment in json.loads(outcome.said))
        changes = sum(one[1] != next_one[1] for one, next_one in zip(moments, moments[1:]))
        self.assertGreater(changes, 1)
        self.assertLess(changes, 4 * SECONDS / turns.TURN_AT_RATE_SECONDS)
        for outcome, spent, _ in found:
            self.assertEqual((outcome.seconds, outcome.busy), (SECONDS, 0.2))
            self.assertAlmostEqual(spent['cpu_ns'] * SECONDS, 500, 3)

    def test_a_generator_that_does_not_rest(self):
        class Restless(Generator):
            def start(self, load, name='load'):
                return subprocess.Popen(['sleep', '60'], stdout=subprocess.PIPE, text=True,
                                        preexec_fn=self.ignore, start_new_session=True)

            def ignore(self):
                signal.signal(signal.SIGTSTP, signal.SIG_IGN)

        def rated(server):
            return dataclasses.replace(load_for(server), rate=100)
        with mock.patch.object(turns, 'REST_SECONDS', 0.01):
            with self.assertRaises(generators.GeneratorFailed):
                turns.run([Server('a')], rated, Restless(), (0,))

    def test_generators_end_with_an_error(self):
        seen = []

        class Failing(Generator):
            def start(self, load, name='load'):
                if len(seen) == 2:
                    raise OSError('no more')
                seen.append(super().start(load, name))
                return seen[-1]
        with self.assertRaises(OSError):
            turns.run([Server(name) for name in 'abc'], load_for, Failing(), (0,))
        self.assertTrue(all(process.poll() is not None for process in seen))

    def test_ports_that_nobody_can_choose(self):
        kinds = [types.SimpleNamespace(peer=peer) for peer in ('nginx', 'libreactor', 'faf')]
        self.assertTrue(turns.can_stand_together(kinds[:2]))
        self.assertFalse(turns.can_stand_together(kinds))


class Blocks(unittest.TestCase):
    """Repetitions, with runs that are made up."""

    def setUp(self):
        options = types.SimpleNamespace(repetitions=3, repeats=2, steal_max=1, load_cpus=(1,),
                                        loop_generator=Generator(), rate_generator=Generator())
        with mock.patch.object(measure.counters, 'can_count', return_value=False):
            self.measurer = measure.Measurer(mock.Mock(cpus=(0,)), mock.Mock(), options,
                                             mock.Mock())
        entry = types.SimpleNamespace(workload=workloads.named(['hello-bare'])[0])
        kinds = tuple(types.SimpleNamespace(name=name, peer='') for name in 'ab')
        self.block = measure.Block(entry, kinds, 64, 'ceiling')

    def runs(self, refused, cost=1000, steal=0):
        """What a block comes to whose repetitions were refused, or not."""
        def together(_block, repetition):
            return [({'server': name, 'repetition': repetition,
                      'cpu_ns_per_request': cost * (1 + repetition % 2), 'steal': steal,
                      'errors': 0, 'refused': 'no answer' if refused[repetition] else None,
                      'bound': False, 'rate': None, 'by_turns': True}, f'of {name}')
                    for name in 'ab']
        with mock.patch.object(self.measurer, 'together', together):
            return self.measurer.block(self.block)

    def kept(self, runs):
        return [run['repetition'] for run in runs if run['kept'] and run['server'] == 'a']

    def test_quiet(self):
        self.assertEqual(self.kept(self.runs([0, 0, 0])), [0, 1, 2])

    def test_histograms_are_handed_in(self):
        self.runs([0, 0, 0])
        handed = [call.args[1] for call in self.measurer.results.add_run.call_args_list]
        self.assertEqual(handed, ['of a', 'of b'] * 3)

    def test_disturbed_for_all(self):
        runs = self.runs([0, 1, 0, 0])
        self.assertEqual(self.kept(runs), [0, 2, 3])
        self.assertEqual(len(runs), 8)

    def test_repeats_end(self):
        self.assertEqual(len(self.runs([1] * 9)), 2 * 5)

    def test_what_was_everybodys(self):
        """Slow spells are in all of these, each second one takes twice as long, and so is steal."""
        self.assertEqual(self.kept(self.runs([0, 0, 0], steal=0.3)), [0, 1, 2])

    def test_when_they_are_taken(self):
        self.assertTrue(self.measurer.by_turns(self.block))
        rated = measure.Block(self.block.entry, self.block.kinds, 64, '50%', 1000)
        self.assertTrue(self.measurer.by_turns(rated))
        self.measurer.options.load_cpus = (1, 2)
        self.assertFalse(self.measurer.by_turns(rated))
        self.assertTrue(self.measurer.by_turns(self.block))
        self.measurer.with_perf = True
        self.assertFalse(self.measurer.by_turns(self.block))


class Alone(unittest.TestCase):
    def test_spells_and_steal_count_without_turns(self):
        runs = [{'server': 'a', 'repetition': i, 'cpu_ns_per_request': cost, 'steal': steal,
                 'errors': 0, 'refused': None, 'bound': False, 'rate': None}
                for i, (cost, steal) in enumerate(((1000, 0), (2000, 0), (1000, 0.3)))]
        disturbance.judge(runs)
        self.assertEqual([run['kept'] for run in runs], [True, False, False])


if __name__ == '__main__':
    unittest.main()
