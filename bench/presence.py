"""What a server costs by being there: until it is ready, while nobody is connected, and for those
who only stay connected. Each figure is a list, of one number for each fresh process."""

import contextlib
import time

import idle_memory
import servers
import summary

STARTS = 10
WATCHES = 3
CROWDS = 3
CROWD = 10000
# After the last connection: what is put off until then is done, and no wake-up of idleness.
SETTLE_SECONDS = 1.0
WATCH_SECONDS = 3.0
# Between two tries to be answered.
PAUSE_SECONDS = 0.0002


def measure(yard, kind, files_max, starts=STARTS, crowd=CROWD):
    """All of it for one server, as results.json has it."""
    found = {'server': kind.name, 'cores': len(yard.cpus), 'ready_ms': [], 'start_rss_bytes': [],
             'watched_seconds': WATCH_SECONDS, 'switches_per_second': [],
             'idle_connections': crowd, 'idle_connection_bytes': [], 'not_measured': {}}
    for start in range(starts):
        with yard.started(kind) as server:
            found['ready_ms'].append(1000 * ready_seconds(server))
            found['start_rss_bytes'].append(server.resident_bytes())
            if start < WATCHES:
                found['switches_per_second'].append(switches(server))
    if kind.fixed:
        found['not_measured']['idle_connection_bytes'] = 'it has no files'
    elif crowd + idle_memory.FIRST + servers.SPARE_FILES > files_max:
        found['not_measured']['idle_connection_bytes'] = (
            f'a process may open {files_max} files (ulimit -Hn)')
    else:
        found['idle_connection_bytes'] = [idle_memory.bytes_each(yard, kind, 'files', crowd)
                                          for _ in range(CROWDS)]
    return found


def ready_seconds(server):
    """From its exec to its first answer."""
    target = server.kind.target('/hello.txt')
    deadline = server.begun + servers.START_SECONDS
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            server.ask(target)
            return time.monotonic() - server.begun
        time.sleep(PAUSE_SECONDS)
    raise servers.ServerFailed(f'{server.kind.name} does not answer: {server.said()}')


def switches(server):
    """Context switches a second while nobody is connected."""
    time.sleep(SETTLE_SECONDS)
    before = server.switches()
    time.sleep(WATCH_SECONDS)
    return (server.switches() - before) / WATCH_SECONDS


def line(found):
    """What was found of a server, for the terminal."""
    told = []
    for key, unit, what in (('ready_ms', 1, 'ms to the first answer'),
                            ('switches_per_second', 1, 'context switches a second alone'),
                            ('start_rss_bytes', 1 << 20, 'MiB at start'),
                            ('idle_connection_bytes', 1024, 'KiB an idle connection')):
        if found[key]:
            told.append(f'{summary.cell([number / unit for number in found[key]])} {what}')
    return f'{found["server"]}: ' + ', '.join(told)
