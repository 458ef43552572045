"""The frozen test set as a file: ids of records, and the groups that stay on the train side."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.stage import Fault

KEPT = "train-group "


@dataclass(frozen=True)
class TestSet:
    """The frozen ids, and the groups that were there at the draw and stay on the train side whatever their hash says."""

    __test__ = False  # no pytest class
    ids: frozenset[str]
    kept_groups: frozenset[str]

    @classmethod
    def load(cls, path: Path) -> "TestSet":
        """Read `test_set.txt`: an id a line, `#` for remarks."""
        if not path.exists():
            raise Fault(path, "no such file", "restore it from git, or run make run to draw a test set")
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").split("\n")]
        except UnicodeDecodeError:
            raise Fault(path, "is not UTF-8 text", "restore it from git") from None
        entries = [line for line in lines if line and not line.startswith("#")]
        kept = frozenset(line.removeprefix(KEPT) for line in entries if line.startswith(KEPT))
        return cls(frozenset(line for line in entries if not line.startswith(KEPT)), kept)
