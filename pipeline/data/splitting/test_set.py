"""The frozen test set as a file: ids of records, the groups that stay on the train side, and those that do not."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.stage import Fault

KEPT, HELD = "train-group ", "test-group "


@dataclass(frozen=True)
class TestSet:
    """The frozen ids, and the groups that were there at the draw and stay on their side whatever their hash says.

    `held_groups` are those of the frozen ids where a record is not its own group: they stay held out, though all of their
    records be edited or gone.
    """

    __test__ = False  # no pytest class
    ids: frozenset[str]
    kept_groups: frozenset[str]
    held_groups: frozenset[str] = frozenset()

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
        kept, held = (
            frozenset(line.removeprefix(prefix) for line in entries if line.startswith(prefix))
            for prefix in (KEPT, HELD)
        )
        return cls(frozenset(line for line in entries if not line.startswith((KEPT, HELD))), kept, held)
