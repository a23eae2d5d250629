"""The workloads, as a table: what is asked for, over how many connections, at which loads."""

import dataclasses

import content

BROWSER = (
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'Accept-Language: en-GB,en;q=0.7,de;q=0.3',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Referer: http://127.0.0.1/index.html',
    'Connection: keep-alive',
    'Cookie: session=4f1c2a9e7b6d5038; theme=dark',
    'Upgrade-Insecure-Requests: 1',
    'Sec-Fetch-Dest: document',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Site: same-origin',
    'Priority: u=0, i',
)
CODINGS = 'Accept-Encoding: br;q=1, gzip;q=0.8'
# For servers that pass over what has a weight, as H2O 2.2 does.
PLAIN_CODINGS = 'Accept-Encoding: br, gzip'
NO_CODING = 'Accept-Encoding: identity'

ALL_LEVELS = ('ceiling', '25%', '50%', '75%', '90%', 'idle')
# Half of what one server reaches, and not of what the slowest does.
HALF_OF_NGINX = 'half-nginx'
SMALL_LEVELS = (*ALL_LEVELS, HALF_OF_NGINX)
HALF = ('ceiling', '50%')
IDLE_RATE = 1000


@dataclasses.dataclass(frozen=True)
class Workload:
    """One row. `fixed` says that a server which answers 13 fixed bytes may take part; `needs` is
    the feature that may be missing; `content` says that the bodies must be the files' bytes. A
    server shows one of its faces: files, the same over TLS, or handlers. `resumes` says that each
    connection goes on with the session before it; `body_bytes` are posted with each request.
    Where it `spins`, ringlet takes part a second time, with --spin."""

    name: str
    title: str
    targets: tuple = ('/hello.txt',)
    fields: tuple = ()
    status: int = 200
    connections: tuple = (64,)
    levels: tuple = HALF
    pipeline: int = 1
    new_connection: bool = False
    idle: int = 0
    cold: bool = False
    face: str = 'files'
    resumes: bool = False
    body_bytes: int = 0
    fixed: bool = False
    spins: bool = False
    needs: str = ''
    content: bool = True

    @property
    def tls(self):
        return self.face == 'tls'

    def level_connections(self, asked):
        """The counts of connections that are measured at rates, too: 64, or the first there is;
        every one that was asked for."""
        if asked:
            return tuple(asked)
        return (64,) if 64 in self.connections else self.connections[:1]


PLAIN = (
    Workload('hello-bare', '13-byte file, bare request', levels=SMALL_LEVELS, fixed=True,
             connections=(1, 16, 64, 256, 1000, 4096, 10000)),
    Workload('hello-browser', '13-byte file, the fields a browser sends', fields=BROWSER,
             levels=SMALL_LEVELS, fixed=True),
    Workload('file-1k', '1 KiB file', ('/1k.txt',), connections=(16, 64)),
    Workload('file-16k', '16 KiB file', ('/16k.txt',), levels=ALL_LEVELS, connections=(16, 64)),
    Workload('file-100k', '100 KiB file', ('/100k.txt',), connections=(16, 64)),
    Workload('file-1m', '1 MiB file', ('/1m.bin',), connections=(16, 64)),
    Workload('file-10m', '10 MiB file', ('/10m.bin',), connections=(16, 64)),
    Workload('page-load', 'a page of 20 files of 3-300 KiB',
             tuple('/page/' + name for name in content.PAGE_KIB), (CODINGS,),
             connections=(64, 1024)),
    Workload('page-plain', 'the same page, codings asked for without weights',
             tuple('/page/' + name for name in content.PAGE_KIB), (PLAIN_CODINGS,),
             connections=(64, 1024)),
    Workload('not-found', '404: a name that is not there', ('/nothing.txt',), status=404,
             content=False),
    Workload('redirect', '301: a folder without its slash', ('/folder',), status=301,
             content=False),
    Workload('pipelined-16', '13-byte file, 16 requests in flight per connection', pipeline=16,
             levels=('ceiling',), fixed=True),
    Workload('new-connection', '13-byte file, a connection per request', new_connection=True,
             fields=('Connection: close',), fixed=True),
    Workload('one-at-a-time', '13-byte file, one connection, one request after the other',
             connections=(1,), levels=('ceiling',), fixed=True, spins=True),
    Workload('idle-10000', '13-byte file, 100 connections active beside 10,000 idle ones',
             idle=10000, connections=(100,)),
    Workload('cold-beside-hot', '13-byte file while files that are not in memory are asked for',
             cold=True, connections=(16,)),
)

UPLOAD_BYTES = 20 * 10**6


def made(name, title, target, **others):
    """A row of what is answered by code and not by a file."""
    return Workload(name, title, (target,), face='handlers', needs=f'the handler of {target}',
                    **others)


HANDLERS = (
    made('hello-name', 'handler: /hello?name=bill', '/hello?name=bill'),
    made('json', 'handler: /json, 27 bytes', '/json'),
    made('baseline11', 'handler: the sum of two query parameters', '/baseline11?a=13&b=42'),
    made('redirect-route', 'handler: 301 to /', '/easter', status=301, content=False),
    made('upload-20m', 'handler: 20 MB posted, and counted', '/upload', body_bytes=UPLOAD_BYTES,
         connections=(32,), levels=('ceiling',)),
)


def over_tls(name, title, target='/hello.txt', **others):
    """A row over TLS."""
    return Workload(name, title, (target,), face='tls', needs='TLS', **others)


def shaken(name, title, **others):
    """A row whose requests each cost a handshake."""
    return over_tls(name, title, new_connection=True, fields=('Connection: close',),
                    levels=('ceiling',), **others)


TLS = (
    over_tls('https-1k', 'HTTPS: 1 KiB file', '/1k.txt'),
    over_tls('https-16k', 'HTTPS: 16 KiB file', '/16k.txt'),
    over_tls('https-1m', 'HTTPS: 1 MiB file', '/1m.bin', levels=('ceiling',)),
    shaken('https-full', 'HTTPS: a full handshake per request, 13-byte file'),
    shaken('https-resumed', 'HTTPS: a resumed handshake per request, 13-byte file', resumes=True),
)

ALL = PLAIN + HANDLERS + TLS


def asks_for_codings(workload):
    return CODINGS in workload.fields or PLAIN_CODINGS in workload.fields


def without_codings(workload):
    """The same, but plain files are asked for."""
    fields = tuple(NO_CODING if field in (CODINGS, PLAIN_CODINGS) else field
                   for field in workload.fields)
    return dataclasses.replace(workload, fields=fields, title=workload.title + ', uncompressed')


def named(names):
    """The rows of these names, in the table's order; all when none is named."""
    unknown = set(names) - {workload.name for workload in ALL}
    if unknown:
        raise ValueError(f'no workload is called {", ".join(sorted(unknown))}; --list shows them')
    return [workload for workload in ALL if not names or workload.name in names]


def rate_of(level, slowest):
    """Requests a second at a level, when the slowest server's ceiling is `slowest`; None is as
    many as it takes."""
    if level == 'ceiling':
        return None
    if level == 'idle':
        return IDLE_RATE
    if level.endswith('/s'):
        return int(level[:-2])
    return max(1, round(slowest * float(level[:-1]) / 100))
