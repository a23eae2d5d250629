"""How far the comparison is: a line for each run, and an estimate of the time that is left."""

import time

# What a run takes beyond its seconds of load: a start, a check, a stop.
AROUND_SECONDS = 0.8


class Plan:
    """Counts runs that are to come and those that are done. `until` is a moment after which no run
    is repeated."""

    def __init__(self, seconds_per_run, until=None, say=print, clock=time.monotonic):
        self.say = say
        self.clock = clock
        self.until = until
        self.total = 0
        self.made = 0
        self.guess = seconds_per_run + AROUND_SECONDS
        self.begun = clock()

    def add(self, runs):
        self.total += runs

    def forget(self, runs):
        self.total -= runs

    def start(self):
        self.begun = self.clock()

    def may_repeat(self):
        return self.until is None or self.clock() < self.until

    def left_seconds(self):
        """By the mean of the runs so far; by the guess before there is one."""
        mean = (self.clock() - self.begun) / self.made if self.made else self.guess
        return mean * max(0, self.total - self.made)

    def note(self, sentence):
        self.say(sentence)

    def done(self, run):
        self.made += 1
        words = [f'{run["requests_per_second"]:,.0f}/s']
        if run['cpu_ns_per_request']:
            words.append(f'{run["cpu_ns_per_request"] / 1000:.2f} us CPU')
        if run['latency_us'] and run['latency_us'].get('99') is not None:
            words.append(f'p99 {run["latency_us"]["99"]:,.0f} us')
        if run['disturbed']:
            words.append(f'disturbed: {first_words(run["disturbed"])}')
        self.line(run['workload'], run['server'], run['connections'], run['level'],
                  ', '.join(words))

    def failed(self, block, kind, error):
        self.made += 1
        self.line(block.entry.workload.name, kind.name, block.connections, block.level,
                  f'FAILED: {error}')

    def line(self, workload, server, connections, level, told):
        width = len(str(self.total))
        self.say(f'[{self.made:{width}}/{self.total}] {workload}, {server}, {connections} '
                 f'connections, {level}: {told} ({duration(self.left_seconds())} left)')


def first_words(told):
    """Of a sentence that names its cause after a colon and goes on with figures."""
    return ':'.join(told.split(':')[:2])


def duration(seconds):
    """Seconds below two minutes, else minutes, else hours and minutes."""
    if seconds < 120:
        return f'{seconds:.0f} s'
    minutes = round(seconds / 60)
    return f'{minutes} min' if minutes < 120 else f'{minutes // 60} h {minutes % 60} min'
