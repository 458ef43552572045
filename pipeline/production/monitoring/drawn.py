"""The plots of a look: the window by time, and how its measures stand to others'."""

from collections.abc import Iterator, Mapping

from pipeline.production.monitoring.columns import Numbers
from pipeline.production.monitoring.comparing import Beside
from pipeline.production.monitoring.measures import BITS, MEASURES, Is, Share
from pipeline.production.monitoring.taking import Taken
from pipeline.production.monitoring.tally import STEPS, value_at
from pipeline.pull_request.reporting.blocks import Picture
from pipeline.pull_request.reporting.drawing import BLUE, GREEN, GREY, ORANGE, RED, Bar, Line, curves, forest

DAY_H = 24.0


def over_time(taken: Taken) -> Iterator[Picture]:
    """Requests, shares and times by part of the window; a part without a request has no point."""
    hours = (taken.window.until - taken.window.since).total_seconds() / 3600
    in_days = hours > 3 * DAY_H
    unit, length = ("days", hours / DAY_H) if in_days else ("hours", hours)
    x = [(step + 0.5) * length / STEPS for step in range(STEPS)]
    x_name = f"{unit} since {taken.window.since:%Y-%m-%d %H:%M} UTC"
    requests = _row(taken, Is.REQUEST)
    if not requests.any():
        return
    points = [(at, float(count)) for at, count in zip(x, requests, strict=True)]
    yield _picture("requests", "Requests in each part of the window", [Line("requests", BLUE, points, True)], x_name)
    kinds = (
        ("format", GREEN, Is.FORMED, Is.JUDGED),
        ("flagged", RED, Is.FLAGGED, Is.JUDGED),
        ("thumbs down", ORANGE, Is.DOWN, Is.RATED),
        ("escalated", GREY, Is.ESCALATED, Is.SPOKEN_OF),
    )
    lines = [Line(name, colour, _shares(taken, x, hit, of), True) for name, colour, hit, of in kinds]
    lines = [line for line in lines if line.points]
    if lines:
        yield _picture("shares", "Shares, percent", lines, x_name)
    times = [Line(f"p{100 * q:.0f}", colour, _times(taken, x, q), True) for q, colour in ((0.5, BLUE), (0.95, ORANGE))]
    if times[0].points:
        yield _picture("times", "Seconds in all", times, x_name)


def stand(name: str, title: str, beside: Mapping[str, Beside]) -> Iterator[Picture]:
    """Differences of shares in points with their intervals; higher is better for some of them, and the colour says."""
    bars = [
        Bar(measure, 100 * one.difference, 100 * one.low, 100 * one.high, one.verdict)
        for measure, one in beside.items()
        if isinstance(MEASURES[measure], Share)
        and one.difference is not None
        and one.low is not None
        and one.high is not None
    ]
    if bars:
        yield Picture(f"{name}.svg", title, forest(title, bars))


def _picture(name: str, title: str, lines: list[Line], x_name: str) -> Picture:
    return Picture(f"{name}.svg", title, curves(title, lines, x_name))


def _row(taken: Taken, bit: Is) -> Numbers:
    row: Numbers = taken.steps[BITS.index(bit)]
    return row


def _shares(taken: Taken, x: list[float], hit: Is, of: Is) -> list[tuple[float, float]]:
    counts = zip(x, _row(taken, hit), _row(taken, of), strict=True)
    return [(at, 100 * float(one) / float(all_of)) for at, one, all_of in counts if all_of]


def _times(taken: Taken, x: list[float], q: float) -> list[tuple[float, float]]:
    return [(at, value_at(bins, q)) for at, bins in zip(x, taken.step_bins, strict=True) if bins.any()]
