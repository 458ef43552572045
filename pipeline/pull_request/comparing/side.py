"""One side of the comparison: its yardstick, its arms' answers as far as they can be had, and what its reports say.

Of another commit git holds task, parameters, lock and reports, and DVC's cache holds test set and answers. What cannot be had is named
with the commands that would bring it. No code of the other commit is run.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.predictions import Predictions, read_predictions
from pipeline.data.questions import Question, read_questions
from pipeline.data.records import Record, read_records
from pipeline.data.reports import Part, read_plain, read_report
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.texts import Text, read_texts
from pipeline.desk.inputs import CASES, PROBES, SCHEMA, TEST_SET
from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.evaluate import EvaluateParams
from pipeline.pull_request.comparing.lock import Lock
from pipeline.pull_request.comparing.said import Facts, Given
from pipeline.pull_request.comparing.values import Cell
from pipeline.pull_request.comparing.yardstick import JUDGES, LIBRARIES, Yardstick
from pipeline.pull_request.results import Mean
from pipeline.stage import PARAMS_FILE, Fault, checked, read_yaml

LOCK, REPORTS, TEXTS = Path("dvc.lock"), Path("reports"), Path("task/texts")
SPLIT, PREDICTIONS, SCORING = "data/split", "data/predictions", "pipeline/scoring"
EXTRA = Path(".cache/compare/answers")  # answers that somebody had given for a comparison alone
T = TypeVar("T")


class Reported(Part):
    """What is read of a comparison that another version of the code may have written."""

    arms: dict[str, dict[str, Mean]]
    yardstick: dict[str, Facts] = Field(default_factory=dict)


@dataclass
class Side:
    """Inputs below `root`, called `name`; `tests` are its test set's records, None where they cannot be had, `waiting` those of `new`.

    `plan` is section `arms` of its parameters. `missing` says what cannot be had, and `notes` what a reader has to know.
    """

    name: str
    root: Path
    commit: str | None = None
    lock: Lock = field(default_factory=lambda: Lock(LOCK / "none"))
    tests: dict[str, Record] | None = None
    waiting: dict[str, Record] = field(default_factory=dict)
    predictions: dict[str, Predictions] = field(default_factory=dict)
    plan: dict[str, dict[str, str]] = field(default_factory=dict)
    reported: dict[str, dict[str, Cell]] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def or_note(self, read: Callable[[], T], otherwise: T) -> T:
        """What is read; of another commit, which nobody can mend, a note where today's code cannot read it."""
        try:
            return read()
        except Fault as fault:
            if self.commit is None:
                raise
            self.notes.append(f"not read: {code(str(fault).replace(f'{self.root}/', f'{self.name}:'), LONGEST)}")
            return otherwise

    @property
    def called(self) -> str:
        """The name as text that is safe to show."""
        return code(self.name) if self.commit else self.name


def read_answers(side: Side) -> None:
    """Test set, arms and reports of a side. What is not there leaves its part empty."""
    root = side.root
    if (root / SPLIT / "test.jsonl").is_file():
        side.tests = side.or_note(lambda: _by_id(root / SPLIT / "test.jsonl"), None)
    if (root / SPLIT / "new.jsonl").is_file():
        side.waiting = side.or_note(lambda: _by_id(root / SPLIT / "new.jsonl"), {})
    _read_reports(side)
    folder = root / PREDICTIONS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        found = side.or_note(partial(arm_of, path), None)
        if found:
            side.predictions[path.name], side.facts[path.name] = found


def _by_id(path: Path) -> dict[str, Record]:
    records: dict[str, Record] = {}
    for record in read_records(path):
        if record.id in records:
            raise Fault(path, f"has {record.id} twice", "run dvc repro -f -s split")
        records[record.id] = record
    return records


def arm_of(folder: Path) -> tuple[Predictions, Facts] | None:
    """An arm's folder; None where it holds none. Raises Fault where today's code cannot read it."""
    if not (folder / "arm.json").is_file() or not (folder / "answers.jsonl").is_file():
        return None
    try:
        found = read_predictions(folder)
    except (KeyError, TypeError, ValueError):
        raise Fault(folder, "is of a form that this code does not know", "predict it again") from None
    return found, checked(Facts, found.arm, folder / "arm.json")


def _read_reports(side: Side) -> None:
    place = side.root / REPORTS
    if (place / "comparison.json").is_file():
        report = side.or_note(lambda: read_report(Reported, place / "comparison.json"), None)
        for arm, means in report.arms.items() if report else ():
            side.reported[arm] = {name: Cell(one.mean, one.low, one.high, one.n) for name, one in means.items()}
        side.facts |= report.yardstick if report else {}
    if (place / "regression.json").is_file():
        content: object = side.or_note(lambda: read_plain(place / "regression.json"), None)
        for arm, values in content.items() if isinstance(content, dict) else ():
            shares = {key: Cell(value) for key, value in values.items() if isinstance(value, float | int)}
            side.reported.setdefault(arm, {}).update(shares)


def yardstick_of(side: Side, today: Path, pool: dict[str, Record]) -> Yardstick:
    """What the side measures with; examples that it lost are taken from `pool` by their ids, and a schema that it has not from today's."""
    root = side.root
    if not (root / SCHEMA).is_file():
        side.notes.append(f"{side.called} has no `{SCHEMA}`: today's is taken")
    schema = (root if (root / SCHEMA).is_file() else today) / SCHEMA
    frozen = side.or_note(lambda: TestSet.load(root / TEST_SET), TestSet(frozenset(), frozenset()))
    records, ids = side.tests, frozen.ids
    if records is None:
        records = {key: pool[key] for key in sorted(ids) if key in pool}
    return Yardstick(
        ids=frozenset(side.tests) if side.tests is not None else ids,
        records=records,
        size=len(side.tests if side.tests is not None else ids),
        contract=side.or_note(lambda: Contract.load(schema), None) or Contract.load(today / SCHEMA),
        prohibited=tuple(side.or_note(lambda: _prohibited(root, today), [])),
        probes={one.id: one for one in side.or_note(lambda: read_questions(root / PROBES), list[Question]())},
        cases={one.id: one for one in side.or_note(lambda: read_questions(root / CASES), list[Question]())},
        texts={one.id: one for one in side.or_note(lambda: read_texts(root / TEXTS), list[Text]())},
        code=_code(root),
        targets=_targets(root),
    )


def section(root: Path, name: str) -> dict[str, Any]:
    """A section of the parameters as it stands, empty where there is none."""
    path = root / PARAMS_FILE
    content = read_yaml(path) if path.is_file() else None
    found = content.get(name) if isinstance(content, dict) else None
    return found if isinstance(found, dict) else {}


def plan_of(root: Path) -> dict[str, dict[str, str]]:
    """Model and prompt of each arm, as far as they are said."""
    return {
        str(name): {key: str(value) for key, value in arm.items()}
        for name, arm in section(root, "arms").items()
        if isinstance(arm, dict)
    }


def _prohibited(root: Path, today: Path) -> list[str]:
    """The patterns, checked; parameters from before there were any have none."""
    values = {**section(today, "evaluate"), "prohibited": section(root, "evaluate").get("prohibited", [])}
    return checked(EvaluateParams, values, root / PARAMS_FILE, "evaluate").prohibited


def _targets(root: Path) -> dict[str, Any]:
    evaluate, regress = section(root, "evaluate"), section(root, "regress")
    targets = evaluate.get("targets")
    margins = {f"evaluate.{key}": evaluate[key] for key in ("margin",) if key in evaluate}
    margins |= {f"regress.{key}": regress[key] for key in ("margin", "text_margin") if key in regress}
    named = targets.items() if isinstance(targets, dict) else ()
    return {**{f"evaluate.targets.{key}": value for key, value in named}, **margins}


def _code(root: Path) -> dict[str, str]:
    """The digest of each file that scores, and of the requirements that it runs with."""
    names = [path.relative_to(root).as_posix() for path in sorted((root / SCORING).glob("*.py"))]
    files = {name: root / name for name in dict.fromkeys([*names, *JUDGES, LIBRARIES])}
    return {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items() if file.is_file()}


def givens(side: Side, yardstick: Yardstick, extra: Path) -> list[Given]:
    """The answers of a side, and those that somebody had given to its questions for a comparison alone."""
    found = [Given(side.facts[name], one, yardstick) for name, one in side.predictions.items()]
    folder = extra / yardstick.asked
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if arm := arm_of(path):
            found.append(Given(arm[1], arm[0], yardstick))
    return found
