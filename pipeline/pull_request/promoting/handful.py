"""A handful of questions to the accepted model, asked as `predict@accepted` asks, and what it said of them before."""

import platform
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.data.predictions import read_predictions
from pipeline.data.prompts import rendered
from pipeline.data.questions import read_questions
from pipeline.data.records import Turn, read_records
from pipeline.data.reports import read_plain
from pipeline.desk.accepted import ARM, FOLDER
from pipeline.desk.inputs import CASES
from pipeline.desk.run import PREDICTIONS, RUN_REPORT
from pipeline.desk.unchanged import LOCK
from pipeline.predict import PredictParams, in_full
from pipeline.stage import Fault, progress, read_yaml

TESTS, MOST = Path("data/split/test.jsonl"), 8  # of a set
Key = tuple[str, str]


@dataclass(frozen=True)
class Said:
    """Answers by set and id, and how they were made."""

    answers: dict[Key, str]
    decoding: dict[str, Any]


def ask(params: PredictParams) -> Said:
    """Load the accepted model and ask it some cases, and some examples of the test set where that is here. Nothing is remembered."""
    from pipeline.model.adapter import identity_of, load_any, tokenizer_of
    from pipeline.model.carried import carried
    from pipeline.model.generation import Answer, Cache, Decoding, answer_all
    from pipeline.model.machine import steady

    prompt, shown = carried(FOLDER)
    asked: dict[Key, list[Turn]] = {
        ("case", one.id): rendered(prompt, shown, one.messages) for one in read_questions(CASES)[:MOST]
    }
    for record in read_records(TESTS)[:MOST] if TESTS.is_file() else []:
        asked["test", record.id] = rendered(prompt, shown, record.asked)
    if not asked:
        raise Fault(CASES, f"holds no case, and {TESTS} is not here", "write a case, or make pull")
    steady(params.threads, seed=0)
    decoding = Decoding(params.max_new_tokens, params.batch_size, params.dtype, params.device)
    loaded, tokenizer = load_any(FOLDER, params.dtype, params.device), tokenizer_of(FOLDER)
    with tempfile.TemporaryDirectory(prefix="prove-") as folder:
        cache = Cache(Path(folder), identity_of(FOLDER), decoding, Answer)
        leading, show = rendered(prompt, shown, ()), progress("prove-accepted")
        found = answer_all(lambda: loaded, tokenizer, list(asked.values()), decoding, cache, show, leading)
        facts = dict(cache.facts)
    made = {
        "greedy": True,
        "engine": "transformers",
        **asdict(decoding),
        **in_full(params.dtype, params.device),
        **facts,
    }
    return Said({key: one.text for key, one in zip(asked, found, strict=True)}, made)


def versioned(digest: str) -> tuple[Said | None, str]:
    """What `predict@accepted` said, where that is of this model and here; else None, and why."""
    entry = ((read_yaml(LOCK) or {}).get("stages") or {}).get(f"predict@{ARM}")
    deps = {dep["path"]: dep.get("md5") for dep in entry["deps"]} if entry else {}
    if deps.get(str(FOLDER)) != digest:
        return None, f"predict@{ARM} is pending: its answers are of another model"
    folder = PREDICTIONS / ARM
    if not (folder / "arm.json").is_file():
        return None, f"{folder} is not here"
    found = read_predictions(folder)
    return Said(found.answers, dict(found.arm.get("decoding") or {})), ""


def incomparable(now: Said, then: Said) -> str:
    """Why the two need not agree to the letter; '' where they must."""
    other = [key for key in sorted(now.decoding) if now.decoding[key] != then.decoding.get(key)]
    if other:
        return f"{other[0]} is {now.decoding[other[0]]} here and was {then.decoding.get(other[0])}"
    report = read_plain(RUN_REPORT) if RUN_REPORT.is_file() else {}
    machine = report.get("machine") if isinstance(report, dict) else None
    processor = machine.get("processor") if isinstance(machine, dict) else None
    if processor and processor != platform.machine():
        return f"the processor is {platform.machine()} here and was {processor}"
    return ""
