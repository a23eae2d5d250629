"""Show that a forbidden include does not compile: rooms.py SOURCE_TREE BUILD_TREE

For each room one probe that includes one header is compiled with the very command that the build
uses for a file of that room. Headers the room may see are the control: with them it compiles.
"""

import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

# A room, what it may include, and what it may not.
TABLE = [
    ('base', ['base/str.h'], ['http/path.h', 'io/io.h', 'server/config.h']),
    ('http', ['http/path.h', 'base/str.h'], ['io/io.h', 'site/site.h', 'server/config.h']),
    ('io', ['io/io.h', 'base/list.h'], ['http/path.h', 'site/site.h', 'server/config.h']),
    ('site', ['http/path.h', 'base/str.h'], ['io/io.h', 'server/config.h']),
    ('server', ['io/io.h', 'http/path.h', 'base/str.h', 'server/config.h'], []),
]


def commands_by_room(source_tree, build_tree):
    """For each room, the arguments that compile one of its files, without the file and output."""
    found = {}
    for entry in json.loads((build_tree / 'compile_commands.json').read_text()):
        path = pathlib.Path(entry['file'])
        if not path.is_relative_to(source_tree / 'src'):
            continue
        arguments = shlex.split(entry['command'])
        kept = [word for at, word in enumerate(arguments)
                if word not in ('-c', '-o', entry['file']) and arguments[at - 1] != '-o']
        found.setdefault(path.relative_to(source_tree / 'src').parts[0], kept)
    return found


def compile_probe(command, header):
    """Compile a file that includes `header` and nothing else: (did it work, what was said)."""
    with tempfile.TemporaryDirectory() as folder:
        probe = pathlib.Path(folder) / 'probe.c'
        probe.write_text(f'#include "{header}"\n')
        done = subprocess.run(command + ['-fsyntax-only', '-Wno-pedantic', str(probe)],
                              capture_output=True, text=True, check=False,
                              env={'PATH': '/usr/local/bin:/usr/bin:/bin', 'LC_ALL': 'C'})
        return done.returncode == 0, done.stderr


def main():
    source_tree, build_tree = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    commands = commands_by_room(source_tree, build_tree)
    failures = []
    for room, allowed, forbidden in TABLE:
        if room not in commands:
            failures.append(f'{room}: the build compiles nothing in this room')
            continue
        for header in allowed:
            worked, said = compile_probe(commands[room], header)
            if not worked:
                failures.append(f'{room} cannot include "{header}": {said}')
        for header in forbidden:
            worked, said = compile_probe(commands[room], header)
            if not (source_tree / 'src' / header).exists():
                failures.append(f'"{header}" is no header any more: mend this table')
            elif worked:
                failures.append(f'{room} can include "{header}"')
            elif header not in said or not ('No such file' in said or 'not found' in said):
                failures.append(f'{room} fails on "{header}" for another reason: {said}')
    print('\n'.join(failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
