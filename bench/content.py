"""What every server serves: a folder of files whose bytes are the same on every machine."""

import functools
import gzip
import hashlib
import os
import pathlib
import random
import shutil
import subprocess

HELLO = b'Hello, world\n'
KIB = 1024
MIB = 1024 * KIB

# Twenty files from 3 to 300 KiB, as a page has them.
PAGE_KIB = {'index.html': 12, 'main.css': 38, 'print.css': 3, 'app.js': 300, 'vendor.js': 210,
            'menu.js': 9, 'search.js': 24, 'data.json': 64, 'logo.svg': 5, 'icons.svg': 17,
            'hero.webp': 180, 'one.webp': 44, 'two.webp': 52, 'three.webp': 61, 'four.webp': 36,
            'text.woff2': 28, 'bold.woff2': 29, 'code.woff2': 22, 'feed.xml': 14, 'map.txt': 6}
COMPRESSIBLE = {'.html', '.css', '.js', '.json', '.svg', '.xml', '.txt'}

# Words of prose: so many that text made of them is compressed to about a quarter, as pages are.
VOCABULARY = 3000

# Twice what ringlet's cache holds, so that it cannot keep them.
COLD_FILES = 4096
COLD_BYTES = 64 * KIB

# File systems that are memory: what they hold cannot be cold.
IN_MEMORY = {'tmpfs', 'ramfs'}


def letters(name, length):
    """Text that looks like nothing in particular and is the same for the same name."""
    word = hashlib.sha256(name.encode()).hexdigest().encode() + b'\n'
    return (word * (length // len(word) + 1))[:length]


def files():
    """Every file but the cold ones: its target and its bytes."""
    found = {'/hello.txt': HELLO, '/folder/index.html': b'<h1>folder</h1>\n'}
    for name, length in (('1k.txt', KIB), ('16k.txt', 16 * KIB), ('100k.txt', 100 * KIB),
                         ('1m.bin', MIB), ('10m.bin', 10 * MIB)):
        found['/' + name] = letters(name, length)
    for name in PAGE_KIB:
        found['/page/' + name] = page_file(name)
    return found


@functools.lru_cache(maxsize=1)
def vocabulary():
    drawn = random.Random('vocabulary')
    return [''.join(drawn.choices('etaoinshrdlcumwfgypbvk', k=drawn.randint(2, 10)))
            for _ in range(VOCABULARY)]


def prose(name, length):
    """Text that can be compressed about as well as a page's; the same for the same name."""
    drawn = random.Random(name)
    words = drawn.choices(vocabulary(), [1 / rank for rank in range(1, VOCABULARY + 1)],
                          k=length // 2)
    return ' '.join(words).encode()[:length]


def is_text(name):
    return pathlib.PurePath(name).suffix in COMPRESSIBLE


def page_file(name):
    """One of the page's. What is no text cannot be compressed, as pictures and fonts cannot."""
    length = PAGE_KIB[name] * KIB
    return prose(name, length) if is_text(name) else random.Random(name).randbytes(length)


def can_brotli():
    return shutil.which('brotli') is not None


def brotli(data, *options):
    return subprocess.run(['brotli', '-c', *options], input=data, capture_output=True, timeout=60,
                          check=True).stdout


def decoded(coding, data):
    """The content behind a coding."""
    if coding == 'gzip':
        return gzip.decompress(data)
    return brotli(data, '-d') if coding == 'br' else data


@functools.lru_cache(maxsize=1)
def variants():
    """The compressed files beside those of the page: gzip, and brotli where there is a program."""
    found = {}
    for name in filter(is_text, PAGE_KIB):
        found[f'/page/{name}.gz'] = gzip.compress(page_file(name), mtime=0)
        if can_brotli():
            found[f'/page/{name}.br'] = brotli(page_file(name), '-q', '9')
    return found


def cold_targets():
    return [f'/cold/{number:04}.bin' for number in range(COLD_FILES)]


def write(root, beside=True):
    """Make the folder, with compressed files beside those of the page or without; the cold files
    are made by write_cold, which takes its time."""
    for target, data in (files() | (variants() if beside else {})).items():
        path = root / target[1:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def write_cold(root):
    """The cold files, on the disk and not only on their way there."""
    (root / 'cold').mkdir(exist_ok=True)
    for target in cold_targets():
        with open(root / target[1:], 'wb') as file:
            file.write(letters(target, COLD_BYTES))
            file.flush()
            os.fsync(file.fileno())


def drop_cold(root):
    """Have the kernel forget the bytes of the cold files (posix_fadvise(2))."""
    for target in cold_targets():
        descriptor = os.open(root / target[1:], os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def why_never_cold(root):
    """Why files below root cannot be dropped from memory, or None."""
    kind = file_system(pathlib.Path(root).resolve())
    if kind in IN_MEMORY:
        return f'{root} is on {kind}, which is memory: set TMPDIR to a folder on a disk'
    return None


def file_system(path):
    """The type of the file system that holds a path: that of the longest mount point above it."""
    best = ('', '')
    for line in pathlib.Path('/proc/mounts').read_text().splitlines():
        point, kind = line.split()[1:3]
        if path.is_relative_to(point) and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1]
