"""An arm's old and new model on the old and the new yardstick: what each corner is worth, and what one lacks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, NamedTuple

from pipeline.data.records import Record
from pipeline.pull_request.comparing.said import Facts, Given, Said, said
from pipeline.pull_request.comparing.values import BARE, CASES, Cell, Margins, Scorer, Values, cells, sizes
from pipeline.pull_request.comparing.yardstick import Yardstick
from pipeline.scoring.answers import PARTS
from pipeline.scoring.measured import PREFERENCE
from pipeline.scoring.naming import metric_names

When = Literal["old", "new"]
WHENS: tuple[When, When] = ("old", "new")


class Corner(NamedTuple):
    """A model on a yardstick."""

    model: When
    yardstick: When


CORNERS = tuple(Corner(model, yardstick) for yardstick, model in product(WHENS, WHENS))


@dataclass
class Both:
    """Both sides' yardsticks and answers, with all test examples that are known."""

    yardsticks: dict[When, Yardstick]
    given: dict[When, list[Given]]
    records: Mapping[str, Record]
    margins: Margins
    scorer: Scorer = field(default_factory=Scorer)

    def said(self, corner: Corner, facts: Mapping[When, Facts]) -> Said:
        """What a side's model answered as the other side asks: by that side's prompt and decoding, whichever arm has it."""
        wanted = facts[corner.yardstick].model_copy(update={"model": facts[corner.model].model})
        other: When = "new" if corner.model == "old" else "old"
        return said(wanted, [*self.given[corner.model], *self.given[other]], self.records)


@dataclass(frozen=True)
class Corners:
    """An arm. `table` has the cells of each metric; `lacks` says of a corner and a metric what is not there."""

    facts: dict[When, Facts]
    said: dict[Corner, Said]
    values: dict[Corner, Values]
    table: dict[str, dict[Corner, Cell]]
    lacks: dict[Corner, dict[str, str]]

    @property
    def is_same_model(self) -> bool:
        return self.facts["old"].model == self.facts["new"].model


def corners_of(facts: dict[When, Facts], both: Both) -> Corners:
    """All four corners of an arm whose facts are known on both sides."""
    answers = {corner: both.said(corner, facts) for corner in CORNERS}
    values = {corner: both.scorer.values(both.yardsticks[corner.yardstick], answers[corner]) for corner in CORNERS}
    found = {corner: cells(both.yardsticks[corner.yardstick], values[corner]) for corner in CORNERS}
    names = [one for one in dict.fromkeys(key for corner in CORNERS for key in found[corner]) if one not in PARTS]
    table = {
        metric: {corner: found[corner][metric] for corner in CORNERS if metric in found[corner]}
        for metric in sorted(names, key=rank)
    }
    lacks = {corner: _lacks(corner, table, facts, both) for corner in CORNERS}
    return Corners(facts, answers, values, table, lacks)


def rank(metric: str) -> tuple[bool, bool, bool, str]:
    """Order of metrics for people: the format, exact fields, other metrics of the task, general skills, by name each."""
    is_bare = metric in (*BARE, CASES)
    return is_bare, not metric.startswith("format"), not metric.startswith("exact"), metric


def _lacks(
    corner: Corner, table: dict[str, dict[Corner, Cell]], facts: dict[When, Facts], both: Both
) -> dict[str, str]:
    """Why a metric that the yardstick of a corner has is not there, or not of all examples."""
    yardstick, why = both.yardsticks[corner.yardstick], dict[str, str]()
    known = {*metric_names(yardstick.contract), *BARE, CASES} - {PREFERENCE}
    here = [one for one in CORNERS if one.yardstick == corner.yardstick]
    for metric, size in sizes(yardstick, table).items():
        cell = table[metric].get(corner)
        if cell is None and size and (metric in known or any(one in table[metric] for one in here)):
            why[metric] = _reason(metric, corner, facts, both)
        elif cell and cell.n is not None and cell.n < size:
            why[metric] = f"{size - cell.n:,} of {size:,} not answered"
    return why


def _reason(metric: str, corner: Corner, facts: dict[When, Facts], both: Both) -> str:
    own, wanted = facts[corner.model], facts[corner.yardstick]
    asks = [one.facts for one in (*both.given["old"], *both.given["new"]) if one.facts.model == own.model]
    if not asks or (corner.model == corner.yardstick and own not in asks):
        return f"the answers of the {corner.model} model are not to be had"
    if not any(one.decoding == wanted.decoding for one in asks):
        return f"the {corner.model} model was not asked with the {corner.yardstick} decoding"
    if metric not in BARE and not any(one.prompt == wanted.prompt for one in asks):
        return f"the {corner.model} model was not asked with the {corner.yardstick} prompt"
    if metric not in (*BARE, CASES) and not both.yardsticks[corner.yardstick].records:
        return f"the examples of the {corner.yardstick} test set are not to be had"
    return f"the {corner.model} model answered none of these"
