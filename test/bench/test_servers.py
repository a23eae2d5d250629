"""Configurations, answers that are looked at, servers that are stopped, facts of the machine."""

import dataclasses
import gzip
import os
import pathlib
import socket
import sys
import tempfile
import threading
import time
import unittest

import where
import client
import content
import machine
import probe
import servers
import workloads

assert where

SITE = pathlib.Path('/the/site')
SLEEPER = '''
import http.server, os, signal, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[2] == "deaf" else signal.SIG_DFL)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
'''


def place(cpus=(2, 3), face='files'):
    return servers.Place(pathlib.Path('/yard/home'), SITE, cpus, 8123, face, 8124)


class Configurations(unittest.TestCase):
    def peer(self, name):
        return servers.Kind(name, 'peer', f'/bin/{name}', peer=name,
                            fixed=name in servers.FIXED_PEERS)

    def test_every_peer_has_one_and_all_names_are_known(self):
        for name in servers.PEERS:
            for face in ('files', 'tls', 'handlers'):
                self.assertNotIn('@', self.peer(name).config(place(face=face)))

    def test_faces(self):
        shown = {face: [name for name in servers.PEERS if self.peer(name).shows(face)]
                 for face in ('files', 'tls', 'handlers')}
        self.assertEqual(shown, {'files': list(servers.PEERS), 'tls': ['nginx', 'h2o'],
                                 'handlers': ['nginx']})
        nginx = self.peer('nginx').config(place(face='tls'))
        for words in ('listen 127.0.0.1:8123 ssl ', 'ssl_certificate /yard/certificate.pem;',
                      'ssl_certificate_key /yard/key.pem;', 'ssl_session_tickets on;',
                      'Ciphersuites TLS_AES_128_GCM_SHA256;'):
            self.assertIn(words, nginx)
        self.assertNotIn('ssl', self.peer('nginx').config(place()))
        self.assertIn('key-file: /yard/key.pem\n', self.peer('h2o').config(place(face='tls')))
        self.assertIn('return 200 "20000000";',
                      self.peer('nginx').config(place(face='handlers')))

    def test_own_faces(self):
        kind = servers.Kind('ringlet epoll', 'ours', '/bin/ringlet', 'epoll')
        told = ' '.join(kind.command(place(face='tls')))
        self.assertIn('--port 8124 --tls-port 8123 --tls-cert /yard/certificate.pem '
                      '--tls-key /yard/key.pem', told)
        told = kind.command(place(face='handlers'))
        self.assertIn('--demo', told)
        self.assertNotIn('--demo', kind.command(place()))
        self.assertNotRegex(' '.join(kind.command(place())), '--spin|--log')
        spinning, logging = servers.spinning(kind), servers.logging(kind)
        self.assertEqual((spinning.name, logging.name),
                         ('ringlet epoll --spin 50', 'ringlet epoll --log FILE'))
        self.assertIn('--spin 50', ' '.join(spinning.command(place())))
        self.assertIn('--log /yard/home/access.log', ' '.join(logging.command(place())))
        ceiling = servers.Kind('ceiling epoll', 'ceiling', '/bin/ceiling', 'epoll', fixed=True)
        compressing = dataclasses.replace(kind, compresses=True)
        for face in ('tls', 'handlers'):
            self.assertTrue(kind.shows(face))
            self.assertFalse(ceiling.shows(face))
            self.assertFalse(compressing.shows(face))

    def test_what_is_filled_in(self):
        text = self.peer('nginx').config(place())
        for words in ('worker_processes 2;', 'worker_cpu_affinity auto 1100;',
                      'listen 127.0.0.1:8123 ', 'root /the/site;'):
            self.assertIn(words, text)
        self.assertIn('num-threads: 2\n', self.peer('h2o').config(place()))
        self.assertIn('max-worker = 2\n', self.peer('lighttpd').config(place()))
        self.assertIn('max-worker = 0\n', self.peer('lighttpd').config(place((1,))))

    def test_another_build(self):
        kinds = servers.other_kinds(pathlib.Path('/b/before'), ('io_uring', 'epoll'))
        self.assertEqual([kind.name for kind in kinds],
                         ['ringlet io_uring, before', 'ringlet epoll, before'])
        self.assertEqual(kinds[0].command(place())[:3],
                         ['/b/before/ringlet', '--engine', 'io_uring'])

    def test_an_unknown_name(self):
        with self.assertRaises(KeyError):
            servers.render('@nonsense@', {})

    def test_own_command(self):
        kind = servers.Kind('ringlet epoll', 'ours', '/bin/ringlet', 'epoll')
        told = ' '.join(kind.command(place()))
        self.assertTrue(told.startswith('/bin/ringlet --engine epoll --cpus 2,3 '), told)
        self.assertIsNone(kind.config(place()))
        self.assertNotIn('--compress', told)

    def test_one_that_compresses_is_told_to(self):
        kinds = servers.own_kinds(pathlib.Path('/b'), ('epoll',), 2)
        self.assertEqual([kind.name for kind in kinds],
                         ['ringlet epoll', 'ringlet epoll --compress'])
        self.assertIn('--compress', kinds[1].command(place()))

    def test_fixed_peers_are_asked_for_what_they_know(self):
        self.assertEqual(self.peer('faf').target('/hello.txt'), '/plaintext')
        self.assertEqual(self.peer('nginx').target('/hello.txt'), '/hello.txt')


class Answers(unittest.TestCase):
    def read(self, *pieces):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            def send():
                for piece in pieces:
                    theirs.sendall(piece)
                    time.sleep(0.01)
                theirs.shutdown(socket.SHUT_WR)
            thread = threading.Thread(target=send)
            thread.start()
            ours.settimeout(10)
            try:
                return client.read_answer(ours)
            finally:
                thread.join()

    def test_by_length(self):
        got = self.read(b'HTTP/1.1 200 OK\r\ncontent-LENGTH: 5\r\nX: y\r\n\r\nab', b'cde')
        self.assertEqual((got.status, got.body, got.field('x')), (200, b'abcde', 'y'))

    def test_chunked(self):
        got = self.read(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab',
                        b'c\r\n2;x\r', b'\nde\r\n0\r\n\r\n')
        self.assertEqual(got.body, b'abcde')

    def test_to_the_end(self):
        self.assertEqual(self.read(b'HTTP/1.0 404 No\r\n\r\nab', b'c').body, b'abc')

    def test_cut_off(self):
        with self.assertRaises(client.Closed):
            self.read(b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab')
        with self.assertRaises(ValueError):
            self.read(b'nonsense\r\n\r\n')


class Looks(unittest.TestCase):
    def judge(self, name, role='peer', fixed=False, **changes):
        entry = probe.Entry(workloads.named([name])[0])
        known = content.files()
        looks = [probe.Look(entry.workload.status, 100, len(known.get(target, b'')), '', '/x/',
                            probe.digest(known.get(target, b'')))
                 for target in entry.workload.targets]
        entry.reference = list(looks)
        looks[-1] = dataclasses.replace(looks[-1], **changes)
        kind = servers.Kind('it', role, '/bin/it', peer='faf' if role == 'peer' else '',
                            fixed=fixed)
        probe.judge(entry, kind, looks)
        return entry

    def test_the_same_bytes(self):
        entry = self.judge('page-load')
        self.assertEqual(([kind.name for kind in entry.kinds], entry.head_bytes),
                         (['it'], {'it': 100}))

    def test_other_bytes(self):
        entry = self.judge('page-load', digest='other')
        self.assertEqual((entry.kinds, entry.wrong), ([], {}))
        self.assertIn('other bytes to /page/map.txt', entry.absent['it'])

    def test_our_own_are_wrong_and_not_absent(self):
        for role in ('ours', 'ceiling'):
            entry = self.judge('hello-bare', role=role, digest='other')
            self.assertEqual((entry.kinds, entry.absent), ([], {}))
            self.assertIn('other bytes', entry.wrong['it'])

    def test_other_status_coding_or_no_location(self):
        self.assertIn('answers 200', self.judge('not-found', status=200).absent['it'])
        self.assertIn('as gzip', self.judge('page-load', coding='gzip').absent['it'])
        self.assertIn('nowhere', self.judge('redirect', location='').absent['it'])

    def test_fixed_answers_need_the_length_only(self):
        self.assertTrue(self.judge('hello-bare', fixed=True, digest='other').kinds)
        self.assertFalse(self.judge('hello-bare', fixed=True, digest='other', body_bytes=9).kinds)


    def test_what_is_compressed_by_the_server_itself(self):
        page, hello = (probe.Entry(workloads.named([name])[0]) for name in ('page-load',
                                                                            'hello-bare'))
        kind = servers.Kind('it', 'ours', '/bin/it', compresses=True)
        self.assertTrue(probe.takes_part(kind, page))
        self.assertFalse(probe.takes_part(kind, hello))

        spinning = servers.spinning(servers.Kind('it', 'ours', '/bin/it'))
        alone = probe.Entry(workloads.named(['one-at-a-time'])[0])
        self.assertTrue(probe.takes_part(spinning, alone))
        self.assertFalse(probe.takes_part(spinning, hello))

        data = gzip.compress(b'text', mtime=0)
        head = b'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n'
        seen = probe.look(client.Answer(200, head, data), decode=True)
        self.assertEqual((seen.body_bytes, seen.coding, seen.digest),
                         (len(data), 'gzip', probe.digest(b'text')))


class Running(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name) / 'yard'
        self.home.mkdir()
        self.yard = servers.Yard(self.home, (machine.allowed_cpus()[0],))
        self.addCleanup(self.yard.clean)
        (self.home / 'sleeper.py').write_text(SLEEPER)
        before = dict(servers.COMMANDS)
        self.addCleanup(servers.COMMANDS.update, before)

    def kind(self, how):
        def command(_kind, where_to):
            return [sys.executable, str(self.home / 'sleeper.py'), str(where_to.port), how]
        servers.COMMANDS['ours'] = command
        return servers.Kind('it', 'ours', '/bin/it')

    def test_children_are_seen_and_stopped(self):
        with self.yard.server(self.kind('polite')) as server:
            pids = server.pids()
            self.assertEqual(len(pids), 2)
            self.assertGreater(server.cpu_ns(), 0)
            self.assertGreater(server.memory_bytes(), 0)
            self.assertEqual(os.sched_getaffinity(server.process.pid), set(self.yard.cpus))
        self.assertFalse([pid for pid in pids if servers.is_running(pid)])
        self.assertEqual(self.yard.running, [])

    def test_one_that_does_not_listen_to_us(self):
        servers.STOP_SECONDS, before = 1, servers.STOP_SECONDS
        self.addCleanup(setattr, servers, 'STOP_SECONDS', before)
        with self.yard.server(self.kind('deaf')) as server:
            pids = server.pids()
        self.assertFalse([pid for pid in pids if servers.is_running(pid)])

    def test_one_that_ends_at_once(self):
        servers.COMMANDS['ours'] = lambda kind, where_to: ['sh', '-c', 'echo no such luck; exit 3']
        with self.assertRaisesRegex(servers.ServerFailed, 'it ended at its start: no such luck'):
            with self.yard.server(servers.Kind('it', 'ours', '')):
                pass
        self.assertEqual(self.yard.running, [])

    def test_the_site_is_there_and_goes(self):
        self.assertEqual((self.yard.site / 'hello.txt').read_bytes(), content.HELLO)
        self.yard.clean()
        self.assertFalse(self.home.exists())


class Cold(unittest.TestCase):
    def test_file_systems(self):
        self.assertEqual(content.file_system(pathlib.Path('/proc/self')), 'proc')
        self.assertIsNone(content.why_never_cold('/proc'))
        content.IN_MEMORY.add('proc')
        self.addCleanup(content.IN_MEMORY.remove, 'proc')
        self.assertIn('/proc is on proc, which is memory', content.why_never_cold('/proc'))

    def test_files_are_written_and_dropped(self):
        before = content.COLD_FILES, content.COLD_BYTES
        content.COLD_FILES, content.COLD_BYTES = 3, 5000
        self.addCleanup(lambda: setattr(content, 'COLD_FILES', before[0]))
        self.addCleanup(lambda: setattr(content, 'COLD_BYTES', before[1]))
        with tempfile.TemporaryDirectory() as folder:
            content.write_cold(pathlib.Path(folder))
            content.drop_cold(pathlib.Path(folder))
            sizes = [path.stat().st_size for path in pathlib.Path(folder, 'cold').iterdir()]
        self.assertEqual(sizes, [5000] * 3)


class Machine(unittest.TestCase):
    def test_facts(self):
        found = machine.facts(where.TREE, pathlib.Path('/nowhere'), pathlib.Path('/nowhere/it'))
        self.assertGreater(found['cpus'], 0)
        self.assertGreater(found['memory_bytes'], 0)
        for name in ('cpu', 'kernel', 'governor', 'virtual', 'commit', 'compiler', 'flags'):
            self.assertTrue(found[name], name)
        self.assertIn('kernel: ', machine.as_text(found))

    def test_nothing_can_be_read(self):
        self.assertEqual(machine.read('/nowhere/at/all'), '')
        self.assertEqual(machine.output('/nowhere/at/all'), '')
        self.assertEqual(machine.cmake_cache(pathlib.Path('/nowhere')), {})

    def test_flags_of_the_build(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / 'compile_commands.json').write_text(
                '"command": "/usr/bin/cc -DX -I/a -Wall -O3 -flto=auto -o src/x.o -c '
                '/t/src/server/main.c",\n')
            found = machine.flags(folder, {'CMAKE_BUILD_TYPE': 'Release'})
        self.assertEqual(found, 'Release: -DX -O3 -flto=auto')

    def test_steal_is_read(self):
        found = machine.cpu_ticks()
        self.assertTrue(found)
        self.assertTrue(all(total >= stolen for stolen, total in found.values()))


if __name__ == '__main__':
    unittest.main()
