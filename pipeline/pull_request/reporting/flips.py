"""The examples that the change fixed and broke, with both answers, the worst first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from pipeline.data.records import read_jsonl
from pipeline.data.reports import Part as ReportPart
from pipeline.desk.reviewing.shown import LONGEST, code, fenced, masked, shown
from pipeline.pull_request.comparing.pairs import Flip
from pipeline.pull_request.reporting.blocks import Block, Details, Part
from pipeline.pull_request.reporting.measures import TUNED, ground_of
from pipeline.pull_request.reporting.scene import Scene, told
from pipeline.stage import Fault, checked

ORDER = ("prompted", "base")  # of the pairs in git, where the base's answers cannot be had
ANSWER = 2 * LONGEST  # characters


class Row(ReportPart):
    """A line of reports/examples.jsonl: of a pair of arms the counts, or an example."""

    against: str
    counts: dict[str, int] | None = None
    change: str = ""
    id: str = ""
    metrics: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(default_factory=dict)
    question: str = ""
    reference: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Flips:
    """`worst` gives at most so many of those that there are, which `broken` and `fixed` count; `where` says where the rest is."""

    title: str
    broken: int
    fixed: int
    worst: Callable[[int], Sequence[Row]]
    where: str


def part(scene: Scene) -> Part:
    found, trouble = list[Flips](), list[Block]()
    try:
        found = _flips(scene)
    except Fault as fault:
        trouble = [f"⚠️ Cannot be shown: {told(fault, scene.root)}"]
    most = max((one.broken + one.fixed for one in found), default=0)

    def blocks(examples: int) -> list[Block]:
        return [*trouble, *(block for one in found for block in _blocks(one, examples))]

    return Part("Examples fixed and broken", 40, blocks, f"{most:,} examples", is_quiet=not trouble and not most)


def _blocks(found: Flips, examples: int) -> Iterator[Block]:
    total = found.broken + found.fixed
    if not total:
        return
    yield f"{found.title}: **{found.broken:,} broken, {found.fixed:,} fixed**."
    few = found.worst(examples)
    if few:
        rest = f" The others: {found.where}." if len(few) < total else ""
        yield Details(
            f"The worst first, broken before fixed: {len(few):,} of {total:,}",
            tuple(fenced(_lines(one)) for one in few) + ((rest.strip(),) if rest else ()),
        )
    else:
        yield f"Which: {found.where}."


def _lines(row: Row) -> Iterator[str]:
    steps = ", ".join(f"{name} {a:.2f} to {b:.2f}" for name, (a, b) in sorted(row.metrics.items()))
    yield f"{row.change}  {shown(row.id)}  {shown(steps, ANSWER)}"
    for name, text in (
        ("question ", row.question),
        ("reference", row.reference),
        ("before   ", row.before),
        ("after    ", row.after),
    ):
        yield f"  {name}  {shown(masked(text), ANSWER)}"


def _flips(scene: Scene) -> list[Flips]:
    ground = ground_of(scene.found, TUNED) if scene.found else None
    if ground and ground.counts:
        counts, where = ground.counts, "`report.html` has more, `make compare` says how to get all"
        title = "`tuned` of the base against `tuned` now"
        few = lambda most: [_row(flip) for flip in ground.worst(most)]  # noqa: E731  # it is passed on
        return [Flips(title, counts.get("broken", 0), counts.get("fixed", 0), few, where)]
    return _of_reports(scene)


def _row(flip: Flip) -> Row:
    record, changed = flip.record, flip.changed
    return Row(
        against=TUNED,
        change=changed.change,
        id=record.id,
        metrics={name: list(pair) for name, pair in changed.metrics.items()},
        question=record.question,
        reference=record.answer,
        before=flip.before,
        after=flip.after,
    )


def _of_reports(scene: Scene) -> list[Flips]:
    """The pairs of this run that git holds; of them the one with the arm that a fine-tune must beat."""
    path = scene.root / "reports" / "examples.jsonl"
    if not path.is_file():
        raise Fault("reports/examples.jsonl", "is missing: stage evaluate has no result", "make run")
    by_arm: dict[str, list[Row]] = {}
    for number, content in read_jsonl(path):
        row = checked(Row, content, f"reports/examples.jsonl:{number}")
        by_arm.setdefault(row.against, []).append(row)
    names = [name for name in ("accepted", *ORDER) if name in by_arm] or sorted(by_arm)[:1]
    return [_pair(name, by_arm[name], scene.before is not None) for name in names[:1]]


def _pair(arm: str, rows: Sequence[Row], has_base: bool) -> Flips:
    counts = next((row.counts for row in rows if row.counts is not None), {})
    moved = [row for row in rows if row.counts is None and row.change in ("broken", "fixed")]
    moved.sort(key=lambda row: (row.change != "broken", -_size(row), row.id))
    broken, fixed = (counts.get(kind, sum(row.change == kind for row in moved)) for kind in ("broken", "fixed"))
    why = "The base's answers are not here, so within" if has_base else "Within"
    title = f"{why} this run, {code(arm)} against `{TUNED}`"

    def worst(most: int) -> list[Row]:
        lost, won = ([row for row in moved if (row.change == "broken") is is_broken] for is_broken in (True, False))
        few = lost[: most - min(len(won), most // 2)]
        return few + won[: most - len(few)]

    return Flips(title, broken, fixed, worst, "`data/evaluated/examples.html` has all")


def _size(row: Row) -> float:
    return sum(abs(after - before) for before, after in row.metrics.values())
