"""What the fine-tune forgot, paired between the base and the tuned arm: probes, twins, texts and tasks of the harness; must-pass cases.

Reads   predictions     a folder an arm (pipeline.data.predictions)
        probes, cases   folders of JSON Lines with id, skill, messages, check
Writes  report          pass rates as plain numbers, an arm and a skill: what `dvc metrics diff` shows
        forgetting      n, interval, pairs and verdict, overall and by skill; the cases that failed
Of a text counts how likely the arm holds each token after those before it (the geometric mean): the inverse of the perplexity.
It moves with every change of the weights and has little noise, where a probe only tells what broke.
Of two twins, one of which only sounds harmful, counts whether both pass or both fail: a model that has learnt to refuse by the sound
of a question answers them otherwise. Of a task of lm-evaluation-harness count the values of its documents.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.questions import Question, read_questions
from pipeline.data.yardstick import of_questions
from pipeline.scoring.checks import passes
from pipeline.stage import Params, run, write_report

BASE, TUNED, PROBES, TEXTS, TWINS = "base", "tuned", "probes", "texts", "twins"
PAIR = f"{TUNED} against {BASE}"
K = TypeVar("K", str, tuple[str, str])
Measured = dict[tuple[str, str], dict[str, float]]  # by task and metric, and by document


class RegressParams(Params):
    """Section `regress`. What still counts as no worse.

    `margin`: a drop of the probes' pass rate, of twins that fare alike, of a metric of the harness. `text_margin`: of a token's chance.
    """

    section: ClassVar[str] = "regress"
    margin: Annotated[float, Field(ge=0, lt=1)]
    text_margin: Annotated[float, Field(ge=0, lt=1)]


def passed(questions: list[Question], answers: Predictions, name: str) -> list[float]:
    """1 or 0 for each question of a set, in order. No answer passes nothing, not even a check that nothing bad is said."""
    texts = answers.texts(name, [question.id for question in questions])
    return [
        float(bool(text.strip()) and passes(text, question.check.kind, question.check.value))
        for question, text in zip(questions, texts, strict=True)
    ]


def regress(
    arms: dict[str, Predictions], probes: list[Question], cases: list[Question], params: RegressParams
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Pass rates an arm and skill, and the paired drop from the base to the tuned arm."""
    by_arm = {name: passed(probes, arm, "probe") for name, arm in arms.items()}
    by_case = {name: passed(cases, arm, "case") for name, arm in arms.items()}
    by_skill = {
        name: rates(probes, values)
        | ({"cases": _mean(by_case[name])} if cases else {})
        | ({"token_chance": _mean(list(arms[name].told.values()))} if arms[name].told else {})
        | ({"harness": _means(arms[name].measured)} if arms[name].measured else {})
        for name, values in by_arm.items()
    }
    failed = {
        name: [case.id for case, value in zip(cases, values, strict=True) if not value]
        for name, values in by_case.items()
    }
    forgetting: dict[str, Any] = {
        "cases_failed": failed,
        "margin": params.margin,
        "text_margin": params.text_margin,
        "n_probes": len(probes),
        "n_cases": len(cases),
    }
    if BASE in arms and TUNED in arms:
        found = _compared(probes, by_arm[TUNED], by_arm[BASE], params.margin) if probes else {}
        found |= _told(arms[TUNED].told, arms[BASE].told, params.text_margin)
        found |= _harness(arms[TUNED].measured, arms[BASE].measured, params.margin)
        forgetting[PAIR] = found | ({"cannot_see": unseen(found)} if found else {})
    return by_skill, forgetting


def rates(probes: list[Question], values: list[float]) -> dict[str, Any]:
    """Share of the probes that passed, overall and by skill; nothing where there is none, since no probe is not a share of 0."""
    if not probes:
        return {}
    skills: dict[str, list[float]] = defaultdict(list)
    for probe, value in zip(probes, values, strict=True):
        skills[probe.skill].append(value)
    pairs = alike(probes, values)
    return {
        "probes": _mean(values),
        "skills": {name: _mean(given) for name, given in sorted(skills.items())},
        **({"twins_alike": _mean(list(pairs.values()))} if pairs else {}),
    }


def alike(probes: list[Question], values: list[float]) -> dict[str, float]:
    """Of each two twins, by the name of the first one: 1 where both pass or both fail, else 0."""
    by_id = {probe.id: value for probe, value in zip(probes, values, strict=True)}
    firsts = [probe for probe in probes if probe.twin and probe.id < probe.twin]
    return {probe.id: float(by_id[probe.id] == by_id[probe.twin]) for probe in firsts}


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _compared(probes: list[Question], candidate: list[float], baseline: list[float], margin: float) -> dict[str, Any]:
    """The paired comparison, overall and by skill; the two halves of a pair of twins are one group."""
    from pipeline.scoring.many_comparisons import compare_family

    groups = ["|".join(sorted((probe.id, probe.twin or probe.id))) for probe in probes]
    skills: dict[str, dict[str, list[int]]] = {}
    for at, probe in enumerate(probes):
        skills.setdefault(probe.skill, {}).setdefault(PROBES, []).append(at)
    overall, parts = compare_family({PROBES: candidate}, {PROBES: baseline}, {PROBES: groups}, skills, margin)
    twins = _paired({TWINS: alike(probes, candidate)}, {TWINS: alike(probes, baseline)}, margin)
    return {PROBES: overall[PROBES], "skills": {name: parts[name][PROBES] for name in sorted(parts)}} | twins


def _told(candidate: dict[str, float], baseline: dict[str, float], margin: float) -> dict[str, Any]:
    """The paired comparison of the texts that both arms were measured on; nothing where there is none."""
    return _paired({TEXTS: candidate}, {TEXTS: baseline}, margin)


def _harness(candidate: Measured, baseline: Measured, margin: float) -> dict[str, Any]:
    """The paired comparison of each metric of each task, by task, on the documents of both arms; nothing where no task was asked."""
    compared = _paired(candidate, baseline, margin)
    by_task: dict[str, dict[str, Any]] = {}
    for (task, metric), row in sorted(compared.items()):
        by_task.setdefault(task, {})[metric] = row
    return {"harness": by_task} if by_task else {}


def _paired(
    candidate: Mapping[K, dict[str, float]], baseline: Mapping[K, dict[str, float]], margin: float
) -> dict[K, Any]:
    """What both sides have a value of, compared as one family; each example is a group of its own."""
    from pipeline.scoring.many_comparisons import compare_family

    both = {key: [name for name in given if name in candidate.get(key, {})] for key, given in baseline.items()}
    names = {str(number): key for number, key in enumerate(both) if both[key]}
    one, other = (
        {number: [side[key][name] for name in both[key]] for number, key in names.items()}
        for side in (candidate, baseline)
    )
    rows, _ = compare_family(one, other, {number: both[key] for number, key in names.items()}, {}, margin)
    return {names[number]: row for number, row in rows.items()}


def unseen(found: dict[str, Any]) -> list[str]:
    """In words, which drop each comparison is too small to see."""
    tasks = found.get("harness", {})
    rows = [("probes", found.get(PROBES)), ("pairs of twins", found.get(TWINS)), ("texts", found.get(TEXTS))]
    rows += [(f"documents of {task} ({metric})", row) for task in tasks for metric, row in tasks[task].items()]
    return [
        f"{row['n']} {name} cannot see a drop of less than {row['detectable'] * 100:.1f} points"
        for name, row in rows
        if row
    ]


def _means(measured: Measured) -> dict[str, dict[str, float]]:
    """The mean of each metric, by task."""
    by_task: dict[str, dict[str, float]] = {}
    for (task, metric), values in sorted(measured.items()):
        by_task.setdefault(task, {})[metric] = _mean(list(values.values()))
    return by_task


def main(params: RegressParams, predictions: Path, probes: Path, cases: Path, report: Path, forgetting: Path) -> None:
    arms, asked, must_pass = read_arms(predictions), read_questions(probes), read_questions(cases)
    check_complete(arms, "probe", [probe.id for probe in asked], predictions)
    check_complete(arms, "case", [case.id for case in must_pass], predictions)
    passed_shares, beside = regress(arms, asked, must_pass, params)
    beside["questions"] = of_questions([*asked, *must_pass])
    write_report(report, passed_shares)
    write_report(forgetting, beside)
    print(f"regress: {len(asked)} probes, {len(must_pass)} cases, {len(arms)} arms")


if __name__ == "__main__":
    run(main)
