"""The plan of what goes when a person is forgotten: found, shown without any value, and remembered until it is done."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.data.records import digest, parse_json
from pipeline.desk.forgetting.files import replacement, unfinished
from pipeline.desk.forgetting.history import Version, save, versions
from pipeline.desk.forgetting.lines import GENERATIONS, MEMORY, Lines
from pipeline.desk.forgetting.objects import Objects, Training, learn_rows
from pipeline.desk.forgetting.pieces import chunks
from pipeline.desk.forgetting.rows import Rows, is_source
from pipeline.desk.forgetting.stores import Store
from pipeline.desk.forgetting.terms import Needles, Terms
from pipeline.desk.inputs import SOURCES, TEST_SET
from pipeline.stage import Fault

DATA = SOURCES.parent.parent


@dataclass
class Plan:
    """What was found. `history` are versions in git and `by_hand` files, which only people can mend.

    `kept` are files and folders of sources that DVC keeps, `files` all that is rewritten; `started` is what an unfinished run
    may have rewritten.
    """

    terms: Terms
    rows: Rows
    lines: Lines
    objects: Objects
    remotes_by_hand: list[str]
    history: list[Version] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)
    files: set[str] = field(default_factory=set)
    started: set[str] = field(default_factory=set)

    def look_here(self) -> None:
        """What the work tree holds."""
        self.rows.search()
        self._settle(self._look_at_lines)

    def look_everywhere(self) -> None:
        """What git and DVC hold too; what is found there may tell more of the work tree."""
        self.objects.collect()
        self._settle(self._look_at_lines, self._look_at_history)
        self._settle(self._look_at_objects, self._look_at_lines, self._look_at_history)
        self.by_hand = self.lines.by_hand(self.rows)

    def _settle(self, *looks: Any) -> None:
        size = -1
        while size != self.terms.size:
            size = self.terms.size
            self.rows.take_duplicates()
            for look in looks:
                look()
        self.files |= {str(path) for path in self.touched}
        self.kept |= {name for path in self.touched if (name := kept_by(path))}
        self.files |= {f"{name}.dvc" for name in self.kept}

    def _look_at_lines(self) -> None:
        self.lines.search(self.rows)

    def _look_at_objects(self) -> None:
        self.objects.search(self.rows, self.lines)

    def _look_at_history(self) -> None:
        """Contents of files under git that hold something of the person; of an old one, another version of a row counts."""
        needles, known = Needles(self.terms), set(self.history)
        verdicts: dict[str, bool] = {version.blob: True for version in known}
        with tempfile.TemporaryDirectory() as folder:
            for version in versions(DATA.as_posix()):
                if version.blob not in verdicts:
                    copy = save(version.blob, Path(folder) / "version")
                    is_rows = is_source(version.path)
                    verdicts[version.blob] = needles.in_stream(chunks(copy)) or (is_rows and self.rows.holds(copy))
                    if verdicts[version.blob] and is_rows:
                        learn_rows(copy, [version.path], self.rows)
                if verdicts[version.blob] and version not in known:
                    self.history.append(version)

    @property
    def touched(self) -> list[Path]:
        """Files that people write and that are to be rewritten."""
        sources = [file.path for file in self.rows.files if file.gone]
        return [*sources, *self.lines.ledgers, *([TEST_SET] if self.lines.test_set else [])]

    @property
    def generations(self) -> list[Path]:
        """Kept answers: they are found by digests of questions, so nobody can tell whose they are."""
        return [path for path in sorted(GENERATIONS.rglob("*")) if path.is_file()]

    def deletions(self) -> Iterator[tuple[Store, set[str], list[str]]]:
        """By store the objects and the entries of the run cache that go."""
        for store in self.objects.stores:
            runs = [place for place, oids in store.runs().items() if not oids.isdisjoint(self.objects.theirs)]
            yield store, self.objects.theirs & store.oids, runs

    @property
    def is_empty(self) -> bool:
        """Whether nothing is there that this command could take out."""
        return not (self.touched or self.lines.built or any(oids or runs for _, oids, runs in self.deletions()))

    def trained(self) -> list[tuple[Training, str]]:
        """Commits whose model was trained on the person's data, or on data that nobody can look into any more."""
        found = []
        for training in self.objects.trainings:
            if training.data in self.objects.theirs:
                found.append((training, "trained on it"))
            elif self.objects.place(training.data) is None:
                found.append((training, "unknown: not in cache"))
        return found


def kept_by(path: Path) -> str:
    """The file or folder that DVC keeps and in which a file lies, or nothing."""
    return next((str(owner) for owner in (path, *path.parents) if Path(f"{owner}.dvc").is_file()), "")


def recall(asked: str) -> dict[str, Any]:
    """What an earlier run for the same ID has left; nothing where there was none."""
    earlier: dict[str, Any] = _memory().get(digest(asked), {})
    return earlier


def adopt(plan: Plan, earlier: dict[str, Any]) -> None:
    """Take in what an earlier run knew."""
    plan.terms.ids |= set(earlier.get("ids", []))
    plan.terms.people |= set(earlier.get("people", []))
    plan.terms.rows |= set(earlier.get("rows", []))
    plan.terms.said |= {frozenset(said) for said in earlier.get("said", [])}
    plan.objects.theirs |= set(earlier.get("objects", []))
    if not earlier.get("is_done", True):
        plan.kept |= set(earlier["kept"])
        plan.files |= set(earlier["files"])
        plan.started |= {str(path) for name in earlier["files"] for path in (Path(name), unfinished(Path(name)))}


def remember(asked: str, plan: Plan, is_done: bool) -> None:
    """Leave what the next run needs, under the digest of the ID: ids and digests, and no value."""
    MEMORY.parent.mkdir(parents=True, exist_ok=True)
    memory = _memory() | {
        digest(asked): {
            "ids": sorted(plan.terms.ids),
            "people": sorted(plan.terms.people),
            "rows": sorted(plan.terms.rows),
            "said": sorted(map(sorted, plan.terms.said)),
            "objects": sorted(plan.objects.theirs),
            "files": sorted(plan.files),
            "kept": sorted(plan.kept),
            "trained": [
                {**vars(training.commit), "data": training.data, "adapter": training.adapter, "verdict": verdict}
                for training, verdict in plan.trained()
            ],
            "is_done": is_done,
        }
    }
    with replacement(MEMORY) as new:
        new.touch(mode=0o600)
        new.write_text(json.dumps(memory, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _memory() -> dict[str, Any]:
    try:
        memory: dict[str, Any] = parse_json(MEMORY.read_bytes()) if MEMORY.exists() else {}
    except ValueError:
        raise Fault(MEMORY, "is damaged", "delete it; what it knew has to be found again") from None
    return memory
