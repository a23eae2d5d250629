"""The machine's facts: what it is, how it is set, what was built on it and by what."""

import os
import pathlib
import platform
import re
import resource
import shutil
import subprocess

CPU_FOLDER = pathlib.Path('/sys/devices/system/cpu')
UNKNOWN = 'unknown'

# How each peer and tool tells its version.
VERSION_COMMANDS = {
    'nginx': ('nginx', '-v'), 'h2o': ('h2o', '--version'), 'lighttpd': ('lighttpd', '-v'),
    'lwan': ('lwan', '--version'), 'wrk': ('wrk', '-v'), 'wrk2': ('wrk2', '-v'),
    'gnuplot': ('gnuplot', '--version'), 'strace': ('strace', '--version'),
    'perf': ('perf', '--version'),
}


def facts(tree, build, binary):
    """All of it, as results.json has it; what cannot be found out is said to be unknown."""
    cache = cmake_cache(build)
    return {
        'cpu': cpu_model(), 'cpus': os.cpu_count(), 'allowed_cpus': allowed_cpus(),
        'kernel': platform.release(), 'governor': governor(), 'mitigations': mitigations(),
        'virtual': virtual(), 'memory_bytes': memory_bytes(),
        'commit': output('git', '-C', tree, 'rev-parse', 'HEAD') or UNKNOWN,
        'dirty': bool(output('git', '-C', tree, 'status', '--porcelain')),
        'compiler': compiler(cache), 'flags': flags(build, cache),
        'versions': versions(binary),
    }


def as_text(found):
    """The facts as lines that a person reads."""
    lines = []
    for name, value in found.items():
        if isinstance(value, dict):
            lines += [f'{name}:'] + [f'    {key}: {text}' for key, text in value.items()]
        else:
            lines.append(f'{name}: {value}')
    return '\n'.join(lines) + '\n'


def output(*command):
    """What a command says, on either stream; nothing when it cannot be run."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return (done.stdout or done.stderr).strip()


def read(path):
    try:
        return pathlib.Path(path).read_text(errors='replace').strip()
    except OSError:
        return ''


def cpu_model():
    found = re.search(r'^(?:model name|Model|Processor)\s*:\s*(.+)$', read('/proc/cpuinfo'), re.M)
    return found[1] if found else platform.machine()


def allowed_cpus():
    return sorted(os.sched_getaffinity(0))


def governor():
    return read(CPU_FOLDER / 'cpu0/cpufreq/scaling_governor') or 'none to be seen'


def mitigations():
    folder = CPU_FOLDER / 'vulnerabilities'
    return {path.name: read(path) for path in sorted(folder.glob('*'))}


def virtual():
    """The kind of virtual machine, or none."""
    told = output('systemd-detect-virt', '--vm')
    if re.fullmatch(r'[\w-]+', told):
        return told
    flags_line = re.search(r'^flags\s*:(.*)$', read('/proc/cpuinfo'), re.M)
    if not flags_line:
        return UNKNOWN
    return 'some hypervisor' if 'hypervisor' in flags_line[1].split() else 'none'


def memory_bytes():
    found = re.search(r'^MemTotal:\s+(\d+) kB', read('/proc/meminfo'), re.M)
    return int(found[1]) * 1024 if found else None


def cmake_cache(build):
    lines = read(build / 'CMakeCache.txt').splitlines()
    return dict(re.fullmatch(r'([\w-]+):\w+=(.*)', line).groups() for line in lines
                if re.fullmatch(r'([\w-]+):\w+=(.*)', line))


def compiler(cache):
    path = cache.get('CMAKE_C_COMPILER', 'cc')
    return (output(path, '--version').splitlines() or [UNKNOWN])[0]


def flags(build, cache):
    """The flags of the server's main file, as they were given to the compiler."""
    kind = cache.get('CMAKE_BUILD_TYPE', UNKNOWN)
    found = re.search(r'"command": "[^"]*? (-[^"]*?) -o [^"]*server/main\.c',
                      read(build / 'compile_commands.json'))
    words = found[1].split() if found else []
    kept = [word for word in words if not word.startswith(('-I', '-W', '-isystem', '/'))]
    return ' '.join([kind + ':', *kept]) if kept else kind


def versions(binary):
    found = {'ringlet': '; '.join(output(binary, '--version').splitlines()) or UNKNOWN}
    for name, command in VERSION_COMMANDS.items():
        program = find_program(command[0])
        if program:
            found[name] = (output(program, *command[1:]).splitlines() or [UNKNOWN])[0]
    return found


def raise_files():
    """As many open files as are allowed, for us and all that we start."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def find_program(name):
    """Where a program is, /usr/sbin included, which is not on everybody's PATH; or None."""
    return shutil.which(name) or shutil.which(name, path='/usr/sbin:/usr/local/sbin')


def cpu_ticks():
    """For each CPU the ticks that were stolen from it, and all it ever had (proc_stat(5))."""
    found = {}
    for line in read('/proc/stat').splitlines():
        match = re.match(r'cpu(\d+) (.+)', line)
        if match:
            ticks = [int(word) for word in match[2].split()]
            found[int(match[1])] = (ticks[7], sum(ticks[:8]))
    return found


def steal_share(before, after, cpus):
    """The share of the time between two readings that was stolen, on the worst of the CPUs."""
    worst = 0.0
    for cpu in cpus:
        total = after[cpu][1] - before[cpu][1]
        if total > 0:
            worst = max(worst, (after[cpu][0] - before[cpu][0]) / total)
    return worst
