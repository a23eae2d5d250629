"""Two network namespaces with nothing in them but loopback and a veth pair between them.

They have no names: each lives as long as the process that holds it, and that ends with this one,
whatever way it ends. So nothing stays behind, and nothing else on the machine sees any of it."""

import array
import contextlib
import fcntl
import os
import select
import socket
import struct
import subprocess

import machine
import servers

CLONE_NEWNET = 0x40000000
PATIENCE_SECONDS = 20
MTU = 1500
CABLE = 'cable'
# As long as 127.0.0.1, so that requests that name the host are as long, too.
ADDRESSES = ('10.77.0.1', '10.77.0.2')
PREFIX_LENGTH = 30
NETWORK = f'10.77.0.0/{PREFIX_LENGTH}'
# Says that it is in a namespace of its own, and stays there until its input ends.
HOLDER = ('unshare', '--net', 'sh', '-c', 'echo there; exec cat')

# ioctl(2) and what it may ask of a network card (linux/ethtool.h).
SIOCETHTOOL = 0x8946
OFFLOADS = {'tx checksums': 0x16, 'rx checksums': 0x14, 'scatter-gather': 0x18,
            'TCP segmentation': 0x1e, 'generic segmentation': 0x23, 'generic receive': 0x2b}


class NotMade(Exception):
    """They can't be had here; the text says why."""


class Side:
    """One namespace, and its end of the cable."""

    def __init__(self, address):
        self.address = address
        self.holder = subprocess.Popen(
            HOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True, preexec_fn=servers.end_with_parent)

    def wait(self):
        """Until the holder says that it is there; anything else it says is why it can't be."""
        ready, _, _ = select.select([self.holder.stdout], [], [], PATIENCE_SECONDS)
        said = os.read(self.holder.stdout.fileno(), 4096).decode(errors='replace') if ready else ''
        if said.strip() != 'there':
            raise NotMade(said.strip() or 'unshare(1) says nothing')

    def path(self):
        return f'/proc/{self.holder.pid}/ns/net'

    def words(self):
        """What goes before a command that is to run in it."""
        return ('nsenter', f'--net={self.path()}', '--')

    def run(self, *command):
        try:
            done = subprocess.run([*self.words(), *map(str, command)], capture_output=True,
                                  text=True, timeout=PATIENCE_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NotMade(str(error)) from error
        if done.returncode != 0:
            raise NotMade(f'{" ".join(map(str, command))}: {done.stderr.strip()}')

    @contextlib.contextmanager
    def inside(self):
        """This thread in the namespace: a socket belongs to where it was made, and stays there."""
        home = os.open('/proc/thread-self/ns/net', os.O_RDONLY | os.O_CLOEXEC)
        try:
            there = os.open(self.path(), os.O_RDONLY | os.O_CLOEXEC)
            try:
                enter(there)
            finally:
                os.close(there)
            try:
                yield
            finally:
                enter(home)
        finally:
            os.close(home)

    def set_up(self, congestion):
        self.run('ip', 'address', 'add', f'{self.address}/{PREFIX_LENGTH}', 'dev', CABLE)
        self.run('ip', 'link', 'set', 'lo', 'up')
        self.run('ip', 'link', 'set', CABLE, 'up')
        if congestion:
            self.run('ip', 'route', 'change', NETWORK, 'dev', CABLE, 'src', self.address,
                     'congctl', congestion)

    def offloads(self):
        """What the kernel leaves to this end of the cable, by name."""
        with self.inside(), socket.socket() as probe:
            return {name: offload(probe, number) for name, number in OFFLOADS.items()}

    def close(self):
        self.holder.stdin.close()
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


def enter(descriptor):
    if servers.LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        error = servers.ctypes.get_errno()
        raise OSError(error, f'setns: {os.strerror(error)}')


def offload(probe, number):
    """Is it on? None where the card does not say."""
    value = array.array('I', [number, 0])
    request = struct.pack('16sP', CABLE.encode(), value.buffer_info()[0]).ljust(40, b'\0')
    try:
        fcntl.ioctl(probe, SIOCETHTOOL, request)
    except OSError:
        return None
    return bool(value[1])


class Pair:
    """The server's side and the generator's. Their routes name a congestion control; without, it
    is the system's."""

    def __init__(self, congestion):
        self.congestion = congestion
        self.sides = []
        try:
            for address in ADDRESSES:
                self.sides.append(Side(address))
        except OSError:
            self.close()
            raise
        self.server, self.load = self.sides

    def connect(self):
        for side in self.sides:
            side.wait()
        self.server.run('ip', 'link', 'add', CABLE, 'mtu', MTU, 'type', 'veth', 'peer', 'name',
                        CABLE, 'mtu', MTU, 'netns', self.load.holder.pid)
        for side in self.sides:
            side.set_up(self.congestion)

    def close(self):
        for side in self.sides:
            side.close()

    def told(self):
        """What they are, in a sentence."""
        found = self.server.offloads()
        on, off = ([name for name, is_on in found.items() if is_on is wanted]
                   for wanted in (True, False))
        congestion = (self.congestion or machine.read('/proc/sys/net/ipv4/tcp_congestion_control')
                      or machine.UNKNOWN)
        return (f'a veth pair between two network namespaces, MTU {MTU}, offloads as they come '
                f'(on: {", ".join(on) or "none"}; off: {", ".join(off) or "none"}), congestion '
                f'control {congestion}')


@contextlib.contextmanager
def connected(congestion=None):
    """A pair, for as long as the block lasts. NotMade says why there can be none."""
    for program in ('unshare', 'nsenter', 'ip'):
        if not machine.find_program(program):
            raise NotMade(f'{program} is not on this machine')
    try:
        pair = Pair(congestion)
    except OSError as error:
        raise NotMade(str(error)) from error
    try:
        pair.connect()
        yield pair
    finally:
        pair.close()
