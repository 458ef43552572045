"""The first part: whether the change may merge, by the rules of params.yaml and by what has a result at all."""

from pathlib import Path

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.gate import is_red, outcomes_at
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part
from pipeline.pull_request.reporting.pending import Pending
from pipeline.pull_request.reporting.scene import Scene, stage_code, told
from pipeline.pull_request.rules import Outcome
from pipeline.pull_request.verdict import plural
from pipeline.stage import Fault

ICONS = {"pass": "✅", "warn": "⚠️", "fail": "❌", "error": "❌"}
WORDS = {"pass": "pass", "warn": "warn", "fail": "fail", "error": "cannot be judged"}
FIRST = 5  # rules that failed, told in the open


def part(scene: Scene, pending: list[Pending], is_same: bool) -> Part:
    """The verdict, its base, what failed; the rules are folded up. `is_same`: no input differs from the base's."""
    head, *rest = _judged(scene.root, pending)
    same = ["Nothing that a stage reads differs from the base."] if is_same else []
    blocks = [head, _against(scene), *same, *_stale(pending), *rest]
    return Part("", 100, lambda _: blocks, "the gate")


def _judged(root: Path, pending: list[Pending]) -> list[Block]:
    try:
        outcomes = outcomes_at(root)
    except Fault as fault:
        return [f"## ❌ The gate cannot be judged\n\n{told(fault, root)}"]
    counts = [f"{sum(one.status == status for one in outcomes)} {word}" for status, word in WORDS.items()]
    said = ", ".join(count for count in counts if not count.startswith("0 "))
    late = not all(one.is_waiting for one in pending)
    stale = ", on results of an earlier state" if late else ""
    icon, word = ("❌", "red") if is_red(outcomes) else ("⚠️" if late else "✅", "green")
    bad = [one for one in outcomes if one.status in ("fail", "error")]
    lines = [f"- ❌ {code(one.subject, LONGEST)}: {code(one.told, LONGEST)}" for one in bad[:FIRST]]
    lines += [f"- and {len(bad) - FIRST} more"] if len(bad) > FIRST else []
    head = f"## {icon} The gate is {word}{stale}"
    rows = Details(f"All {plural(len(outcomes), 'rule')}: {said}", (_rules(outcomes),))
    return [head, *(["\n".join(lines)] if lines else []), rows]


def _rules(outcomes: list[Outcome]) -> str:
    rows = [
        (f"{ICONS[one.status]} {WORDS[one.status]}", code(one.subject, LONGEST), code(one.told, 2 * LONGEST))
        for one in outcomes
    ]
    return table(("", "rule", "evidence"), rows)


def _against(scene: Scene) -> str:
    base = scene.base
    if base.commit is None:
        return "There is no commit before this one, so nothing to compare with: what follows is this change alone."
    return f"This work tree against {code(base.name)} ({code(base.commit[:12])}, {base.why})."


def _stale(pending: list[Pending]) -> list[Block]:
    late = [f"- {stage_code(one.stage)}: {one.why}" for one in pending if not one.is_waiting]
    waiting = ", ".join(stage_code(one.stage) for one in pending if one.is_waiting)
    said = []
    if late:
        head = "**⚠️ These stages have no result of this state; what follows shows what there is:**"
        said.append("\n".join([f"{head}\n", *late]))
    if waiting:
        said.append(f"Of the accepted model what there is is of an earlier state, until `make run` asks it: {waiting}.")
    return list(said)
