"""Histograms as HdrHistogram prints them: what share of the answers came within how long."""

import bisect
import math
import re

MS_IN_US = 1000
STEP = re.compile(r'\s*([\d.]+)\s+([\d.]+)\s+(\d+)\s+(?:[\d.]+|inf)\s*$')


class Spectrum:
    """The steps of one histogram: at each share, the latency that it did not exceed."""

    def __init__(self, steps):
        self.shares = [share for _, share, _ in steps]
        self.micros = [value * MS_IN_US for value, _, _ in steps]
        self.count = steps[-1][2]

    def at(self, share):
        """Microseconds at a share of the answers (0 to 1): of the first step that covers it."""
        return self.micros[min(bisect.bisect_left(self.shares, share), len(self.micros) - 1)]

    def resolved(self):
        """The largest share that still has an answer beyond it."""
        return 1 - 1 / self.count if self.count > 1 else 0


def read(text):
    """The spectrum that a .hgrm file holds; ValueError when it holds none."""
    steps = []
    for line in text.splitlines():
        found = STEP.match(line)
        if found:
            steps.append((float(found[1]), float(found[2]), int(found[3])))
    if not steps:
        raise ValueError('no step of a histogram')
    return Spectrum(steps)


def grid(per_decade=12, decades=5):
    """Shares at even distances of 1/(1-share), from a half on."""
    last = decades * per_decade
    first = math.ceil(math.log10(2) * per_decade)
    return [0.5] + [1 - 10 ** (-i / per_decade) for i in range(first + 1, last + 1)]
