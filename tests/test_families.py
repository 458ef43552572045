"""Each family through training, merging and asking. No line of the pipeline knows a family by name."""

import json
import re
import shutil

import msgspec
import pytest

from pipeline import predict, train
from pipeline.data.records import record_id, write_records
from pipeline.model.adapter import load_any
from pipeline.stage import Fault, load_params
from tests.families import FAMILIES, write_family
from tests.lessons import params, paths, project
from tests.project import ROOT, record

pytestmark = pytest.mark.slow
QUICK = ("llama-3-8b", "gemma-2", "falcon")  # in make test; the others are as long in make rehearse
SOME_FIRST = [pytest.param(name, marks=[] if name in QUICK else pytest.mark.rehearsal) for name in FAMILIES]
TALK = (
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "which colour?"},
    {"role": "user", "content": "a red door"},
    {"role": "assistant", "content": '{"label": "red"}'},
)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("families")
    return {name: write_family(family, folder / name) for name, family in FAMILIES.items()}


@pytest.fixture
def family(models, tmp_path, monkeypatch):
    """Trains a family; gives its proofs and the folder of what was made."""
    monkeypatch.chdir(tmp_path)

    def run(name, phase, records=(), **changes):
        project(tmp_path, models[name], records)
        system = "Answer." if FAMILIES[name].has_system else ""
        (tmp_path / "prompt.yaml").write_text(f'system: "{system}"\nfew_shot: []\n')
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        own = {"epochs": 1, "batch_size": 8}
        train.main(params(phase, keep="last", save_every=100, **{phase: own}, **changes), *paths())
        return json.loads((tmp_path / "out/proofs.json").read_text())[f"1-{phase}"], tmp_path / "out"

    return run


def check(name, proof):
    """What must hold of each: the family's own end is learnt, a text begins once, what is served is what was trained."""
    found = FAMILIES[name]
    assert proof["end_of_turn"] == [found.ends[0]] or (name == "phi-3" and proof["end_of_turn"] == ["<|endoftext|>"])
    assert all(found.ends[0] in span for span in proof["first_spans"])
    assert set(proof["beginnings"]) <= {"1"}
    assert proof["rows_trained"] == proof["rows_in"]
    assert proof["parity"]["is_within_bound"]


@pytest.mark.parametrize("name", SOME_FIRST)
def test_a_family_is_trained_merged_and_asked(family, name, tmp_path):
    proof, out = family(name, "lora")
    check(name, proof)
    assert proof["parity"]["mean_difference"] < 1e-5
    targets = json.loads((out / "1-lora/adapter_config.json").read_text())["target_modules"]
    targets = {target.rpartition(".")[2] for target in targets}
    assert "lm_head" not in targets
    assert set(FAMILIES[name].fused) <= targets
    asked = [record(n) for n in range(40, 43)]
    for place, records in (("test.jsonl", asked), ("new.jsonl", [])):
        write_records(tmp_path / place, records)
    for folder in ("probes", "cases", "texts", "harness"):
        (tmp_path / folder).mkdir(exist_ok=True)
    few = load_params(predict.PredictParams, ROOT / "params.yaml").model_dump() | {"max_new_tokens": 4, "batch_size": 2}
    places = [
        tmp_path / one
        for one in (
            "test.jsonl",
            "new.jsonl",
            "few_shot.jsonl",
            "probes",
            "cases",
            "texts",
            "harness",
            "out",
            "prompt.yaml",
            "tuned",
        )
    ]
    predict.main(predict.PredictParams.model_validate(few), "tuned", *places)
    rows = [json.loads(line) for line in (tmp_path / "tuned/answers.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == sorted((one.id for one in asked), key=[row["id"] for row in rows].index)
    assert {row["finish"] for row in rows} <= {"stop", "length"}
    assert all(row["answer_tokens"] <= 4 for row in rows)


@pytest.mark.rehearsal
@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_trained_in_four_bits(family, name):
    proof, out = family(name, "qlora")
    check(name, proof)
    assert proof["parity"]["trained_in"] == "NF4"
    assert load_any(out, "auto", "cpu").model.config.model_type


@pytest.mark.rehearsal
@pytest.mark.parametrize("name", FAMILIES)
def test_packed_examples_do_not_see_each_other_in_a_family(family, name):
    if not FAMILIES[name].packs:
        with pytest.raises(Fault, match=r"train\.packing: lets packed examples see each other on this model"):
            family(name, "lora", packing=True)
        return
    proof, _ = family(name, "lora", packing=True)
    assert proof["packing"]["beside_another"] <= max(1e-5, 0.1 * proof["packing"]["as_one_text"])


@pytest.mark.rehearsal
@pytest.mark.parametrize("name", FAMILIES)
def test_every_answer_of_a_talk_is_learnt_where_the_template_lets_it(family, name):
    talks = [
        msgspec.structs.replace(
            record(n), messages=(*TALK, *record(n).messages), id=record_id((*TALK, *record(n).messages))
        )
        for n in range(8)
    ]
    if FAMILIES[name].has_talks:
        proof, _ = family(name, "lora", talks, turns="all")
        assert all(span.count(FAMILIES[name].ends[0]) == 3 for span in proof["first_spans"])
    else:
        with pytest.raises(Fault, match=r"set train\.turns to last"):
            family(name, "lora", talks, turns="all")


def test_a_family_without_a_system_turn_says_how_to_do_without(models, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project(tmp_path, models["gemma-2"])
    with pytest.raises(
        Fault, match=r"refuses the prompt \(System role not supported\); leave system empty in task/prompts"
    ):
        train.main(params("lora"), *paths())


def test_no_module_knows_a_family_by_name():
    names = re.compile(r"(?i)\b(llama|mistral|gemma|falcon|qwen|phi)\d*\b")
    for path in (ROOT / "pipeline").rglob("*.py"):
        assert not names.search(path.read_text()), path
