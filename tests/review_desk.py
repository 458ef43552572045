"""A project in the middle of a review: three records that wait, their seed, and a reviewer who types lines."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.data.ledgers import read_reviews
from pipeline.data.records import Record, write_records
from pipeline.data.reviews import Decisions
from pipeline.desk.review import review
from tests import desk_project
from tests.examples import record, write_lines

RED, BLUE, PINK = (json.dumps({"label": label}) for label in ("red", "blue", "pink"))
SEED = record("where is my red parcel", RED)
PLACE = "data/ledgers/teacher/2031-01-02-m.jsonl:{}"
REPLY = {"date": "2031-01-02", "request": "q", "seed": SEED.id, "model": "teacher-1", "reply": "x"}
COUNTED = {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0}
CANDIDATES, LEDGER = Path("data/synthetic/candidates.jsonl"), Path("data/ledgers/reviews")


def candidate(number: int, asked: str, said: str = RED, **changes: Any) -> Record:
    """A variation of the seed."""
    values = {"origin": "synthetic", "answered_by": "model", "parents": (SEED.id,), "source": PLACE.format(number)}
    return record(asked, said, **{**values, "group": SEED.group, **changes})


ONE = candidate(1, "where is my crimson parcel", tags=("late",), licence="CC0")
TWO = candidate(2, "the blue one never came", BLUE)
THREE = record("a door for the kitchen", PINK, origin="production")
FOUR = record("a person's own question", RED)


def make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project after a run, as the current folder, with three records that wait and nothing decided."""
    desk_project.make(folder)
    monkeypatch.chdir(folder)
    (LEDGER / "r.jsonl").unlink()
    Path("data/ledgers/candidates/c.jsonl").unlink()
    rows = [{**REPLY, **COUNTED, "axis": axis} for axis in ("tone", "typos")]
    write_lines(folder / "data/ledgers/teacher/2031-01-02-m.jsonl", *rows)
    write_records(CANDIDATES, [ONE, TWO])
    write_records(Path("data/validated/waiting.jsonl"), [THREE])
    write_records(Path("data/validated/records.jsonl"), [FOUR, SEED])
    write_records(Path("data/records/records.jsonl"), [FOUR, SEED, THREE])
    return folder


def reviewer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that holds a sitting with lines for keys, and gives what was shown."""

    def hold(*lines: str, reviewer: str = "asha") -> str:
        keys = "".join(line + "\n" for line in lines).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(keys), encoding="utf-8"))
        review(reviewer)
        return capsys.readouterr().out

    return hold


def editor(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function that makes a piece of code the editor; it finds the file's text as `text`, and what it leaves there is written."""

    def install(code: str) -> None:
        script = folder / "an editor.py"
        head = "import json, pathlib, sys\npath = pathlib.Path(sys.argv[-1])\ntext = path.read_text()\n"
        script.write_text(f"{head}{code}\npath.write_text(text)\n")
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", f"{sys.executable} '{script}' --wait")

    return install


def word(decision: str, about: Record, reviewer: str = "ravi", **changes: Any) -> dict[str, Any]:
    values = {"record": about.id, "decision": decision, "reviewer": reviewer, "date": "2031-01-03", "reason": "because"}
    return {**values, **changes}


def edit_word(about: Record, new: Record, reviewer: str = "ravi") -> dict[str, Any]:
    return word("edit", about, reviewer, messages=list(new.messages), becomes=new.id)


def write_words(*words: dict[str, Any]) -> None:
    """Words of others, said before any of today."""
    write_lines(LEDGER / "2021-01-03-others.jsonl", *words)


def decided() -> list[tuple[str, str, str]]:
    """What stands in the ledger: record, decision and reason of each line."""
    return [(entry.record, entry.decision, entry.reason) for _, entry in read_reviews(LEDGER)]


def verdicts(*records: Record) -> list[str]:
    decisions = Decisions(read_reviews(LEDGER), ["synthetic", "production"])
    return [decisions.verdict(row.id, row.origin) for row in records]
