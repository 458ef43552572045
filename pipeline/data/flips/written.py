"""The examples that a change fixed and broke, as files: a few for git, all of them, and a page."""

from collections.abc import Sequence
from pathlib import Path

from pipeline.data.flips.page import page
from pipeline.data.flips.rows import Examples, Pair
from pipeline.data.records import write_jsonl, write_lines


def write_flips(short: Path, out: Path, examples: Examples, pairs: Sequence[Pair]) -> None:
    """Write `short`, and below `out` examples.jsonl and examples.html, a row at a time."""
    write_jsonl(short, (row for pair in pairs for row in examples.short(pair)))
    write_jsonl(out / "examples.jsonl", (row for pair in pairs for row in examples.rows(pair, pair.everything)))
    write_lines(out / "examples.html", (piece.encode() for piece in page(examples, pairs)))
