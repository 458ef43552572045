"""Which objects of DVC, of today and of every commit, hold something of a person, and which models were trained on them."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.desk.forgetting.history import Commit, git, versions
from pipeline.desk.forgetting.lines import Lines
from pipeline.desk.forgetting.pieces import chunks
from pipeline.desk.forgetting.rows import Rows, is_source
from pipeline.desk.forgetting.stores import FOLDER, Store, named
from pipeline.desk.forgetting.terms import Needles
from pipeline.stage import progress

LOCK, POINTERS = "dvc.lock", "*.dvc"
TRAIN, ADAPTER = "data/split/train.jsonl", "models/adapter"


@dataclass(frozen=True)
class Training:
    """What a commit says of the model: the objects of its training data and of its adapter."""

    commit: Commit
    data: str
    adapter: str


@dataclass
class Objects:
    """All objects that are known of, with the paths that they had. `theirs` hold something of the person, or list such a one."""

    stores: list[Store]
    theirs: set[str] = field(default_factory=set)
    paths: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    trainings: list[Training] = field(default_factory=list)
    _members: dict[str, set[str]] = field(default_factory=dict)

    def collect(self) -> None:
        """Gather the objects that commits, the work tree and run caches name; of a cache of our own, all."""
        texts: dict[str, str] = {}
        for version in versions(LOCK, POINTERS):
            if version.blob not in texts:
                texts[version.blob] = git("cat-file", "blob", version.blob)
            self._name(texts[version.blob], version.path)
            if version.path == LOCK:
                self._add_training(version.commit, texts[version.blob])
        for name in git("ls-files", "-z", "-c", "-o", "--", LOCK, POINTERS).split("\0"):
            if name and Path(name).is_file():
                self._name(Path(name).read_text(encoding="utf-8", errors="replace"), name)
        for store in self.stores:
            for oids in store.runs().values():
                self.paths |= {oid: self.paths[oid] for oid in oids}
            self.paths |= {oid: self.paths[oid] for oid in store.oids if store.is_ours}
        self._open_folders()

    def _name(self, text: str, name: str) -> None:
        for oid, path in named(text, str(PurePosixPath(name).parent)):
            self.paths[oid].add(path)

    def _add_training(self, commit: Commit, text: str) -> None:
        by_path = {path: oid for oid, path in named(text, "")}
        if TRAIN in by_path:
            self.trainings.append(Training(commit, by_path[TRAIN], by_path.get(ADAPTER, "")))

    def _open_folders(self) -> None:
        """What stands in a folder has a path too."""
        for oid in [oid for oid in self.paths if oid.endswith(FOLDER)]:
            entries = self._entries(oid)
            self._members[oid] = {entry["md5"] for entry in entries}
            for entry in entries:
                self.paths[entry["md5"]] |= {str(PurePosixPath(path) / entry["relpath"]) for path in self.paths[oid]}

    def _entries(self, oid: str) -> list[dict[str, Any]]:
        store = self.place(oid)
        if store is None:
            return []
        with store.content(oid) as path, suppress(ValueError):  # a damaged list names nothing
            entries: list[dict[str, Any]] = json.loads(path.read_bytes())
            return entries
        return []

    def place(self, oid: str) -> Store | None:
        """Where an object can be read, the nearest place first."""
        return next((store for store in self.stores if oid in store.oids), None)

    def search(self, rows: Rows, lines: Lines) -> None:
        """Look through what has not been found yet. What is found teaches more ids, so this is to be called again."""
        todo = [oid for oid in sorted(self.paths) if oid not in self.theirs and self.place(oid) is not None]
        needles, show = Needles(rows.terms), progress("forget")
        for number, oid in enumerate(todo, 1):
            if self._holds(oid, needles, rows, lines):
                self.theirs.add(oid)
            show(number, len(todo), "objects searched")
        self.theirs |= {oid for oid, members in self._members.items() if not members.isdisjoint(self.theirs)}

    def _holds(self, oid: str, needles: Needles, rows: Rows, lines: Lines) -> bool:
        store, names = self.place(oid), self.paths[oid]
        is_rows = not names or any(map(is_source, names))
        if store is None:
            return False
        with store.content(oid) as path:
            is_theirs = needles.in_stream(chunks(path)) or (is_rows and rows.holds(path))
            if is_theirs:
                lines.learn_children(path)
                learn_rows(path, names, rows)
        return is_theirs

    def unknown(self) -> Iterator[tuple[str, int]]:
        """Remotes with objects that nothing known here names, and how many; they were not searched."""
        for store in self.stores:
            count = len(store.oids - self.paths.keys())
            if count:
                yield store.name, count


def learn_rows(path: Path, names: Iterable[str], rows: Rows) -> None:
    """Take in the records of an earlier version of a source, under the names that it had."""
    for name in sorted(filter(is_source, names)):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / Path(name).name
            copy.symlink_to(path.resolve())
            rows.learn(copy, name)
