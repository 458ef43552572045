"""A project after a run, with two arms that answer four test records, one of them alike; and a rater who types lines."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.data.ledgers import Rating, read_ratings
from pipeline.data.records import Record, digest, write_jsonl, write_records
from pipeline.desk.rate import rate
from tests import desk_project
from tests.examples import record

LEDGER, TEST = Path("data/ledgers/ratings"), Path("data/split/test.jsonl")
DIMENSIONS = ("correct", "helpful")
ROWS = [record(f"question number {number}", f"reference {number}") for number in range(4)]
TUNED = ["tuned says 0", "tuned says 1", '{"label": "red"}', "both say 3"]
BASE = ["base says 0", "base says 1", '{"label": "blue"}', "both say 3"]


def write_arm(name: str, answers: list[str], rows: list[Record] | None = None) -> None:
    """The answers of an arm as `predict` leaves them."""
    folder = Path("data/predictions") / name
    found = zip(ROWS if rows is None else rows, answers, strict=True)
    write_jsonl(folder / "answers.jsonl", ({"set": "test", "id": row.id, "answer": text} for row, text in found))
    (folder / "arm.json").write_text("{}")


def make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the current folder, without a vote."""
    desk_project.make(folder)
    monkeypatch.chdir(folder)
    (LEDGER / "v.jsonl").unlink()
    write_records(TEST, ROWS)
    write_arm("tuned", TUNED)
    write_arm("base", BASE)
    return folder


def rater(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that holds a sitting with a line for each key, and gives what was shown."""

    def hold(keys: str = "", who: str = "asha", arms: str = "") -> str:
        lines = "".join(f"{key}\n" for key in keys).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines), encoding="utf-8"))
        rate(who, arms)
        return capsys.readouterr().out

    return hold


def votes() -> list[Rating]:
    """What stands in the ledger."""
    return read_ratings(LEDGER, DIMENSIONS)


def preferred() -> list[tuple[str, str, str]]:
    """Question, dimension and the answer that each vote prefers, or tie."""
    texts = {digest(text): text for text in (*TUNED, *BASE)}
    asked = {row.id: row.question for row in ROWS}
    sides = {"first": lambda vote: texts[vote.first], "second": lambda vote: texts[vote.second], "tie": lambda _: "tie"}
    return [(asked[vote.example], vote.dimension, sides[vote.vote](vote)) for vote in votes()]


def set_rate(**changes: object) -> None:
    """Other parameters of the section."""
    values = {"arms": ["tuned", "base"], "seed": 1, "dimensions": dict.fromkeys(DIMENSIONS, "Which?"), **changes}
    path = Path("params.yaml")
    lines = path.read_text().splitlines()
    path.write_text("\n".join(f"rate: {json.dumps(values)}" if line[:5] == "rate:" else line for line in lines) + "\n")
