"""Ask text classifiers of the arms' answers: how polite, how harmless, whatever a model tells of a text.

Reads   predictions     a folder an arm (pipeline.data.predictions)
        test, new       pipeline.data.records.Record: which answers count, and the questions before them
        schema          the contract of an answer, from which a field is taken
        classifiers     the models that params.yaml names: folders, and files that pin models of the hub
Writes  out/scores.jsonl        arm, set, id, classifier, score (0 to 1), is_cut (longer than max_length)
        out/classifiers.json    of each classifier: label, digest of the model, how many answers were scored, cut and empty
The outputs are cached alone, since a model costs; `evaluate` makes metrics of them. An answer that does not parse, or lacks the
field, scores 0. Without a classifier nothing is loaded. What a model said before of the same tokens is taken from `.cache`.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.classified import FACTS, SCORES, ClassifierParams, ClassifyParams, Key, answers_of, place_of
from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.records import Record, read_records, write_jsonl
from pipeline.model.classifier import check_presence, number_of
from pipeline.stage import Fault, progress, run, write_report

CACHE = Path(".cache/classifications")
Shown = tuple[Key, str, str]  # an answer, the text of it that is judged, and the question before it


def text_of(answer: str, contract: Contract, field: str) -> str:
    """What of an answer is judged, "" where there is nothing: it does not parse, or the field is not there or blank."""
    if not answer.strip() or not contract.is_readable(answer):
        return ""
    value = contract.field(answer, field) if field else answer
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode("utf-8") if text.strip() else ""  # no library takes half an emoji


def shown(
    arms: Mapping[str, Predictions], sets: Mapping[str, Sequence[Record]], contract: Contract, field: str
) -> list[Shown]:
    """Each answer with what of it is judged."""
    questions = {(name, one.id): one.question for name, records in sets.items() for one in records}
    ids = {name: [one.id for one in records] for name, records in sets.items()}
    return [(key, text_of(text, contract, field), questions[key[1:]]) for key, text in answers_of(arms, ids)]


def scored(name: str, one: ClassifierParams, answers: Sequence[Shown], device: str) -> tuple[list[Any], dict[str, Any]]:
    """A row for each answer, and what shaped them. Raises Fault where the model is none."""
    from pipeline.model.classifying import TextClassifier
    from pipeline.scoring.classifier import Classifier, values

    place, show = place_of(name), progress(f"classify {name}")
    sizes = {"max_length": one.max_length, "batch_size": one.batch_size}
    model = TextClassifier(Path(one.model), one.label, **sizes, device=device, cache=CACHE, place=place, show=show)
    judged = [answer for answer in answers if answer[1]]
    texts, questions = [text for _, text, _ in judged], [asked for *_, asked in judged] if one.pair else []
    found = values(Classifier(model, is_pair=one.pair, is_wanted=one.is_wanted, keep_in_memory=True), texts, questions)
    cut = [row.is_cut for row in model.read(texts, questions)]
    said = {key: told for (key, *_), told in zip(judged, zip(found, cut, strict=True), strict=True)}
    rows = [_row(name, key, *said.get(key, (0.0, False))) for key, *_ in answers]
    counts = {"n": len(answers), "cut": sum(cut), "empty": len(answers) - len(judged)}
    return rows, {"label": one.label, "is_wanted": one.is_wanted, "field": one.field, "model": model.identity} | counts


def _row(name: str, key: Key, score: float, is_cut: bool) -> dict[str, Any]:
    return {"arm": key[0], "set": key[1], "id": key[2], "classifier": name, "score": score, "is_cut": is_cut}


def classify(
    params: ClassifyParams,
    arms: Mapping[str, Predictions],
    sets: Mapping[str, Sequence[Record]],
    contract: Contract,
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of all classifiers in their order, and by name what shaped them."""
    if not params.classifiers:
        return [], {}
    from pipeline.model.machine import steady

    steady(params.threads, seed=0)
    rows, facts = list[dict[str, Any]](), dict[str, Any]()
    for name, one in sorted(params.classifiers.items()):
        found, facts[name] = scored(name, one, shown(arms, sets, contract, one.field), params.device)
        rows += found
        if facts[name]["cut"]:
            print(
                f"classify: {name}: {facts[name]['cut']} answers are longer than {one.max_length} tokens, and were cut"
            )
    return sorted(rows, key=lambda row: (row["arm"], row["set"], row["id"], row["classifier"])), facts


def check_classifiers(params: ClassifyParams, contract: Contract, folder: Path) -> None:
    """Raises Fault for a model that is not in the folder, that is no classifier with this label, or a field that the schema lacks."""
    for name, one in params.classifiers.items():
        path = Path(one.model)
        if Path(os.path.normpath(path)).parent != folder:
            fault = f"is {one.model}, and DVC knows what stands in {folder} alone"
            raise Fault(place_of(name, "model"), fault, f"put the model into {folder}")
        check_presence(path, place_of(name, "model"))
        if path.is_dir():
            number_of(path, one.label, place_of(name, "label"))
        if one.field and one.field not in contract.fields:
            fault = f"is {one.field}, which the schema has not"
            raise Fault(place_of(name, "field"), fault, f"take one of {', '.join(contract.fields)}, or leave it empty")


def main(
    params: ClassifyParams, predictions: Path, test: Path, new: Path, schema: Path, classifiers: Path, out: Path
) -> None:
    rows, facts = list[dict[str, Any]](), dict[str, Any]()
    if params.classifiers:
        contract, arms = Contract.load(schema), read_arms(predictions)
        check_classifiers(params, contract, classifiers)
        sets = {"test": read_records(test), "new": read_records(new)}
        for name, records in sets.items():
            check_complete(arms, name, [one.id for one in records], predictions)
        rows, facts = classify(params, arms, sets, contract)
    write_jsonl(out / SCORES, rows)
    write_report(out / FACTS, facts)
    print(f"classify: {len(rows)} scores by {len(facts)} classifiers")


if __name__ == "__main__":
    run(main)
