"""confine.py BUILD - ringlet-confine lets the listed calls pass and no others, and says why not."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import where
import machine
from server import SKIP

BUILD = pathlib.Path(sys.argv.pop()).resolve()
CONFINE = BUILD / 'ringlet-confine'
LIST = where.TREE / 'bench' / 'system_service.txt'
GROUP = '@system-service'
# mincore(2) of nothing is allowed to everybody, and not in the list; io_uring_setup(2) is in it,
# and refused its arguments here, if not altogether.
CALLS = '''
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def error(status):
    return ctypes.get_errno() if status < 0 else 0
print(error(libc.mincore(0, 0, 0)), error(libc.syscall(425, 0, 0)))
'''
EPERM = 1


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=60, check=False)


def names_of(text):
    return [word for line in text.splitlines() if not line.startswith('#')
            for word in line.split()]


def opened(group, seen):
    """The calls of a group of systemd's and of the groups in it."""
    seen.add(group)
    found = set()
    for name in names_of(re.sub(r'(?m)^ +#.*$', '', run('systemd-analyze', 'syscall-filter',
                                                        group).stdout)):
        if not name.startswith('@'):
            found.add(name)
        elif name not in seen:
            found |= opened(name, seen)
    return found


class Confined(unittest.TestCase):
    def errors(self, *before):
        done = run(*before, sys.executable, '-c', CALLS)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [int(word) for word in done.stdout.split()]

    def test_calls(self):
        free = self.errors()
        self.assertEqual(free[0], 0)
        self.assertEqual(self.errors(CONFINE, LIST), [EPERM, free[1]])

    def test_state(self):
        status = run(CONFINE, LIST, 'cat', '/proc/self/status').stdout
        self.assertRegex(status, r'(?m)^NoNewPrivs:\s*1$')
        self.assertRegex(status, r'(?m)^Seccomp:\s*2$')

    def test_status_and_arguments_are_the_programs(self):
        done = run(CONFINE, LIST, 'sh', '-c', 'echo "$0 $1"; exit 7', 'a', 'b c')
        self.assertEqual((done.returncode, done.stdout), (7, 'a b c\n'))

    def test_mistakes(self):
        with tempfile.TemporaryDirectory() as folder:
            empty, long = pathlib.Path(folder, 'empty'), pathlib.Path(folder, 'long')
            empty.write_text('# nothing\n\n')
            long.write_text('read ' * 2000)
            for words, status, told in (
                    ((LIST,), 2, 'Usage'),
                    (('/nowhere/at/all', 'true'), 1, 'No such file'),
                    ((empty, 'true'), 1, 'Invalid argument'),
                    ((long, 'true'), 1, 'File too large'),
                    ((LIST, '/nowhere/at/all'), 127, 'No such file')):
                done = run(CONFINE, *words)
                self.assertEqual(done.returncode, status, words)
                self.assertIn(told, done.stderr)


class Listed(unittest.TestCase):
    def test_the_list_is_systemds(self):
        told = machine.output('systemd-analyze', '--version')
        if not told.startswith('systemd 252 '):
            self.skipTest('systemd-analyze is not that of systemd 252')
        listed = names_of(LIST.read_text())
        self.assertEqual(listed, sorted(set(listed)))
        self.assertEqual(set(listed), opened(GROUP, set()))


if __name__ == '__main__':
    if not CONFINE.exists():
        print('ringlet-confine was not built: libseccomp is missing')
        sys.exit(SKIP)
    unittest.main()
