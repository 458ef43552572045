"""What a change does to the data, by content: for the reviewer of a pull request.

    python -m pipeline.pull_request.data_diff BASE

Compares the inputs of the revision BASE with those of the work tree, what is not committed included, both read by today's code.
Prints Markdown, and writes it and JSON to `.cache`. Exits 1 where a record moved to another side of the split.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from pipeline.data.answers import Contract
from pipeline.data.checking.language import language_guess
from pipeline.data.likeness.spool import Spool
from pipeline.data.plain_text import plain
from pipeline.data.reviews import ReviewParams
from pipeline.data.splitting.sides import SplitParams
from pipeline.data.synthetic.candidates import ValidateLimits
from pipeline.desk.inputs import SCHEMA
from pipeline.desk.reviewing.shown import code
from pipeline.ingest import IngestParams
from pipeline.pull_request.changes import changes
from pipeline.pull_request.data_diff_report import Comparison, report_of
from pipeline.pull_request.older import params_of
from pipeline.pull_request.render import markdown
from pipeline.pull_request.revision import Revision, revision_of
from pipeline.pull_request.side import DataSide, OverlapParams, Settings, side_of_data
from pipeline.pull_request.snapshot import Snapshot, is_same, snapshots
from pipeline.stage import PARAMS_FILE, Fault, Params, load_params, write_report
from pipeline.validate import ValidateParams

CACHE = Path(".cache")
PAGE, NUMBERS = CACHE / "data-diff.md", CACHE / "data-diff.json"
P = TypeVar("P", bound=Params)


def data_diff(base: Revision, repository: Path, folder: Path) -> dict[str, Any]:
    """The comparison of a revision with the work tree; both are laid out below `folder`."""
    before, after = snapshots(base, repository, folder)
    report: dict[str, Any] = {"base": {"name": base.name, "commit": base.commit, "why": base.why}}
    older, today = _settings(before, after), _settings(after, after)
    is_quiet = older == today and is_same(before, after)  # what a change to a model alone is: then nothing is read
    report |= {"parts": {}, "personal_data_found": 0} if is_quiet else _compared(before, after, older, today)
    return {**report, "notes": [*before.notes, *after.notes], "missing": [*before.missing, *after.missing]}


def _compared(before: Snapshot, after: Snapshot, older: Settings, today: Settings) -> dict[str, Any]:
    """The parts of the report, and how much personal data there is now."""
    with Spool(before.root / "texts.part") as old, Spool(after.root / "texts.part") as new:
        one, other = _side(before, old, older), _side(after, new, today)
        found = Comparison(
            before=one,
            after=other,
            changes=changes(one, other, today.ingest.similarity),
            contract=Contract.load(after.root / SCHEMA),
            guess=language_guess(load_params(ValidateParams, after.root / PARAMS_FILE).languages),
            policy=today.ingest.personal_data.model_dump(),
        )
        return {"parts": report_of(found), "personal_data_found": other.taken.personal.total()}


def _side(snapshot: Snapshot, spool: Spool, settings: Settings) -> DataSide:
    print(f"data-diff: reading {snapshot.name}", file=sys.stderr, flush=True)
    return DataSide() if snapshot.is_empty else side_of_data(snapshot.root, spool, settings)


def _settings(snapshot: Snapshot, today: Snapshot) -> Settings:
    """The parameters of a side; a revision may lack what is younger than it, and a note says so."""
    missing: set[str] = set()

    def section(kind: type[P]) -> P:
        if snapshot is today:
            return load_params(kind, today.root / PARAMS_FILE)
        return params_of(kind, snapshot.root / PARAMS_FILE, today.root / PARAMS_FILE, missing)

    settings = Settings(
        ingest=section(IngestParams),
        review=section(ReviewParams),
        limits=section(ValidateLimits),
        overlap=section(OverlapParams),
        split=section(SplitParams),
    )
    if missing and not snapshot.is_empty:
        names = ", ".join(code(name) for name in sorted(missing))
        snapshot.notes.append(f"{code(snapshot.name)} has no {names} in `{PARAMS_FILE}`: today's values are taken")
    return settings


def main() -> None:
    repository = Path.cwd()
    try:
        base = revision_of(sys.argv[1] if len(sys.argv) > 1 else "", repository)
    except Fault as fault:
        sys.exit(f"data-diff: {plain(str(fault))}")
    (repository / CACHE).mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="data-diff-", dir=repository / CACHE) as folder:
        try:
            report = data_diff(base, repository, Path(folder))
        except Fault as fault:
            line = str(fault).replace(f"{folder}/base/", f"{base.name}:").replace(f"{folder}/work/", "")
            sys.exit(f"data-diff: {plain(line)}")
    page = markdown(report)
    write_report(NUMBERS, report)
    PAGE.write_text(page, encoding="utf-8")
    print(page, end="")
    if "moved" in report["parts"]:
        sys.exit(
            "data-diff: records moved to another side of the split, which must never happen; the report says which"
        )


if __name__ == "__main__":
    main()
