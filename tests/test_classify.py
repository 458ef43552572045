"""Classify: scores are those of a plain pipeline whoever stands beside, and what is no classifier is said in a line."""

import json
import shutil

import pytest
from pydantic import ValidationError

from pipeline.classify import check_classifiers, main, text_of
from pipeline.data.classified import Classified, ClassifyParams, metrics_of, read_classified
from pipeline.data.predictions import read_arms
from pipeline.data.records import read_jsonl, write_jsonl, write_records
from pipeline.evaluate import check_targets, evaluate
from pipeline.stage import Fault, checked
from tests.classifiers import plain_scores, write_classifier
from tests.examples import contract
from tests.hub import SHA, last_line, make
from tests.project import record
from tests.test_evaluate import params as evaluate_params

TEXTS = ["thank you", "no. " * 30, "the red door ☂ हाँ", "x", "a word " * 200, "what do you want now, again? " * 3]
QUESTIONS = ["is it red?", "why " * 60, "?", "the lamp broke", "and now", "one " * 9]


def one(path, **changes):
    """The settings of a classifier."""
    settings = {"model": str(path), "label": "polite", "is_wanted": True, "field": "reply", "pair": False}
    return settings | {"max_length": 64, "batch_size": 4} | changes


def params(**classifiers):
    values = {"device": "cpu", "threads": 1, "classifiers": classifiers}
    return checked(ClassifyParams, values, "params.yaml", "classify")


def classifier(path, cache, label="polite", **changes):
    from pipeline.model.classifying import TextClassifier

    sizes = {"max_length": 64, "batch_size": 4} | changes
    return TextClassifier(path, label, **sizes, device="cpu", cache=cache)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The folder of the classifiers, with one in it."""
    folder = tmp_path_factory.mktemp("models") / "classifiers"
    write_classifier(folder / "tone")
    return folder


ANSWERS = {  # by arm, to three examples of the test set and one that waits
    "base": ["no JSON", '{"colour": "red"}', '{"reply": " "}', '{"reply": "as you like"}'],
    "tuned": [json.dumps({"reply": text, "colour": "red"}) for text in TEXTS[:3]] + ['{"reply": 5}'],
}


def stage(folder, models, given, out="out", answers=ANSWERS):
    """Run the stage on these arms' answers; its rows, and what shaped them."""
    records = [record(number) for number in range(4)]
    write_records(folder / "test.jsonl", records[:3])
    write_records(folder / "new.jsonl", records[3:])
    for arm, texts in answers.items():
        keys = [("new" if number == 3 else "test", records[number].id) for number in range(len(texts))]
        rows = [{"set": name, "id": key, "answer": text} for (name, key), text in zip(keys, texts, strict=True)]
        write_jsonl(folder / "predictions" / arm / "answers.jsonl", rows)
        (folder / "predictions" / arm / "arm.json").write_text("{}")
    contract(folder)
    places = [folder / name for name in ("predictions", "test.jsonl", "new.jsonl", "schema.json")]
    main(given, *places, models, folder / out)
    rows = [row for _, row in read_jsonl(folder / out / "scores.jsonl")]
    return rows, json.loads((folder / out / "classifiers.json").read_text())


def sets():
    return {"test": [record(number).id for number in range(3)], "new": [record(3).id]}


def test_without_a_classifier_nothing_is_scored_and_no_model_is_needed(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.model.machine.steady", None)
    assert stage(tmp_path, tmp_path / "models", params()) == ([], {})
    assert (tmp_path / "out/scores.jsonl").read_bytes() == b"\n"
    found = read_classified(tmp_path / "out", {}, read_arms(tmp_path / "predictions"), sets())
    assert found.of("tuned", "test", sets()["test"]) == {}


@pytest.mark.parametrize(
    ("answer", "field", "text"),
    [
        ('{"reply": "so"}', "reply", "so"),
        ('{"reply": "so"}', "", '{"reply": "so"}'),
        ('{"reply": "so"}', "colour", ""),
        ('{"stars": 3}', "stars", "3"),
        ('{"reply": " "}', "reply", ""),
        ('{"reply": null}', "reply", ""),
        ('{"reply": "so', "reply", ""),
        ('{"reply": "so', "", ""),
        ("", "", ""),
        ('"so"', "reply", ""),
        ('{"reply": "\\ud83d"}', "reply", "?"),
    ],
)
def test_what_of_an_answer_is_judged(answer, field, text, tmp_path):
    assert text_of(answer, contract(tmp_path), field) == text


def test_a_text_needs_no_field(tmp_path):
    assert text_of("so be it", contract(tmp_path, {"type": "string"}), "") == "so be it"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_length": 4}, r"classify\.classifiers\.tone\.max_length: is 4"),
        ({"pair": "yes"}, r"classify\.classifiers\.tone\.pair: is 'yes'"),
        ({"label": ""}, r"classify\.classifiers\.tone\.label: is ''"),
        ({"revision": "x"}, r"classify\.classifiers\.tone\.revision: is not a known key"),
    ],
)
def test_a_setting_that_is_none_is_named(changes, said):
    with pytest.raises(Fault, match=said):
        params(tone=one("x", **changes))


def test_a_name_that_makes_no_metric_is_refused():
    with pytest.raises(ValidationError, match="pattern"):
        ClassifyParams(device="cpu", threads=1, classifiers={"My Tone": one("x")})


def test_a_name_that_another_metric_has_is_refused(tmp_path, monkeypatch):
    from pipeline.scoring.own import OWN

    wanted = evaluate_params({"classifier_tone": 0.5})
    check_targets(wanted, contract(tmp_path), ["tone"])
    with pytest.raises(Fault, match=r"targets\.classifier_tone: is no metric of this schema"):
        check_targets(wanted, contract(tmp_path))
    monkeypatch.setitem(OWN, "classifier_tone", lambda *_: 1.0)
    said = r"^params\.yaml: classify\.classifiers\.tone: gives the metric classifier_tone, a name that another .*; give one"
    with pytest.raises(Fault, match=said):
        check_targets(wanted, contract(tmp_path), ["tone"])
    assert metrics_of(["tone"], ["tone"]) == ["classifier_tone"]


def scores(folder, rows, names=("tone",)):
    """Read back rows that were changed by hand, against two arms with an answer to one example each."""
    write_jsonl(folder / "scores.jsonl", rows)
    (folder / "classifiers.json").write_text("{}")
    arms = dict.fromkeys(("base", "tuned"), read_arms_of_one(folder))
    return read_classified(folder, names, arms, {"test": ["a"], "new": []})


def read_arms_of_one(folder):
    write_jsonl(folder / "arms/one/answers.jsonl", [{"set": "test", "id": "a", "answer": "x"}])
    (folder / "arms/one/arm.json").write_text("{}")
    return read_arms(folder / "arms")["one"]


def row(arm, **changes):
    return {"arm": arm, "set": "test", "id": "a", "classifier": "tone", "score": 0.25, "is_cut": False} | changes


def test_scores_that_are_not_those_of_the_answers_name_the_stage(tmp_path):
    whole = [row("base"), row("tuned", score=0.5)]
    assert scores(tmp_path, whole).of("tuned", "test", ["a"]) == {"classifier_tone": [0.5]}
    for rows, said in (
        (
            whole[:1],
            r"scores\.jsonl: tone scores other answers than the arms gave \(1 differ\); run dvc repro classify",
        ),
        ([*whole, row("base", id="b")], r"tone scores other answers than the arms gave \(1 differ\); run dvc repro"),
        ([*whole, row("old")], r"scores\.jsonl:3: scores the arm old, which gave no answers; run dvc repro classify"),
        ([*whole, row("base", classifier="x")], r"jsonl:3: is of x, which is no classifier of params\.yaml; run dvc"),
        ([], r"tone scores other answers than the arms gave \(2 differ\); run dvc repro classify"),
    ):
        with pytest.raises(Fault, match=said):
            scores(tmp_path, rows)


@pytest.mark.parametrize("value", [1.01, float("nan")])
def test_a_score_that_is_no_share_is_refused(value, tmp_path):
    arms = dict.fromkeys(("base", "tuned"), read_arms_of_one(tmp_path))
    said = Classified.of_rows([row(arm, id=record(0).id, score=value) for arm in arms], {"tone": {}})
    with pytest.raises(Fault, match="base: classifier_tone: scores an answer with no number between 0 and 1"):
        evaluate(arms, [record(0)], contract(tmp_path), evaluate_params({}), classified=said)


@pytest.mark.slow
def test_it_becomes_a_metric_with_intervals_pairs_and_targets(tmp_path, models):
    found = stage(tmp_path, models, params(tone=one(models / "tone")))
    arms = read_arms(tmp_path / "predictions")
    said = read_classified(tmp_path / "out", ["tone"], arms, sets())
    records = [record(number) for number in range(3)]
    wanted = evaluate_params({"classifier_tone": 0.2})
    headline, comparison, each = evaluate(arms, records, contract(tmp_path), wanted, classified=said)
    of_tuned = [one["score"] for one in found[0] if one["arm"] == "tuned" and one["set"] == "test"]
    assert sorted(each["tuned"]["classifier_tone"]) == sorted(of_tuned)
    assert headline["tuned"]["classifier_tone"] == pytest.approx(sum(of_tuned) / 3, abs=1e-4)
    assert (headline["base"]["classifier_tone"], comparison["targets"]["classifier_tone"]["base"]) == (0.0, False)
    assert comparison["pairs"]["tuned against base"]["classifier_tone"]["n"] == 3
    assert comparison["classifiers"] == found[1]


@pytest.mark.slow
def test_the_stage_scores_every_answer_the_same_twice_and_without_a_field_nothing(tmp_path, models):
    given = params(tone=one(models / "tone"), whole=one(models / "tone", label="rude", field="", is_wanted=False))
    rows, facts = stage(tmp_path, models, given)
    assert rows == sorted(rows, key=lambda one: (one["arm"], one["set"], one["id"], one["classifier"]))
    assert len(rows) == 16
    base = {one["id"]: one["score"] for one in rows if (one["arm"], one["classifier"]) == ("base", "tone")}
    assert [base[record(number).id] for number in range(3)] == [0.0, 0.0, 0.0]
    texts = [*TEXTS[:3], "5"]
    tuned = {one["id"]: one for one in rows if (one["arm"], one["classifier"]) == ("tuned", "tone")}
    wanted = plain_scores(models / "tone", "polite", texts, max_length=64)
    assert [tuned[record(number).id]["score"] for number in range(4)] == pytest.approx(wanted, abs=1e-5)
    assert [tuned[record(number).id]["is_cut"] for number in range(4)] == [False, True, False, False]
    assert (facts["tone"]["n"], facts["tone"]["cut"], facts["tone"]["empty"], facts["whole"]["empty"]) == (8, 1, 3, 1)
    fault = {one["id"]: one["score"] for one in rows if (one["arm"], one["classifier"]) == ("tuned", "whole")}
    rude = plain_scores(models / "tone", "rude", ANSWERS["tuned"], max_length=64)
    assert [fault[record(number).id] for number in range(4)] == pytest.approx([1 - one for one in rude], abs=1e-5)
    unread = [one["score"] for one in rows if (one["arm"], one["classifier"]) == ("base", "whole")]
    assert (unread.count(0.0), len(unread)) == (1, 4)
    before = (tmp_path / "out/scores.jsonl").read_bytes()
    stage(tmp_path, models, given, out="again")
    assert (tmp_path / "again/scores.jsonl").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Bert", "Llama"])
@pytest.mark.parametrize("problem", ["single_label_classification", "multi_label_classification", None])
def test_a_score_is_that_of_the_plain_pipeline(kind, problem, tmp_path):
    folder = write_classifier(tmp_path / "m", kind, problem_type=problem)
    found = classifier(folder, tmp_path / "cache")(TEXTS)
    assert found == pytest.approx(plain_scores(folder, "polite", TEXTS, max_length=64), abs=1e-5)
    assert max(found) - min(found) > 0.05


@pytest.mark.slow
def test_a_model_of_one_label_gives_its_probability(tmp_path):
    folder = write_classifier(tmp_path / "m", labels=["polite"])
    found = classifier(folder, tmp_path / "cache")(TEXTS)
    assert found == pytest.approx(plain_scores(folder, "polite", TEXTS, max_length=64), abs=1e-5)
    assert 0 < min(found) < max(found) < 1


@pytest.mark.slow
def test_question_and_answer_are_judged_together(tmp_path, models):
    found = classifier(models / "tone", tmp_path)(TEXTS, QUESTIONS)
    pairs = [{"text": asked, "text_pair": text} for asked, text in zip(QUESTIONS, TEXTS, strict=True)]
    assert found == pytest.approx(plain_scores(models / "tone", "polite", pairs, max_length=64), abs=1e-5)
    assert found != classifier(models / "tone", tmp_path)(TEXTS)
    given = params(tone=one(models / "tone", pair=True))
    rows, _ = stage(tmp_path, models, given)
    score = next(one["score"] for one in rows if (one["arm"], one["id"]) == ("tuned", record(0).id))
    pair = {"text": record(0).question, "text_pair": TEXTS[0]}
    assert score == pytest.approx(plain_scores(models / "tone", "polite", [pair], max_length=64)[0], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Bert", "Llama"])
def test_a_score_does_not_depend_on_its_neighbours(kind, tmp_path):
    folder = write_classifier(tmp_path / "m", kind)
    whole = classifier(folder, tmp_path / "a")(TEXTS)
    alone = [classifier(folder, tmp_path / f"b{n}")([text])[0] for n, text in reversed(list(enumerate(TEXTS)))]
    assert alone[::-1] == whole


@pytest.mark.slow
def test_scores_are_remembered_by_model_and_text(tmp_path):
    folder = write_classifier(tmp_path / "m")
    first = classifier(folder, tmp_path / "cache")(TEXTS)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-4] + b"\0\0\0?")  # another model, of which nothing is known
    other = classifier(folder, tmp_path / "cache")(TEXTS)
    assert other != first
    files = {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()}
    assert classifier(folder, tmp_path / "cache")(TEXTS[::-1]) == other[::-1]
    assert {path.name: path.read_bytes() for path in (tmp_path / "cache").iterdir()} == files


@pytest.mark.slow
def test_what_looks_like_a_special_token_is_plain_text(tmp_path, models):
    found = classifier(models / "tone", tmp_path)
    ids = found.read(["so [SEP] [PAD]"])[0].ids
    assert (ids.count(2), ids.count(0)) == (1, 0)


@pytest.mark.slow
def test_more_than_the_model_reads_is_refused(tmp_path, models):
    with pytest.raises(Fault, match=r"max_length: is 300, and the model reads 256 tokens; lower it"):
        classifier(models / "tone", tmp_path, max_length=300)


@pytest.mark.slow
def test_it_is_a_metric_in_any_script(tmp_path, models):
    from pipeline.scoring.classifier import Classifier

    polite = classifier(models / "tone", tmp_path)
    found = Classifier(polite).compute(predictions=TEXTS)
    assert found["values"] == polite(TEXTS)
    assert found["mean"] == pytest.approx(sum(found["values"]) / len(TEXTS))
    paired = Classifier(polite, is_pair=True, is_wanted=False).compute(predictions=TEXTS, questions=QUESTIONS)
    assert paired["values"] == pytest.approx([1 - one for one in polite(TEXTS, QUESTIONS)])


def lacking(folder, **changes):
    """Change the model's config."""
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


def pickled(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


SPOILT = [
    (
        shutil.rmtree,
        {},
        r"^params\.yaml: .*tone\.model: names .*/tone, and there is no such folder or file; put the model",
    ),
    (pickled, {}, r"tone: has no safetensors weights \(pytorch_model\.bin\); convert them, or take another model"),
    (
        lambda at: lacking(at, architectures=["LlamaForCausalLM"]),
        {},
        r"is no text classifier: .* names LlamaForCausalLM; ",
    ),
    (lambda at: lacking(at, problem_type="regression"), {}, "gives a number without bounds and no probability; take"),
    (
        lambda at: lacking(at, id2label={"0": "polite", "1": "polite"}),
        {},
        "is 'polite', which the model has twice; take",
    ),
    (lambda at: (at / "config.json").unlink(), {}, r"config\.json: no such file; put a folder there"),
    (lambda at: (at / "config.json").write_text("{"), {}, r"config\.json: is not JSON \("),
    (
        lambda _: None,
        {"label": "kind"},
        r"tone\.label: is 'kind', which the model has not; take one of rude, plain, polite",
    ),
    (lambda _: None, {"field": "tone"}, r"tone\.field: is tone, which the schema has not; take one of reply, colour"),
    (
        lambda _: None,
        {"model": "models/tone"},
        r"tone\.model: is models/tone, and DVC knows what stands in .* alone; put the model into",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("spoil", "changes", "said"), SPOILT, ids=[said[:40] for *_, said in SPOILT])
def test_what_is_no_classifier_is_said_in_a_line(spoil, changes, said, tmp_path, models):
    folder = tmp_path / "classifiers"
    shutil.copytree(models / "tone", folder / "tone")
    check_classifiers(params(tone=one(folder / "tone")), contract(tmp_path), folder)
    spoil(folder / "tone")
    with pytest.raises(Fault, match=said) as caught:
        check_classifiers(params(tone=one(folder / "tone") | changes), contract(tmp_path), folder)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_head_that_would_be_random_and_code_of_ones_own_are_refused(tmp_path, models):
    from safetensors.torch import load_file, save_file

    headless, own = shutil.copytree(models / "tone", tmp_path / "a"), shutil.copytree(models / "tone", tmp_path / "b")
    weights = load_file(headless / "model.safetensors")
    del weights["classifier.weight"]
    save_file(weights, headless / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(Fault, match=r"/a: lacks weights \(classifier\.weight\); take a model"):
        classifier(headless, tmp_path / "cache")(TEXTS)
    (own / "code.py").write_text("raise SystemExit('code of the folder was run')")
    auto = {"AutoConfig": "code.Own", "AutoModelForSequenceClassification": "code.Own"}
    lacking(own, model_type="own", auto_map=auto)
    with pytest.raises(Fault, match=r"/b: cannot be loaded .*; take a model that transformers knows"):
        classifier(own, tmp_path / "cache")(TEXTS)


USE = """
import sys; from pathlib import Path; from pipeline.model.classifying import TextClassifier; from pipeline.stage import Fault
place = Path("models/classifiers/tone.json")
try: print(TextClassifier(place, "polite", max_length=64, batch_size=2, device="cpu")(["thank you", "no"]))
except Fault as fault: sys.exit(str(fault))
"""


@pytest.mark.slow
def test_a_model_of_the_hub_is_pinned_and_used_without_it(tmp_path, hub, models, monkeypatch):
    files = {path.name: path.read_bytes() for path in (models / "tone").iterdir()}
    monkeypatch.setattr("tests.hub.FILES", files | {"pytorch_model.bin": b"pickled code"})
    made = make(tmp_path, hub, "-m", "pipeline.desk.classifier", "tone", "toy/tone")
    assert made.returncode == 0, made.stderr
    assert "its labels: rude, plain, polite" in made.stdout
    pin = json.loads((tmp_path / "models/classifiers/tone.json").read_text())
    assert (pin["model"], pin["revision"], set(pin["files"])) == ("toy/tone", SHA, set(files))
    hub.stop()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    used = make(tmp_path, hub, "-c", USE)
    assert used.returncode == 0, used.stderr
    assert json.loads(used.stdout) == classifier(models / "tone", tmp_path, batch_size=2)(["thank you", "no"])
    pin["files"]["config.json"] = "0" * 64
    (tmp_path / "models/classifiers/tone.json").write_text(json.dumps(pin))
    assert "config.json: is not the file that models/classifiers/tone.json pins" in last_line(
        make(tmp_path, hub, "-c", USE)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "model", "said"),
    [
        ("tone", "toy/good", "is no text classifier: its config.json names no architecture"),
        ("tone", "toy/bare", "classifier: toy/bare: has no safetensors weights"),
        ("Tone", "toy/good", "classifier: NAME=Tone: is no name of a metric"),
        ("tone", "", "classifier: MODEL=: is missing"),
        ("tone", ".", "classifier: MODEL=.: is a folder, which needs no pin"),
    ],
)
def test_what_cannot_be_pinned_is_said_in_a_line(name, model, said, tmp_path, hub):
    assert said in last_line(make(tmp_path, hub, "-m", "pipeline.desk.classifier", name, model))
    assert not (tmp_path / "models").exists()


def test_labels_that_nobody_has_named_have_numbers(tmp_path):
    from pipeline.model.classifier import labels_of

    (tmp_path / "model.safetensors").touch()
    (tmp_path / "config.json").write_text('{"architectures": ["BertForSequenceClassification"]}')
    assert labels_of(tmp_path) == ["LABEL_0", "LABEL_1"]
    (tmp_path / "config.json").write_text(
        json.dumps({"architectures": ["XForSequenceClassification"], "id2label": {"10": "k", "2": "c", "1": "b"}})
    )
    assert labels_of(tmp_path) == ["b", "c", "k"]
