"""The table is complete, and loads come out of ceilings as they should."""

import unittest

import where
import content
import measure
import options
import workloads

assert where

NAMES = ['hello-bare', 'hello-browser', 'file-1k', 'file-16k', 'file-100k', 'file-1m',
         'file-10m', 'page-load', 'page-plain', 'not-found', 'redirect', 'pipelined-16',
         'new-connection', 'one-at-a-time', 'idle-10000', 'cold-beside-hot']
HANDLERS = ['hello-name', 'json', 'baseline11', 'redirect-route', 'upload-20m']
TLS = ['https-1k', 'https-16k', 'https-1m', 'https-full', 'https-resumed']
SIZES = {'hello-bare': 13, 'file-1k': 1024, 'file-16k': 16384, 'file-100k': 102400,
         'file-1m': 1048576, 'file-10m': 10485760, 'https-1k': 1024, 'https-16k': 16384,
         'https-1m': 1048576, 'https-full': 13, 'https-resumed': 13}


def row(name):
    return workloads.named([name])[0]


class Table(unittest.TestCase):
    def test_every_row_and_its_face(self):
        for face, names in (('files', NAMES), ('handlers', HANDLERS), ('tls', TLS)):
            self.assertEqual([made.name for made in workloads.ALL if made.face == face], names)
            self.assertTrue(all(row(name).tls == (face == 'tls') for name in names))
        self.assertEqual(len(workloads.ALL), len(NAMES + HANDLERS + TLS))

    def test_sizes(self):
        for name, size in SIZES.items():
            self.assertEqual(len(content.files()[row(name).targets[0]]), size, name)

    def test_page(self):
        page = row('page-load')
        sizes = [len(content.files()[target]) for target in page.targets]
        self.assertEqual((len(sizes), min(sizes), max(sizes)), (20, 3 * 1024, 300 * 1024))
        self.assertEqual(page.fields, ('Accept-Encoding: br;q=1, gzip;q=0.8',))
        self.assertEqual(workloads.without_codings(page).fields, ('Accept-Encoding: identity',))

    def test_compressed_files_beside_the_page(self):
        known, beside = content.files(), content.variants()
        self.assertIn('/page/app.js.gz', beside)
        for target, data in beside.items():
            plain = known[target.rpartition('.')[0]]
            coding = {'gz': 'gzip', 'br': 'br'}[target.rpartition('.')[2]]
            self.assertEqual(content.decoded(coding, data), plain, target)
            self.assertTrue(len(plain) / 5 < len(data) < len(plain) / 2, target)

    def test_particulars(self):
        self.assertEqual(len(row('hello-browser').fields), 12)
        self.assertEqual(row('pipelined-16').pipeline, 16)
        for name in ('new-connection', 'https-full', 'https-resumed'):
            self.assertTrue(row(name).new_connection)
        self.assertEqual([made.name for made in workloads.ALL if made.resumes], ['https-resumed'])
        self.assertEqual([made.name for made in workloads.ALL if made.spins], ['one-at-a-time'])
        self.assertEqual(row('one-at-a-time').connections, (1,))
        self.assertEqual((row('upload-20m').body_bytes, row('upload-20m').connections),
                         (20000000, (32,)))
        self.assertEqual((row('idle-10000').idle, row('idle-10000').connections), (10000, (100,)))
        self.assertEqual((row('not-found').status, row('redirect').status), (404, 301))
        self.assertEqual((row('hello-bare').connections[0], row('hello-bare').connections[-1]),
                         (1, 10000))

    def test_an_unknown_name(self):
        with self.assertRaisesRegex(ValueError, 'no workload is called nonsense'):
            workloads.named(['nonsense'])

    def test_quick_rows_exist(self):
        self.assertEqual(len(workloads.named(options.QUICK_ROWS)), len(options.QUICK_ROWS))


class Rates(unittest.TestCase):
    def ceilings(self):
        return [{'server': server, 'kept': kept, 'requests_per_second': rate}
                for server, kept, rate in (('fast', True, 9000.0), ('slow', True, 4000.0),
                                           ('slow', True, 6000.0), ('slow', False, 10.0),
                                           ('fixed', True, 100.0))]

    def test_shares_of_the_slowest_server(self):
        roles = {'fast': 'ours', 'slow': 'peer', 'fixed': 'ceiling'}
        for level, rate in (('25%', 1250), ('90%', 4500), ('idle', 1000), ('70/s', 70)):
            self.assertEqual(measure.rate_at(level, self.ceilings(), roles), (rate, None))

    def test_half_of_what_nginx_can(self):
        runs = [{'server': server, 'kept': kept, 'requests_per_second': rate}
                for server, kept, rate in (('fast', True, 9000.0), ('nginx', True, 5000.0),
                                           ('nginx', True, 7000.0), ('nginx', False, 1.0))]
        self.assertEqual(measure.rate_at('half-nginx', runs, {}), (3000, None))
        rate, why_not = measure.rate_at('half-nginx', runs[:1], {})
        self.assertIsNone(rate)
        self.assertIn('no ceiling of nginx', why_not)
        slower = {'server': 'slow', 'kept': True, 'requests_per_second': 3100.0}
        self.assertIsNone(measure.rate_at('half-nginx', [*runs, slower], {})[0])

    def test_not_above_what_the_slowest_can(self):
        runs = [{'server': 'a', 'kept': True, 'requests_per_second': 500.0}]
        rate, why_not = measure.rate_at('idle', runs, {})
        self.assertIsNone(rate)
        self.assertIn('slowest ceiling of 500/s', why_not)

    def test_without_a_ceiling(self):
        self.assertEqual(measure.rate_at('50%', [], {}), (None, 'no ceiling was measured'))

    def test_cold_files_are_asked_for_once(self):
        for seconds in (1, 5, 60, 5000):
            asked = measure.cold_rate(seconds) * seconds
            self.assertTrue(asked <= content.COLD_FILES or measure.cold_rate(seconds) == 1)


if __name__ == '__main__':
    unittest.main()
