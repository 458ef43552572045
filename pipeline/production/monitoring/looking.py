"""A look at production: what was taken out of the logs, measured, held against the evaluation, the window before, and the bounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.data.checking.language import language_guess
from pipeline.data.records import Record, stream_records
from pipeline.desk.accepted import accepted
from pipeline.production.logs.entry import Entry
from pipeline.production.monitoring.alerting import Held, drift_alerts, hold
from pipeline.production.monitoring.columns import REVISION, Reading
from pipeline.production.monitoring.comparing import Beside, Margins, all_beside
from pipeline.production.monitoring.drifting import Drifted, drifted
from pipeline.production.monitoring.expected import Expected, expected, with_answers
from pipeline.production.monitoring.measuring import Measured, measured
from pipeline.production.monitoring.nearness import Text
from pipeline.production.monitoring.taking import Asking, Taken
from pipeline.production.monitoring.tally import ALL
from pipeline.production.monitoring.unlike import Kind, kinds
from pipeline.scoring.exact import ALPHA
from pipeline.scoring.grouped_sums import Value

EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True)
class Compared:
    """A slice with what is known of it elsewhere."""

    measured: Measured
    evaluation: dict[str, Beside]
    before: dict[str, Beside]


@dataclass(frozen=True)
class Look:
    """Everything that is told. `drift` is what was found, or why it could not be looked for."""

    taken: Taken
    earlier: Taken
    revisions: dict[str, Expected]
    slices: dict[str, Compared]
    counted: dict[str, Value]
    held: list[Held]
    drift: Drifted | str
    kinds: list[Kind]

    @property
    def alerts(self) -> list[str]:
        """A sentence each; one is enough for exit 1."""
        beyond = [one.says for one in self.held if one.status == "alert"]
        return [*beyond, *(drift_alerts(self.drift) if isinstance(self.drift, Drifted) else [])]

    @property
    def warnings(self) -> list[str]:
        """What cannot be told and should be, as the parameters say, and models that git does not know."""
        doubts = [one.says for one in self.held if one.status == "cannot tell" and one.on_cannot_tell == "warn"]
        gone = [f"revision {name}: {one.source}" for name, one in self.revisions.items() if not one.is_known]
        return [*(f"cannot tell: {one}" for one in doubts), *gone]


def look(asking: Asking, taken: Taken, earlier: Taken, root: Path, training: Path) -> Look:
    """All that follows from two windows and the tree at `root`."""
    record = accepted(root)
    revisions = {
        name: with_answers(
            expected(name, taken.models.get(name, set()), root, record[1] if record else None), root, asking.judge()
        )
        for name in _of_kind(taken, REVISION)
    }
    slices = _compared(asking, taken, earlier, revisions)
    counted = _counted(taken)
    values = {name: {**one.measured.values, **one.measured.failed} for name, one in slices.items()}
    drift, found = _drift(asking, taken, training)
    return Look(
        taken,
        earlier,
        revisions,
        slices,
        counted,
        hold(asking.params.bounds, values, counted, asking.params.least),
        drift,
        found,
    )


def _of_kind(taken: Taken, kind: str) -> list[str]:
    """Names of the slices of a kind, those with the most requests first."""
    names = [name for name in taken.slices if name.startswith(f"{kind}:")]
    return [name.split(":", 1)[1] for name in sorted(names, key=lambda name: (-taken.slices[name].requests, name))]


def _compared(asking: Asking, taken: Taken, earlier: Taken, revisions: Mapping[str, Expected]) -> dict[str, Compared]:
    """Every slice. Verdicts on parts go by intervals that share their errors among all parts (Bonferroni)."""
    params, most = asking.params, next(iter(revisions), "")
    margins = Margins(params.margin, params.relative_margin)
    shared = ALPHA / max(1, len(taken.slices) - 1)
    found = {}
    for name, held in sorted(taken.slices.items(), key=lambda one: (one[0] != ALL, -one[1].requests, one[0])):
        alpha = ALPHA if name == ALL else shared
        revision = most if name == ALL else name.removeprefix(f"{REVISION}:")
        here = measured(held, params.rules, alpha).values
        was = measured(earlier.slices[name], params.rules, alpha).values if name in earlier.slices else {}
        wanted = revisions[revision].values if revision in revisions else {}
        one = measured(held, params.rules)
        found[name] = Compared(one, all_beside(here, wanted, margins), all_beside(here, was, margins))
    return found


def _counted(taken: Taken) -> dict[str, Value]:
    """What is no sample: records that were dropped, and canaries that fail."""
    found, counts = {}, taken.counts
    if counts.seen:
        share = sum(counts.dropped.values()) / counts.seen
        found["dropped"] = Value(share, share, share, counts.seen, float(counts.seen))
    if taken.canaries:
        failed = float(sum(not one.passed for one in taken.canaries.values()))
        found["canaries_failed"] = Value(failed, failed, failed, len(taken.canaries), float(len(taken.canaries)))
    return found


def _drift(asking: Asking, taken: Taken, training: Path) -> tuple[Drifted | str, list[Kind]]:
    params = asking.params.drift
    if not training.is_file():
        return f"{training} is not here; make pull fetches it, make run builds it", []
    reading = Reading(asking.judge(), "", lambda kind, name: f"{kind}:{name}")
    texts = [Text(entry.question, reading.label(entry.answer)[0] or "") for entry in taken.of_users]
    learnt = [_text_of(record, reading) for record in stream_records(training)]
    groups = len({one.group for one in learnt})
    if min(len(texts), groups) < params.least:
        few = f"{len(texts)} users or requests here and {groups} groups of training examples"
        return f"cannot tell: {few}, and it takes {params.least} of each", []
    found = drifted(texts, learnt, language_guess(asking.languages), params)
    far = [texts[at] for at in found.unlike]
    return found, kinds(far, [taken.of_users[at].id for at in found.unlike], learnt)


def _text_of(record: Record, reading: Reading) -> Text:
    """A training example as a request would be: its last turn of a user, and its reference's label."""
    as_asked = Entry(id="", time=EPOCH, messages=tuple(dict(turn) for turn in record.messages[:-1]))
    return Text(as_asked.question, reading.label(record.answer)[0] or "", record.group)
