"""Two arms on the same examples: how the second stands to the first, and what the test set could have seen.

A yes/no metric on examples that stand alone is counted (pipeline.scoring.exact). Graded values and examples in groups are
tested by flips of whole groups (pipeline.scoring.flips).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from pipeline.scoring import exact
from pipeline.scoring.exact import ALPHA, Counts, Floats
from pipeline.scoring.flips import flip
from pipeline.scoring.rates import checked, is_binary, sums_of

FEW_CHANGED = 20  # fewer groups that changed tell nothing of how far the next one falls: it may fall from 1 to 0
FEWEST = 6  # groups: no test by signs can tell anything from fewer (2 / 2**5 > 0.05)
Test = Literal["exact", "flips"]
Verdict = Literal["better", "worse", "no worse", "cannot tell"]


@dataclass(frozen=True)
class Comparison:
    """A paired difference (candidate minus baseline) with its 95 % interval, which leaves zero out exactly where p < 0.05.

    `fixed` and `broken` count the examples that rose and fell. `test`: exact counts yes/no values, flips are of whole groups.
    `detectable` is the smallest drop that this test set, where as many answers change, calls worse with 80 % power. Within
    `least_margin` an equal model is no worse unless chance calls it worse (1 in 40), though some more answers change than did here.
    `needed`: where it cannot be told, how many examples make the margin that least one; none where there are too few to reckon from.
    """

    difference: float
    low: float
    high: float
    n: int
    groups: int
    fixed: int
    broken: int
    p: float
    detectable: float
    least_margin: float
    needed: int | None
    test: Test
    verdict: Verdict


def compare(candidate: Sequence[float], baseline: Sequence[float], groups: Sequence[str], margin: float) -> Comparison:
    """Compare paired values in [0, 1] of the same examples. `margin` is the drop that is still called no worse.

    Raises ValueError for a value that is no such number, and for sides of other lengths.
    """
    one, other = checked(candidate), checked(baseline)
    if not len(one) == len(other) == len(groups):
        raise ValueError("the values are not of the same examples")
    differences = one - other
    fixed, broken = int((differences > 1e-12).sum()), int((differences < -1e-12).sum())
    sums, sizes = sums_of(differences, groups), sums_of(differences * 0 + 1, groups)
    is_counted = is_binary(one) and is_binary(other) and len(sums) == len(one)
    found = _counted(Counts(fixed, broken, len(one))) if is_counted else _flipped(sums, sizes)
    found = replace(found, n=len(one), fixed=fixed, broken=broken, verdict=verdict(found.low, found.high, margin))
    needed = examples_needed(found, margin) if found.verdict == "cannot tell" else None
    mean = float(differences.mean()) if len(one) else 0.0
    return replace(found, difference=mean, needed=needed)


def verdict(low: float, high: float, margin: float) -> Verdict:
    """The word for an interval: better, worse, no worse within `margin`, or cannot tell."""
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no worse" if low >= -margin else "cannot tell"


class Measured(Protocol):
    """What is needed to know of a comparison in order to plan the next one."""

    @property
    def n(self) -> int: ...

    @property
    def groups(self) -> int: ...

    @property
    def fixed(self) -> int: ...

    @property
    def broken(self) -> int: ...

    @property
    def least_margin(self) -> float: ...

    @property
    def test(self) -> Test: ...


def examples_needed(found: Measured, margin: float) -> int | None:
    """How many examples make `margin` the least one, where as large a share changes as of these.

    Counted for the exact test, else by the root of n. None where no number does (a margin of 0), or there are too few to reckon from.
    """
    if margin <= 0 or found.groups < FEWEST:
        return None
    if found.test == "exact":
        return exact.needed((found.fixed + found.broken) / found.n, margin)
    return math.ceil(found.n * (found.least_margin / margin) ** 2)


def _counted(counts: Counts) -> Comparison:
    low, high = exact.interval(counts)
    reach, least = exact.detectable(counts.changed, counts.n), exact.least_margin(counts.changed, counts.n)
    return _found("exact", counts.n, exact.p_value(counts), low, high, reach, least)


def _flipped(sums: Floats, sizes: Floats) -> Comparison:
    """By flips; where few groups changed, never surer than counting them, each as if it had risen or fallen from end to end."""
    found = flip(sums, sizes)
    whole = Counts(int((sums > 1e-12).sum()), int((sums < -1e-12).sum()), len(sums))
    if whole.changed >= FEW_CHANGED:
        more = exact.next_time(whole.changed)
        least = 2 * found.reach * math.sqrt(more / whole.changed)
        if 2 * whole.changed - more < FEW_CHANGED:  # next time these may be few
            least = max(least, exact.least_margin(FEW_CHANGED, whole.n))
        return _found("flips", whole.n, found.p, found.low, found.high, found.reach + found.likely, least)
    low, high = exact.interval(whole)
    size = float(abs(sums).sum() / sizes.sum()) * whole.n / max(whole.changed, 1)
    low, high = low * min(1.0, size) if low > 0 else low, high * min(1.0, size) if high < 0 else high
    low, high = min(low, found.low), max(high, found.high)
    p = max(exact.p_value(whole), found.p)
    is_told = low > 0 or high < 0
    reach, least = exact.detectable(whole.changed, whole.n), exact.least_margin(whole.changed, whole.n)
    return _found("flips", whole.n, p if is_told or p >= ALPHA else 1.0, low, high, reach, least)


def _found(test: Test, groups: int, p: float, low: float, high: float, reach: float, least: float) -> Comparison:
    """What a test found; the rest is filled in by `compare`."""
    reach, least = min(1.0, reach), min(1.0, least)
    return Comparison(0.0, low, high, 0, groups, 0, 0, p, reach, least, None, test, "cannot tell")
