"""steps.py BUILD - ringlet-steps counts each instruction once, and lets go of whom it stepped."""

import os
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

import where
import machine
import tracers

assert where

BUILD = pathlib.Path(sys.argv.pop()).resolve()
STEPS = BUILD / 'ringlet-steps'
ROUNDS = BUILD / 'test' / 'bench' / 'rounds'
PATIENCE = 60


class Place:
    cpus = (machine.allowed_cpus()[0],)


class Rounds:
    """A program that goes round so often, as a server is that answers."""

    place = Place

    def __init__(self):
        self.process = subprocess.Popen([ROUNDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        bufsize=0)

    def pids(self):
        return [self.process.pid]

    def go(self, count):
        self.process.stdin.write(struct.pack('=H', count))
        return self.process.stdout.read(1)


class Steps(unittest.TestCase):
    def setUp(self):
        self.rounds = Rounds()
        self.addCleanup(self.end)

    def end(self):
        process = self.rounds.process
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()

    def steps_of(self, count, places=None):
        with tracers.stepped(self.rounds, STEPS, places) as stepper:
            self.assertEqual(self.rounds.go(count), b'.')
        return stepper.counted

    def test_each_instruction_once(self):
        """But for some about a read, which it may have begun or not when it is taken hold of."""
        self.steps_of(10)
        few, many = self.steps_of(10), self.steps_of(510)
        self.assertAlmostEqual(many - few, 2 * 500, delta=200)

    def test_places(self):
        with tempfile.TemporaryDirectory() as home:
            places = pathlib.Path(home) / 'places'
            total = self.steps_of(177, places)
            counts = [int(line.split()[1]) for line in places.read_text().splitlines()]
        self.assertEqual(sum(counts), total)
        self.assertEqual(counts.count(177), 2)

    def test_it_is_let_go_of(self):
        self.steps_of(10)
        self.assertEqual(self.rounds.go(5000), b'.')
        status = machine.read(f'/proc/{self.rounds.process.pid}/status')
        self.assertIn('TracerPid:\t0\n', status)
        self.rounds.process.stdin.close()
        self.assertEqual(self.rounds.process.wait(PATIENCE), 0)

    def test_a_signal_arrives(self):
        with tracers.stepped(self.rounds, STEPS):
            self.rounds.process.send_signal(signal.SIGTERM)
            self.assertEqual(self.rounds.process.wait(PATIENCE), -signal.SIGTERM)

    def test_who_cannot_be_stepped(self):
        self.rounds.process.kill()
        self.rounds.process.wait()
        with self.assertRaisesRegex(tracers.CountFailed, 'No such file'):
            self.steps_of(10)

    def test_usage(self):
        done = subprocess.run([STEPS], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn('usage', done.stderr)

    def test_it_ends_when_asked_at_once(self):
        for _ in range(20):
            tracer = subprocess.Popen([STEPS, str(self.rounds.process.pid)],
                                      stdout=subprocess.PIPE)
            time.sleep(0.002)
            tracer.send_signal(signal.SIGINT)
            tracer.communicate(timeout=PATIENCE)
            os.kill(self.rounds.process.pid, 0)
        self.assertEqual(self.rounds.go(10), b'.')


if __name__ == '__main__':
    unittest.main()
