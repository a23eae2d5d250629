"""Two namespaces and the cable between them: they connect, and nothing of them stays behind."""

import os
import signal
import socket
import subprocess
import sys
import time
import unittest
from unittest import mock

import where
import client
import namespaces
import servers
import surroundings

PATIENCE_SECONDS = 30
MAKER = f'''
import sys, time
sys.path[:0] = [{str(where.TREE / 'bench')!r}]
import namespaces
with namespaces.connected() as pair:
    print(*(side.holder.pid for side in pair.sides), flush=True)
    time.sleep(600)
'''


def here():
    return os.readlink('/proc/thread-self/ns/net')


def links():
    """The network interfaces of this program's namespace."""
    return sorted(name for _, name in socket.if_nameindex())


class Namespaces(unittest.TestCase):
    def setUp(self):
        self.before = here(), links()
        try:
            self.pair = self.enter(namespaces.connected())
        except namespaces.NotMade as error:
            self.skipTest(str(error))

    def enter(self, manager):
        """Enter it until the test is over."""
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def test_they_connect(self):
        with self.pair.server.inside(), socket.socket() as listener:
            listener.bind((self.pair.server.address, 0))
            listener.listen()
            around = surroundings.Surroundings(self.pair.server.address,
                                               inside=self.pair.load.inside)
            with client.connect(listener.getsockname()[1], around=around) as peer:
                accepted, (address, _) = listener.accept()
                accepted.close()
                self.assertEqual(peer.getpeername()[0], self.pair.server.address)
        self.assertEqual(address, self.pair.load.address)

    def test_nobody_else_sees_it(self):
        self.assertEqual((here(), links()), self.before)
        with self.assertRaises(ZeroDivisionError), self.pair.server.inside():
            self.assertNotEqual(here(), self.before[0])
            self.assertEqual(links(), [namespaces.CABLE, 'lo'])
            raise ZeroDivisionError
        self.assertEqual(here(), self.before[0])

    def test_what_is_told(self):
        mtu = subprocess.run([*self.pair.load.words(), 'ip', 'link', 'show', namespaces.CABLE],
                             capture_output=True, text=True, check=True).stdout
        self.assertIn(' mtu 1500 ', mtu)
        self.assertEqual(set(self.pair.server.offloads()), set(namespaces.OFFLOADS))
        self.assertIn('MTU 1500', self.pair.told())
        self.assertIn('TCP segmentation', self.pair.told())

    def test_a_congestion_control_by_route(self):
        pair = self.enter(namespaces.connected('reno'))
        for side in pair.sides:
            routes = subprocess.run([*side.words(), 'ip', 'route'], capture_output=True, text=True,
                                    check=True).stdout
            self.assertIn(' congctl reno', routes)
        self.assertIn('congestion control reno', pair.told())
        with self.assertRaises(namespaces.NotMade):
            self.enter(namespaces.connected('no-such-thing'))

    def test_a_side_that_cannot_be_had(self):
        made = []

        def side(address):
            if made:
                raise OSError('no more')
            made.append(real(address))
            return made[0]
        real = namespaces.Side
        with mock.patch.object(namespaces, 'Side', side), self.assertRaises(namespaces.NotMade):
            self.enter(namespaces.connected())
        self.assertIsNotNone(made[0].holder.returncode)

    def test_what_is_left(self):
        with namespaces.connected() as pair:
            pids = [side.holder.pid for side in pair.sides]
            self.assertTrue(all(servers.is_running(pid) for pid in pids))
        self.assertFalse([pid for pid in pids if servers.is_running(pid)])
        self.assertEqual((here(), links()), self.before)

    def test_one_that_is_killed(self):
        with subprocess.Popen([sys.executable, '-B', '-c', MAKER], stdout=subprocess.PIPE,
                              text=True) as maker:
            self.addCleanup(maker.kill)
            pids = [int(word) for word in maker.stdout.readline().split()]
            maker.send_signal(signal.SIGKILL)
        self.assertEqual(len(pids), 2)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while any(servers.is_running(pid) for pid in pids):
            self.assertLess(time.monotonic(), deadline, 'a holder goes on running')
            time.sleep(0.02)


class NotHere(unittest.TestCase):
    def why_not(self):
        with self.assertRaises(namespaces.NotMade) as caught, namespaces.connected():
            self.fail('there should be none')
        return str(caught.exception)

    def test_not_permitted(self):
        with mock.patch.object(namespaces, 'HOLDER', ('sh', '-c', 'echo no such luck >&2')):
            self.assertEqual(self.why_not(), 'no such luck')

    def test_a_program_is_missing(self):
        with mock.patch.object(namespaces.machine, 'find_program', return_value=None):
            self.assertIn('unshare is not on this machine', self.why_not())

    def test_no_cable(self):
        with mock.patch.object(namespaces, 'CABLE', 'a name that no interface may have'), \
                mock.patch.object(namespaces, 'HOLDER', ('sh', '-c', 'echo there; exec cat')):
            self.assertTrue(self.why_not())


if __name__ == '__main__':
    unittest.main()
