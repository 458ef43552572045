"""What else of a person there is in the work tree: lines of ledgers and test set, what was built, and what people must mend."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from pipeline.data.ledgers import Reply
from pipeline.data.records import Record, Turn, digest, parse_json, read_lines, record_id
from pipeline.data.splitting.test_set import HELD, KEPT
from pipeline.data.synthetic.candidates import Draft, candidate, draft_of
from pipeline.desk.forgetting.history import git
from pipeline.desk.forgetting.pieces import chunks
from pipeline.desk.forgetting.rows import Rows
from pipeline.desk.forgetting.terms import PERSON, Needles, Terms
from pipeline.desk.inputs import FEEDBACK, JUDGE, PROPOSED, RATINGS, REVIEWS, SOURCES, TEACHER, TEST_SET

CACHE, MEMORY = Path(".cache"), Path(".cache/forget.json")
GENERATIONS = CACHE / "generations"
KEPT_FOLDERS = (SOURCES.parent, FEEDBACK, TEACHER.parent)  # what people write; the other folders beside them are built
BUILT_ELSEWHERE = (Path("models/adapter"), CACHE)
PARENTS = b'"parents"'


@dataclass
class Lines:
    """Lines that go, by file and number (from 1), and built files that go; `places` are those of replies, as records name them."""

    terms: Terms
    ledgers: dict[Path, set[int]] = field(default_factory=dict)
    test_set: set[int] = field(default_factory=set)
    built: set[Path] = field(default_factory=set)
    places: set[str] = field(default_factory=set)

    def search(self, rows: Rows) -> None:
        """Look through ledgers, test set and what was built. What is found teaches more ids, so this is to be called again."""
        needles = Needles(self.terms)
        for path in sorted(set(_built()) - self.built):
            self.learn_children(path)
            if needles.in_stream(chunks(path)):
                self.built.add(path)
        for folder in (TEACHER, PROPOSED, REVIEWS, RATINGS, JUDGE):
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                if not path.name.startswith("."):
                    self._search_ledger(path, needles, rows)
        self._search_test_set()

    def learn_children(self, path: Path) -> None:
        """Records that were made out of the person's, or out of a reply that goes; and from which reply one of theirs was made."""
        for _, line in read_lines(path):
            value = _parsed(line) if PARENTS in line else None
            if not isinstance(value, dict) or not isinstance(value.get("id"), str):
                continue
            source = str(value.get("source"))
            if not self.terms.ids.isdisjoint(value.get("parents") or ()) or source in self.places:
                self.terms.ids.add(value["id"])
            if value["id"] in self.terms.ids and Path(source).parent == TEACHER:
                self.places.add(source)

    def _search_ledger(self, path: Path, needles: Needles, rows: Rows) -> None:
        for number, line in read_lines(path):
            value = _parsed(line)
            place = f"{path}:{number}"
            if place in self.places or needles.in_bytes(line) or self.terms.in_row(value, ()):
                self.ledgers.setdefault(path, set()).add(number)
                if path.parent == TEACHER:
                    self.places.add(place)
                    self._learn_candidate(value, rows)
                elif path.parent == PROPOSED and isinstance(value, dict):
                    self.terms.ids |= {str(value.get("record"))} - {"None"}
                elif isinstance(value, dict) and value.get("decision") == "edit":
                    self._learn_edit(value)

    def _learn_candidate(self, value: Any, rows: Rows) -> None:
        """The record that a reply makes of a seed that was found."""
        with suppress(ValidationError):
            reply = Reply.model_validate(value)
            seed, draft = rows.seeds.get(reply.seed), draft_of(reply, rows.demands.contract)
            if seed is not None and isinstance(draft, Draft) and len(seed.messages) > 1:
                made = candidate("", draft, seed, rows.demands)
                self.terms.ids |= {made.id} if isinstance(made, Record) else set()

    def _learn_edit(self, value: dict[str, Any]) -> None:
        """The record that an edit makes."""
        with suppress(KeyError, TypeError, AttributeError):
            turns = [cast("Turn", turn) for turn in value["messages"]]
            self.terms.ids |= {str(value.get("becomes") or record_id(turns))}

    def _search_test_set(self) -> None:
        lines = TEST_SET.read_bytes().split(b"\n") if TEST_SET.exists() else []
        for number, line in enumerate(lines, 1):
            text = line.decode("utf-8", "replace").removeprefix("\ufeff").strip()
            name = next((text.removeprefix(one) for one in (KEPT, HELD) if text.startswith(one)), text).strip()
            is_theirs = name in self.terms.ids or (
                text.startswith((KEPT, HELD)) and bool({digest(name), name.removeprefix(PERSON)} & self.terms.people)
            )
            if is_theirs and not text.startswith("#"):
                self.test_set.add(number)

    def by_hand(self, rows: Rows) -> list[str]:
        """Other files under git that hold something of the person, such as a prompt that shows a record, or a case."""
        needles, found = Needles(self.terms), []
        for name in git("ls-files", "-z").split("\0"):
            path = Path(name)
            is_ours = any(path.is_relative_to(folder) for folder in KEPT_FOLDERS) or path in (TEST_SET, *self.built)
            if not name or is_ours or not path.is_file():
                continue
            is_rows = path.parts[0] == TEST_SET.parts[0] and path.suffix == ".jsonl"
            if needles.in_stream(chunks(path)) or (is_rows and rows.holds(path)):
                found.append(name)
        return found


def _built() -> Iterator[Path]:
    """Files that stages and commands have written, which they can write again."""
    data = SOURCES.parent.parent
    folders = [folder for folder in data.iterdir() if folder.is_dir() and folder not in KEPT_FOLDERS]
    for folder in (*folders, *BUILT_ELSEWHERE):
        for path in folder.rglob("*"):
            if path.is_file() and path != MEMORY and not path.is_relative_to(GENERATIONS) and path.name[:1] != ".":
                yield path


def _parsed(line: bytes) -> Any:
    try:
        return parse_json(line)
    except ValueError:
        return None
