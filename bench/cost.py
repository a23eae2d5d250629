"""What a request costs the server's CPU: ringlet on both engines and nginx, interleaved.

A 13-byte file over 64 keep-alive connections, the server pinned to one CPU and wrk to another, once
with a bare request and once with the dozen headers a browser sends. Servers take turns, A B C then
C B A, and the medians are shown. A run that took over 1.25 times the least of its own kind is left
out (a guest's CPU has fast and slow spells), and `kept` says how many were not.

Where the CPU's counters can be read (perf stat -C) the cost is instructions and cycles. Where they
cannot, it is the server's CPU time from the scheduler's own books.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

BODY = b'Hello, world\n'
CONNECTIONS = 64
START_SECONDS = 20
KEPT_WITHIN = 1.25

BROWSER = [
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Accept-Language: en-GB,en;q=0.7,de;q=0.3',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Referer: http://127.0.0.1/index.html',
    'Connection: keep-alive',
    'Cookie: session=4f1c2a9e7b6d5038; theme=dark',
    'Upgrade-Insecure-Requests: 1',
    'Sec-Fetch-Dest: document',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Site: same-origin',
    'Priority: u=0, i',
]
REQUESTS = {'bare': [], 'browser': BROWSER}

NGINX_CONF = '''
daemon off;
master_process {master};
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/nginx.log;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    keepalive_timeout 75s;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=600s;
    open_file_cache_valid 600s;
    open_file_cache_min_uses 1;
    default_type text/plain;
    client_body_temp_path {home}/t1;
    proxy_temp_path {home}/t2;
    fastcgi_temp_path {home}/t3;
    uwsgi_temp_path {home}/t4;
    scgi_temp_path {home}/t5;
    server {{ listen 127.0.0.1:{port}; root {home}/site; }}
}}
'''


class Server:
    """One server process (with its children), listening on a port of 127.0.0.1."""

    def __init__(self, name, command, port, log, environment):
        self.name = name
        self.port = port
        self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                        env=os.environ | environment)

    def wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                self.check_answer()
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f'{self.name} does not answer on port {self.port}')

    def check_answer(self):
        with socket.create_connection(('127.0.0.1', self.port), timeout=5) as peer:
            peer.sendall(request_bytes(self.port, []))
            head, body = read_answer(peer)
        if not head.startswith(b'HTTP/1.1 200 ') or body != BODY:
            raise SystemExit(f'{self.name} answers {head!r} {body!r}')

    def pids(self):
        """The process and its children."""
        pid = self.process.pid
        listed = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
        return [pid] + [int(word) for word in listed.read_text().split()]

    def cpu_ns(self):
        """CPU time of every thread so far: schedstat(5) where it is kept, else by ticks."""
        total = 0
        for pid in self.pids():
            for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
                total += task_ns(task)
        return total

    def stop(self):
        """Ask it to end, and insist. Under valgrind a thread that sleeps in io_uring_enter keeps
        all others from running, the one that waits for our signal among them: wake it."""
        if self.process.poll() is None:
            self.process.terminate()
        deadline = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                socket.create_connection(('127.0.0.1', self.port), timeout=1).close()
            time.sleep(0.1)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def task_ns(task):
    try:
        return int((task / 'schedstat').read_text().split()[0])
    except FileNotFoundError:
        fields = (task / 'stat').read_text().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf('SC_CLK_TCK')


def request_bytes(port, headers):
    lines = ['GET /hello.txt HTTP/1.1', f'Host: 127.0.0.1:{port}', *headers, '', '']
    return '\r\n'.join(lines).encode()


def read_answer(peer):
    """Head and body of one answer that has a Content-Length."""
    data = b''
    while b'\r\n\r\n' not in data:
        data += receive(peer)
    head, body = data.split(b'\r\n\r\n', 1)
    length = int(re.search(rb'(?i)\r\ncontent-length: *(\d+)', head)[1])
    while len(body) < length:
        body += receive(peer)
    return head, body


def receive(peer):
    data = peer.recv(65536)
    if not data:
        raise ConnectionError('the server closed the connection')
    return data


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Bench:
    """The temporary directory, the options, and whatever is running."""

    def __init__(self, options, home):
        self.options = options
        self.home = home
        self.servers = []
        (home / 'site').mkdir()
        (home / 'site' / 'hello.txt').write_bytes(BODY)
        home.chmod(0o755)

    def command(self, name, port, in_one_process=False):
        pinned = ['taskset', '-c', str(self.options.server_cpu)]
        if name == 'nginx':
            conf = self.home / f'nginx-{port}.conf'
            conf.write_text(NGINX_CONF.format(home=self.home, port=port,
                                              master='off' if in_one_process else 'on'))
            nginx = shutil.which('nginx') or '/usr/sbin/nginx'
            return pinned, [nginx, '-p', str(self.home), '-c', str(conf),
                            '-e', f'{self.home}/nginx.log']
        engine = name.split()[1]
        return pinned, [self.options.binary, '--engine', engine, '--cpus',
                        str(self.options.server_cpu), '--host', '127.0.0.1', '--port', str(port),
                        '--root', str(self.home / 'site'), '--quiet']

    def start(self, name, wrapper=(), **environment):
        port = free_port()
        pinned, command = self.command(name, port, in_one_process=bool(wrapper))
        with open(self.home / 'servers.log', 'ab') as log:
            server = Server(name, [*pinned, *wrapper, *command], port, log, environment)
        self.servers.append(server)
        server.wait_ready()
        return server

    def stop(self, server):
        server.stop()
        self.servers.remove(server)

    def stop_all(self):
        for server in list(self.servers):
            self.stop(server)

    def wrk(self, server, headers, seconds, wrapper=()):
        """Load for so many seconds: how many requests were answered, and wrapper's stderr."""
        command = [*wrapper, 'taskset', '-c', str(self.options.load_cpu), 'wrk', '-t1',
                   f'-c{CONNECTIONS}', f'-d{seconds}s']
        for header in headers:
            command += ['-H', header]
        done = subprocess.run([*command, f'http://127.0.0.1:{server.port}/hello.txt'],
                              capture_output=True, text=True, timeout=seconds + 60, check=False)
        answered = re.search(r'(\d+) requests in ', done.stdout)
        if not answered or 'Non-2xx' in done.stdout or 'Socket errors' in done.stdout:
            raise SystemExit(f'wrk against {server.name}:\n{done.stdout}{done.stderr}')
        return int(answered[1]), done.stderr

    def perf_wrapper(self):
        return ['perf', 'stat', '-x', ',', '-C', str(self.options.server_cpu),
                '-e', 'instructions:u,instructions:k,cycles', '--']

    def has_counters(self):
        if not shutil.which('perf'):
            return False
        done = subprocess.run([*self.perf_wrapper(), 'true'], capture_output=True, text=True,
                              timeout=60, check=False)
        return done.returncode == 0 and len(counters(done.stderr)) == 3

    def measure_counters(self, server, headers):
        requests, said = self.wrk(server, headers, self.options.seconds, self.perf_wrapper())
        values = counters(said)
        return {'user instr': values['instructions:u'] / requests,
                'kernel instr': values['instructions:k'] / requests,
                'cycles': values['cycles'] / requests}

    def measure_time(self, server, headers):
        before = server.cpu_ns()
        requests, _ = self.wrk(server, headers, self.options.seconds)
        spent = server.cpu_ns() - before
        return {'req/s': requests / self.options.seconds, 'CPU ns': spent / requests}


def counters(text):
    """The counts in what `perf stat -x ,` printed, without those it could not count."""
    rows = (line.split(',') for line in text.splitlines())
    return {row[2]: float(row[0]) for row in rows
            if len(row) > 2 and re.fullmatch(r'[\d.]+', row[0])}


def keep_fast(samples):
    """The samples within KEPT_WITHIN of the cheapest, judged by their last column."""
    judge = list(samples[0])[-1]
    least = min(sample[judge] for sample in samples)
    return [sample for sample in samples if sample[judge] <= KEPT_WITHIN * least]


def print_table(title, rows):
    """rows: dicts with the same keys; numbers are shown rounded."""
    def shown(value):
        if isinstance(value, float):
            return f'{value:.3f}' if value < 100 else f'{value:.0f}'
        return str(value)
    table = [list(rows[0])] + [[shown(value) for value in row.values()] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table)]
    print(f'\n{title}')
    for row in table:
        cells = [cell.ljust(width) if at < 2 else cell.rjust(width)
                 for at, (cell, width) in enumerate(zip(row, widths))]
        print('  '.join(cells).rstrip())


def cost(bench, names):
    """The interleaved measurement; prints medians and how they stand to nginx."""
    servers = {name: bench.start(name) for name in names}
    if bench.has_counters():
        measure, title = bench.measure_counters, 'per request, by the CPU\'s counters'
    else:
        measure, title = bench.measure_time, 'per request, by CPU time'
        print('perf cannot count instructions and cycles on this machine: CPU time instead')
    samples = {(name, kind): [] for kind in REQUESTS for name in names}
    for turn in range(bench.options.rounds):
        for kind, headers in REQUESTS.items():
            for name in (names if turn % 2 == 0 else names[::-1]):
                bench.wrk(servers[name], headers, 1)
                samples[name, kind].append(measure(servers[name], headers))
                print('.', end='', flush=True)
    print()
    bench.stop_all()
    print_table(title, with_ratio([median_row(*key, runs) for key, runs in samples.items()]))


def median_row(name, kind, runs):
    kept = keep_fast(runs)
    row = {'server': name, 'request': kind}
    for column in runs[0]:
        row[column] = float(statistics.median(run[column] for run in kept))
    row['kept'] = f'{len(kept)}/{len(runs)}'
    return row


def with_ratio(rows):
    """Add each row's cost as a share of nginx's for the same kind of request."""
    column = [key for key in rows[0] if key != 'kept'][-1]
    nginx = {row['request']: row[column] for row in rows if row['server'] == 'nginx'}
    for row in rows:
        if nginx:
            row['of nginx'] = row[column] / nginx[row['request']]
    return rows


def drive(port, headers, rounds):
    """A fixed number of requests: CONNECTIONS a round, all sent before any answer is read."""
    request = request_bytes(port, headers)
    peers = [socket.create_connection(('127.0.0.1', port), timeout=60)
             for _ in range(CONNECTIONS)]
    for _ in range(rounds):
        for peer in peers:
            peer.sendall(request)
        for peer in peers:
            read_answer(peer)
    for peer in peers:
        peer.close()


def count_instructions(bench, name, headers, rounds):
    """User-space instructions of a server's whole life with so many rounds of requests."""
    out = bench.home / 'callgrind.out'
    out.unlink(missing_ok=True)
    server = bench.start(name, ['valgrind', '--tool=callgrind', '--quiet',
                                f'--callgrind-out-file={out}'],
                         LD_PRELOAD=str(bench.home / 'openat2.so'))
    drive(server.port, headers, rounds)
    bench.stop(server)
    total = re.search(r'^(?:totals|summary): (\d+)', out.read_text(), re.M)
    if not total:
        raise SystemExit(f'callgrind counted nothing for {name}')
    return int(total[1])


def instructions(bench, names):
    """The difference of a long run and a short one, so that starting and stopping fall out."""
    if not shutil.which('valgrind'):
        raise SystemExit('--instructions needs valgrind: apt-get install valgrind')
    subprocess.run(['cc', '-shared', '-fPIC', '-o', bench.home / 'openat2.so',
                    pathlib.Path(__file__).parent / 'openat2.c'], check=True)
    short, long = 10, 10 + bench.options.callgrind_rounds
    rows = []
    for kind, headers in REQUESTS.items():
        for name in names:
            spent = (count_instructions(bench, name, headers, long)
                     - count_instructions(bench, name, headers, short))
            rows.append({'server': name, 'request': kind,
                         'user instr': spent / ((long - short) * CONNECTIONS)})
    print_table('user-space instructions per request, by callgrind', with_ratio(rows))


def trace(bench, server, headers):
    """Calls by name, and requests, while wrk runs with strace attached."""
    out = bench.home / 'strace.out'
    command = ['strace', '-c', '-f', '-o', str(out)]
    for pid in server.pids():
        command += ['-p', str(pid)]
    tracer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_traced(server)
        requests, _ = bench.wrk(server, headers, 2)
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(30)
    found = re.findall(r'^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?([a-z]\w*)$', out.read_text(),
                       re.M)
    return {name: int(calls) for calls, name in found if name != 'total'}, requests


def wait_traced(server):
    """Until strace has hold of every process of the server."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        states = [pathlib.Path(f'/proc/{pid}/status').read_text() for pid in server.pids()]
        if all(re.search(r'^TracerPid:\t[1-9]', state, re.M) for state in states):
            return
        time.sleep(0.02)
    raise SystemExit(f'strace cannot attach to {server.name}')


def syscalls(bench, names):
    rows = []
    for name in names:
        server = bench.start(name)
        bench.wrk(server, [], 1)
        calls, requests = trace(bench, server, [])
        bench.stop(server)
        most = sorted(calls.items(), key=lambda item: -item[1])[:4]
        rows.append({'server': name, 'request': 'bare',
                     'calls': float(sum(calls.values()) / requests), 'requests': requests,
                     'the most': ', '.join(f'{what} {n / requests:.3f}' for what, n in most)})
    print_table('system calls per request, by strace -c -f', rows)


def arguments():
    allowed = sorted(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', required=True, help='the ringlet to measure')
    parser.add_argument('--rounds', type=int, default=6, help='turns per server and request')
    parser.add_argument('--seconds', type=int, default=3, help='of load per turn')
    parser.add_argument('--server-cpu', type=int, default=allowed[0])
    parser.add_argument('--load-cpu', type=int, default=allowed[-1])
    parser.add_argument('--only', action='append', metavar='NAME',
                        help='ringlet io_uring, ringlet epoll or nginx; may be repeated')
    parser.add_argument('--syscalls', action='store_true',
                        help='count system calls per request instead')
    parser.add_argument('--instructions', action='store_true',
                        help='count user-space instructions per request with callgrind instead')
    parser.add_argument('--callgrind-rounds', type=int, default=100,
                        help=f'times {CONNECTIONS} requests that are counted')
    return parser.parse_args()


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('ended by SIGTERM'))
    names = options.only or ['ringlet io_uring', 'ringlet epoll', 'nginx']
    what = syscalls if options.syscalls else instructions if options.instructions else cost
    with tempfile.TemporaryDirectory(prefix='ringlet-cost-') as home:
        bench = Bench(options, pathlib.Path(home))
        try:
            what(bench, names)
        finally:
            bench.stop_all()


if __name__ == '__main__':
    main()
