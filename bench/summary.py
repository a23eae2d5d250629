"""The middle and the spread of runs, and a table of them for the terminal."""

import statistics

COLUMNS = (('req/s', 'requests_per_second', 1), ('CPU us', 'cpu_ns_per_request', 1000),
           ('MB/s', 'bytes_per_second', 10**6), ('MiB', 'server_rss_bytes', 1 << 20),
           ('load us', 'generator_cpu_ns_per_request', 1000))
LATENCIES = ('50', '99')


def spread(values):
    """Median, least and most; None of nothing."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return statistics.median(values), min(values), max(values)


def shown(value):
    if value >= 1000:
        return f'{value:,.0f}'
    return f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def cell(values):
    found = spread(values)
    if not found:
        return '-'
    middle, least, most = map(shown, found)
    return middle if least == most else f'{middle} ({least}-{most})'


def row(name, runs):
    """One server's line for one block; only kept runs count."""
    kept = [run for run in runs if run['kept']]
    cells = [name, f'{len(kept)}/{len(runs)}']
    for _, key, unit in COLUMNS:
        cells.append(cell([run[key] / unit for run in kept if run.get(key) is not None]))
    for share in LATENCIES:
        cells.append(cell([run['latency_us'][share] for run in kept
                           if run['latency_us'] and run['latency_us'].get(share) is not None]))
    return cells


def table(runs):
    """The lines of a block: medians, and least and most in brackets."""
    names = list(dict.fromkeys(run['server'] for run in runs))
    rows = [['server', 'kept', *(title for title, _, _ in COLUMNS),
             *(f'p{share} us' for share in LATENCIES)]]
    rows += [row(name, [run for run in runs if run['server'] == name]) for name in names]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  '.join(text.ljust(width) for text, width in zip(cells, widths)).rstrip()
            for cells in rows]


def slowest(runs, roles):
    """The least of the servers' median ceilings; servers of fixed answers are no servers here."""
    medians = []
    for name in dict.fromkeys(run['server'] for run in runs):
        middle = median_rate(runs, name)
        if middle is not None and roles.get(name) != 'ceiling':
            medians.append(middle)
    return min(medians, default=None)


def median_rate(runs, server):
    """Requests a second of a server, by its kept runs; None without one."""
    found = spread([run['requests_per_second'] for run in runs
                    if run['server'] == server and run['kept']])
    return found[0] if found else None
