"""A project in git with a log of production: what `make feedback` reads and writes."""

import json
import subprocess
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline.data.records import Record, read_records
from pipeline.desk.inputs import CASES, FEEDBACK, PROPOSED, REVIEWS, SCHEMA, SOURCES, SUITE, TEST_SET
from pipeline.production import feedback
from pipeline.production.logs.entry import Entry, Feedback
from tests import desk_project
from tests.failed_requests import NOON
from tests.failed_requests import request as plain_request

RED, BLUE = '{"label": "red"}', '{"label": "blue"}'
DAY = "2021-01-03"


def git(*arguments: str, at: Path | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=at, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project as the current folder, committed on main: nothing proposed and nothing decided."""
    desk_project.make(folder)
    monkeypatch.chdir(folder)
    for name in ("data/ledgers/reviews/r.jsonl", "data/ledgers/candidates/c.jsonl", "data/feedback/one.jsonl"):
        (folder / name).unlink()
    (folder / ".gitignore").write_text("/logs\n/build\n/.cache\n/data/records\n/data/validated\n/reports/new*\n")
    (folder / ".gitattributes").write_text((Path(__file__).parent.parent / ".gitattributes").read_text())
    (folder / TEST_SET).write_text("# frozen\n")
    params = folder / "params.yaml"  # one language is not guessed
    params.write_text(params.read_text().replace("languages: [en, hi, mr]", "languages: [en]"))
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "Asha")
    git("config", "user.email", "asha@example.com")
    git("add", "-A")
    git("commit", "--quiet", "-m", "a project")
    return folder


def request(number: int, **changes: Any) -> Entry:
    """A request that was answered with red."""
    return plain_request(number, **{"answer": RED, **changes})


def log(requests: Iterable[Entry], said: Iterable[Feedback] = (), place: Path = Path("logs")) -> None:
    """Write a log of ours, by day."""
    for kind, lines in (("requests", [*requests]), ("feedback", [*said])):
        for line in lines:
            path = place / line.time.date().isoformat() / f"{kind}-1-1.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")


def run(days: int = 1, **given: str) -> tuple[Any, str | None]:
    """`make feedback` on the day after NOON, or so many days after it; what it did, and its commit."""
    return feedback.run(feedback.asked_of(given, NOON + timedelta(days=days)))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rows() -> list[dict[str, Any]]:
    """All rows of the feedback files."""
    return [row for path in sorted(FEEDBACK.glob("*.jsonl")) for row in lines(path)]


def candidates() -> list[dict[str, Any]]:
    return [row for path in sorted(PROPOSED.glob("*.jsonl")) for row in lines(path)]


def cases() -> list[dict[str, Any]]:
    return lines(CASES / "incidents.jsonl")


def record_of(request_id: str) -> str:
    """The record by which a candidate is reviewed, the latest of that request."""
    return next(one["record"] for one in reversed(candidates()) if one["request"] == request_id)


def decide(request_id: str, decision: str = "approve", answer: str = "", reviewer: str = "ravi") -> None:
    """A reviewer's word on a candidate, as `make review` writes it; with an answer it is an edit."""
    from pipeline.data.candidates import turns_of
    from pipeline.data.records import record_id

    found = next(one for one in reversed(candidates()) if one["request"] == request_id)
    word = {"record": found["record"], "reviewer": reviewer, "date": "2021-01-03", "reason": "so"}
    if answer:
        turns = turns_of(found["messages"], answer)
        word |= {"decision": "edit", "messages": list(turns), "becomes": record_id(turns)}
    else:
        word |= {"decision": decision}
    REVIEWS.mkdir(parents=True, exist_ok=True)
    with (REVIEWS / f"2021-01-03-{reviewer}.jsonl").open("a") as file:
        file.write(json.dumps(word) + "\n")


def validated() -> list[Record]:
    """The records that may be learnt, after the real stages `ingest` and `validate`."""
    from pipeline import ingest, validate
    from pipeline.data.reviews import ReviewParams
    from pipeline.stage import load_params

    review, out = load_params(ReviewParams), Path("data/records")
    ingest.main(
        load_params(ingest.IngestParams), review, SOURCES, FEEDBACK, SCHEMA, TEST_SET, REVIEWS, out,
        Path("reports/new-ingest.json"),
    )  # fmt: skip
    validate.main(
        load_params(validate.ValidateParams), review, out / "records.jsonl", out / "near.jsonl", REVIEWS, SUITE, SCHEMA,
        Path("data/validated"), Path("reports/new-validation.json"),
    )  # fmt: skip
    return read_records(Path("data/validated/records.jsonl"))
