"""What is read from the generators, perf and strace; medians and spread; progress; options."""

import contextlib
import io
import json
import pathlib
import tempfile
import types
import unittest

import where
import counters
import generators
import measure
import options
import plan
import results
import summary
import tracers
import workloads

WRK2 = '''Running 1s test @ http://127.0.0.1:8080/hello.txt
  1 threads and 4 connections
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%  820.00us
 75.000%    1.20ms
 90.000%    1.50ms
 99.000%    2.00ms
 99.900%    3.00ms
 99.990%    1.00s
 99.999%    1.00s
100.000%    1.00s

  Detailed Percentile spectrum:
       Value   Percentile   TotalCount 1/(1-Percentile)

       0.100     0.000000            1         1.00
    1000.000     1.000000          990          inf
#[Mean    =        0.900, StdDeviation   =        0.300]
#[Max     =     1000.000, Total count    =          990]
#[Buckets =           27, SubBuckets     =         2048]
----------------------------------------------------------
  COUNT requests in 1.00s, 1.50MB read
Requests/sec:    1000.00
'''


def load(rate=None, **others):
    work = workloads.named(['hello-bare'])[0]
    values = {'workload': work, 'port': 8080, 'targets': ('/hello.txt',), 'connections': 4,
              'seconds': 1, 'warmup': 1, 'rate': rate, 'cpus': (1,), 'folder': pathlib.Path('/x')}
    return generators.Load(**(values | others))


class Generators(unittest.TestCase):
    def test_wrk(self):
        text = ('  1000 requests in 1.25s, 2.00KB read\n'
                '  Socket errors: connect 1, read 2, write 0, timeout 4\n'
                '  Non-2xx or 3xx responses: 8\nRequests/sec: 800\n')
        made = generators.read_wrk(text, load())
        self.assertEqual((made.requests, made.seconds, made.bytes, made.errors),
                         (1000, 1.25, 2048, 15))
        self.assertEqual(made.per_second(), 800)
        with self.assertRaises(generators.GeneratorFailed):
            generators.read_wrk('unable to connect', load())

    def test_wrk2(self):
        made = generators.read_wrk(WRK2.replace('COUNT', '1000'), load(rate=1000))
        self.assertEqual(made.latency_us['50'], 820)
        self.assertEqual(made.latency_us['99.9'], 3000)
        self.assertEqual(made.latency_us['100'], 10**6)
        self.assertTrue(made.spectrum.lstrip().startswith('Value'))
        self.assertTrue(made.spectrum.endswith('2048]\n'))

    def test_wrk2_that_fell_behind(self):
        """It asks for nothing in the tenth of a second in which it starts."""
        made = generators.read_wrk(WRK2.replace('COUNT', '892'), load(rate=1000))
        self.assertIsNone(made.refused)
        made = generators.read_wrk(WRK2.replace('COUNT', '889'), load(rate=1000))
        self.assertEqual((made.refused, made.latency_us, made.spectrum),
                         ('889/s where 1000/s were asked for', None, None))

    def test_what_wrk_cannot_do(self):
        wrk = generators.Wrk('wrk')
        refused = {made.name for made in workloads.PLAIN if wrk.refusal(made, None)}
        self.assertEqual(refused, {'page-load', 'page-plain', 'pipelined-16', 'idle-10000',
                                   'cold-beside-hot'})
        self.assertEqual(wrk.refusal(workloads.ALL[0], 5), 'wrk keeps no rate')
        for name in ('https-1k', 'https-full', 'upload-20m'):
            self.assertTrue(wrk.refusal(workloads.named([name])[0], None), name)

    def test_json(self):
        found = {'requests': 10, 'seconds': 2.0, 'bytes': 300, 'refused': None,
                 'errors': {'status': 1, 'length': 2},
                 'latency': {'percentiles': {'50': 3.5, '100': 9}},
                 'handshakes': {'full': 1, 'resumed': 9},
                 'generator': {'busy': 0.95, 'bound': True, 'cpu_ns_per_request': 5e4}}
        made = generators.read_json(found, 5)
        self.assertEqual((made.errors, made.bound, made.busy, made.latency_us['50']),
                         (3, True, 0.95, 3.5))
        self.assertEqual((made.handshakes['resumed'], made.cpu_ns_per_request), (9, 5e4))
        self.assertIsNone(generators.read_json(found, None).latency_us)
        self.assertIsNone(generators.read_json(found | {'refused': 'late'}, 5).latency_us)

    def test_command_of_ringlet_load(self):
        ours = generators.RingletLoad('/p/ringlet-load')
        for name, words in (('pipelined-16', '--pipeline 16'), ('idle-10000', '--idle 10000'),
                            ('new-connection', '--new-connection'),
                            ('not-found', '--expect-status 404')):
            work = workloads.named([name])[0]
            told = ' '.join(ours.command(load(workload=work, rate=7), 'load'))
            self.assertIn(words, told)
            self.assertIn('--rate 7', told)
            self.assertNotIn('Connection: close', told)
            self.assertTrue(told.endswith('http://127.0.0.1:8080/hello.txt'))

    def test_command_over_tls_and_of_bodies(self):
        ours = generators.RingletLoad('/p/ringlet-load')
        cipher = '--tls-insecure --tls-cipher TLS_AES_128_GCM_SHA256'
        for name, words, not_there in (('https-1k', cipher, '--tls-resume'),
                                       ('https-full', '--new-connection', '--tls-resume'),
                                       ('https-resumed', '--tls-resume', '--body-size'),
                                       ('upload-20m', '--body-size 20000000', '--tls')):
            work = workloads.named([name])[0]
            made = load(workload=work, targets=work.targets)
            told = ' '.join(ours.command(made, 'load'))
            self.assertIn(words, told)
            self.assertNotIn(not_there, told)
            self.assertTrue(made.url().startswith('https:' if work.tls else 'http:'))

    def test_bytes_are_those_of_bodies_where_there_are_any(self):
        outcome = generators.Outcome(requests=50, seconds=2.0, bytes=5000, errors=0)
        found = [measure.bytes_per_second(workloads.named([name])[0], outcome)
                 for name in ('file-1m', 'upload-20m')]
        self.assertEqual(found, [2500, 500000000])


class Counters(unittest.TestCase):
    def test_perf(self):
        text = ('1200,,instructions:u,9,100.00,,\n<not supported>,,cycles,0,100.00,,\n'
                'something else\n')
        self.assertEqual(counters.parse_perf(text), {'instructions:u': 1200.0})

    def test_per_request(self):
        made = counters.per_request({'cpu_ns': 5e8, 'cycles': 2e9}, 1e5)
        self.assertEqual((made['cpu_ns_per_request'], made['cycles_per_request']), (5000, 20000))
        self.assertIsNone(made['user_instructions_per_request'])
        self.assertIsNone(counters.per_request({'cpu_ns': 5}, 0)['cpu_ns_per_request'])

    def test_strace(self):
        text = ('% time     seconds  usecs/call     calls    errors syscall\n'
                '------ ----------- ----------- --------- --------- ----------------\n'
                ' 60.00    0.100000           1       500       20 recvfrom\n'
                ' 40.00    0.050000           1       480           writev\n'
                '------ ----------- ----------- --------- --------- ----------------\n'
                '100.00    0.150000           1       980        20 total\n')
        self.assertEqual(tracers.parse_strace(text), {'recvfrom': 500, 'writev': 480})


class Summary(unittest.TestCase):
    def test_spread(self):
        self.assertEqual(summary.spread([3, None, 1, 2]), (2, 1, 3))
        self.assertEqual(summary.spread([4, 1]), (2.5, 1, 4))
        self.assertIsNone(summary.spread([None]))

    def test_table_shows_what_was_kept(self):
        runs = [{'server': 'a', 'kept': kept, 'requests_per_second': rate,
                 'cpu_ns_per_request': 2000, 'bytes_per_second': 5e7,
                 'server_rss_bytes': 3 << 20, 'generator_cpu_ns_per_request': None,
                 'latency_us': None}
                for kept, rate in ((True, 100), (True, 300), (False, 9))]
        self.assertEqual(summary.table(runs)[1].split(),
                         ['a', '2/3', '200.0', '(100.0-300.0)', '2.00', '50.0', '3.00', '-', '-',
                          '-'])


class Progress(unittest.TestCase):
    def test_time_left(self):
        now = types.SimpleNamespace(seconds=0)
        said = []
        made = plan.Plan(1.2, say=said.append, clock=lambda: now.seconds)
        made.add(10)
        made.start()
        self.assertEqual(made.left_seconds(), 20)
        now.seconds = 6
        made.done({'requests_per_second': 5.0, 'cpu_ns_per_request': 1500, 'latency_us': None,
                   'disturbed': 'steal 2.0 %', 'workload': 'w', 'server': 's', 'connections': 1,
                   'level': 'idle'})
        self.assertEqual(made.left_seconds(), 54)
        self.assertEqual(said, ['[ 1/10] w, s, 1 connections, idle: 5/s, 1.50 us CPU, disturbed: '
                                'steal 2.0 % (54 s left)'])

    def test_a_long_reason_is_cut(self):
        self.assertEqual(plan.first_words('rate not held: the server fell behind: 9 %; and so on'),
                         'rate not held: the server fell behind')
        self.assertEqual(plan.first_words('steal 2.0 %'), 'steal 2.0 %')

    def test_duration(self):
        self.assertEqual([plan.duration(n) for n in (5, 300, 9000)],
                         ['5 s', '5 min', '2 h 30 min'])


class Options(unittest.TestCase):
    def parse(self, *words):
        return options.parse(list(words), where.TREE)

    def refused(self, *words):
        with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
            self.parse(*words)

    def test_defaults(self):
        made = self.parse()
        self.assertEqual((made.seconds, made.warmup, made.repetitions, made.repeats),
                         (5, 1, 4, 2))
        self.assertEqual(made.engines, ('io_uring', 'epoll'))
        self.assertEqual(made.out.parent, where.TREE / 'bench-results')

    def test_quick_needs_no_peer(self):
        made = self.parse('--quick', '--seconds', '3')
        self.assertEqual((made.peers, made.seconds, made.no_counts), ((), 3, True))

    def test_lists(self):
        made = self.parse('--levels', 'ceiling,50,90%,idle,half-nginx', '--connections', '1,64',
                          '--peers', 'none')
        self.assertEqual(made.levels, ('ceiling', '50%', '90%', 'idle', 'half-nginx'))
        self.assertEqual((made.connections, made.peers), ((1, 64), ()))
        self.assertEqual(options.cpu_list('0,2-4'), (0, 2, 3, 4))
        work = workloads.named(['json'])[0]
        self.assertEqual(options.levels(work, made), ('50%', '90%', 'idle', 'half-nginx'))
        self.assertEqual(options.levels(work, self.parse('--rates', '9,50')), ('9/s', '50/s'))
        for name, count in (('idle-10000', 100), ('one-at-a-time', 1)):
            self.assertEqual(options.counts(workloads.named([name])[0], made), (count,))

    def test_targets(self):
        made = self.parse('--targets', '--repetitions', '3')
        self.assertEqual((made.seconds, made.warmup, made.repetitions), (2, 0.3, 3))
        self.assertEqual(options.levels(workloads.named(['hello-browser'])[0], made),
                         ('half-nginx',))
        self.assertIn('json', made.workloads)
        self.assertNotIn('page-plain', made.workloads)
        self.assertEqual(self.parse('--targets', '--workloads', 'json').workloads, ('json',))

    def test_resume(self):
        with tempfile.TemporaryDirectory() as folder:
            self.refused('--resume', folder)
            pathlib.Path(folder, 'results.json').touch()
            made = self.parse('--resume', folder)
            self.assertEqual(made.out, pathlib.Path(folder).resolve())

    def test_what_is_refused(self):
        for words in (['--peers', 'apache'], ['--workloads', 'x'], ['--engines', 'kqueue'],
                      ['--connections', '0'], ['--levels', '99'], ['--server-cpus', '99999'],
                      ['--repetitions', '0']):
            self.refused(*words)


class Results(unittest.TestCase):
    def test_written_after_every_run(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            made = results.Results(folder / 'out', 'bench/run.sh', {'cpu': 'x'})
            run = {'workload': 'w', 'server': 'ringlet io_uring', 'connections': 64,
                   'level': '50%', 'repetition': 1, 'hgrm': None}
            made.add_run(dict(run), 'first')
            made.add_run(dict(run), 'second')
            found = json.loads((folder / 'out/results.json').read_text())
            self.assertIsNone(found['finished'])
            self.assertEqual([made['hgrm'] for made in found['runs']],
                             ['hgrm/w-ringlet-io_uring-64c-50pct-r1.hgrm',
                              'hgrm/w-ringlet-io_uring-64c-50pct-r1-again1.hgrm'])
            self.assertEqual((folder / 'out' / found['runs'][1]['hgrm']).read_text(), 'second')
            self.assertIn('cpu: x', (folder / 'out/machine.txt').read_text())


if __name__ == '__main__':
    unittest.main()
