"""What a block of runs shows and what it does not, in words, from the figures alone."""

import ratios

UNRESOLVED = 'Differences under 3 % are not resolved here.'
OWN = ('ringlet io_uring', 'ringlet epoll')


def shows(runs, servers):
    """A sentence on CPU per request and, at a rate, p99: our engines, then each peer."""
    first = ours(servers)
    if not first:
        return 'ringlet was not measured here.'
    parts = []
    for other in servers:
        if other['name'] != first and other['kind'] != 'ceiling':
            parts += compared(runs, first, other['name'])
    if not parts:
        return f'Only {first} was measured here.'
    return f'{first}: ' + '; '.join(parts) + '.'


def ours(servers):
    names = [server['name'] for server in servers]
    return next((name for name in OWN if name in names), None)


def compared(runs, one, other):
    cost = ratios.ratio(runs, one, other, 'cpu_ns_per_request')
    tail = ratios.ratio(runs, one, other, 'p99')
    words = []
    if cost:
        words.append(f'CPU per request {ratios.word(cost, "less", "more")}')
    if tail:
        words.append(f'p99 {ratios.word(tail, "lower", "higher")}')
    if not words:
        return [f'no pair of undisturbed runs with {other}']
    return [f'against {other} {" and ".join(words)}']


def hides(runs, curves):
    """What must not be read out of the block."""
    parts = [UNRESOLVED]
    fewest = min((spectrum.count for spectra in curves.values() for spectrum in spectra),
                 default=0)
    if fewest:
        parts.append(f'The run with the fewest answers has {fewest:,} of them, so what lies '
                     f'beyond {100 * (1 - 10 / fewest):.4g} % rests on fewer than ten.')
    refused = sorted({run['server'] for run in runs if run['level'] != 'ceiling'
                      and run['disturbed'] and 'rate not held' in run['disturbed']})
    absent = [name for name in refused if name not in curves]
    if absent:
        parts.append(f'No curve of {", ".join(absent)}: the rate was not held.')
    bound = sorted({run['server'] for run in runs
                    if run['kept'] and run['disturbed'] == 'generator-bound'})
    if bound:
        parts.append(f'Requests a second of {", ".join(bound)} are what the generator could do; '
                     'the server can do at least that.')
    few = few_kept(runs)
    if few:
        parts.append(f'Fewer than three undisturbed repetitions of {", ".join(few)}: no result.')
    return ' '.join(parts)


def few_kept(runs):
    names = dict.fromkeys(run['server'] for run in runs)
    return [name for name in names if len(ratios.kept(runs, name)) < ratios.ENOUGH]
