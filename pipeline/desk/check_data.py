"""Look for personal data, secrets and unreadable rows before they are committed: what has been committed is out already.

    python -m pipeline.desk.check_data [FILE...]

Without a file all of `data/raw`, `data/feedback` and `data/ledgers` are looked at, each row as a whole, also what no example is
made of. Prints a line for each place: rule and count, never the value. Exit 1 where git would take what is not allowed. Two things
fail on what is rejected only: a file that DVC keeps, since git takes its digest alone, and the teacher's replies, which are made
up from masked examples, and which `synthesize` refuses where they hold any.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.data.answers import Contract
from pipeline.data.personal.finding import KINDS, Masker, PersonalDataParams
from pipeline.data.reading.files import open_rows
from pipeline.data.reading.readers import Reject, Unreadable, read_source
from pipeline.data.reading.sources import LIST, Source, load_sources
from pipeline.data.records import parse_json, read_lines
from pipeline.desk.add_source import entry_for
from pipeline.desk.inputs import FEEDBACK, JUDGE, SCHEMA, SOURCES, TEACHER
from pipeline.desk.reviewing.shown import masked, shown
from pipeline.ingest import IngestParams, feedback_sources
from pipeline.stage import Fault, checked, load_params, read_yaml

LEDGERS = TEACHER.parent
EVERY_KIND = PersonalDataParams.model_validate(dict.fromkeys(KINDS, "redact"))
MOST_REASONS = 20  # that are printed
REMEDY = "mask the values in the file, drop the rows, keep the file out of git with dvc add, or set ingest.personal_data.<rule> to allow"


@dataclass
class Findings:
    """What was found: rules and counts by place, whether one of them fails, and rows that are no examples."""

    files: int = 0
    places: list[tuple[str, Counter[str], bool]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def failing(self) -> int:
        """How many places hold what may not be committed."""
        return sum(fails for _, _, fails in self.places)


def personal_in(path: Path) -> Iterator[tuple[int, Counter[str]]]:
    """Line of each row that holds personal data, with the count of each rule. Raises Fault for a file that cannot be read."""
    broken: set[int] = set()
    for line, row in open_rows(path).rows:
        if isinstance(row, Unreadable):
            broken.add(line)
        elif counts := _counts(row):
            yield line, counts
    for line, text in read_lines(path) if broken else ():
        if line in broken and (counts := _counts(text.decode("utf-8", "replace"))):
            yield line, counts


def personal_in_lines(path: Path) -> Iterator[tuple[int, Counter[str]]]:
    """The same for the lines of a ledger."""
    for line, text in read_lines(path):
        try:
            value = parse_json(text)
        except ValueError:
            value = text.decode("utf-8", "replace")
        if counts := _counts(value):
            yield line, counts


def _counts(value: Any) -> Counter[str]:
    masker = Masker(EVERY_KIND)
    masker.mask_json(value)
    return masker.counts


def check(paths: list[Path], params: IngestParams) -> Findings:
    """Look at each file. What cannot be read is a finding too."""
    listed, contract, found = _listed(), Contract.load(SCHEMA), Findings()
    for path in paths:
        found.files += 1
        try:
            if path.resolve().is_relative_to(LEDGERS.resolve()):
                _note(path, personal_in_lines(path), params.personal_data, found)
            else:
                _note(path, personal_in(path), params.personal_data, found)
                source = listed.get(path.resolve()) or _told(path, contract)
                found.rejects += (row for row in read_source(path, source, contract) if isinstance(row, Reject))
        except Fault as fault:
            found.faults.append(fault)
    return found


def _note(path: Path, places: Iterator[tuple[int, Counter[str]]], policy: PersonalDataParams, found: Findings) -> None:
    is_kept_by_dvc = Path(f"{path}.dvc").exists()
    is_made_up = any(path.resolve().is_relative_to(folder.resolve()) for folder in (TEACHER, JUDGE))
    failing = {"reject"} if is_kept_by_dvc or is_made_up else {"reject", "redact"}
    for line, counts in places:
        fails = any(getattr(policy, rule) in failing for rule in counts)
        found.places.append((f"{path}:{line}", counts, fails))


def _listed() -> dict[Path, Source]:
    """What is known of each source, by its path; of a list that is still empty nothing."""
    content = read_yaml(SOURCES)
    is_empty = isinstance(content, dict) and not content.get("sources")
    sources = [] if is_empty else load_sources(SOURCES)
    by_path = {(SOURCES.parent / source.file).resolve(): source for source in sources}
    return by_path | {path.resolve(): source for path, source in feedback_sources(FEEDBACK)}


def _told(path: Path, contract: Contract) -> Source:
    """What `make add-source` would write of a file that is not listed yet."""
    return checked(Source, entry_for(path, contract), path)


def all_files() -> list[Path]:
    """Every file of examples and every ledger."""
    raw = [path for path in sorted(SOURCES.parent.glob("*")) if path.is_file() and not _is_beside(path)]
    return [*raw, *(path for path, _ in feedback_sources(FEEDBACK)), *sorted(LEDGERS.rglob("*.jsonl"))]


def _is_beside(path: Path) -> bool:
    """Whether a file stands beside the sources and is none."""
    return path.name.startswith(".") or path.suffix in (".dvc", ".md") or path.name == LIST


def lines_of(found: Findings, params: IngestParams) -> Iterator[str]:
    """What to print: a line a place, then the reasons of rows that are no examples where there are too many."""
    for place, counts, fails in found.places:
        rules = "; ".join(f"{rule}, {counts[rule]} time{'s' * (counts[rule] > 1)}" for rule in sorted(counts))
        yield f"{_shown(place)}: {rules}{'' if fails else ' (may be committed)'}"
    for fault in found.faults:
        yield _shown(str(fault))
    if len(found.rejects) > params.max_rejects:
        for reject in found.rejects[:MOST_REASONS]:
            yield f"{_shown(reject.place)}: {_shown(reject.reason)}"
        if len(found.rejects) > MOST_REASONS:
            yield f"and {len(found.rejects) - MOST_REASONS} more rows that are no examples"


def _shown(text: str) -> str:
    """A text without personal data and without what steers a terminal."""
    return shown(masked(text), 500)


def verdict(found: Findings, params: IngestParams) -> str:
    """What is wrong, with the remedy; "" where nothing is."""
    faults = []
    if found.failing:
        faults.append(f"{_times(found.failing, 'place')} with personal data or secrets; {REMEDY}")
    if len(found.rejects) > params.max_rejects:
        faults.append(
            f"{_times(len(found.rejects), 'row')} no example, more than ingest.max_rejects ({params.max_rejects}); "
            "mend or drop the rows, or raise it"
        )
    if found.faults:
        faults.append(f"{_times(len(found.faults), 'file')} not readable; mend what the lines above say")
    return " | ".join(faults)


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def main() -> None:
    try:
        params = load_params(IngestParams)
        found = check([Path(name) for name in sys.argv[1:]] or all_files(), params)
    except Fault as fault:
        sys.exit(f"check-data: {fault}")
    for line in lines_of(found, params):
        print(line)
    if wrong := verdict(found, params):
        sys.exit(f"check-data: {wrong}")
    print(f"check-data: {_times(found.files, 'file')} looked at, nothing that git should not take")


if __name__ == "__main__":
    main()
