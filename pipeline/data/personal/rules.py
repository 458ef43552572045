"""All rules together: what a text holds.

A text without an @, a long number or a long code costs a microsecond or two.
"""

from bisect import bisect
from collections.abc import Iterator
from operator import attrgetter

from pipeline.data.personal.at import at_signs
from pipeline.data.personal.ids import addresses, ibans, pans
from pipeline.data.personal.numbers import FEWEST_DIGITS, Groups, aadhaar, card, groups, windows
from pipeline.data.personal.phones import called, international, spelt, written
from pipeline.data.personal.secrets import secrets
from pipeline.data.personal.text import Hit, Signs, plain

# Of two that overlap the more specific one is meant.
RANKS = ("private_key", "jwt", "api_key", "email", "upi", "iban", "card", "aadhaar", "pan", "ip", "phone")
RULES = (card, aadhaar, written, spelt, called)


def find(text: str) -> list[Hit]:
    """All personal data and secrets of a text, in order; none overlaps another."""
    text = plain(text)
    signs = Signs.of(text)
    if not any(signs):
        return []
    hits: list[Hit] = []
    for is_worth_it, rule in zip(signs, (at_signs, _numbers, ibans, pans, addresses, secrets), strict=True):
        if is_worth_it:
            hits += rule(text)
    return _resolved(hits)


def _numbers(text: str) -> Iterator[Hit]:
    """Phone numbers with a plus first, then what else the groups of digits can be."""
    pieces, end = [], 0
    for hit in international(text) if "+" in text else ():
        yield hit
        pieces += [text[end : hit.start], ";" * (hit.end - hit.start)]
        end = hit.end
    text = "".join([*pieces, text[end:]])
    for run in groups(text):
        yield from _in_run(text, run)


def _in_run(text: str, run: Groups) -> Iterator[Hit]:
    """What a run of groups holds, the surest rule first; of windows that begin together the longest."""
    if run[-1][1] - run[0][0] < FEWEST_DIGITS:
        return
    candidates = [(first, list(windows(text, run, first))[::-1]) for first in range(len(run))]
    taken: set[int] = set()  # groups
    for rule in RULES:
        for first, some in candidates:
            for window in some:
                members = range(first, first + len(window.sizes))
                if taken.isdisjoint(members) and (hit := rule(text, window)):
                    taken.update(members)
                    yield hit


def _resolved(hits: list[Hit]) -> list[Hit]:
    """Of hits that overlap the one of the more specific kind; of one kind the one that begins first, and the longest."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (RANKS.index(hit.kind), hit.start, -hit.end)):
        at = bisect(kept, hit.start, key=attrgetter("start"))
        is_free = (at == 0 or kept[at - 1].end <= hit.start) and (at == len(kept) or hit.end <= kept[at].start)
        if is_free:
            kept.insert(at, hit)
    return kept
