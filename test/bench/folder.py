"""folder.py DIR - is what `bench/run.sh --quick` wrote whole?

Each workload of the quick rows is either skipped with a reason or has runs of both engines, the
histograms that runs name are there and can be read, and the report shows it all."""

import json
import pathlib
import re
import sys

import where
import options
import workloads

assert where

SERVERS = ('ringlet io_uring', 'ringlet epoll', 'ceiling io_uring', 'ceiling epoll')
MEASURED = ('requests', 'requests_per_second', 'cpu_ns_per_request', 'server_rss_bytes')
# What ringlet has today; a row of these that is skipped is a failure.
MUST_RUN = ('hello-bare', 'hello-browser', 'file-100k', 'page-load', 'not-found', 'redirect',
            'pipelined-16', 'new-connection', 'hello-name', 'json', 'baseline11', 'redirect-route',
            'https-1k', 'https-full', 'https-resumed')


def check(folder):
    """Everything that is wrong with it, as sentences."""
    wrong = [f'{name} is missing or empty' for name in ('results.json', 'report.html',
                                                        'machine.txt')
             if not (folder / name).is_file() or not (folder / name).stat().st_size]
    if wrong:
        return wrong
    found = json.loads((folder / 'results.json').read_text())
    wrong += [f'a problem was met: {sentence}' for sentence in found['problems']]
    if not found['finished']:
        wrong.append('it did not finish')
    wrong += check_rows(found) + check_histograms(folder, found)
    return wrong + check_report((folder / 'report.html').read_text(), found)


def check_rows(found):
    wrong = []
    if [row['name'] for row in found['workloads']] != [
            work.name for work in workloads.ALL if work.name in options.QUICK_ROWS]:
        wrong.append('the workloads are not the quick ones')
    for row in found['workloads']:
        if row['skipped'] and row['name'] in MUST_RUN:
            wrong.append(f'{row["name"]} was skipped: {row["skipped"]}')
        if not row['skipped']:
            wrong += check_runs(row, found)
    described = [server['name'] for server in found['servers']]
    return wrong + [f'{name} is not described' for name in present(found) if name not in described]


def present(found):
    """The servers that must be there: where io_uring is forbidden, those without it."""
    return [name for name in SERVERS if name not in found['absent']]


def check_runs(row, found):
    """Both engines ran, and what is always measured was."""
    wrong = []
    mine = [run for run in found['runs'] if run['workload'] == row['name']]
    for server in present(found):
        if not server.startswith('ringlet'):
            continue
        if not any(run['server'] == server and run['level'] == 'ceiling' for run in mine):
            wrong.append(f'{row["name"]}: no run of {server}')
    for run in mine:
        wrong += [f'{row["name"]}, {run["server"]}: {key} is {run[key]}'
                  for key in MEASURED if not run[key]]
    return wrong


def check_histograms(folder, found):
    rated = [run for run in found['runs'] if run['rate']]
    wrong = [] if rated else ['there is no run at a rate']
    wrong += [f'{run["server"]} at {run["rate"]}/s has neither a histogram nor a reason for none'
              for run in rated if not run['hgrm'] and not run['refused']]
    named = {run['hgrm'] for run in found['runs'] if run['hgrm']}
    there = {str(path.relative_to(folder)) for path in folder.glob('hgrm/*')}
    wrong += [f'{name} is there or named, and not both' for name in sorted(named ^ there)]
    for name in sorted(named & there):
        text = (folder / name).read_text()
        if not re.match(r'\s*Value\s+Percentile', text) or '#[Mean' not in text:
            wrong.append(f'{name} is no histogram')
    return wrong


def check_report(text, found):
    shown = [row['title'] for row in found['workloads']] + present(found)
    return [f'the report does not show {words}' for words in shown if words not in text]


def main():
    wrong = check(pathlib.Path(sys.argv[1]))
    print('\n'.join(wrong) or 'the folder is whole')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
