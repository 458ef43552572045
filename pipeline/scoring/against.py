"""An arm against each other one: every metric that both have, overall and by slice."""

from collections.abc import Sequence
from typing import Any

from pipeline.scoring.answers import Scores
from pipeline.scoring.measured import Example, estimates, groups_of, positions_of, without_parts
from pipeline.scoring.slice_members import Sliced, by_name, slices_of
from pipeline.scoring.worst import worst_slices

NEW = "new"  # what waits for the next test set
Rows = dict[str, dict[str, Any]]


def against(
    arm: str, scores: dict[str, Scores], examples: Sequence[Example], members: Sequence[Sliced], margin: float
) -> tuple[dict[str, Rows], dict[str, dict[str, Rows]]]:
    """By the name of the pair its rows overall, and by slice. `members` says of each example in which slices it is."""
    from pipeline.scoring.many_comparisons import compare_family

    compared, groups = _prepared(scores, examples)
    slices = by_name({name: slices_of([members[at] for at in positions_of(name, examples)]) for name in sorted(groups)})
    found = {
        pair: compare_family(compared[arm], given, groups, slices, margin)
        for pair, given in _pairs(arm, compared).items()
    }
    return {pair: rows for pair, (rows, _) in found.items()}, {pair: tables for pair, (_, tables) in found.items()}


def waiting_slice(arm: str, scores: dict[str, Scores], examples: Sequence[Example], margin: float) -> dict[str, Any]:
    """Means and pairs on what waits for the next test set: a slice, and by itself a family of comparisons. Nothing where none waits."""
    from pipeline.scoring.many_comparisons import compare_part

    compared, groups = _prepared(scores, examples)
    pairs = {name: compare_part(compared[arm], given, groups, margin) for name, given in _pairs(arm, compared).items()}
    return {"arms": estimates(scores, examples), "pairs": pairs} if examples else {}


def worst(slices: dict[str, dict[str, Rows]], waiting: dict[str, Rows]) -> dict[str, list[dict[str, Any]]]:
    """By the name of the pair its worst slices first, what waits among them."""
    return {
        pair: worst_slices({**tables, **({NEW: waiting[pair]} if pair in waiting else {})})
        for pair, tables in slices.items()
    }


def _prepared(scores: dict[str, Scores], examples: Sequence[Example]) -> tuple[dict[str, Scores], dict[str, list[str]]]:
    """What is compared of each arm, and the groups of the examples by metric."""
    compared = {name: without_parts(given) for name, given in scores.items()}
    return compared, {name: groups_of(name, examples) for given in compared.values() for name in given}


def _pairs(arm: str, compared: dict[str, Scores]) -> dict[str, Scores]:
    """The other arms by the name of the pair; none where the arm itself is not there."""
    return {f"{arm} against {name}": given for name, given in compared.items() if name != arm and arm in compared}
