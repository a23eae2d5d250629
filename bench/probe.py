"""What every server answers to every workload, looked at before anything is measured.

Who answers other bytes than the files have takes no part; a workload whose feature ringlet does not
have is skipped, and both are named."""

import dataclasses
import functools
import hashlib
import subprocess

import content
import servers
import workloads

# The option of ringlet that a face takes, and what it is without.
FACE_OPTIONS = {'tls': ('--tls-port', 'TLS is'), 'handlers': ('--demo', 'handlers are')}


@dataclasses.dataclass(frozen=True)
class Look:
    """What was seen of one answer; the body only as its digest."""

    status: int
    head_bytes: int
    body_bytes: int
    coding: str
    location: str
    digest: str


@dataclasses.dataclass
class Entry:
    """A workload with those who take part in it. `absent` and `wrong` say why a server does not;
    what is wrong is a failure, what is absent is not."""

    workload: object
    skipped: object = None
    kinds: list = dataclasses.field(default_factory=list)
    absent: dict = dataclasses.field(default_factory=dict)
    wrong: dict = dataclasses.field(default_factory=dict)
    head_bytes: dict = dataclasses.field(default_factory=dict)
    reference: object = None


def digest(data):
    return hashlib.sha256(data).hexdigest()


@functools.lru_cache(maxsize=1)
def digests():
    """Of every file's bytes, by its target."""
    return {target: digest(data)
            for target, data in (content.files() | content.variants()).items()}


def look(answer, decode=False):
    coding = answer.field('Content-Encoding') or ''
    body = content.decoded(coding, answer.body) if decode else answer.body
    return Look(answer.status, len(answer.head), len(answer.body), coding,
                answer.field('Location') or '', digest(body))


def ask_all(server, workload):
    """A look at the answer to each target, or the sentence of what went wrong."""
    kind = server.kind
    try:
        return [look(server.ask(kind.target(target), workload.fields, workload.body_bytes),
                     kind.compresses) for target in workload.targets]
    except (OSError, ValueError) as error:
        return f'no answer to {workload.name}: {error}'


def has_option(program, option):
    """Does a build of ringlet know an option?"""
    told = subprocess.run([program, '--help'], capture_output=True, text=True, timeout=20,
                          check=False).stdout
    return option in told


def own_limits(program, face):
    """Why workloads of a face cannot be had, or None."""
    option, what = FACE_OPTIONS[face]
    if has_option(program, option):
        return None
    return f'{what} missing: ringlet has no option for it'


def probe(yard, kinds, table):
    """The table's entries, and the servers that could not be started with the reason."""
    entries, failed = [], {}
    usable = [kind for kind in kinds if starts(yard, kind, failed)]
    own = next((kind for kind in usable if kind.role == 'ours'), None)
    if not own:
        raise servers.ServerFailed('; '.join(failed.values()) or 'no engine was asked for')
    for face in dict.fromkeys(workload.face for workload in table):
        rows = [workload for workload in table if workload.face == face]
        entries += probe_face(yard, own, usable, face, rows)
    return entries, failed


def probe_face(yard, own, kinds, face, table):
    """The entries of the rows of one face, with everybody who shows it."""
    limits = own_limits(own.program, face) if face != 'files' else None
    if limits:
        return [Entry(workload, skipped=limits) for workload in table]
    try:
        with yard.server(own, face=face) as server:
            entries = [first_look(server, workload) for workload in table]
    except servers.ServerFailed as error:
        return [Entry(workload, skipped=str(error)) for workload in table]
    for kind in kinds:
        if kind.role == 'peer' and not kind.fixed and not kind.shows(face):
            for entry in entries:
                entry.absent[kind.name] = 'is not set up for it'
        mine = [entry for entry in entries if takes_part(kind, entry)]
        try:
            if mine:
                ask_of(yard, kind, face, mine)
        except servers.ServerFailed as error:
            for entry in mine:
                judge(entry, kind, f'does not start: {error}')
    return entries


def ask_of(yard, kind, face, entries):
    with yard.server(kind, face=face) as server:
        for entry in entries:
            judge(entry, kind, ask_all(server, entry.workload))


def takes_part(kind, entry):
    """Where nobody asks for compressed files, who makes them is like any other; where there is
    always something to do, so is who polls."""
    if entry.skipped or (kind.compresses and not workloads.asks_for_codings(entry.workload)):
        return False
    if kind.spins and not entry.workload.spins:
        return False
    return kind.shows(entry.workload.face) and (entry.workload.fixed or not kind.fixed)


def starts(yard, kind, failed):
    try:
        with yard.server(kind):
            return True
    except servers.ServerFailed as error:
        failed[kind.name] = str(error)
        return False


def first_look(server, workload):
    """Has ringlet what the workload needs, and does it choose among compressed files?"""
    seen = ask_all(server, workload)
    if workload.needs and (isinstance(seen, str) or seen[0].status != workload.status):
        got = seen if isinstance(seen, str) else f'{seen[0].status} to {workload.targets[0]}'
        return Entry(workload, skipped=f'{workload.needs} is missing: ringlet answers {got}')
    if workloads.asks_for_codings(workload) and not isinstance(seen, str) \
            and not any(answer.coding for answer in seen):
        workload = workloads.without_codings(workload)
    return Entry(workload)


def judge(entry, kind, seen):
    """Let a server take part, or say why it does not."""
    reason = seen if isinstance(seen, str) else difference(entry, kind, seen)
    if not reason:
        entry.kinds.append(kind)
        entry.head_bytes[kind.name] = seen[0].head_bytes
    elif kind.role == 'peer':
        entry.absent[kind.name] = reason
    else:
        entry.wrong[kind.name] = reason


def difference(entry, kind, seen):
    """In what answers differ from what they must be, or None. The codings must be those of the
    first server, which is ringlet; the reference for what is no file is its answer, too. What a
    server has compressed itself need only be the file again once decoded, and a peer that knows but
    one answer have its length right."""
    workload = entry.workload
    entry.reference = entry.reference or seen
    known = digests()
    for target, answer, first in zip(workload.targets, seen, entry.reference):
        if answer.status != workload.status:
            return f'answers {answer.status} to {target}'
        if workload.status == 301 and not answer.location:
            return f'answers {target} with a redirect to nowhere'
        if not workload.content:
            continue
        if kind.fixed and kind.peer and answer.body_bytes == first.body_bytes:
            continue
        if answer.coding != first.coding:
            return f'answers {target} as {answer.coding or "identity"}, not {first.coding}'
        file = target + ('' if kind.compresses else suffix(answer.coding))
        if answer.digest != known.get(file, first.digest):
            return f'answers other bytes to {target}'
    return None


def suffix(coding):
    return {'': '', 'gzip': '.gz', 'br': '.br', 'zstd': '.zst'}.get(coding, '.' + coding)
