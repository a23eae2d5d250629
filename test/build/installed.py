"""Show that what is installed can be built with: installed.py SOURCE_TREE BUILD_TREE

The build tree is installed into a folder of its own. There the examples of the README are compiled
as the README says, with each compiler there is, against the shared library and the static one, and
through find_package; each program then serves a request and is stopped. The libraries show nothing
but what ringlet.h declares.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

PATIENCE = 60
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SANITIZERS = r'__(asan|odr_asan|tsan|ubsan)|[at]san\.module'

CMAKE_PROJECT = """cmake_minimum_required(VERSION 3.25)
project(app C)
find_package(ringlet 0.1 REQUIRED)
add_executable(app_shared app.c)
target_link_libraries(app_shared ringlet::ringlet)
add_executable(app_static app.c)
target_link_libraries(app_static ringlet::ringlet_static)
"""


def call(*words, **options):
    """What a command says; it must succeed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, timeout=PATIENCE * 3, **options)
    if done.returncode != 0:
        sys.exit(f'{words}: {done.returncode}\n{done.stdout}{done.stderr}')
    return done.stdout


def cached(build_tree, name):
    found = re.search(rf'^{name}:\w+=(.*)$', (build_tree / 'CMakeCache.txt').read_text(), re.M)
    return found[1] if found else ''


def example(source_tree):
    """The program in the README, on a port that is free."""
    readme = (source_tree / 'README.md').read_text()
    found = re.search(r'^    #include <ringlet\.h>\n(?:    .*\n|\n)+', readme, re.M)
    text = re.sub(r'^    ', '', found[0], flags=re.M)
    if text.count('port = 9000;') != 1:
        sys.exit('the README has no example with one port')
    return text.replace('port = 9000;', 'port = 0;')


def more(source_tree):
    """The other functions in the README, which are compiled only."""
    readme = (source_tree / 'README.md').read_text()
    found = re.search(r'^    static void tick\(.*\n(?:    .*\n|\n)+', readme, re.M)
    return '#include <errno.h>\n#include <ringlet.h>\n' + re.sub(r'^    ', '', found[0], flags=re.M)


def check_symbols(folder):
    header = (folder / 'include/ringlet.h').read_text()
    declared = set(re.findall(r'RINGLET_API [^;(]*?\b(ringlet_\w+)\(', header))
    for words in (['-D', folder / 'lib/libringlet.so'], ['-g', folder / 'lib/libringlet.a']):
        shown = set(re.findall(r'^[0-9a-f]+ [TDBRVW] (\S+)$',
                               call('nm', '--defined-only', *words), re.M))
        ours = {name for name in shown if not re.match(SANITIZERS, name)}
        if ours != declared:
            sys.exit(f'{words[1]}: shown or declared, but not both: {ours ^ declared}')


def first_line(stream):
    """Of a stream that nothing was read of; what there is of it when PATIENCE is over."""
    line, end = b'', time.monotonic() + PATIENCE
    while not line.endswith(b'\n') and time.monotonic() < end:
        if select.select([stream], [], [], max(0, end - time.monotonic()))[0]:
            byte = os.read(stream.fileno(), 1)
            if not byte:
                break
            line += byte
    return line.decode()


def try_program(program, folder):
    """Start it, ask it something, stop it."""
    env = dict(os.environ, LD_LIBRARY_PATH=str(folder / 'lib'))
    with subprocess.Popen([program], env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            line = first_line(process.stderr)
            port = re.search(r'http://127\.0\.0\.1:(\d+)', line)
            if not port:
                sys.exit(f'{program}: {line}{process.stderr.read()}')
            with DIRECT.open(f'http://127.0.0.1:{port[1]}/hello/bill',
                             timeout=PATIENCE) as answer:
                if answer.read() != b'hello, bill\n':
                    sys.exit(f'{program}: another answer')
            process.send_signal(signal.SIGTERM)
            status = process.wait(PATIENCE)
        finally:
            process.kill()
        if status != 0:
            sys.exit(f'{program}: status {status}: {process.stderr.read()}')


def try_compiler(compiler, flags, folder):
    env = dict(os.environ, PKG_CONFIG_PATH=str(folder / 'lib/pkgconfig'))
    cflags = call('pkg-config', '--cflags', 'ringlet', env=env).split()
    shared = call('pkg-config', '--cflags', '--libs', 'ringlet', env=env).split()
    static = call('pkg-config', '--static', '--cflags', '--libs', 'ringlet', env=env).split()
    static = ['-l:libringlet.a' if word == '-lringlet' else word for word in static]
    for name, words in (('shared', shared), ('static', static)):
        program = folder / f'{pathlib.Path(compiler).name}_{name}'
        call(compiler, '-Wall', '-Wextra', '-Werror', *flags, '-o', program, folder / 'app.c',
             *words)
        try_program(program, folder)
    call(compiler, '-Wall', '-Wextra', '-Werror', '-Wno-unused-function', '-c', '-o',
         folder / 'more.o', folder / 'more.c', *cflags)


def try_cmake(compiler, flags, folder):
    project = folder / 'project'
    project.mkdir()
    (project / 'CMakeLists.txt').write_text(CMAKE_PROJECT)
    shutil.copy(folder / 'app.c', project)
    call('cmake', '-S', project, '-B', project / 'build', f'-DCMAKE_PREFIX_PATH={folder}',
         f'-DCMAKE_C_COMPILER={compiler}', f'-DCMAKE_C_FLAGS={" ".join(flags)}')
    call('cmake', '--build', project / 'build')
    for name in ('app_shared', 'app_static'):
        try_program(project / 'build' / name, folder)


def main():
    source_tree, build_tree = (pathlib.Path(word).resolve() for word in sys.argv[1:3])
    compiler, sanitize = cached(build_tree, 'CMAKE_C_COMPILER'), cached(build_tree, 'SANITIZE')
    compilers, flags = [compiler], []
    if sanitize in ('', 'off'):
        compilers = [name for name in ('gcc', 'clang') if shutil.which(name)]
    else:
        flags = ['-fsanitize=' + {'address': 'address,undefined'}.get(sanitize, sanitize)]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        call('cmake', '--install', build_tree, '--prefix', folder)
        (folder / 'app.c').write_text(example(source_tree))
        (folder / 'more.c').write_text(more(source_tree))
        check_symbols(folder)
        for each in compilers:
            try_compiler(each, flags, folder)
        try_cmake(compiler, flags, folder)


if __name__ == '__main__':
    main()
