"""The two sides of a comparison as folders of inputs that today's code can read; what cannot be compared is left out of both."""

import filecmp
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.desk.inputs import CASES, FEEDBACK, PROBES, REVIEWS, SCHEMA, SOURCES, TEACHER, TEST_SET
from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.kept import cache_of, cached_file, kept_md5
from pipeline.pull_request.older import entries_of, mend_listing, mend_replies, put, put_entries
from pipeline.pull_request.revision import Revision, lay_out_commit, lay_out_work_tree
from pipeline.stage import PARAMS_FILE

WORK_TREE = "the work tree"
OF_DATA = (
    SOURCES.parent,
    FEEDBACK,
    REVIEWS,
    TEACHER,
    SCHEMA,
    TEST_SET,
    PROBES,
    CASES,
)  # what rows, sides and leaks come from


@dataclass
class Snapshot:
    """Inputs below `root`; `notes` say what a reader of the comparison has to know, `missing` what is not compared."""

    name: str
    root: Path
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def listed(self) -> list[str]:
        """The sources that it lists."""
        listing = self.root / SOURCES
        return [str(entry.get("file", "")) for entry in entries_of(listing)] if listing.exists() else []

    @property
    def is_empty(self) -> bool:
        """Whether there is no source to read."""
        return not self.listed


def snapshots(base: Revision, repository: Path, folder: Path) -> tuple[Snapshot, Snapshot]:
    """The inputs of a revision and those of the work tree, below `folder`."""
    before, after = Snapshot(base.name, folder / "base"), Snapshot(WORK_TREE, folder / "work")
    before.root.mkdir(parents=True)
    if base.commit:
        for name in lay_out_commit(base.commit, repository, before.root):
            before.missing.append(
                f"{code(name)} of {code(base.name)} is not handed out by git (.gitattributes): not compared"
            )
    lay_out_work_tree(repository, after.root)
    _use_today(before, after)
    _leave_out(before, after, _cached(repository))
    return before, after


def _use_today(before: Snapshot, after: Snapshot) -> None:
    """Today's form of everything, and today's task where the revision had none."""
    listing = before.root / SOURCES
    if listing.exists():
        mend_listing(listing)
    mend_replies(before.root / TEACHER)
    for place in (SCHEMA, PARAMS_FILE):
        if not (before.root / place).exists() and (after.root / place).exists():
            put(before.root / place, (after.root / place).read_text(encoding="utf-8"))
            if not before.is_empty:
                before.notes.append(f"{code(before.name)} has no `{place}`: today's is taken")
    for side in (before, after):
        if not (side.root / TEST_SET).exists():
            put(side.root / TEST_SET, "")
        (side.root / FEEDBACK).mkdir(parents=True, exist_ok=True)


def _cached(repository: Path) -> Callable[[str], Path | None]:
    """Where DVC's cache has a file; the configuration is read when a file is asked for."""
    return lambda md5: cached_file(md5, cache_of(repository))


def _leave_out(before: Snapshot, after: Snapshot, cached: Callable[[str], Path | None]) -> None:
    """Fetch from DVC's cache what is not there; what cannot be had on one side is compared on neither."""
    absent: set[str] = set()
    for side in (before, after):
        names = _absent(side, cached)
        side.missing += [_why(side, name, md5) for name, md5 in names.items()]
        absent |= names.keys()
    for side in (before, after):
        listing = side.root / SOURCES
        if absent & set(side.listed):
            put_entries(listing, [entry for entry in entries_of(listing) if entry.get("file") not in absent])
        for name in absent:
            (listing.parent / name).unlink(missing_ok=True)
    folder = before.root / SOURCES.parent
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_file() and path.name != SOURCES.name and path.name not in before.listed:
            path.unlink()  # the revision lists it nowhere, so it was never read


def _absent(side: Snapshot, cached: Callable[[str], Path | None]) -> dict[str, str | None]:
    """The sources that cannot be had, with their md5. A file that the work tree should have is missed by the reader, not here."""
    absent: dict[str, str | None] = {}
    for name in side.listed:
        path = side.root / SOURCES.parent / name
        if path.is_file() or Path(name).name != name:
            continue
        md5 = kept_md5(path)
        found = cached(md5) if md5 else None
        if found:
            path.unlink(missing_ok=True)
            path.symlink_to(found.resolve())
        elif md5 or side.name != WORK_TREE:
            absent[name] = md5
    return absent


def _why(side: Snapshot, name: str, md5: str | None) -> str:
    place, of = str(SOURCES.parent / name), side.name if side.name == WORK_TREE else code(side.name)
    if md5 is None:
        return f"{code(place)} of {of} is listed and not there: not compared"
    every = "" if side.name == WORK_TREE else "--all-commits "
    remedy = code(f"dvc fetch {every}{place}.dvc", LONGEST)
    return f"{code(place)} of {of} is in DVC and not in the cache (md5 {md5}): not compared; run {remedy}"


def is_same(before: Snapshot, after: Snapshot) -> bool:
    """Whether all that becomes rows is the same, byte by byte. Parameters are not looked at: most of them have no say in the data."""
    files = [set(_read_by_data(side.root)) for side in (before, after)]
    return files[0] == files[1] and all(
        filecmp.cmp(before.root / name, after.root / name, shallow=False) for name in files[0]
    )


def _read_by_data(root: Path) -> Iterator[Path]:
    """The files that `side_of_data` reads."""
    for name in OF_DATA:
        place = root / name
        found = place.rglob("*") if place.is_dir() else [place]
        yield from (path.relative_to(root) for path in found if path.is_file())
