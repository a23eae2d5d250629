"""What a series of measurements has found: figures looked up in results.json, and why one is not
there."""

import dataclasses

import ratios
import sentences
import summary


@dataclasses.dataclass(frozen=True)
class Found:
    """Median, least and most of so many figures, and from which runs; or why there is none. Of
    ratios the bounds of the median stand for least and most."""

    middle: object = None
    least: object = None
    most: object = None
    count: int = 0
    runs: str = ''
    why: object = None


class Series:
    """The runs of a series, by block, with all that was counted beside them."""

    def __init__(self, data):
        self.data = data
        self.first = sentences.ours(data['servers'])
        self.works = {work['name']: work for work in data['workloads']}
        self.presence = {found['server']: found for found in data.get('presence', ())}
        self.blocks = {}
        for run in data['runs']:
            key = (run['workload'], run['connections'], run['level'])
            self.blocks.setdefault(key, []).append(run)

    def cost(self):
        """What a request costs the server's CPU: cycles where they can be counted."""
        counted = self.data['machine'].get('counters') == 'perf'
        return 'cycles_per_request' if counted else 'cpu_ns_per_request'

    def ratio(self, key, one, other, metric):
        """Of one server to another, over the pairs of a block."""
        found = ratios.ratio(self.blocks.get(key, ()), one, other, metric)
        if not found:
            return Found(why=self.why_not(key, one, other))
        return Found(found.middle, *found.bounds, found.pairs,
                     f'{block(key)}, {found.pairs} pairs')

    def runs(self, key, server, metric):
        """A figure over the kept runs of a block."""
        found = ratios.spread(self.blocks.get(key, ()), server, metric)
        if not found:
            return Found(why=self.why_not(key, server))
        count = len(ratios.kept(self.blocks[key], server))
        return Found(*found, count, f'{block(key)}, {count} runs')

    def there(self, server, key, what):
        """What a server costs by being there."""
        found = self.presence.get(server)
        if not found:
            return Found(why=self.absence(server) or f'{server} was not looked at while alone')
        numbers = found[key]
        if not numbers:
            return Found(why=found['not_measured'].get(key, 'it was not looked at'))
        return Found(*summary.spread(numbers), len(numbers), f'{len(numbers)} {what}')

    def instructions(self, server, workload):
        """User-space instructions by ringlet-steps, or None."""
        for count in self.data['counts']:
            if (count['server'], count['workload']) == (server, workload):
                return count['user_instructions_per_request']
        return None

    def why_not(self, key, *servers):
        """Why a block has no figure of these servers."""
        work = self.works.get(key[0])
        if not work:
            return f'{key[0]} is not part of this series'
        if work['skipped']:
            return work['skipped']
        for server in servers:
            reason = work.get('absent', {}).get(server) or self.absence(server)
            if reason:
                return f'{server}: {reason}'
        if key not in self.blocks:
            return f'no runs: {block(key)}'
        missing = {run['server'] for run in self.blocks[key]}
        for server in servers:
            if server not in missing:
                return f'no runs of {server}: {block(key)}'
        return f'no undisturbed runs: {block(key)}'

    def absence(self, server):
        return self.data.get('absent', {}).get(server)


def block(key):
    """A block in words."""
    plural = '' if key[1] == 1 else 's'
    return f'{key[0]}, {key[1]:,} connection{plural}, {key[2]}'
