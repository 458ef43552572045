"""What the fine-tune forgot: general probes and texts, paired between the base and the tuned arm, and the must-pass cases.

Reads   predictions     a folder an arm (pipeline.data.predictions)
        probes, cases   folders of JSON Lines with id, skill, messages, check
Writes  report          pass rates as plain numbers, an arm and a skill: what `dvc metrics diff` shows
        forgetting      n, interval, pairs and verdict, overall and by skill; the cases that failed
Of a text counts how likely the arm holds each token after those before it (the geometric mean): the inverse of the perplexity.
It moves with every change of the weights and has little noise, where a probe only tells what broke.
"""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.questions import Question, read_questions
from pipeline.data.yardstick import of_questions
from pipeline.scoring.checks import passes
from pipeline.stage import Params, run, write_report

BASE, TUNED, PROBES, TEXTS = "base", "tuned", "probes", "texts"
PAIR = f"{TUNED} against {BASE}"


class RegressParams(Params):
    """Section `regress`. What still counts as no worse: `margin` a drop of the probes' pass rate, `text_margin` one of a token's chance."""

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
        forgetting[PAIR] = _compared(probes, by_arm[TUNED], by_arm[BASE], params.margin) if probes else {}
        forgetting[PAIR] |= _told(arms[TUNED].told, arms[BASE].told, params.text_margin)
    return by_skill, forgetting


def rates(probes: list[Question], values: list[float]) -> dict[str, Any]:
    """Share of the probes that passed, overall and by skill."""
    skills: dict[str, list[float]] = defaultdict(list)
    for probe, value in zip(probes, values, strict=True):
        skills[probe.skill].append(value)
    return {"probes": _mean(values), "skills": {name: _mean(given) for name, given in sorted(skills.items())}}


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 4) if values else 0.0


def _compared(probes: list[Question], candidate: list[float], baseline: list[float], margin: float) -> dict[str, Any]:
    """The paired comparison, overall and by skill; the two halves of a pair of twins are one group."""
    from pipeline.scoring.slices import compare_family

    groups = ["|".join(sorted((probe.id, probe.twin or probe.id))) for probe in probes]
    skills: dict[str, dict[str, list[int]]] = {}
    for at, probe in enumerate(probes):
        skills.setdefault(probe.skill, {}).setdefault(PROBES, []).append(at)
    overall, parts = compare_family({PROBES: candidate}, {PROBES: baseline}, {PROBES: groups}, skills, margin)
    return {PROBES: overall[PROBES], "skills": {name: parts[name][PROBES] for name in sorted(parts)}}


def _told(candidate: dict[str, float], baseline: dict[str, float], margin: float) -> dict[str, Any]:
    """The paired comparison of the texts that both arms were measured on; nothing where there is none."""
    from pipeline.scoring.slices import compare_family

    both = [name for name in baseline if name in candidate]
    one, other = ({TEXTS: [given[name] for name in both]} for given in (candidate, baseline))
    return compare_family(one, other, {TEXTS: both}, {}, margin)[0] if both else {}


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
