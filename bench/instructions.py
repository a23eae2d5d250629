"""python3 -B bench/instructions.py [--engine E] [--workload W] [--log] [--least N] - the
user-space instructions of a request by function, of ringlet and of the server of fixed answers.

By ringlet-steps, over 64 connections. Where the build has line tables (-g, which changes no
instruction) a function that was inlined stands for itself; else it counts for its caller."""

import argparse
import collections
import pathlib
import re
import subprocess

import machine
import servers
import tracers
import workloads

TREE = pathlib.Path(__file__).resolve().parent.parent


def parser():
    made = argparse.ArgumentParser(prog='bench/instructions.py', description=__doc__,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument('--engine', choices=('io_uring', 'epoll'), default='io_uring')
    made.add_argument('--workload', default='hello-bare')
    made.add_argument('--log', action='store_true', help='ringlet writes an access log, alone')
    made.add_argument('--least', type=float, default=2,
                      help='instructions that a function has to take to be shown (default 2)')
    made.add_argument('--build', type=pathlib.Path, default=TREE / 'build' / 'bench')
    return made


def main():
    options = parser().parse_args()
    workload, = workloads.named([options.workload])
    with servers.open_yard((machine.allowed_cpus()[0],)) as yard:
        for kind in servers.own_kinds(options.build.resolve(), (options.engine,), 1):
            if kind.compresses or (options.log and kind.fixed):
                continue
            if options.log:
                kind = servers.logging(kind)
            places = yard.home / 'places'
            total = tracers.user_instructions(yard, kind, workload, options.build.resolve(),
                                              places)
            print(f'{kind.name}, {workload.name}: {total:,.0f} a request')
            show(by_function(places.with_suffix('.maps').read_text(), places.read_text()),
                 options.least)


def show(functions, least):
    """A line each, per request."""
    requests = tracers.OWN_ROUNDS * tracers.CONNECTIONS
    rest = 0
    for name, count in functions.most_common():
        if count / requests >= least:
            print(f'    {count / requests:7.1f}  {name}')
        else:
            rest += count
    print(f'    {rest / requests:7.1f}  others')


def by_function(maps, places):
    """How many instructions each function executed, of /proc/PID/maps and what was counted."""
    found = collections.Counter()
    for path, counts in by_file(maps, places).items():
        if not path.startswith('/'):
            found[path] += sum(counts.values())
            continue
        names = functions_at(path, list(counts))
        for address, count in counts.items():
            found[names.get(address) or pathlib.Path(path).name] += count
    return found


def by_file(maps, places):
    """The counts by file and by the address in it: that of its first mapping is 0."""
    ranges, begins = [], {}
    for start, end, path in re.findall(r'^(\w+)-(\w+) .{4} \w+ \S+ \d+ *(.*)$', maps, re.M):
        begins.setdefault(path, int(start, 16))
        ranges.append((int(start, 16), int(end, 16), path))
    found = collections.defaultdict(dict)
    for line in places.splitlines():
        word, count = line.split()
        address = int(word, 16)
        path = next((path for start, end, path in ranges if start <= address < end), '?')
        found[path][address - begins.get(path, 0)] = int(count)
    return found


def functions_at(path, addresses):
    """The innermost function at each address, by addr2line; without those it does not know."""
    said = subprocess.run(['addr2line', '-a', '-i', '-f', '-e', path],
                          input=''.join(f'{address:x}\n' for address in addresses), text=True,
                          capture_output=True, check=True).stdout
    found = re.findall(r'^0x(\w+)\n(.+)$', said, re.M)
    return {int(address, 16): name for address, name in found if name != '??'}


if __name__ == '__main__':
    main()
