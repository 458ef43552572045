"""What is taken out of the logs of one window, in one pass: sums, samples, and what was survived."""

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.checking.language import language_guess
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Canary, Counts, Entry
from pipeline.production.logs.reading import Logs
from pipeline.production.monitoring.columns import Numbers
from pipeline.production.monitoring.said import Said
from pipeline.production.monitoring.sampling import Sample
from pipeline.production.monitoring.settings import MonitorParams
from pipeline.production.monitoring.tally import Slice, Tally
from pipeline.production.monitoring.windows import Window
from pipeline.stage import Fault

LANGUAGE = "language"
CANARY = "canary"  # the tag by which a request of make canaries is told


@dataclass(frozen=True)
class Asking:
    """What both windows are taken by: where the logs are, the schema, the parameters and the languages to tell apart."""

    place: str
    shape: str
    schema: Path
    params: MonitorParams
    languages: list[str]

    def judge(self) -> Judge:
        """The judge of answers that the logs have not judged. Raises Fault for a rule that is no pattern."""
        try:
            return Judge(Contract.load(self.schema), self.params.rules)
        except ValueError as error:
            raise Fault("params.yaml: monitor.rules", str(error), "mend the pattern") from None


@dataclass(frozen=True)
class Taken:
    """A window. `of_users` is the sample for drift, a request of each user; `lost` are requests that were spoken of and are not there.

    `canaries` are the latest answers, by id; `counts` is what recorders counted in all; `problems` what could not be read, each with its
    count and its first place.
    """

    window: Window
    slices: dict[str, Slice]
    models: dict[str, set[str]]
    steps: Numbers
    step_bins: Numbers
    of_users: list[Entry]
    canary_requests: int
    lost: int
    canaries: dict[str, Canary]
    counts: Counts
    problems: dict[str, tuple[int, str]]


def take(asking: Asking, window: Window) -> Taken:
    """Read a window. Raises Fault where the logs cannot be reached."""
    logs, params = Logs(asking.place, asking.shape), asking.params
    span = window.since, window.until
    said = Said(logs.feedback(*span))
    tally = Tally(*span, asking.judge(), params.escalation_field, params.slices)
    each, of_users = Sample(params.language_sample), Sample(params.drift.sample)
    ours = _Ours(logs.requests(*span))
    tally.take(ours, said, each, of_users)
    _take_languages(tally, each.entries(), said, asking.languages)
    models: dict[str, set[str]] = {}
    for revision, model in tally.models:
        models.setdefault(revision, set()).add(model)
    canaries, counts = _latest(logs.canaries(*span)), _in_all(logs.counts(*span), window)
    problems = {name: (count, logs.places.get(name, "")) for name, count in sorted(logs.problems.items())}
    return Taken(
        window,
        tally.slices,
        models,
        tally.steps,
        tally.step_bins,
        of_users.entries(),
        ours.left_out,
        said.lost,
        canaries,
        counts,
        problems,
    )


def _take_languages(tally: Tally, entries: list[Entry], said: Said, languages: list[str]) -> None:
    guess, found = language_guess(languages), dict[str, list[Entry]]()
    for entry in entries:
        found.setdefault(guess(entry.question), []).append(entry)
    for language, of in sorted(found.items()):
        if language:
            tally.take_slice(f"{LANGUAGE}:{language}", of, said)


def _latest(canaries: Iterable[Canary]) -> dict[str, Canary]:
    """The latest answer of each; of the same moment the one that failed."""
    found: dict[str, Canary] = {}
    for one in canaries:
        held = found.get(one.id)
        if held is None or (one.time, not one.passed) > (held.time, not held.passed):
            found[one.id] = one
    return dict(sorted(found.items()))


def _in_all(counts: Iterable[Counts], window: Window) -> Counts:
    seen, written, sampled_out, dropped = 0, 0, 0, dict[str, int]()
    for one in counts:
        seen, written, sampled_out = seen + one.seen, written + one.written, sampled_out + one.sampled_out
        for why, count in one.dropped.items():
            dropped[why] = dropped.get(why, 0) + count
    return Counts(
        time=window.until, seen=seen, written=written, sampled_out=sampled_out, dropped=dict(sorted(dropped.items()))
    )


class _Ours:
    """Requests of people: those of canaries are counted and left out. Says every few seconds how far it is."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries, self.left_out = entries, 0

    def __iter__(self) -> Iterator[Entry]:
        last = time.monotonic()
        for number, entry in enumerate(self._entries, 1):
            if not number % 10_000 and time.monotonic() - last > 5:
                last = time.monotonic()
                print(f"monitor: {number} requests read", file=sys.stderr, flush=True)
            if CANARY in entry.tags:
                self.left_out += 1
            else:
                yield entry
