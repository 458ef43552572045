"""Everything that the page tells: both sides, what differs, each arm that both have, and what would fill the gaps."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.desk.reviewing.shown import code
from pipeline.evaluate import EvaluateParams
from pipeline.pull_request.comparing.corners import CORNERS, WHENS, Both, Corner, Corners, When, corners_of
from pipeline.pull_request.comparing.filling import commands
from pipeline.pull_request.comparing.pairs import Ground, grounds
from pipeline.pull_request.comparing.side import EXTRA, Side, givens, yardstick_of
from pipeline.pull_request.comparing.sides import code_that_answers
from pipeline.pull_request.comparing.values import Margins
from pipeline.pull_request.comparing.yardstick import Moved, Yardstick, beside, moved, steps
from pipeline.regress import RegressParams
from pipeline.stage import PARAMS_FILE, load_params

HARMLESS = ("targets and margins", "metrics")  # no value of an answer hangs on them; metrics move with the schema
ACTIVE = "With `.venv` active this fills it; then run `make compare` again:"


@dataclass(frozen=True)
class Fill:
    """A corner that is not there, or not whole, and what would make it so."""

    arm: str
    corner: Corner
    why: str
    how: str
    lines: list[str]


@dataclass(frozen=True)
class ArmFound:
    """An arm that both sides have; `moved` is what of the yardstick is its own and differs."""

    name: str
    corners: Corners
    moved: list[Moved]
    grounds: list[Ground]
    fill: list[Fill]


@dataclass(frozen=True)
class Found:
    """What a page is made of. `reported` names the arms of which reports in git are shown; `why` the old side was taken."""

    sides: dict[When, Side]
    why: str
    moved: list[Moved]
    arms: list[ArmFound]
    reported: list[str]
    notes: list[str]

    @property
    def is_known(self) -> bool:
        """Whether prompt and decoding of every arm are known on both sides."""
        old, new = (side.facts.keys() | side.plan.keys() for side in self.sides.values())
        return old & new <= {arm.name for arm in self.arms}

    @property
    def has_moved(self) -> bool:
        return _matter(self.moved) or any(arm.moved for arm in self.arms)

    def has_moved_for(self, arm: ArmFound) -> bool:
        return _matter(self.moved) or bool(arm.moved)


def _matter(given: list[Moved]) -> bool:
    return any(one.part not in HARMLESS for one in given)


def compare(old: Side, new: Side, why: str) -> Found:
    """The comparison of two sides whose files have been read."""
    sides: dict[When, Side] = {"old": old, "new": new}
    pool = {key: one for side in (old, new) for part in (side.tests or {}, side.waiting) for key, one in part.items()}
    yardsticks: dict[When, Yardstick] = {when: yardstick_of(side, new.root, pool) for when, side in sides.items()}
    both = Both(
        yardsticks,
        {when: givens(sides[when], yardsticks[when], new.root / EXTRA) for when in WHENS},
        pool,
        _margins(new.root),
    )
    differs = moved(yardsticks["old"], yardsticks["new"])
    names = sorted(old.facts.keys() & new.facts.keys(), key=_order)
    arms = [_arm(name, sides, both) for name in names]
    is_scored_otherwise = any(one.part == "scorer code" for one in differs)
    reported = [name for name in _reported(sides) if is_scored_otherwise or not _can_be_scored(name, sides)]
    return Found(sides, why, differs, arms, reported, list(_notes(sides, both, names)))


def _reported(sides: dict[When, Side]) -> list[str]:
    """The arms of which reports tell, without the guesses of no model."""
    named = {name for side in sides.values() for name in (*side.facts, *side.plan)}
    return sorted({name for side in sides.values() for name in side.reported if name in named}, key=_order)


def _can_be_scored(name: str, sides: dict[When, Side]) -> bool:
    return all(name in side.predictions for side in sides.values())


def _order(name: str) -> tuple[bool, str]:
    return name != "tuned", name


def _margins(root: Path) -> Margins:
    regress = load_params(RegressParams, root / PARAMS_FILE)
    return Margins(load_params(EvaluateParams, root / PARAMS_FILE).margin, regress.margin, regress.text_margin)


def _arm(name: str, sides: dict[When, Side], both: Both) -> ArmFound:
    facts = {when: side.facts[name] for when, side in sides.items()}
    corners = corners_of(facts, both)
    own = []
    if facts["old"].prompt != facts["new"].prompt:
        own.append(Moved(f"prompt of {code(name)}", _prompts(name, sides)))
    if facts["old"].decoding != facts["new"].decoding:
        own.append(Moved(f"decoding of {code(name)}", ", ".join(steps(facts["old"].decoding, facts["new"].decoding))))
    return ArmFound(name, corners, own, grounds(corners, both), list(_fill(name, corners, sides, both)))


def _prompts(name: str, sides: dict[When, Side]) -> str:
    old, new = (code(side.plan.get(name, {}).get("prompt", "")) for side in sides.values())
    return f"{old} then, {new} now" if old != new else f"{new} has other words or examples"


def _fill(name: str, corners: Corners, sides: dict[When, Side], both: Both) -> Iterator[Fill]:
    """The corners that lack something that asking would bring; what is not in the cache is named with its side."""
    for corner in CORNERS:
        lacks = corners.lacks[corner]
        reasons = list(dict.fromkeys(lacks.values()))
        if not reasons:
            continue
        why = "; ".join(
            f"{reason} ({', '.join(code(key) for key in lacks if lacks[key] == reason)})" for reason in reasons
        )
        is_own = corner.model == corner.yardstick or _asks_alike(corners)
        if is_own and name not in sides[corner.model].predictions:
            yield Fill(name, corner, why, "The list above says how to get them.", [])
            continue
        lines = commands(name, corner, sides, both.yardsticks)
        how = ACTIVE if lines else "The parameters do not say with which model and prompt it would be asked."
        if lines and corner.yardstick == "old" and corners.facts["old"].decoding != corners.facts["new"].decoding:
            commit = str(sides["old"].commit)[:12]
            how = f"Give section `predict` of `params.yaml` the values of `git show {commit}:params.yaml` while it runs. {ACTIVE}"
        yield Fill(name, corner, why, how, lines)


def _asks_alike(corners: Corners) -> bool:
    return corners.facts["old"].model_copy(update={"model": ""}) == corners.facts["new"].model_copy(
        update={"model": ""}
    )


def _notes(sides: dict[When, Side], both: Both, names: list[str]) -> Iterator[str]:
    if files := beside(both.yardsticks["old"], both.yardsticks["new"]):
        yield f"code and requirements of intervals and verdicts differ ({files}): this tree's are used"
    answered = {name: code_that_answers(sides["old"], sides["new"], name) for name in names}
    for files in dict.fromkeys(filter(None, answered.values())):
        arms = ", ".join(code(name) for name in names if answered[name] == files)
        yield f"code and requirements that answers of {arms} were made with differ ({files}); they count as one decoding"
    for when, other in (("old", "new"), ("new", "old")):
        alone = sorted(sides[when].facts.keys() - sides[other].facts.keys())  # type: ignore[index]
        if alone:
            yield f"only the {when} side says what shaped the answers of {', '.join(map(code, alone))}: not compared"
