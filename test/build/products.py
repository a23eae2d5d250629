"""Show that ringlet and ringlet-epoll differ in one library only: products.py BUILD_TREE

What each is linked from is read out of build.ninja; archives count by their members. Everything
must be the same bytes in both, but for the library of the io_uring engine in the one and the
object that stands in its place in the other; and the epoll build must not ask the dynamic linker
for liburing.
"""

import hashlib
import pathlib
import re
import subprocess
import sys

SKIPPED = 77


def link_inputs(build_tree, product):
    """The objects and archives that `product` is linked from."""
    ninja = (build_tree / 'build.ninja').read_text().replace('$\n', '')
    rule = re.search(rf'^build (\S*/)?{re.escape(product)}: C_EXECUTABLE_LINKER\S* (.*)$', ninja,
                     re.M)
    libraries = re.search(r'^  LINK_LIBRARIES = (.*)$', ninja[rule.end():], re.M)
    words = rule[2].split('|')[0].split() + libraries[1].split()
    return [word for word in words if word.endswith(('.o', '.a'))]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def members(build_tree, path):
    """(name, digest) of each object in a file that is one, or that is an archive of them."""
    if not path.endswith('.a'):
        name = re.sub(r'^.*\.dir/', '', path)
        yield name, digest((build_tree / path).read_bytes())
        return
    listed = subprocess.run(['ar', 't', path], cwd=build_tree, capture_output=True, text=True,
                            check=True)
    for name in listed.stdout.split():
        taken = subprocess.run(['ar', 'p', path, name], cwd=build_tree, capture_output=True,
                               check=True)
        yield f'{pathlib.Path(path).name}/{name}', digest(taken.stdout)


def objects(build_tree, product):
    return {item for path in link_inputs(build_tree, product)
            for item in members(build_tree, path)}


def needed(build_tree, product):
    """The shared libraries a program asks for."""
    found = [path for path in build_tree.rglob(product) if path.is_file()]
    said = subprocess.run(['readelf', '-d', found[0]], capture_output=True, text=True, check=True)
    return re.findall(r'\(NEEDED\).*\[(.*)\]', said.stdout)


def main():
    build_tree = pathlib.Path(sys.argv[1]).resolve()
    if not (build_tree / 'build.ninja').exists():
        print('only builds by ninja are looked into')
        return SKIPPED
    both, epoll = (objects(build_tree, name) for name in ('ringlet', 'ringlet-epoll'))
    failures = []
    if len(both & epoll) < 10:
        failures.append(f'only {len(both & epoll)} objects found in common')
    for extra, expected in ((both - epoll, 'libroom_io_uring.a'),
                            (epoll - both, 'libroom_io_no_uring.a')):
        names = sorted(name for name, _ in extra)
        if {name.split('/')[0] for name in names} != {expected}:
            failures.append(f'only objects of {expected} should differ: {names}')
    if not any('liburing' in library for library in needed(build_tree, 'ringlet')):
        failures.append('ringlet does not ask for liburing')
    if any('liburing' in library for library in needed(build_tree, 'ringlet-epoll')):
        failures.append('ringlet-epoll asks for liburing')
    print('\n'.join(failures))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
