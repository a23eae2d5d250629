"""Check what a machine can check of the style, over the sources of a tree.

    tidy.py TREE     check the tree, print what is wrong as file:line: rule: what; exit 1 if any
    tidy.py --self   show that each rule fires on a bad sample and none fires on a good one

A rule is a function that takes a Source and yields (line, message). RULES names them all; a rule
without a bad sample in samples.py fails the self-test.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import samples
from csource import Source

LINE_MAX = 100
FUNCTION_MAX = 70

TOP_LEVEL = {'src', 'include', 'test', 'bench', 'cmake', 'CMakeLists.txt', 'README.md', 'LICENSE'}
TEXT = {'.c', '.h', '.py', '.sh', '.cmake', '.txt'}

# Which rooms a room of src may include; the arrows of the house.
ARROWS = {
    'base': {'base'},
    'http': {'http', 'base'},
    'io': {'io', 'base'},
    'tls': {'tls', 'base'},
    'site': {'site', 'http', 'base'},
    'app': {'app', 'http', 'base'},
    'server': {'server', 'app', 'site', 'tls', 'io', 'http', 'base'},
}
PUBLIC_HEADER = 'ringlet.h'
USERS_OF_PUBLIC_HEADER = {'app', 'server'}

# System headers that one room alone may know.
OWNED_HEADERS = [
    (re.compile(r'(liburing|linux/io_uring)\b'), 'io'),
    (re.compile(r'sys/epoll\.h'), 'io'),
    (re.compile(r'openssl/'), 'tls'),
]

COMPAT_HEADER = 'src/io/uring_compat.h'

BANNED_CALLS = ['strcpy', 'strcat', 'sprintf', 'vsprintf', 'gets', 'atoi', 'atol', 'strtok',
                'alloca']

# What the http room, which is pure, must not reach for; the exception is a table that is made
# once, at start.
IMPURE_CALLS = ['malloc', 'calloc', 'realloc', 'free', 'time', 'clock_gettime', 'gettimeofday',
                'socket', 'open', 'openat', 'read', 'write', 'close', 'send', 'recv', 'stat',
                'fopen', 'printf', 'fprintf', 'syslog', 'getenv', 'abort', 'exit']
IMPURE_ALLOWED = {'src/http/mime.c': {'malloc', 'calloc', 'realloc', 'free'}}

# Split so that this file may be checked too.
FUZZY_WORDS = ['TO' 'DO', 'FIX' 'ME', 'XX' 'X', 'HA' 'CK']


def call_pattern(names):
    """A call of one of `names`, not a member of that name."""
    return re.compile(r'(?<![\w.>])(' + '|'.join(names) + r')\s*\(')


def line_length(source):
    for number, line in source.lines():
        if len(line) > LINE_MAX:
            yield number, f'{len(line)} columns, {LINE_MAX} are allowed'


def no_tabs(source):
    for number, line in source.lines():
        if '\t' in line:
            yield number, 'a tab'


def no_trailing_space(source):
    for number, line in source.lines():
        if line != line.rstrip():
            yield number, 'white space at the end of the line'


def final_newline(source):
    if source.text and not source.text.endswith('\n'):
        yield source.text.count('\n') + 1, 'the file does not end with a newline'
    elif source.text.endswith('\n\n'):
        yield source.text.count('\n'), 'the file ends with an empty line'


def fuzzy_words(source):
    pattern = re.compile(r'\b(' + '|'.join(FUZZY_WORDS) + r')\b')
    for number, line in source.lines():
        for match in pattern.finditer(line):
            yield number, f'{match[0]}: do it, or open an issue'


def no_climbing_include(source):
    for number, name, _ in source.includes():
        if '..' in name:
            yield number, f'"{name}" climbs'


def room_arrows(source):
    if not source.room:
        return
    for number, name, quoted in source.includes():
        if not quoted or '/' not in name or '..' in name:
            continue
        if name.split('/')[0] not in ARROWS.get(source.room, set()):
            yield number, f'{source.room} may not include "{name}"'


def public_header_users(source):
    if not source.room or source.room in USERS_OF_PUBLIC_HEADER:
        return
    for number, name, _ in source.includes():
        if name == PUBLIC_HEADER:
            yield number, f'{source.room} may not include {PUBLIC_HEADER}'


def owned_headers(source):
    if not source.room:
        return
    for number, name, _ in source.includes():
        for pattern, owner in OWNED_HEADERS:
            if pattern.match(name) and source.room != owner:
                yield number, f'<{name}> belongs to {owner}'


def no_conditionals(source):
    if not source.in_src or source.path == COMPAT_HEADER:
        return
    guard = source.guard()
    for number, word, rest in source.directives():
        if word in ('if', 'ifdef', 'elif', 'else'):
            yield number, f'#{word}: what differs is a file'
        if word == 'ifndef' and rest != guard and not re.fullmatch(r'_\w+_SOURCE', rest):
            yield number, f'#ifndef {rest}: what differs is a file'


def header_guard(source):
    if not source.path.endswith('.h'):
        return
    allowed = source.guard_names()
    if source.guard() not in allowed:
        yield 1, f'the guard should be {allowed[0]}'


def no_struct_typedef(source):
    for item in source.top_level():
        if re.match(r'typedef\s+(const\s+)?(struct|union)\b', item.text):
            yield item.line, 'typedef of a struct: write struct out'


def banned_calls(source):
    pattern = call_pattern(BANNED_CALLS)
    for number, line in source.code_lines():
        for match in pattern.finditer(line):
            yield number, f'{match[1]}() is not used here'


def pure_http(source):
    if source.room != 'http':
        return
    pattern = call_pattern(IMPURE_CALLS)
    for number, line in source.code_lines():
        for match in pattern.finditer(line):
            if match[1] not in IMPURE_ALLOWED.get(source.path, set()):
                yield number, f'{match[1]}() in a room that is pure'


def function_length(source):
    for item in source.functions():
        if item.length() > FUNCTION_MAX:
            yield item.line, f'{item.length()} lines, {FUNCTION_MAX} are allowed'


def no_local_static(source):
    if not source.in_src:
        return
    for item in source.functions():
        for number, line in item.body_lines():
            if re.search(r'\bstatic\b', line):
                yield number, 'a static inside a function'


def no_mutable_global(source):
    if not source.in_src:
        return
    for item in source.top_level():
        if item.is_mutable_variable():
            yield item.line, f'a variable that can change: {item.text[:60]}'


def public_comment(source):
    if not source.path.endswith('.h') or not source.path.startswith(('src/', 'include/')):
        return
    for item in source.top_level():
        if item.is_prototype() and not source.paragraph_has_comment(item.line):
            yield item.line, f'no comment above: {item.text[:60]}'


RULES = [line_length, no_tabs, no_trailing_space, final_newline, fuzzy_words, no_climbing_include,
         room_arrows, public_header_users, owned_headers, no_conditionals, header_guard,
         no_struct_typedef, banned_calls, pure_http, function_length, no_local_static,
         no_mutable_global, public_comment]
C_ONLY = set(RULES[5:])


def check_source(source):
    """Everything that is wrong with one file, as (line, rule's name, message)."""
    found = []
    for rule in RULES:
        if rule in C_ONLY and not source.path.endswith(('.c', '.h')):
            continue
        found += [(line, rule.__name__, message) for line, message in rule(source)]
    return sorted(found)


def top_level_entries(paths):
    """The rule top_level: only what the plan names, and dotfiles."""
    entries = {path.split('/')[0] for path in paths}
    return [(entry, 'is not for the top level') for entry in sorted(entries)
            if entry not in TOP_LEVEL and not entry.startswith('.')]


def untested_sources(paths, texts):
    """The rule tested: each src/ROOM/x.c has test/ROOM/test_x.c, or a test that names ROOM/x."""
    named = '\n'.join(text for path, text in texts.items()
                      if path.startswith('test/') and not path.startswith('test/tidy/'))
    found = []
    for path in sorted(paths):
        match = re.fullmatch(r'src/(\w+)/(\w+)\.c', path)
        if not match or f'test/{match[1]}/test_{match[2]}.c' in paths:
            continue
        if not re.search(rf'\b{match[1]}/{match[2]}\.[ch]\b', named):
            found.append((path, 'has no test'))
    return found


def tracked(tree):
    """Paths of the tree: what git tracks, or in an exported tree everything but builds."""
    names = []
    if (tree / '.git').exists() and shutil.which('git'):
        listed = subprocess.run(['git', '-C', tree, 'ls-files', '-z'], capture_output=True,
                                text=True, check=False)
        names = [name for name in listed.stdout.split('\0') if name]
    if not names:
        names = [str(path.relative_to(tree)) for path in tree.rglob('*') if path.is_file()]
    return [name for name in names
            if not re.match(r'build|.*__pycache__', name) and (tree / name).is_file()]


def is_checked(path):
    in_scope = path.split('/')[0] in ('src', 'include', 'test', 'bench', 'cmake', '.ci')
    return in_scope and (pathlib.PurePath(path).suffix in TEXT or path == '.ci/run')


def check_tree(tree):
    paths = tracked(tree)
    texts = {path: (tree / path).read_text() for path in paths if is_checked(path)}
    failures = [f'{path}: top_level: {message}' for path, message in top_level_entries(paths)]
    failures += [f'{path}: tested: {message}'
                 for path, message in untested_sources(set(paths), texts)]
    for path, text in sorted(texts.items()):
        failures += [f'{path}:{line}: {rule}: {message}'
                     for line, rule, message in check_source(Source(path, text))]
    for failure in failures:
        print(failure)
    print(f'tidy: {len(texts)} files, {len(failures)} found')
    return 1 if failures or not texts else 0


def self_test():
    failures = []
    for rule, path, text in samples.BAD:
        fired = {name for _, name, _ in check_source(Source(path, text))}
        if fired != {rule}:
            failures.append(f'{rule} should fire alone on {path}, but: {sorted(fired)}')
    for path, text in samples.GOOD:
        for found in check_source(Source(path, text)):
            failures.append(f'a good {path} is refused: {found}')
    shown = {rule for rule, _, _ in samples.BAD}
    failures += [f'{rule.__name__} has no bad sample' for rule in RULES
                 if rule.__name__ not in shown]

    if [entry for entry, _ in top_level_entries(['src/a.c', '.git', 'notes.md'])] != ['notes.md']:
        failures.append('top_level does not fire on notes.md alone')
    paths = {'src/http/a.c', 'src/http/b.c', 'src/http/c.c', 'test/http/test_a.c'}
    texts = {'test/http/test_a.c': '#include "http/b.h"\n', 'src/http/c.c': '"http/c.h"'}
    if untested_sources(paths, texts) != [('src/http/c.c', 'has no test')]:
        failures.append('tested does not fire on http/c.c alone')

    print('\n'.join(failures))
    print(f'tidy: {len(samples.BAD)} bad samples, {len(samples.GOOD)} good, '
          f'{len(failures)} failures')
    return 1 if failures else 0


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(self_test() if sys.argv[1] == '--self' else check_tree(pathlib.Path(sys.argv[1])))
