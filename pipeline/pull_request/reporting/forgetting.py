"""What the tuned model forgot: general questions, general texts and must-pass cases, against the base model and the base commit."""

from collections.abc import Iterator

from pydantic import Field

from pipeline.data.reports import Part as ReportPart
from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part
from pipeline.pull_request.reporting.measures import ICONS, TUNED, Row
from pipeline.pull_request.reporting.scene import Scene, listed, or_told

HEADS = ("what", "change, 95 % interval", "n", "fixed", "broken", "verdict")


class Against(ReportPart):
    """Tuned against the base model; what was not asked is not there."""

    probes: Row | None = None
    texts: Row | None = None
    twins: Row | None = None
    skills: dict[str, Row] = Field(default_factory=dict)
    harness: dict[str, dict[str, Row]] = Field(default_factory=dict)


class Forgetting(ReportPart):
    cases_failed: dict[str, list[str]]
    n_cases: int
    drop: Against | None = Field(None, alias="tuned against base")


def part(scene: Scene) -> Part:
    blocks = or_told(lambda: list(_blocks(scene)), scene.root)
    return Part("Forgetting", 55, lambda _: blocks, "general skills")


def _blocks(scene: Scene) -> Iterator[Block]:
    report = scene.report(Forgetting, "forgetting.json")
    if report is None:
        yield "`reports/forgetting.json` is missing: stage `regress` has no result."
        return
    before = scene.report(Forgetting, "forgetting.json", is_before=True) if scene.before else None
    if drop := report.drop:
        named = {
            "general questions (probes)": drop.probes,
            "general texts, chance of a token": drop.texts,
            "twins alike": drop.twins,
        }
        rows = {name: row for name, row in named.items() if row}
        rows |= {
            f"{code(task)}, {code(name)}": row
            for task, by_name in drop.harness.items()
            for name, row in by_name.items()
        }
        if rows:
            yield "`tuned` against the base model:"
            yield table(HEADS, [(name, *_cells(row)) for name, row in rows.items()])
        if drop.skills:
            worst = sorted(drop.skills.items(), key=lambda item: (item[1].difference, item[0]))
            yield Details(
                "By skill, the worst first", (table(HEADS, [(code(name), *_cells(row)) for name, row in worst]),)
            )
    yield from _cases(report, before)


def _cells(row: Row) -> tuple[str, ...]:
    change = f"{row.difference * 100:+.1f} [{row.low * 100:+.1f}, {row.high * 100:+.1f}]"
    return change, f"{row.n:,}", f"{row.fixed:,}", f"{row.broken:,}", ICONS[row.verdict]


def _cases(report: Forgetting, before: Forgetting | None) -> Iterator[Block]:
    if not report.n_cases or TUNED not in report.cases_failed:
        return
    failed = report.cases_failed[TUNED]
    said = f"Must-pass cases: {len(failed):,} of {report.n_cases:,} fail" + (f" ({listed(failed)})" if failed else "")
    if before and TUNED in before.cases_failed:
        then = before.cases_failed[TUNED]
        new, gone = [name for name in failed if name not in then], [name for name in then if name not in failed]
        said += f"; against the base {len(new):,} more" + (f" ({listed(new)})" if new else "")
        said += f", {len(gone):,} fewer" + (f" ({listed(gone)})" if gone else "")
    yield f"{said}."
