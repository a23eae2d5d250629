"""Ratios between two servers, taken within each repetition, and what may be said of them."""

import dataclasses
import statistics

# Repetitions that a word about a ratio takes, and the distance from 1 that can be told from none.
ENOUGH = 3
RESOLVED = 0.03
# How often a median may lie elsewhere than is said.
SURE = 0.05


@dataclasses.dataclass(frozen=True)
class Ratio:
    """The median of the repetitions' ratios, the least and the most of them, and between which
    the median is to be trusted."""

    middle: float
    least: float
    most: float
    pairs: int
    bounds: tuple = None

    def level(self):
        """Neither is ahead: the repetitions do not agree on who is, or it is too close."""
        return self.least <= 1 <= self.most or abs(self.middle - 1) < RESOLVED

    def enough(self):
        return self.pairs >= ENOUGH

    def shown(self):
        return f'{self.middle:.2f} ({self.least:.2f}–{self.most:.2f})'


def middle_bounds(values):
    """Between which two of the values the median of all that could have been measured lies, in 19
    of 20 cases at least, whatever their distribution (the sign test). Below six values that can't
    be had, and it is the least and the most."""
    ordered, left_out = sorted(values), 0
    below = tail = 1
    while True:
        tail = tail * (len(ordered) - left_out) / (left_out + 1)
        below += tail
        if 2 * below > SURE * 2 ** len(ordered):
            return ordered[left_out], ordered[-1 - left_out]
        left_out += 1


def kept(runs, server):
    """The run that stands for each repetition of a server."""
    return {run['repetition']: run for run in runs if run['server'] == server and run['kept']}


def value(run, metric):
    """A figure of a run, or None; 'p99' and the like are latencies."""
    if metric.startswith('p'):
        return run['latency_us'].get(metric[1:]) if run['latency_us'] else None
    return run[metric]


def ratio(runs, one, other, metric):
    """Ratio of `one` to `other` over a block's runs; None without a pair."""
    ones, others = kept(runs, one), kept(runs, other)
    found = []
    for repetition in sorted(set(ones) & set(others)):
        above = value(ones[repetition], metric)
        below = value(others[repetition], metric)
        if above is not None and below:
            found.append(above / below)
    if not found:
        return None
    return Ratio(statistics.median(found), min(found), max(found), len(found),
                 middle_bounds(found))


def spread(runs, server, metric):
    """(median, least, most) of a figure over the kept runs of a server, or None."""
    values = [value(run, metric) for run in kept(runs, server).values()]
    values = [number for number in values if number is not None]
    return (statistics.median(values), min(values), max(values)) if values else None


def word(found, less, more):
    """What a ratio means: `less` or `more` followed by by how much, or that it is level."""
    if not found.enough():
        return f'too few repetitions for a word ({found.pairs})'
    if found.level():
        return 'level'
    share = abs(1 - found.middle)
    return f'{100 * share:.0f} % {less if found.middle < 1 else more}'
