"""Which runs the machine disturbed, which stand for their repetition, and which are repeated.

A run is a dict as results.json has it. The runs of a block are those of one workload, count of
connections and level, in the order in which they were made."""

STEAL_MAX = 0.01
SLOW_MIN = 1.25
BOUND = 'generator-bound'
SLOW = 'slow spell'
NOT_HELD = 'rate not held'
LATE = 'no latency'
REFUSED = 'no result'
# The share of a rate that must have been asked for and answered for a request's CPU to be told.
ANSWERED_MIN = 0.99


def of_itself(run, steal_max):
    """What a run tells of its own disturbance; None when it tells of none. What was stolen and slow
    spells were everybody's where all took turns: there they are in the spread."""
    if run['errors']:
        return f'{run["errors"]} wrong answers'
    if run['refused'] and was_answered(run):
        return f'{LATE}: {run["refused"]}'
    if run['refused']:
        return f'{NOT_HELD if run["rate"] else REFUSED}: {run["refused"]}'
    if run['steal'] > steal_max and not run.get('by_turns'):
        return f'steal {100 * run["steal"]:.1f} %'
    if run['bound']:
        return BOUND
    return None


def was_answered(run):
    """Was the generator late and nothing else? What its server spent by turns is told then, if not
    how long it took."""
    return (run.get('by_turns') and run['rate']
            and run['requests_per_second'] >= ANSWERED_MIN * run['rate'])


def judge(runs, steal_max=STEAL_MAX):
    """Set `disturbed` and `kept` of every run of a block, which only all of them together tell."""
    for same in grouped(runs, 'server').values():
        costs = [run['cpu_ns_per_request'] for run in same if run['cpu_ns_per_request']]
        least = min(costs, default=None)
        for run in same:
            run['disturbed'] = of_itself(run, steal_max)
            if not run['disturbed'] and not run.get('by_turns'):
                run['disturbed'] = slowness(run, least)
            run['kept'] = False
        for attempts in grouped(same, 'repetition').values():
            standing = stands(attempts)
            if standing:
                standing['kept'] = True


def slowness(run, least):
    cost = run['cpu_ns_per_request']
    if not cost or not least or cost <= SLOW_MIN * least:
        return None
    return f'{SLOW} {cost / least:.1f}x'


def stands(attempts):
    """The run that stands for a repetition: the first undisturbed one. In a closed loop a run that
    only the generator bounded will do: it is a lower limit, and is marked. So will one without
    latencies."""
    for run in attempts:
        if not run['disturbed']:
            return run
    last = attempts[-1]
    bound = last['disturbed'] == BOUND and last['rate'] is None
    return last if bound or last['disturbed'].startswith(f'{LATE}: ') else None


def to_repeat(runs, repeats):
    """The (server, repetition) of a block that are worth another run: those that were disturbed,
    each at most `repeats` times. Where every run of a server met a limit it is no spell, and
    waiting for its end is vain."""
    found = []
    for server, same in grouped(runs, 'server').items():
        hopeless = (sum(limited(run) for run in same) > repeats
                    and not any(run['disturbed'] is None for run in same))
        for repetition, attempts in grouped(same, 'repetition').items():
            worth = all(run['disturbed'] and not run['errors'] for run in attempts)
            if worth and not hopeless and len(attempts) <= repeats:
                found.append((server, repetition))
    return found


def limited(run):
    """Was it the generator's limit, or the server's? A generator that fell behind and was not bound
    was kept from its CPU, which is a spell."""
    told = run['disturbed'] or ''
    return run['bound'] or told.startswith(f'{NOT_HELD}: the server')


def grouped(runs, key):
    found = {}
    for run in runs:
        found.setdefault(run[key], []).append(run)
    return found
