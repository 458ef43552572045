"""A small test set with the answers of arms, and the stage `evaluate` run on it: what several test files share."""

import json

import msgspec
from jsonschema import Draft202012Validator

from pipeline.data.answers import Contract
from pipeline.data.checking.language import LanguageParams
from pipeline.data.classified import ClassifyParams
from pipeline.data.judging.rubric import JudgeParams
from pipeline.data.predictions import Predictions
from pipeline.data.ratings import RateParams
from pipeline.data.records import Record, record_id, write_jsonl, write_records
from pipeline.evaluate import EvaluateParams, main
from pipeline.scoring.answers import score
from tests.service import service

SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": ["red", "blue"]},
        "urgent": {"type": "boolean"},
        "count": {"type": "integer"},
        "reply": {"type": "string"},
        "note": {"type": "string"},
    },
    "required": ["label", "reply"],
    "additionalProperties": False,
}
FULL = {"label": "red", "urgent": True, "count": 3, "reply": "It is on its way.", "note": "kind"}
SHORT = {"label": "red", "reply": "It is on its way."}


def contract(schema=SCHEMA):
    return Contract(schema, Draft202012Validator(schema))


def record(answer, number=0):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    turns = ({"role": "user", "content": f"question {number}"}, {"role": "assistant", "content": text})
    return Record(
        id=record_id(turns),
        messages=turns,
        origin="human",
        answered_by="human",
        source="f:1",
        group=f"g{number}",
        licence="own",
    )


def scored(answer, reference, schema=SCHEMA):
    """Each metric of one answer."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return {name: given[0] for name, given in score([text], [record(reference).answer], contract(schema)).items()}


def arm(records, texts):
    return Predictions({}, {("test", one.id): text for one, text in zip(records, texts, strict=True)})


def params(targets, prohibited=(), shown=4):
    return EvaluateParams(margin=0.05, targets=targets, shown=shown, prohibited=list(prohibited))


def preference(number):
    one = record(SHORT, number)
    return msgspec.structs.replace(one, rejected=({"role": "assistant", "content": "no"},))


def write_arm(folder, rows):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "arm.json").write_text("{}")


RATE = RateParams(arms=["tuned", "base"], dimensions={"correct": "Which is right?"}, seed=1)
ENGLISH = LanguageParams(languages=["en"])
NO_JUDGE = JudgeParams.model_validate(
    {
        "pairs": [],
        "shows_reference": True,
        "service": service().model_dump(),
        "counts": {"examples": 1, "share": 0.5, "alpha": 0.0, "max_unreadable": 0.0},
    }
)
NO_CLASSIFIER = ClassifyParams(device="cpu", threads=1, classifiers={})


def answers_of(records, text, name="test"):
    """Lines of an arm; `text` says what it answers to a record."""
    return [{"set": name, "id": one.id, "answer": text(one), "finish": "stop"} for one in records]


def lay_out(folder, records=None, waiting=(), learnt=()):
    """What the stage reads but for the answers; five records where none are named. Returns the records."""
    chosen = [record(FULL, number) for number in range(5)] if records is None else records
    write_records(folder / "test.jsonl", chosen)
    write_records(folder / "new.jsonl", waiting)
    write_records(folder / "train.jsonl", learnt)
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    write_jsonl(folder / "classified/scores.jsonl", [])
    (folder / "classified/classifiers.json").write_text("{}")
    (folder / "test_set.txt").write_text("".join(f"{one.id}\n" for one in chosen))
    return chosen


def run_stage(folder, out="out", targets=None, languages=ENGLISH, shown=4):
    """The stage on what is laid out; returns the texts of its reports and of what it writes below `out`."""
    sides = [f"{name}.jsonl" for name in ("test", "new", "train")]
    names = ("predictions", *sides, "schema.json", "test_set.txt", "classified", "ratings", "judge.yaml", "judge")
    places = [folder / place for place in names]
    reports = (folder / f"{out}.json", folder / f"{out}_comparison.json", folder / f"{out}_examples.jsonl")
    main(params(targets or {}, shown=shown), RATE, NO_CLASSIFIER, languages, NO_JUDGE, *places, *reports, folder / out)
    written = [folder / out / "examples.jsonl", folder / out / "examples.html"]
    return [path.read_text(encoding="utf-8") for path in (*reports, *written)]


def run_main(folder, waiting=(), answered=None, out="out", targets=None, learnt=()):
    """The stage on five test records and those that wait; `answered` is what the arms were asked of these."""
    records = lay_out(folder, None, waiting, learnt)
    asked = waiting if answered is None else answered
    for name in ("base", "tuned"):
        says = (lambda one: one.answer) if name == "tuned" else (lambda _: "no")
        rows = [*answers_of(records, says), *answers_of(asked, says, "new")]
        write_arm(folder / "predictions" / name, rows)
    return run_stage(folder, out, targets)
