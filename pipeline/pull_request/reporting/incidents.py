"""The incidents of production that a change fixes, breaks again or leaves: the cases that carry their names, before and now."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.data.questions import Question, read_questions
from pipeline.data.reports import Part as ReportPart
from pipeline.data.yardstick import of_questions
from pipeline.desk.inputs import CASES, PROBES
from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Part
from pipeline.pull_request.reporting.measures import TUNED
from pipeline.pull_request.reporting.scene import Scene, or_told
from pipeline.stage import Fault

ACCEPTED = "accepted"
ORDER = ("broken again", "still failing", "new, and failing", "not measured", "fixed", "fixed, new here", "stays fixed")
ICONS = {"fixed": "✅", "fixed, new here": "✅", "stays fixed": "✅", "not measured": "⚠️"}
PASSED = {True: "passes", False: "fails", None: "-"}


class Failed(ReportPart):
    """What is read of reports/forgetting.json: the cases that failed by arm, and of which questions it is."""

    cases_failed: dict[str, list[str]]
    questions: str = ""


def part(scene: Scene) -> Part | None:
    """None where no case carries the name of an incident."""
    try:
        now = _incidents(scene.root)
    except Fault:
        return None  # another part says what is wrong with the cases
    if not now:
        return None
    blocks = or_told(lambda: list(_blocks(scene, now)), scene.root)
    return Part("Incidents", 58, lambda _: blocks, "incidents of production")


def _incidents(root: Path) -> list[Question]:
    return [case for case in read_questions(root / CASES) if case.incident]


def _blocks(scene: Scene, now: list[Question]) -> Iterator[Block]:
    then = _then(scene)
    today, base = _measured(scene, is_before=False), _measured(scene, is_before=True)
    if today is None:
        yield "`reports/forgetting.json` is missing, or of other cases: stage `regress` has no result of these."
    rows = []
    for case in now:
        before = _passed(base, TUNED, case) if case.id in then else None
        after = _passed(today, TUNED, case)
        verdict = _verdict(before, after, case.id in then)
        rows.append((case, before, after, _passed(today, ACCEPTED, case), verdict))
    rows.sort(key=lambda row: (ORDER.index(row[4]), row[0].incident, row[0].id))
    counts = [(name, sum(row[4] == name for row in rows)) for name in ORDER]
    yield f"**{', '.join(f'{count:,} {name}' for name, count in counts if count)}**."
    has_accepted = today is not None and ACCEPTED in today.cases_failed
    heads = ["incident", "case", "at the base", "now", *(["in production"] if has_accepted else []), "verdict"]
    yield table(
        heads,
        [
            [
                code(case.incident),
                code(case.id),
                "not there" if case.id not in then else PASSED[before],
                PASSED[after],
                *([PASSED[served]] if has_accepted else []),
                f"{ICONS.get(verdict, '❌')} {verdict}",
            ]
            for case, before, after, served, verdict in rows
        ],
    )


def _then(scene: Scene) -> set[str]:
    """Ids of the cases of incidents that the base has; none where nobody can read them any longer."""
    try:
        return {case.id for case in _incidents(scene.before)} if scene.before else set()
    except Fault:
        return set()


def _measured(scene: Scene, is_before: bool) -> Failed | None:
    """What a side measured of its own cases; None where its report is of others."""
    root = scene.before if is_before else scene.root
    report = scene.report(Failed, "forgetting.json", is_before=is_before)
    if report is None or root is None:
        return None
    try:
        asked = of_questions([*read_questions(root / PROBES), *read_questions(root / CASES)])
    except Fault:
        return None
    return report if report.questions == asked else None


def _passed(report: Failed | None, arm: str, case: Question) -> bool | None:
    """Whether an arm passes a case; None where it was not asked."""
    if report is None or arm not in report.cases_failed:
        return None
    return case.id not in report.cases_failed[arm]


def _verdict(before: bool | None, after: bool | None, was_there: bool) -> str:
    """A case of an incident that is new has failed in production, or it were none."""
    if after is None:
        return "not measured"
    if not was_there:
        return "fixed, new here" if after else "new, and failing"
    if after:
        return "stays fixed" if before else "fixed"
    return "broken again" if before else "still failing"
