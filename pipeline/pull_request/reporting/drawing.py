"""Two kinds of drawings as SVG, by hand: curves by step, and differences with their intervals about zero.

Plain shapes in colours that read on white and on black, no script, no style sheet and no font of its own: GitHub shows them as images,
and the page of HTML has them in it. The same numbers give the same bytes.
"""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.data.plain_text import plain

GREY, BLUE, GREEN, RED, ORANGE = "#7d8590", "#2f81f7", "#2da44e", "#e5534b", "#d4872c"
COLOURS = {"better": GREEN, "worse": RED}
FONT = 'font-family="system-ui, sans-serif" font-size="12"'
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A curve: its name, its colour, its points by x, and whether each of them is marked."""

    name: str
    colour: str
    points: Sequence[Point]
    is_marked: bool = False


@dataclass(frozen=True)
class Bar:
    """A difference in points, its 95 % interval, and what was concluded."""

    name: str
    value: float
    low: float
    high: float
    verdict: str


def curves(title: str, lines: Sequence[Line], x_name: str) -> str:
    """Curves over the same x; every line has a point at least."""
    width, height, left, top, right, bottom = 640, 260, 56, 40, 16, 36
    points = [point for line in lines for point in line.points]
    x_end = max(max(x for x, _ in points), 1.0)
    low, high = min(0.0, *(y for _, y in points)), max(y for _, y in points)
    ticks = _ticks(low, high)
    low, high = ticks[0], max(ticks[-1], high)

    def at(point: Point) -> tuple[str, str]:
        share = (point[1] - low) / (high - low)
        return _n(left + point[0] / x_end * (width - left - right)), _n(
            height - bottom - share * (height - top - bottom)
        )

    def body() -> Iterator[str]:
        for tick in ticks:
            y = at((0, tick))[1]
            yield f'<line x1="{left}" x2="{width - right}" y1="{y}" y2="{y}" stroke="{GREY}" stroke-opacity=".3"/>'
            yield _text(left - 6, float(y) + 4, f"{tick:g}", "end")
        for step in _ticks(0, x_end):
            if step <= x_end:
                yield _text(float(at((step, low))[0]), height - bottom + 16, f"{step:,.0f}", "middle")
        yield _text(width - right, height - 4, x_name, "end")
        for line in lines:
            path = " ".join(",".join(at(point)) for point in line.points)
            drawn = 'stroke-width="2"' if line.is_marked else 'stroke-width="1" stroke-opacity=".75"'
            yield f'<polyline points="{path}" fill="none" stroke="{line.colour}" {drawn}/>'
            if line.is_marked or len(line.points) == 1:
                yield from (f'<circle cx="{x}" cy="{y}" r="3" fill="{line.colour}"/>' for x, y in map(at, line.points))
        yield from _legend(lines, left, top - 8)

    return _svg(title, width, height, body())


def _legend(lines: Sequence[Line], left: int, y: int) -> Iterator[str]:
    x = left
    for line in lines:
        yield f'<rect x="{x}" y="{y - 8}" width="14" height="4" fill="{line.colour}"/>'
        yield _text(x + 20, y - 2, line.name, "start")
        x += 34 + 7 * len(line.name)


def forest(title: str, bars: Sequence[Bar]) -> str:
    """A row for each difference; zero is a line."""
    width, left, right, step, top = 640, 190, 128, 24, 34
    height = top + step * len(bars) + 28
    reach = max(1.0, *(abs(end) for bar in bars for end in (bar.low, bar.high)))
    ticks = [tick for tick in _ticks(-reach, reach) if abs(tick) <= reach]

    def x_of(value: float) -> str:
        return _n(left + (value + reach) / (2 * reach) * (width - left - right))

    def body() -> Iterator[str]:
        for tick in ticks:
            faint = "" if tick == 0 else ' stroke-opacity=".3"'
            yield f'<line x1="{x_of(tick)}" x2="{x_of(tick)}" y1="{top - 6}" y2="{height - 24}" stroke="{GREY}"{faint}/>'
            yield _text(float(x_of(tick)), height - 8, f"{tick:+g}" if tick else "0", "middle")
        for row, bar in enumerate(bars):
            y, colour = top + step * row + 8, COLOURS.get(bar.verdict, GREY)
            yield _text(left - 10, y + 4, _short(bar.name), "end")
            yield f'<line x1="{x_of(bar.low)}" x2="{x_of(bar.high)}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="2.5"/>'
            yield f'<circle cx="{x_of(bar.value)}" cy="{y}" r="4" fill="{colour}"/>'
            yield _text(width - right + 10, y + 4, f"{bar.value:+.1f} {bar.verdict}", "start", colour)

    return _svg(title, width, height, body())


def _short(name: str) -> str:
    return name if len(name) <= 26 else name[:25] + "…"


def _svg(title: str, width: int, height: int, body: Iterator[str]) -> str:
    name = html.escape(plain(title))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" {FONT}>'
    return f"{head}<title>{name}</title>{_text(8, 16, title, 'start')}{''.join(body)}</svg>"


def _text(x: float, y: float, text: str, anchor: str, colour: str = GREY) -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" fill="{colour}">{html.escape(plain(text))}</text>'


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers from below `low` to above `high`, at most about `most`."""
    high = high if high > low else low + 1.0
    span = high - low
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(number * step, 10) for number in range(first, last + 1)]
