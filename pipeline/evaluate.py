"""Score the arms on the test set and compare them, pair by pair.

Reads   predictions     a folder an arm (pipeline.data.predictions)
        test, new       pipeline.data.records.Record, with the reference answers; `new` waits for the next test set
        train           what the guesses without a language model are learnt from
        schema          the contract of an answer
        test_set        the frozen ids, whose digest the comparison names
        classified      what text classifiers say of the answers (pipeline.data.classified)
        ratings         people's votes on pairs of answers (pipeline.data.ratings); the folder may be empty
        rubric, judged  what a judge goes by, and its replies (pipeline.data.judging), which are replayed: nobody is asked
Writes  report          the headline metrics of each arm as plain numbers: what `dvc metrics diff` shows
        comparison      n, intervals, pairs and verdicts, whether the fine-tune pays, and what people and a judge said
        examples        JSON Lines: what the tuned arm fixed and broke against each other arm, the worst first; few, cut, for git
        out/examples.jsonl  all of them, and those that are the same, whole (pipeline.data.flips.rows)
        out/examples.html   the same as a page that opens offline, at most SHOWN of a pair
Format accuracy is the share of answers that parse, meet the schema and match nothing that is prohibited. Every field with one
right value is scored by exact match, every free text by ROUGE-L and BLEU, and by what a team writes itself (pipeline.scoring.own). An
answer that does not parse scores nothing anywhere. Of preferences, preference accuracy is the share of which the arm holds the better
answer likelier than the worse one (log-likelihoods of the whole answers).
Slices are the tags, origins, labels, languages and lengths of the records, and `new`. Two rows stand beside the arms: what each field
with one right value is by the majority, and by a classifier over words (pipeline.scoring.reference_rows).
"""

from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, ClassVar

import regex
from pydantic import Field, field_validator

from pipeline.data.answers import Contract
from pipeline.data.checking.language import LanguageParams, language_guess
from pipeline.data.classified import Classified, ClassifyParams, metrics_of, read_classified
from pipeline.data.flips.rows import Examples, Pair
from pipeline.data.flips.written import write_flips
from pipeline.data.judging.replay import replay
from pipeline.data.judging.rubric import JudgeParams
from pipeline.data.ledgers import Rating, read_ratings
from pipeline.data.predictions import Predictions, read_arms, read_asked
from pipeline.data.ratings import RateParams, between, last_words
from pipeline.data.records import Record, read_records
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import check_of_test_set, of_test_set
from pipeline.scoring.against import against, waiting_slice, worst
from pipeline.scoring.answers import Scores, score
from pipeline.scoring.changed import changed, counts, first, in_order, worst_first
from pipeline.scoring.judge import heard
from pipeline.scoring.measured import PREFERENCE, estimates, without_parts
from pipeline.scoring.naming import metric_names
from pipeline.scoring.slice_members import Sliced, names_of
from pipeline.scoring.worth import pays
from pipeline.stage import Fault, Params, run, write_report

TUNED, PROMPTED = "tuned", "prompted"
TOKENS = ("read", "written")  # of a request, in the mean
SHOWN = 2000  # examples of a pair of arms on the page
UNCLASSIFIED = Classified()


class EvaluateParams(Params):
    """Section `evaluate`.

    `margin`: the drop of a metric that still counts as no worse. `targets`: metric and wanted value. `prohibited`: patterns that no
    answer may match, or its format counts as wrong. `shown`: how many examples of a pair of arms the report has.
    """

    section: ClassVar[str] = "evaluate"
    margin: Annotated[float, Field(ge=0, lt=1)]
    targets: dict[str, Annotated[float, Field(ge=0, le=1)]]
    prohibited: list[str]
    shown: Annotated[int, Field(ge=0)]

    @field_validator("prohibited")
    @classmethod
    def _are_patterns(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            try:
                regex.compile(pattern)
            except regex.error as error:
                raise ValueError(f"{pattern!r} is no pattern ({error})") from None
        return patterns


def arm_scores(
    arms: dict[str, Predictions],
    name: str,
    records: Sequence[Record],
    contract: Contract,
    prohibited: Sequence[str] = (),
    classified: Classified = UNCLASSIFIED,
) -> dict[str, Scores]:
    """Each metric's value for each example of a set, by arm. Raises Fault for one that is no share."""
    ids, wanted = [record.id for record in records], [record.answer for record in records]
    scores = {
        arm: score(given.texts(name, ids), wanted, contract, prohibited)
        | preference(given, name, records)
        | classified.of(arm, name, ids)
        for arm, given in arms.items()
    }
    for arm, found in scores.items():
        for metric, values in found.items():
            if not all(0 <= value <= 1 for value in values):
                raise Fault(f"{arm}: {metric}", "scores an answer with no number between 0 and 1", "mend the metric")
    return scores


def preference(given: Predictions, name: str, records: Sequence[Record]) -> Scores:
    """Preference accuracy of each preference of a set, where there is one and the arm gave likelihoods."""
    keys = [(name, record.id) for record in records if record.rejected]
    return {PREFERENCE: [float(given.preferred.get(key, False)) for key in keys]} if keys and given.preferred else {}


def evaluate(
    arms: dict[str, Predictions],
    records: Sequence[Record],
    contract: Contract,
    params: EvaluateParams,
    learnt: Sequence[Record] = (),
    languages: Sequence[str] = (),
    classified: Classified = UNCLASSIFIED,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Scores]]:
    """Headline numbers; the comparison: intervals an arm, and the tuned arm against each other one; and the scores of each example.

    Guesses without a language model are learnt from `learnt`, where there is any. `languages` are those of the records, where known.
    """
    from pipeline.scoring.reference_rows import guesses

    scores = arm_scores(arms, "test", records, contract, params.prohibited, classified)
    if learnt:
        texts = [(one.question, one.answer) for one in learnt if not one.rejected]
        scores |= guesses(texts, [(one.question, one.answer) for one in records], contract)
    intervals = estimates(scores, records)
    pairs, slices = against(TUNED, scores, records, sliced(records, contract, languages), params.margin)
    headline = {
        name: {metric: interval["mean"] for metric, interval in given.items()} for name, given in intervals.items()
    }
    targets = {
        metric: {"wanted": wanted, **{name: given.get(metric, 0.0) >= wanted for name, given in headline.items()}}
        for metric, wanted in params.targets.items()
    }
    ids = [record.id for record in records]
    comparison = {
        "arms": intervals,
        "pairs": pairs,
        "slices": slices,
        "margin": params.margin,
        "targets": targets,
        "classifiers": classified.facts,
        "tokens": {name: dict(zip(TOKENS, arm.tokens_each("test", ids), strict=True)) for name, arm in arms.items()},
        "yardstick": {name: arm.arm for name, arm in arms.items()},
    }
    if PROMPTED in arms and TUNED in arms:
        comparison["worth"] = pays(comparison, TUNED, PROMPTED)
    return headline, comparison, scores


def sliced(records: Sequence[Record], contract: Contract, languages: Sequence[str] = ()) -> list[Sliced]:
    """What of each record says in which slices it is."""
    return [
        Sliced(one.tags, one.origin, contract.label(one.answer) or "", len(one.question), language)
        for one, language in zip(records, languages or [""] * len(records), strict=True)
    ]


def flips(scores: dict[str, Scores], arms: Iterable[str], count: int, shown: int) -> list[Pair]:
    """What became of each of `count` examples from each other arm to the tuned one; `shown` of them stand in git."""
    pairs = []
    for name in (one for one in arms if one != TUNED and TUNED in scores):
        found = changed(without_parts(scores[TUNED]), without_parts(scores[name]), count)
        few = worst_first(found, shown)
        pairs.append(Pair(TUNED, name, counts(found), in_order(found), first(found, SHOWN), few))
    return pairs


def people(
    ratings: Iterable[Rating], arms: dict[str, Predictions], records: Sequence[Record], scores: dict[str, Scores]
) -> dict[str, Any]:
    """What people said of each two arms, by dimension, with how well each metric agrees; votes on answers that no arm gives are stale.

    Examples that two arms answer alike are counted in `n_equal`, and in nothing else: nobody was asked.
    """
    from pipeline.scoring.people import by_dimension

    ids, groups, votes = [record.id for record in records], [record.group for record in records], last_words(ratings)
    answers = {name: arm.texts("test", ids) for name, arm in arms.items()}
    metrics = {name: {key: row for key, row in scores[name].items() if key != PREFERENCE} for name in arms}
    stale, found = set(votes), dict[str, Any]()
    for one, other in combinations(sorted(arms, key=lambda name: (name != TUNED, name)), 2):
        used = between(votes, ids, answers[one], answers[other])
        stale -= used.keys()
        if used:
            told = by_dimension(used.values(), metrics[one], metrics[other], groups)
            equal = sum(mine == theirs for mine, theirs in zip(answers[one], answers[other], strict=True))
            counted = {"n_equal": equal, "n_differ": len(ids) - equal}
            found[f"{one} against {other}"] = {**counted, "dimensions": told}
    return {"votes": len(votes) - len(stale), "stale": len(stale), "pairs": found}


def check_targets(params: EvaluateParams, contract: Contract, classifiers: Iterable[str] = ()) -> None:
    """Raises Fault for a target of a metric that neither the schema nor a classifier gives."""
    names = metric_names(contract)
    names += metrics_of(classifiers, names)
    for metric in params.targets:
        if metric not in names:
            place = f"params.yaml: evaluate.targets.{metric}"
            raise Fault(place, "is no metric of this schema", f"take one of {', '.join(names)}")


def main(
    params: EvaluateParams,
    rate: RateParams,
    classify: ClassifyParams,
    spoken: LanguageParams,
    judge: JudgeParams,
    predictions: Path,
    test: Path,
    new: Path,
    train: Path,
    schema: Path,
    test_set: Path,
    classified: Path,
    ratings: Path,
    rubric: Path,
    judged: Path,
    report: Path,
    comparison: Path,
    examples: Path,
    out: Path,
) -> None:
    votes, frozen = read_ratings(ratings, rate.dimensions), TestSet.load(test_set)
    contract, arms = Contract.load(schema), read_arms(predictions)
    records, waiting = (read_asked(path, name, arms, predictions) for path, name in ((test, "test"), (new, "new")))
    check_of_test_set([record.id for record in records], frozen, test)
    check_targets(params, contract, classify.classifiers)
    if PREFERENCE in params.targets and not any(record.rejected for record in records):
        place = f"params.yaml: evaluate.targets.{PREFERENCE}"
        raise Fault(place, "has nothing to be measured on: the test set holds no preference", "take the target out")
    languages = list(map(language_guess(spoken.languages), (record.question for record in records)))
    sets = {name: [one.id for one in rows] for name, rows in (("test", records), ("new", waiting))}
    said = read_classified(classified, classify.classifiers, arms, sets)
    headline, beside, scores = evaluate(arms, records, contract, params, read_records(train), languages, said)
    asked = arm_scores(arms, "new", waiting, contract, params.prohibited, said) if waiting else {}
    beside["new"] = waiting_slice(TUNED, asked, waiting, params.margin)
    beside["worst_slices"] = worst(beside["slices"], beside["new"].get("pairs", {}))
    beside["people"] = people(votes, arms, records, scores)
    beside["judge"] = heard(replay(judge, rate.dimensions, rubric, judged, votes, arms, records), judge.counts)
    beside["test_set"] = of_test_set(frozen)
    write_report(report, headline)
    write_report(comparison, beside)
    slices = names_of(sliced(records, contract, languages))
    write_flips(examples, out, Examples(records, arms, slices), flips(scores, arms, len(records), params.shown))
    print(
        f"evaluate: {len(arms)} arms on {len(records)} test records; what was fixed and broken in {out / 'examples.html'}"
    )


if __name__ == "__main__":
    run(main)
