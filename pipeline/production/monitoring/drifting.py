"""Are inputs what the model learnt from? Six tests of a sample of production against the training data.

labels      of answers against reference answers: chi-square, and the share that would have to change (total variation)
language    the same of languages
length      of questions in characters: two-sample Kolmogorov-Smirnov, and the largest distance between the two distributions
vocabulary  share of a question's words that half of the training data never has: Mann-Whitney, and how far the mean is above that of
            the other half
words       the word that is most surely commoner than in training: Fisher, and by what share of questions (monitoring.wording)
distance    to the nearest example of that half: how many lie beyond what all but a share `unlike` of the other half do, which has an
            exact distribution, and what share more than there (monitoring.nearness)

What belongs together in training (a group) counts as one. The p of a test is one of six (Holm) and of `looks` looks a month: an alarm
needs p below alpha / looks, and an effect of the size in `bounds`. With inputs that are like the training data, a false alarm comes in
at most a share `alpha` of months.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pipeline.data.checking.language import Guess
from pipeline.data.likeness.shingles import words
from pipeline.production.monitoring.nearness import Nearness, Text, halves_of
from pipeline.production.monitoring.settings import Drift
from pipeline.production.monitoring.wording import Word, risen
from pipeline.scoring.exact import Floats
from pipeline.scoring.many_comparisons import holm

MOST_WORDS = 8  # that are told
RARE = 5.0  # a cell of fewer expected ones does not follow chi-square (Cochran, Biometrics 10, 1954)


@dataclass(frozen=True)
class Tested:
    """A test: its statistic, p alone and p among the tests, the effect and its bound, and what was concluded."""

    name: str
    statistic: str
    value: float
    p: float
    p_adjusted: float
    effect: float
    bound: float
    is_alarm: bool
    detail: tuple[tuple[str, float, float], ...] = ()  # of labels and languages: name, share here, share in training


@dataclass(frozen=True)
class Drifted:
    """What came of all tests. `unlike` are numbers of texts that are far from training, or have a new word."""

    tests: tuple[Tested, ...]
    n: int
    training: int
    alpha: float
    limit: float
    unlike: tuple[int, ...]


def drifted(sample: Sequence[Text], training: Sequence[Text], guess: Guess, params: Drift) -> Drifted:
    """Hold a sample against the training data. Both have `params.least` texts at least, and training two groups."""
    halves = halves_of(training, params.reference)
    near = Nearness(halves.reference)
    here, there = near.of(sample), near.of(halves.alone)
    limit = float(np.quantile(there.distances, 1 - params.unlike))
    is_far, rising = here.distances > limit, risen(sample, training)
    excess = float(is_far.mean() - (there.distances > limit).mean())
    groups = len({one.group for one in training}) / len(training)
    found = [
        _shares("labels", [one.label for one in sample], [one.label for one in training], groups),
        _lengths(sample, training, groups),
        _shares("language", [guess(one.text) for one in sample], [guess(one.text) for one in training], groups),
        _above("vocabulary", here.new_words, there.new_words),
        _words(rising),
        replace(_beyond(here.distances, there.distances, limit), effect=excess),
    ]
    tests = _concluded([one for one in found if not np.isnan(one.p)], params)
    alpha, least = params.alpha / params.looks, params.bounds["words"]
    new = {one.word for one in rising if one.p < alpha and one.here - one.there >= least}
    with_new = {at for at, one in enumerate(sample) if new & set(words(one.text))}
    far = _unlike([int(at) for at in np.flatnonzero(is_far)], sample, halves.others, limit)
    return Drifted(tests, len(sample), len(training), alpha, limit, tuple(sorted(with_new | set(far))))


def _unlike(far: list[int], sample: Sequence[Text], others: Sequence[Text], limit: float) -> list[int]:
    """Those that are far from the other half, too."""
    if not far:
        return []
    distances = Nearness(others).of([sample[at] for at in far]).distances
    return [at for at, distance in zip(far, distances, strict=True) if distance > limit]


def _concluded(found: list[Tested], params: Drift) -> tuple[Tested, ...]:
    """With p adjusted, bounds, and what is an alarm."""
    adjusted = holm([one.p for one in found])
    return tuple(
        replace(
            one,
            p_adjusted=p,
            bound=params.bounds[one.name],  # type: ignore[index]  # the names of the tests are its keys
            is_alarm=p < params.alpha / params.looks and one.effect >= params.bounds[one.name],  # type: ignore[index]
        )
        for one, p in zip(found, adjusted, strict=True)
    )


def _tested(name: str, statistic: str, value: float, p: float, effect: float) -> Tested:
    return Tested(name, statistic, float(value), float(p), 1.0, float(effect), 0.0, False)


def _shares(name: str, here: Sequence[str], there: Sequence[str], groups: float) -> Tested:
    """Two samples of names, of the second of which only a share stands alone. Names of which too few are expected count as one."""
    from scipy.stats import chi2_contingency

    one, other = Counter(filter(None, here)), Counter(filter(None, there))
    names = sorted(one | other)
    n, m = one.total(), other.total()
    if len(names) < 2 or not n or not m:
        return _tested(name, "chi-square", 0.0, 1.0 if n and m else float("nan"), 0.0)
    shares = tuple((label, one[label] / n, other[label] / m) for label in names)
    detail = tuple(sorted(shares, key=lambda row: (-abs(row[1] - row[2]), row[0])))
    distance = sum(abs(a - b) for _, a, b in shares) / 2
    table = _table(one, other, names, groups)
    if table.shape[1] < 2:
        return replace(_tested(name, "chi-square", 0.0, 1.0, distance), detail=detail)
    result = chi2_contingency(table, correction=False)
    return replace(_tested(name, "chi-square", result.statistic, result.pvalue, distance), detail=detail)


def _table(one: Counter[str], other: Counter[str], names: list[str], groups: float) -> Floats:
    """Counts of both, a column a name; rare names are put together, and where they are still rare, with the least of the others."""
    whole = np.array([[one[name] for name in names], [groups * other[name] for name in names]], dtype=np.float64)
    sums = whole.sum(axis=1)
    least = RARE * sums.sum() / sums.min()  # of a name in both, so that the smaller side expects RARE of them
    is_rare = whole.sum(axis=0) < least
    rare, rest = whole[:, is_rare].sum(axis=1, keepdims=True), whole[:, ~is_rare]
    if rare.sum() >= least or not rest.size:
        return np.hstack([rest, rare])
    rest[:, rest.sum(axis=0).argmin()] += rare[:, 0]
    return rest


def _lengths(sample: Sequence[Text], training: Sequence[Text], groups: float) -> Tested:
    """By the limit of Kolmogorov's distribution, in which n is what stands alone of both."""
    from scipy.stats import ks_2samp, kstwobign

    distance = ks_2samp(
        [len(one.text) for one in sample], [len(one.text) for one in training], method="asymp"
    ).statistic
    n, m = len(sample), groups * len(training)
    return _tested(
        "length", "Kolmogorov-Smirnov D", distance, kstwobign.sf(distance * np.sqrt(n * m / (n + m))), distance
    )


def _words(found: Sequence[Word]) -> Tested:
    """By the surest word; its p is that of the smallest among all words."""
    if not found:
        return _tested("words", "Fisher's exact test", 0.0, 1.0, 0.0)
    first = found[0]
    detail = tuple((one.word, one.here, one.there) for one in found[:MOST_WORDS] if one.p < 1)
    return replace(
        _tested("words", "Fisher's exact test", first.here, first.p, first.here - first.there), detail=detail
    )


def _beyond(here: Floats, there: Floats, limit: float) -> Tested:
    """Chance that so many of the sample lie beyond the j-th largest of the others, where both come from the same: of the j + k - 1 largest
    of both less than j are the others' (the exceedances of Gumbel and von Schelling, Annals of Mathematical Statistics 21, 1950)."""
    from scipy.stats import hypergeom

    k, j = int((here > limit).sum()), int((there > limit).sum()) + 1
    p = float(hypergeom.cdf(j - 1, len(here) + len(there), len(there), k + j - 1)) if k else 1.0
    return _tested("distance", "number beyond", k, p, 0.0)


def _above(name: str, here: Floats, there: Floats) -> Tested:
    """Whether values here are larger than there; smaller ones are no cause for alarm."""
    from scipy.stats import mannwhitneyu

    if len(np.unique(np.concatenate([here, there]))) < 2:
        return _tested(name, "Mann-Whitney U", 0.0, 1.0, 0.0)
    result = mannwhitneyu(here, there, alternative="greater", method="asymptotic")
    return _tested(name, "Mann-Whitney U", result.statistic, result.pvalue, here.mean() - there.mean())
