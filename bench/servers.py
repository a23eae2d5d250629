"""The servers: how each is started, pinned, looked at and stopped."""

import contextlib
import ctypes
import dataclasses
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import certificate
import client
import content
import machine
import surroundings
import workloads

START_SECONDS = 20
STOP_SECONDS = 10
CONNECTIONS_MAX = 16384
# Descriptors beside those of connections.
SPARE_FILES = 200
FIXED_PORT = 8080
SPIN_US = 50
NGINX_BROTLI = '/usr/lib/nginx/modules/ngx_http_brotli_static_module.so'
PEERS_FOLDER = pathlib.Path(__file__).parent / 'peers'

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1


class ServerFailed(Exception):
    """A server did not start, or answered what it should not."""


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a server is to stand, and which face it shows (workloads.py). ringlet listens without
    TLS beside it, on `plain_port`."""

    home: pathlib.Path
    site: pathlib.Path
    cpus: tuple
    port: int
    face: str = 'files'
    plain_port: int = 0
    host: str = surroundings.LOOPBACK.host


@dataclasses.dataclass(frozen=True)
class Kind:
    """One kind of server. `program` is a path; `peer` names its configuration in bench/peers.
    One that `compresses` has no compressed files beside its files and makes them itself; one that
    `spins` polls before it sleeps; one that `logs` writes a line for each request."""

    name: str
    role: str
    program: str
    engine: str = ''
    peer: str = ''
    fixed: bool = False
    compresses: bool = False
    spins: bool = False
    logs: bool = False
    around: surroundings.Surroundings = surroundings.LOOPBACK

    def command(self, place):
        return COMMANDS[self.peer or self.role](self, place)

    def config(self, place):
        """Its configuration, filled in; None when it has none."""
        if not self.peer:
            return None
        values = settings(place)
        face = self.face_of_peer(place.face)
        values['face'] = render(face.read_text(), values).rstrip('\n') if face.exists() else ''
        return render((PEERS_FOLDER / f'{self.peer}.conf').read_text(), values)

    def shows(self, face):
        """Is there such a face of it?"""
        if face == 'files' or self.role == 'ours':
            return not (self.compresses and face != 'files')
        return self.face_of_peer(face).exists()

    def face_of_peer(self, face):
        """What a face adds to a peer's configuration."""
        return PEERS_FOLDER / f'{self.peer}-{face}.conf'

    def target(self, target):
        """What it is asked for in place of a target: programs of fixed answers know one name."""
        return '/plaintext' if self.fixed and self.peer else target


def settings(place):
    """What the templates in bench/peers may name."""
    cores = len(place.cpus)
    mask = sum(1 << cpu for cpu in place.cpus)
    chain, key = certificate.paths(place.home.parent)
    return {'cores': cores, 'workers': 0 if cores == 1 else cores,
            'cpu_mask': f'{mask:b}', 'host': place.host, 'port': place.port,
            'home': place.home, 'site': place.site,
            'brotli_module': f'load_module {NGINX_BROTLI};' if has_nginx_brotli() else '',
            'brotli_static': 'brotli_static on;' if has_nginx_brotli() else '',
            'user_line': 'user: root' if os.geteuid() == 0 else '# user: whoever starts it',
            'connections_max': CONNECTIONS_MAX, 'files_max': CONNECTIONS_MAX + 2048,
            'certificate': chain, 'key': key,
            'cipher': certificate.CIPHER, 'ssl': ' ssl' if place.face == 'tls' else '',
            'upload_bytes': workloads.UPLOAD_BYTES}


def has_nginx_brotli():
    return os.path.exists(NGINX_BROTLI)


def render(template, values):
    """Put values in the place of @names@; a name that is not known is our own mistake."""
    return re.sub(r'@(\w+)@', lambda found: str(values[found[1]]), template)


def ringlet_command(kind, place):
    return [kind.program, '--engine', kind.engine, '--cpus', listed(place.cpus), '--host',
            place.host, '--root', str(place.site), '--timeout', '300s', '--quiet',
            *(['--compress'] if kind.compresses else []),
            *(['--spin', str(SPIN_US)] if kind.spins else []),
            *(['--log', str(place.home / 'access.log')] if kind.logs else []),
            *ringlet_face(place)]


def ringlet_face(place):
    if place.face == 'tls':
        chain, key = certificate.paths(place.home.parent)
        return ['--port', str(place.plain_port), '--tls-port', str(place.port), '--tls-cert',
                str(chain), '--tls-key', str(key)]
    return ['--port', str(place.port), *(['--demo'] if place.face == 'handlers' else [])]


def ceiling_command(kind, place):
    return [kind.program, '--engine', kind.engine, '--host', place.host, '--port',
            str(place.port), '--cpu', str(place.cpus[0])]


def nginx_command(kind, place):
    return [kind.program, '-p', str(place.home), '-c', write_config(kind, place), '-e',
            str(place.home / 'nginx.log')]


def h2o_command(kind, place):
    return [kind.program, '-m', 'worker', '-c', write_config(kind, place)]


def lighttpd_command(kind, place):
    return [kind.program, '-D', '-f', write_config(kind, place)]


def lwan_command(kind, place):
    return [kind.program, '-c', write_config(kind, place)]


def bare_command(kind, _place):
    return [kind.program]


COMMANDS = {'ours': ringlet_command, 'ceiling': ceiling_command, 'nginx': nginx_command,
            'h2o': h2o_command, 'lighttpd': lighttpd_command, 'lwan': lwan_command,
            'libreactor': bare_command, 'faf': bare_command}
PEERS = ('nginx', 'h2o', 'lighttpd', 'lwan', 'libreactor', 'faf')
FIXED_PEERS = ('libreactor', 'faf')


def write_config(kind, place):
    path = place.home / f'{kind.peer}.conf'
    path.write_text(kind.config(place))
    return str(path)


def listed(cpus):
    return ','.join(str(cpu) for cpu in cpus)


def own_kinds(build, engines, cores):
    """ringlet on these engines, and the server of fixed answers, which has but one core."""
    kinds = [Kind(f'ringlet {engine}{" --compress" if compresses else ""}', 'ours',
                  str(build / 'ringlet'), engine, compresses=compresses)
             for compresses in (False, True) for engine in engines]
    ceiling = build / 'ringlet-ceiling'
    if cores == 1:
        kinds += [Kind(f'ceiling {engine}', 'ceiling', str(ceiling), engine, fixed=True)
                  for engine in engines]
    return kinds


def other_kinds(build, engines):
    """ringlet of another build, named by its folder."""
    return [Kind(f'ringlet {engine}, {build.name}', 'ours', str(build / 'ringlet'), engine)
            for engine in engines]


def spinning(kind):
    """The same, polling before it sleeps."""
    return dataclasses.replace(kind, name=f'{kind.name} --spin {SPIN_US}', spins=True)


def logging(kind):
    """The same, with an access log in a file."""
    return dataclasses.replace(kind, name=f'{kind.name} --log FILE', logs=True)


def peer_kinds(names):
    """The peers of these names that are on this machine, and the names of those that are not."""
    kinds, missing = [], []
    for name in names:
        program = machine.find_program(name)
        if program:
            kinds.append(Kind(name, 'peer', program, peer=name, fixed=name in FIXED_PEERS))
        else:
            missing.append(name)
    return kinds, missing


class Server:
    """One running server with its children, listening on a port of its host."""

    def __init__(self, kind, place, preload=None):
        self.kind = kind
        self.place = place
        self.port = place.port
        self.log = place.home / 'server.log'
        program = [*kind.around.before_server, *kind.command(place)]
        # As one would type it; the child pins itself, because taskset takes its time, too.
        self.command = ['taskset', '-c', listed(place.cpus), *program]
        clock, childs_clock = os.pipe()
        with open(self.log, 'wb') as log, open(clock, encoding='ascii') as told:
            try:
                self.process = subprocess.Popen(
                    program, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=place.home,
                    env=os.environ | ({'LD_PRELOAD': str(preload)} if preload else {}),
                    start_new_session=True, preexec_fn=lambda: begin(place.cpus, childs_clock))
            finally:
                os.close(childs_clock)
            self.begun = int(told.read()) / 1e9

    def wait_ready(self):
        """Until it answers; a start that fails says what the server said."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise ServerFailed(f'{self.kind.name} ended at its start: {self.said()}')
            try:
                self.ask(self.kind.target('/hello.txt'))
                if not self.kind.compresses or self.has_compressed():
                    return
            except (OSError, ValueError):
                time.sleep(0.01)
        raise ServerFailed(f'{self.kind.name} does not answer on port {self.port}: {self.said()}')

    def ask(self, target, fields=(), body_bytes=0):
        """Ask it once, over TLS where that is the face it shows."""
        return client.ask(self.port, target, fields, self.place.face == 'tls', body_bytes,
                          self.kind.around)

    def has_compressed(self):
        """Is every file of the page there compressed?"""
        return all(self.ask(f'/page/{name}', ('Accept-Encoding: br',)).field('Content-Encoding')
                   for name in filter(content.is_text, content.PAGE_KIB))

    def said(self):
        text = self.log.read_text(errors='replace').strip()
        return ' '.join(text.split())[-400:] or 'it said nothing'

    def pids(self):
        """The process, its children, and theirs."""
        found = [self.process.pid]
        for pid in found:
            children = machine.read(f'/proc/{pid}/task/{pid}/children')
            found += [int(word) for word in children.split()]
        return found

    def cpu_ns(self):
        """CPU time of every thread so far: schedstat where it is kept, else by ticks."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(FileNotFoundError):
                for task in os.listdir(f'/proc/{pid}/task'):
                    total += task_ns(f'/proc/{pid}/task/{task}')
        return total

    def memory_bytes(self):
        """What it has in memory; pages that processes share count once (proc_pid_smaps(5))."""
        return self.smaps_bytes('Pss')

    def resident_bytes(self):
        """The same, but pages that are shared with others count whole."""
        return self.smaps_bytes('Rss')

    def smaps_bytes(self, name):
        total = 0
        for pid in self.pids():
            text = machine.read(f'/proc/{pid}/smaps_rollup')
            found = re.search(rf'^{name}:\s+(\d+) kB', text, re.M)
            total += int(found[1]) * 1024 if found else 0
        return total

    def switches(self):
        """How often its threads have been put to sleep or aside so far (proc_pid_status(5))."""
        total = 0
        for pid in self.pids():
            with contextlib.suppress(FileNotFoundError):
                for task in os.listdir(f'/proc/{pid}/task'):
                    text = machine.read(f'/proc/{pid}/task/{task}/status')
                    total += sum(map(int, re.findall(r'ctxt_switches:\s+(\d+)', text)))
        return total

    def stop(self):
        """Ask it to end, and insist."""
        pids = self.pids()
        if self.process.poll() is None:
            self.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        while any(is_running(pid) for pid in pids) and time.monotonic() < deadline + STOP_SECONDS:
            time.sleep(0.005)


def is_running(pid):
    """Is there such a process, and has it not ended?"""
    state = machine.read(f'/proc/{pid}/stat').rpartition(')')[2].split()
    return bool(state) and state[0] not in 'ZX'


def task_ns(task):
    text = machine.read(f'{task}/schedstat')
    if text:
        return int(text.split()[0])
    fields = machine.read(f'{task}/stat').rpartition(')')[2].split()
    if len(fields) < 13:
        return 0
    return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf('SC_CLK_TCK')


def end_with_parent():
    """In the child: SIGTERM when the comparison ends in whatever way (prctl(2))."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def die_with_parent():
    """The same for what may be stopped: no other signal would reach it."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def begin(cpus, clock):
    """In the child, last before its program: where it may run, and when it began."""
    end_with_parent()
    os.sched_setaffinity(0, cpus)
    os.write(clock, str(time.monotonic_ns()).encode())


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Yard:
    """Where servers stand: the site they serve, the CPUs they get, and those that run."""

    def __init__(self, home, cpus):
        self.home = home
        self.site = home / 'site'
        self.plain_site = home / 'plain-site'
        self.cpus = tuple(cpus)
        self.running = []
        self.site.mkdir()
        self.plain_site.mkdir()
        home.chmod(0o755)
        content.write(self.site)
        content.write(self.plain_site, beside=False)

    def place(self, kind, face='files', cpus=None):
        fixed_port = kind.peer in FIXED_PEERS
        home = self.home / kind.name.replace(' ', '-')
        home.mkdir(exist_ok=True)
        site = self.plain_site if kind.compresses else self.site
        port = FIXED_PORT if fixed_port else free_port()
        cpus = cpus or self.cpus
        if face != 'tls':
            return Place(home, site, cpus, port, face, host=kind.around.host)
        certificate.make(self.home)
        return Place(home, site, cpus, port, face, free_port(), kind.around.host)

    @contextlib.contextmanager
    def server(self, kind, face='files', cpus=None, preload=None):
        """A server that answers, for as long as the block lasts; `cpus` where they are not the
        yard's, `preload` a library that stands before its others."""
        with self.started(kind, face, cpus, preload) as server:
            server.wait_ready()
            yield server

    @contextlib.contextmanager
    def started(self, kind, face='files', cpus=None, preload=None):
        """One that may not answer yet."""
        try:
            place = self.place(kind, face, cpus)
        except certificate.NotMade as error:
            raise ServerFailed(str(error)) from error
        server = Server(kind, place, preload)
        self.running.append(server)
        try:
            yield server
        finally:
            server.stop()
            self.running.remove(server)

    def clean(self):
        for server in list(self.running):
            server.stop()
        shutil.rmtree(self.home, ignore_errors=True)


@contextlib.contextmanager
def open_yard(cpus):
    """A yard in a folder of its own, for as long as the block lasts."""
    yard = Yard(pathlib.Path(tempfile.mkdtemp(prefix='ringlet-bench-')), cpus)
    try:
        yield yard
    finally:
        yard.clean()
