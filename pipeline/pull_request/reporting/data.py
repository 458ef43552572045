"""What the change does to the data: the sentence of the data diff, and all of it folded up."""

from pathlib import Path

from pipeline.data.plain_text import plain
from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.data_diff import data_diff
from pipeline.pull_request.render import blocks_of
from pipeline.pull_request.reporting.blocks import Block, Details, Part
from pipeline.pull_request.reporting.scene import Scene
from pipeline.pull_request.verdict import verdict
from pipeline.stage import Fault


def part(scene: Scene, folder: Path) -> Part | None:
    """None where there is no base. The inputs of both sides are laid out below `folder`."""
    if scene.base.commit is None:
        return None
    try:
        report = data_diff(scene.base, scene.root, folder)
    except Fault as fault:
        line = plain(str(fault)).replace(f"{folder}/base/", f"{scene.base.name}:").replace(f"{folder}/work/", "")
        said: list[Block] = [f"⚠️ Cannot be shown: {code(line, 2 * LONGEST)}"]
        return Part("Data", 50, lambda _: said)
    if not report["parts"] and not report["missing"]:
        return Part("Data", 50, lambda _: [], is_quiet=True)

    def blocks(examples: int) -> list[Block]:
        inner = tuple(_smaller(block) for block in blocks_of(report, min(examples, 10)))
        head = "⚠️ " if "moved" in report["parts"] else ""
        return [f"{head}{verdict(report)}", *([Details("The data diff in full", inner)] if inner else [])]

    return Part("Data", 50, blocks, "rows that came, went and changed")


def _smaller(block: str) -> str:
    """A heading two steps down: inside a fold it is no heading of the page."""
    return f"##{block}" if block.startswith("## ") or block.startswith("### ") else block
