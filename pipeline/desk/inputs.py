"""The inputs, checked before DVC starts: DVC deletes a stage's outputs before it runs it, so what can be known is said first."""

import json
from pathlib import Path

from pipeline.classify import check_classifiers
from pipeline.data.answers import Contract
from pipeline.data.checking.expectations import load_suite
from pipeline.data.classified import ClassifyParams
from pipeline.data.harness import check_tasks
from pipeline.data.judging.rubric import JudgeParams, load_rubric
from pipeline.data.ledgers import read_opinions, read_ratings, read_replies, read_reviews
from pipeline.data.prompts import load_prompt
from pipeline.data.questions import read_questions
from pipeline.data.ratings import RateParams
from pipeline.data.reading.sources import check_files, load_sources
from pipeline.data.reviews import Decisions, ReviewParams
from pipeline.data.splitting.sides import SplitParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.desk import accepted
from pipeline.desk.deciding.settings import ChecklistParams
from pipeline.desk.unchanged import PIPELINE
from pipeline.evaluate import EvaluateParams, check_targets
from pipeline.ingest import IngestParams, Intake, check_rejects, feedback_sources, read, rows_of
from pipeline.model.base import check_presence, load_base
from pipeline.model.training.recipe import TrainParams
from pipeline.predict import PredictParams
from pipeline.regress import RegressParams
from pipeline.stage import Fault, load_params, read_yaml
from pipeline.synthesize import SynthesizeParams
from pipeline.validate import ValidateParams

SECTIONS = (ValidateParams, ReviewParams, SynthesizeParams, SplitParams, TrainParams, PredictParams, RegressParams)
SOURCES, FEEDBACK, SCHEMA = Path("data/raw/sources.yaml"), Path("data/feedback"), Path("task/answer.schema.json")
SUITE, PROMPTS, BASE = Path("task/expectations.json"), Path("task/prompts"), Path("models/base.json")
TEST_SET, TEACHER, REVIEWS = Path("task/test_set.txt"), Path("data/ledgers/teacher"), Path("data/ledgers/reviews")
PROPOSED = Path("data/ledgers/candidates")
RATINGS, JUDGE, RUBRIC = Path("data/ledgers/ratings"), Path("data/ledgers/judge"), Path("task/judge.yaml")
CLASSIFIERS = Path("models/classifiers")
PROBES, CASES, HARNESS = Path("task/probes"), Path("task/cases"), Path("task/harness")
CANARIES = Path("task/canaries")
STAMP = Path(".cache/checked-inputs.json")


def check_inputs() -> None:
    """Parameters, schema, classifiers, suite, prompts, base, sources. Raises Fault at the first thing that a stage would stumble over."""
    for section in SECTIONS:
        load_params(section)
    load_params(PredictParams).check()
    load_params(ChecklistParams).check_examples()
    ingest_params, evaluate_params = load_params(IngestParams), load_params(EvaluateParams)
    contract, classify_params = Contract.load(SCHEMA), load_params(ClassifyParams)
    check_classifiers(classify_params, contract, CLASSIFIERS)
    check_targets(evaluate_params, contract, classify_params.classifiers)
    load_suite(SUITE, ValidateParams.model_fields)
    _check_arms()
    read_replies(TEACHER)
    Decisions(read_reviews(REVIEWS), ())
    read_ratings(RATINGS, load_params(RateParams).dimensions)
    _check_judge(load_params(JudgeParams), load_params(RateParams))
    if TEST_SET.exists():
        TestSet.load(TEST_SET)
    read_questions(PROBES)
    read_questions(CASES)
    read_questions(CANARIES)
    check_tasks(load_params(PredictParams).harness.tasks, HARNESS)
    _check_service(load_params(TrainParams))
    base = load_base(BASE)
    if base.is_folder:
        check_presence(base, Path(base.model), BASE)
    _check_sources(ingest_params, contract)


def _check_judge(params: JudgeParams, rate: RateParams) -> None:
    """Its replies; where it is to judge, also whom it judges and by what. Its key is asked for when it is needed."""
    read_opinions(JUDGE)
    if params.pairs:
        params.check_arms((read_yaml(Path("params.yaml")) or {})["arms"])
        load_rubric(RUBRIC, rate.dimensions)
        params.service.check("params.yaml: judge.service")


def _check_service(params: TrainParams) -> None:
    """Where a service trains: whether it is named. Its key is asked for when it is needed."""
    if params.is_hosted:
        params.api.endpoint.check("params.yaml: train.api")
        if params.api.price is None:
            raise Fault(
                "params.yaml: train.api.price",
                "is not set",
                "write what the service takes for a million trained tokens",
            )


def _check_arms() -> None:
    arms = (read_yaml(Path("params.yaml")) or {}).get("arms")
    if not isinstance(arms, dict) or "base" not in arms:
        raise Fault("params.yaml: arms", "names no base", "restore the arms base, prompted and tuned from git")
    for name, arm in arms.items():
        if not isinstance(arm, dict) or set(arm) != {"model", "prompt"}:
            raise Fault(f"params.yaml: arms.{name}", "needs model and prompt, and nothing else", "write both")
        load_prompt(PROMPTS / f"{arm['prompt']}.yaml")
        accepted.check_arm(name, arm)


def _check_sources(params: IngestParams, contract: Contract) -> None:
    """Read every row once, unless no file has changed since that was last done."""
    sources = load_sources(SOURCES)
    check_files(SOURCES, sources)
    _check_listing([source.file for source in sources])
    files = [
        SOURCES,
        SCHEMA,
        *(SOURCES.parent / source.file for source in sources),
        *(path for path, _ in feedback_sources(FEEDBACK)),
    ]
    state = {str(path): [path.stat().st_size, path.stat().st_mtime_ns] for path in files} | {
        "params": params.model_dump()
    }
    if STAMP.exists() and STAMP.read_text() == json.dumps(state):
        return
    intake = Intake()
    for _ in read(rows_of(SOURCES, FEEDBACK, contract, {}), params.personal_data, intake):
        pass
    check_rejects(intake.rejects, params.max_rejects)
    STAMP.parent.mkdir(parents=True, exist_ok=True)
    STAMP.write_text(json.dumps(state))


def _check_listing(files: list[str]) -> None:
    """A source that DVC does not know of would change without a rerun."""
    deps = read_yaml(PIPELINE)["stages"]["ingest"]["deps"]
    for name in files:
        if str(SOURCES.parent / name) not in deps:
            raise Fault(
                PIPELINE,
                f"stage ingest does not list {SOURCES.parent / name}",
                f"run make add-source FILE={SOURCES.parent / name}",
            )
    for dep in deps:
        path = Path(dep)
        if path.parent == SOURCES.parent and path != SOURCES and path.name not in files:
            raise Fault(
                PIPELINE,
                f"stage ingest lists {dep}, which {SOURCES} does not",
                f"take the line out, or list it in {SOURCES}",
            )
