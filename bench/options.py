"""The options of the comparison."""

import argparse
import datetime
import pathlib

import controls
import disturbance
import machine
import servers
import targets
import workloads

QUICK_ROWS = ('hello-bare', 'hello-browser', 'file-100k', 'page-load', 'not-found', 'redirect',
              'pipelined-16', 'new-connection', 'hello-name', 'json', 'baseline11',
              'redirect-route', 'https-1k', 'https-full', 'https-resumed')
NAMED_LEVELS = ('ceiling', 'idle', workloads.HALF_OF_NGINX)
QUICK_CONNECTIONS = (16,)
QUICK_REPEAT_SECONDS = 70
# What no line of targets.py asks for: the same page once more.
TARGETS_WITHOUT = ('page-plain',)

ABOUT = """Compare ringlet's two engines with each other and with other servers.

Writes a folder with report.html, results.json, the histograms and the machine's facts.
bench/README.md says how it is measured and why."""


def words(text):
    return tuple(word for word in text.split(',') if word and word != 'none')


def numbers(text):
    return tuple(positive(word) for word in words(text))


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{text} is less than 1')
    return number


def cpu_list(text):
    """0,2-3 is 0, 2 and 3."""
    found = []
    for word in words(text):
        first, _, last = word.partition('-')
        found += range(int(first), int(last or first) + 1)
    if not found:
        raise argparse.ArgumentTypeError('no CPU is named')
    return tuple(found)


def level_list(text):
    found = tuple(word if word in NAMED_LEVELS else word.rstrip('%') + '%'
                  for word in words(text))
    for level in found:
        if level[-1] == '%' and not 0 < float(level[:-1]) <= 90:
            raise argparse.ArgumentTypeError(f'{level} is not between 0 and 90 %')
    return found


def parser():
    made = argparse.ArgumentParser(prog='bench/run.sh', description=ABOUT,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    add = made.add_argument
    add('--engines', type=words, default=('io_uring', 'epoll'), metavar='LIST')
    add('--peers', type=words, default=servers.PEERS, metavar='LIST',
        help='of ' + ', '.join(servers.PEERS) + '; none for none (default: all there are)')
    add('--workloads', type=words, default=(), metavar='LIST', help='(default: all; see --list)')
    add('--connections', type=numbers, default=(), metavar='LIST',
        help='counts for every workload (default: by workload)')
    add('--levels', type=level_list, default=None, metavar='LIST',
        help='of ceiling, idle, half-nginx and shares in percent of the slowest server\'s '
        'ceiling')
    add('--rates', type=numbers, default=(), metavar='LIST',
        help='requests a second, in place of --levels')
    add('--seconds', type=float, default=None, help='of load per run (default 5)')
    add('--warmup', type=float, default=None, help='seconds before those (default 1)')
    add('--repetitions', type=positive, default=None, help='of every run (default 4)')
    add('--steal-max', type=float, default=100 * disturbance.STEAL_MAX, metavar='PERCENT',
        help='of a CPU that the host may take from a run that counts (default %(default)g)')
    add('--repeats', type=int, default=None,
        help='of a run that was disturbed, at most (default 2)')
    add('--server-cpus', type=cpu_list, default=None, metavar='LIST', help='(default: the first)')
    add('--load-cpus', type=cpu_list, default=None, metavar='LIST', help='(default: the last)')
    add('--generator', choices=('ringlet-load', 'wrk', 'wrk2'), default='ringlet-load',
        help='wrk keeps no rate; wrk2 makes the histograms, ringlet-load finds the ceilings')
    add('--control', type=words, default=(), metavar='LIST',
        help='of ' + ', '.join(controls.NAMES) + ': only how each server does under a system-call '
        'filter and over a network, beside plain')
    add('--no-counts', action='store_true', help='no runs under strace and ringlet-steps')
    add('--no-presence', action='store_true',
        help='no look at what servers cost while nobody asks')
    add('--out', type=pathlib.Path, default=None, metavar='DIR',
        help='(default bench-results/DATE-COMMIT)')
    add('--quick', action='store_true',
        help='own engines only and very short: shows that all of it works, and no figures')
    add('--targets', action='store_true',
        help='only what shows whether the server reaches what it must, in about half an hour')
    add('--resume', type=pathlib.Path, default=None, metavar='DIR',
        help='go on with a series that was stopped, in its folder: what is there is not measured '
        'again')
    add('--beside', type=words, default=(), metavar='DIR,...',
        help='other builds of ringlet that stand beside this one, each under its folder\'s name: '
        'what a change brings, in one series')
    add('--list', action='store_true', help='show the workloads and the servers, and exit')
    add('--build', type=pathlib.Path, default=None, metavar='DIR',
        help='where ringlet and ringlet-load were built; run.sh sets it')
    return made


def parse(arguments, tree):
    """The options, with what was left open filled in; argparse ends the program on a mistake."""
    made = parser()
    options = made.parse_args(arguments)
    try:
        workloads.named(options.workloads)
    except ValueError as error:
        made.error(str(error))
    check_names(options, made)
    if options.control:
        options.workloads = options.workloads or controls.ROWS
    options.build = (options.build or tree / 'build' / 'bench').resolve()
    fill_cpus(options, made)
    fill_lengths(options)
    options.out = (options.resume or options.out or default_folder(tree)).resolve()
    if options.resume and not (options.out / 'results.json').exists():
        made.error(f'{options.out} holds no results.json')
    return options


def check_names(options, made):
    for what, asked, there in (('peer', options.peers, servers.PEERS),
                               ('engine', options.engines, ('io_uring', 'epoll')),
                               ('control row', options.control, controls.NAMES)):
        for name in asked:
            if name not in there:
                made.error(f'no {what} is called {name}')
    names = [pathlib.Path(folder).resolve().name for folder in options.beside]
    for name in names:
        if names.count(name) > 1:
            made.error(f'--beside: two folders are called {name}, and each build goes by the name '
                       'of its folder')


def fill_lengths(options):
    """--quick and --targets are sets of other defaults: each can still be given."""
    seconds, warmup, repetitions, repeats = (5, 1, 4, 2)
    if options.targets:
        seconds, warmup = (2, 0.3)
        options.workloads = options.workloads or tuple(
            work.name for work in workloads.ALL if work.name not in TARGETS_WITHOUT)
    if options.quick:
        seconds, warmup, repetitions, repeats = (0.5, 0.2, 2, 1)
    options.seconds = options.seconds or seconds
    options.warmup = warmup if options.warmup is None else options.warmup
    options.repetitions = options.repetitions or repetitions
    options.repeats = repeats if options.repeats is None else options.repeats
    if options.quick:
        options.peers = ()
        options.no_counts = options.no_presence = True
        options.workloads = options.workloads or QUICK_ROWS
        options.connections = options.connections or QUICK_CONNECTIONS


def fill_cpus(options, made):
    """The server gets the first CPU and the generator the last, unless told otherwise."""
    allowed = machine.allowed_cpus()
    options.server_cpus = options.server_cpus or (allowed[0],)
    options.load_cpus = options.load_cpus or (allowed[-1],)
    options.shared_cpus = set(options.server_cpus) & set(options.load_cpus)
    for cpu in (*options.server_cpus, *options.load_cpus):
        if cpu not in allowed:
            made.error(f'CPU {cpu} is not one of those this process may use: '
                       f'{servers.listed(allowed)}')
    if options.shared_cpus and len(allowed) > 1:
        made.error(f'server and generator would share CPU {servers.listed(options.shared_cpus)}')


def default_folder(tree):
    commit = machine.output('git', '-C', tree, 'rev-parse', '--short', 'HEAD') or 'unknown'
    stamp = datetime.datetime.now().strftime('%Y%m%d-%H%M%S')
    return tree / 'bench-results' / f'{stamp}-{commit}'


def counts(workload, options):
    """How many connections a workload is measured with: those asked for, or its own. The ones that
    are about a certain count keep it."""
    certain = workload.idle or workload.spins
    return options.connections if options.connections and not certain else workload.connections


def levels(workload, options):
    """The loads of a workload below its ceiling."""
    if options.rates:
        return tuple(f'{rate}/s' for rate in options.rates)
    if options.levels is not None:
        asked = options.levels
    elif options.targets:
        asked = targets.levels(workload.name)
    elif options.quick:
        asked = ('25%', 'idle') if workload.name == 'hello-bare' else ()
    else:
        asked = workload.levels
    return tuple(level for level in asked if level != 'ceiling')
