"""The generators: ringlet-load, wrk and wrk2, each driven and read in its own way."""

import dataclasses
import json
import os
import pathlib
import re
import select
import subprocess

import certificate
import client
import servers
import surroundings

PERCENTILES = ('50', '75', '90', '99', '99.9', '99.99', '99.999', '100')
GRACE_SECONDS = 60
UNITS_US = {'us': 1, 'ms': 1000, 's': 10**6, 'm': 60 * 10**6}
UNITS_BYTES = {'B': 1, 'KB': 1024, 'MB': 1024**2, 'GB': 1024**3, 'TB': 1024**4}


class GeneratorFailed(Exception):
    """A generator could not run, or what it said cannot be read."""


@dataclasses.dataclass(frozen=True)
class Load:
    """What to send: `workload` says what, the rest how much of it and from where."""

    workload: object
    port: int
    targets: tuple
    connections: int
    seconds: float
    warmup: float
    rate: object
    cpus: tuple
    folder: pathlib.Path
    around: surroundings.Surroundings = surroundings.LOOPBACK

    def url(self):
        scheme = 'https' if self.workload.tls else 'http'
        return f'{scheme}://{self.around.host}:{self.port}{self.targets[0]}'


@dataclasses.dataclass
class Outcome:
    """What came of it. `latency_us` is None in a closed loop and in a run that was refused;
    `spectrum` is the histogram's text as .hgrm files have it."""

    requests: int
    seconds: float
    bytes: int
    errors: int
    latency_us: object = None
    spectrum: object = None
    refused: object = None
    busy: object = None
    bound: bool = False
    said: str = ''
    cpu_ns_per_request: object = None
    handshakes: object = None

    def per_second(self):
        return self.requests / self.seconds if self.seconds else 0.0


class RingletLoad:
    """Our own generator: it warms up by itself, and does all that the table asks for."""

    name = 'ringlet-load'
    warms_up = True
    takes_turns = True

    def __init__(self, program):
        self.program = program

    def refusal(self, _workload, _rate):
        return None

    def start(self, load, name='load'):
        return start(load, self.command(load, name))

    def command(self, load, name):
        work = load.workload
        threads = min(len(load.cpus), load.connections)
        command = [self.program, '--connections', load.connections, '--threads', threads, '--cpus',
                   servers.listed(load.cpus), '--duration', load.seconds, '--warmup', load.warmup,
                   '--expect-status', work.status, '--json', load.folder / f'{name}.json',
                   '--hgrm', load.folder / f'{name}.hgrm', '--quiet']
        for field in work.fields:
            if not (work.new_connection and field == 'Connection: close'):
                command += ['--header', field]
        command += ['--rate', load.rate] if load.rate else []
        command += ['--pipeline', work.pipeline] if work.pipeline > 1 else []
        command += ['--new-connection'] if work.new_connection else []
        command += ['--idle', work.idle] if work.idle else []
        command += ['--tls-insecure', '--tls-cipher', certificate.CIPHER] if work.tls else []
        command += ['--tls-resume'] if work.resumes else []
        if work.body_bytes:
            command += ['--body-size', work.body_bytes, '--timeout', client.BODY_SECONDS]
        if len(load.targets) > 1:
            targets = load.folder / f'{name}.targets'
            targets.write_text('\n'.join(load.targets) + '\n')
            command += ['--targets', targets]
        return [str(word) for word in [*command, load.url()]]

    def finish(self, process, load, name='load'):
        status, said = finish(process, load)
        path = load.folder / f'{name}.json'
        if status not in (0, 3, 4) or not path.exists():
            raise GeneratorFailed(f'ringlet-load ended with status {status}: {said[-600:]}')
        found = json.loads(path.read_text())
        path.unlink()
        outcome = read_json(found, load.rate, said)
        histogram = load.folder / f'{name}.hgrm'
        if histogram.exists():
            if outcome.latency_us and load.rate:
                outcome.spectrum = histogram.read_text()
            histogram.unlink()
        return outcome


def read_json(found, rate, said=''):
    """What ringlet-load wrote with --json."""
    latency = found.get('latency') if rate else None
    generator = found.get('generator') or {}
    refused = found.get('refused')
    return Outcome(found['requests'], found['seconds'], found['bytes'],
                   sum(found['errors'].values()),
                   latency_us=None if refused or not latency else {
                       key: latency['percentiles'].get(key) for key in PERCENTILES},
                   refused=refused, busy=generator.get('busy'),
                   bound=bool(generator.get('bound')), said=said,
                   cpu_ns_per_request=generator.get('cpu_ns_per_request'),
                   handshakes=found.get('handshakes'))


class Wrk:
    """wrk: a closed loop and nothing else; it counts its warm-up, so that is a run of its own."""

    name = 'wrk'
    warms_up = False
    takes_turns = False
    keeps_rate = False

    def __init__(self, program):
        self.program = program

    def refusal(self, workload, rate):
        """Why it cannot do what is asked, or None."""
        if rate and not self.keeps_rate:
            return f'{self.name} keeps no rate'
        for asked, what in ((workload.pipeline > 1, 'pipelining'), (workload.idle, 'idle ones'),
                            (workload.cold, 'cold files beside hot ones'),
                            (workload.tls, 'TLS with a cipher that it is told'),
                            (workload.body_bytes, 'bodies'),
                            (len(workload.targets) > 1, 'several targets')):
            if asked:
                return f'{self.name} does not do {what}'
        return None

    def start(self, load, name='load'):
        del name
        command = [self.program, f'-t{min(len(load.cpus), load.connections)}',
                   f'-c{load.connections}', f'-d{max(1, round(load.seconds))}s']
        command += ['--latency', f'-R{load.rate}'] if self.keeps_rate and load.rate else []
        for field in load.workload.fields:
            command += ['-H', field]
        return start(load, [*command, load.url()])

    def finish(self, process, load, name='load'):
        del name
        status, said = finish(process, load)
        if status != 0:
            raise GeneratorFailed(f'{self.name} ended with status {status}: {said[-600:]}')
        return read_wrk(said, load)


class Wrk2(Wrk):
    """wrk2: a constant rate, latency from when a request should have been sent."""

    name = 'wrk2'
    keeps_rate = True

    def refusal(self, workload, rate):
        return super().refusal(workload, rate) if rate else 'wrk2 needs a rate'


def read_wrk(text, load):
    """What wrk and wrk2 print."""
    count = re.search(r'(\d+) requests in ([\d.]+)(us|ms|s|m), ([\d.]+)([KMGT]?B) read', text)
    if not count:
        raise GeneratorFailed(f'this cannot be read: {text[-600:]}')
    errors = re.search(r'Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)',
                       text)
    wrong = re.search(r'Non-2xx or 3xx responses: (\d+)', text)
    wrong_count = int(wrong[1]) if wrong and load.workload.status < 400 else 0
    outcome = Outcome(int(count[1]), float(count[2]) * UNITS_US[count[3]] / 1e6,
                      round(float(count[4]) * UNITS_BYTES[count[5]]),
                      sum(map(int, errors.groups())) + wrong_count if errors else wrong_count,
                      said=text)
    if load.rate:
        read_rate(text, load.rate, outcome)
    return outcome


# wrk2 counts the time in which it starts and connects, and asks for nothing in it.
WRK2_START_SECONDS = 0.1


def read_rate(text, rate, outcome):
    """wrk2's histogram, unless it fell behind: then its latencies are those of its own queue."""
    if outcome.requests < 0.99 * rate * (outcome.seconds - WRK2_START_SECONDS):
        outcome.refused = f'{outcome.per_second():.0f}/s where {rate}/s were asked for'
        return
    spectrum = re.search(r'(?ms)^ *Value +Percentile.*?^#\[Buckets.*?\]', text)
    shares = re.findall(r'^ *([\d.]+)% +([\d.]+)(us|ms|s|m)$', text, re.M)
    found = {f'{float(share):g}': float(value) * UNITS_US[unit] for share, value, unit in shares}
    outcome.spectrum = spectrum[0] + '\n' if spectrum else None
    outcome.latency_us = {key: found.get(key) for key in PERCENTILES}


def start(load, command):
    """A generator dies with the comparison, even where it stands still, and hears no Ctrl-C of its
    own."""
    words = ['taskset', '-c', servers.listed(load.cpus), *load.around.before_load, *command]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, start_new_session=True,
                            preexec_fn=servers.die_with_parent)


def finish(process, load):
    """Its exit status and what it said; one that does not end is ended."""
    try:
        said, _ = process.communicate(timeout=load.seconds + load.warmup + GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        abandon(process)
        raise GeneratorFailed('the generator did not end') from None
    return process.returncode, said


def await_end(process, seconds):
    """So long at most. Returns whether it has ended."""
    descriptor = os.pidfd_open(process.pid)
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def abandon(process):
    if process.poll() is None:
        process.kill()
    process.wait()
    process.stdout.close()


def make(name, build):
    """The generator of that name; an error says where it was looked for."""
    if name == 'ringlet-load':
        path = build / 'ringlet-load'
        if not path.exists():
            raise GeneratorFailed(f'{path} was not built')
        return RingletLoad(str(path))
    program = servers.machine.find_program(name)
    if not program:
        raise GeneratorFailed(f'{name} is not on the PATH')
    return {'wrk': Wrk, 'wrk2': Wrk2}[name](program)
