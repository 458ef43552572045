"""A project after a run whose answers a judge compares, and judges on this machine: by what they read, by place, or by whim."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.data.judging.rubric import JudgeParams
from pipeline.data.ledgers import Opinion, read_opinions
from pipeline.data.predictions import read_arms
from pipeline.data.ratings import RateParams
from pipeline.data.records import Record, write_jsonl, write_records
from pipeline.evaluate import EvaluateParams, main
from tests.evaluated import ENGLISH, NO_CLASSIFIER
from tests.examples import SCHEMA, record, write_json
from tests.service import Reaction, completion, service

LEDGER, RUBRIC = Path("data/ledgers/judge"), Path("task/judge.yaml")
ROWS = [record(f"question number {number}", f"reference {number}") for number in range(6)]
GOOD = [f"good {number}" for number in range(6)]
BAD = [*(f"bad {number}" for number in range(5)), "good 5"]  # the last one is the same
DIMENSIONS = {"correct": "Which answer is right?", "helpful": "Which one helps?"}
COUNTS = {"examples": 1, "share": 0.5, "alpha": 0.0, "max_unreadable": 0.2}


def params(address: str = "http://127.0.0.1:9/v1", pairs: Any = None, **changes: Any) -> JudgeParams:
    counts = {**COUNTS, **changes.pop("counts", {})}
    shows = changes.pop("shows_reference", True)
    asked = service(address, **{"model": "judge-1", "temperature": 0.0, **changes}).model_dump()
    chosen = [["tuned", "base"]] if pairs is None else pairs
    return JudgeParams.model_validate({"pairs": chosen, "shows_reference": shows, "service": asked, "counts": counts})


def write_arm(name: str, answers: list[str], rows: list[Record] = ROWS) -> None:
    folder = Path("data/predictions") / name
    found = zip(rows, answers, strict=True)
    write_jsonl(folder / "answers.jsonl", ({"set": "test", "id": row.id, "answer": text} for row, text in found))
    (folder / "arm.json").write_text("{}")


def write_rubric(**changes: str) -> None:
    texts = {"correct": "Right is what is {good}.", "helpful": "What helps.", **changes}
    write_json(RUBRIC, {"about": "It names colours.", "dimensions": texts})


def make(address: str, teacher: Any = None, **changes: Any) -> None:
    """The project in the current folder; `teacher` is a section `synthesize` that asks for replies."""
    synthesize = teacher or {"replies": 0, "max_overlap": 0.5, "axes": {}, "teacher": service(address).model_dump()}
    values = {
        "synthesize": synthesize,
        "feedback": {"asks_teacher": False},
        "split": {"salt": "s", "test_share": 0.2, "validation_share": 0.1},
        "rate": {"arms": ["tuned", "base"], "seed": 1, "dimensions": DIMENSIONS},
        "judge": params(address, **changes).model_dump(),
    }
    write_json(Path("params.yaml"), values)
    write_json(Path("task/answer.schema.json"), SCHEMA)
    write_rubric()
    write_records(Path("data/split/test.jsonl"), ROWS)
    write_records(Path("data/split/new.jsonl"), [])
    write_records(Path("data/split/train.jsonl"), [])
    write_jsonl(Path("data/classified/scores.jsonl"), [])
    Path("data/classified/classifiers.json").write_text("{}")
    Path("task/test_set.txt").write_text("".join(f"{row.id}\n" for row in ROWS))
    write_arm("tuned", GOOD)
    write_arm("base", BAD)


def opinions() -> list[Opinion]:
    return list(read_opinions(LEDGER).values())


def reported(**changes: Any) -> dict[str, Any]:
    """What the stage `evaluate` writes of the judge."""
    rate = RateParams(arms=["tuned", "base"], dimensions=DIMENSIONS, seed=1)
    evaluate = EvaluateParams(margin=0.05, targets={}, shown=0, prohibited=[])
    split = [Path(f"data/split/{name}.jsonl") for name in ("test", "new", "train")]
    task = [Path("task/answer.schema.json"), Path("task/test_set.txt"), Path("data/classified")]
    rest = [*task, Path("data/ledgers/ratings"), RUBRIC, LEDGER]
    outs = [Path("out.json"), Path("out_comparison.json"), Path("out_examples.jsonl"), Path("out")]
    assert read_arms(Path("data/predictions"))
    main(evaluate, rate, NO_CLASSIFIER, ENGLISH, params(**changes), Path("data/predictions"), *split, *rest, *outs)
    found: dict[str, Any] = json.loads(outs[1].read_text())["judge"]
    return found


def shown(body: dict[str, Any]) -> dict[str, Any]:
    """The pair that a request holds."""
    found: dict[str, Any] = json.loads(
        re.fullmatch(r"<pair>\n(.*)\n</pair>", body["messages"][1]["content"], re.DOTALL)[1]
    )
    return found


def verdict(winner: str) -> str:
    return json.dumps({"reason": "it is", "winner": winner})


def reader(prefers: str = "good") -> Callable[[dict[str, Any], int], Reaction]:
    """A judge that reads: it takes the answer that begins with a word, wherever it stands."""

    def react(body: dict[str, Any], _number: int) -> Reaction:
        first = shown(body)["first"].startswith(prefers)
        return 200, {}, completion(verdict("first" if first else "second"))

    return react
