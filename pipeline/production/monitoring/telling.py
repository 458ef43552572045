"""A look for people: the parts of the page and of the Markdown, and the few lines for a chat channel.

Text out of logs stands in code alone, with personal data masked (`pipeline.desk.reviewing.shown`).
"""

from collections.abc import Iterator, Sequence

from pipeline.desk.reviewing.shown import code, fenced, masked, shown
from pipeline.production.logs.problems import MEANINGS
from pipeline.production.monitoring.alerting import with_interval, written
from pipeline.production.monitoring.comparing import Beside
from pipeline.production.monitoring.drawn import over_time, stand
from pipeline.production.monitoring.drifting import Drifted
from pipeline.production.monitoring.looking import Compared, Look
from pipeline.production.monitoring.measures import MEASURES, Share
from pipeline.production.monitoring.tally import ALL
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part, markdown

TITLE = "What production does"
MARKS = {"better": "✅ better", "worse": "❌ worse", "no worse": "➖ no worse", "cannot tell": "❔ cannot tell"}
STATES = {"alert": "⛔ alert", "within": "✅ within", "cannot tell": "❔ cannot tell"}
LONGEST, NAME = 240, 40
IN_CHAT = 8  # alerts and warnings; the page has all
OF_SLICES = ("format", "flagged", "refused", "thumbs_down", "escalated", "total_p95_s")


def parts_of(look: Look) -> list[Part]:
    """Every part, what is urgent first."""
    found: list[tuple[str, list[Block]]] = [
        ("", list(_head(look))),
        ("Bounds", [_bounds(look)]),
        ("Measures", list(_measures(look))),
        ("What answers failed", list(_failed(look.slices[ALL]))),
        ("By time", list(over_time(look.taken))),
        ("Slices", list(_slices(look))),
        ("Drift of the inputs", list(_drift(look))),
        ("Canaries, recorder and logs", list(_around(look))),
    ]
    return [_part(title, blocks) for title, blocks in found if blocks]


def markdown_of(parts: Sequence[Part]) -> str:
    """The same without pictures."""
    blocks = [
        block for part in parts for block in (f"### {part.title}" if part.title else "", *part.blocks(0)) if block
    ]
    return "\n\n".join(markdown(blocks, "")) + "\n"


def chat(look: Look) -> str:
    """A few lines of plain text, in which nothing mentions anybody or is a link to anywhere."""
    count = look.slices[ALL].measured.requests
    head = f"{_verdict(look)}: {count} requests, {look.taken.window}"
    lines = [*(f"ALERT {one}" for one in look.alerts), *(f"warning: {one}" for one in look.warnings)]
    rest = [f"and {len(lines) - IN_CHAT} more on the page"] if len(lines) > IN_CHAT else []
    return "\n".join(_harmless(line) for line in [head, *lines[:IN_CHAT], *rest]) + "\n"


def _part(title: str, blocks: Sequence[Block]) -> Part:
    return Part(title, 0, lambda _: blocks)


def _harmless(line: str) -> str:
    return shown(masked(line), LONGEST).replace("<", "‹").replace(">", "›").replace("://", ":‌//").replace("`", "'")


def _verdict(look: Look) -> str:
    if look.alerts:
        return f"{len(look.alerts)} alert{'s' * (len(look.alerts) > 1)}"
    return "No alert" + (f", {len(look.warnings)} warning{'s' * (len(look.warnings) > 1)}" if look.warnings else "")


def _head(look: Look) -> Iterator[Block]:
    yield f"## {_verdict(look)}"
    count, was = look.slices[ALL].measured.requests, look.earlier.slices[ALL].requests
    yield f"{count:,} requests from {look.taken.window}; {was:,} in the window of the same length before."
    lines = [
        *(f"⛔ {code(one, LONGEST)}" for one in look.alerts),
        *(f"⚠️ {code(one, LONGEST)}" for one in look.warnings),
    ]
    if lines:
        yield "\n".join(f"- {line}" for line in lines)
    if not count:
        yield "There is no request in this window, so nothing can be told of it."
    rows = [
        (code(name[:12]), f"{look.slices[f'revision:{name}'].measured.requests:,}", code(one.source, 100))
        for name, one in look.revisions.items()
    ]
    if rows:
        yield table(("revision or model", "requests", "held against"), rows)


def _bounds(look: Look) -> Block:
    rows = [(code(one.measure), code(one.slice), STATES[one.status], code(one.says, LONGEST)) for one in look.held]
    return table(("measure", "slice", "status", "evidence"), rows) if rows else "No bound is set."


def _measures(look: Look) -> Iterator[Block]:
    whole = look.slices[ALL]
    rows = [
        (
            code(name),
            MEASURES[name].says,
            with_interval(name, value),
            _told(name, whole.evaluation.get(name)),
            _told(name, whole.before.get(name)),
        )
        for name, value in whole.measured.values.items()
        if value.value is not None
    ]
    if not rows:
        return
    yield table(
        ("measure", "share or amount", "value, 95 % interval", "against the evaluation", "against the window before"),
        rows,
    )
    yield (
        "Verdicts are those of this repository: _better_ and _worse_ where the interval of the difference leaves out zero, _no worse_ "
        "where it leaves out more than the margin. A user's requests count together. The evaluation asked other questions than "
        "customers do, so a difference from it can be the questions'. Unknown measures are left out."
    )
    totals = ", ".join(f"{name} {amount:,.6g}" for name, amount in whole.measured.totals.items())
    yield f"In all: {totals} (US dollars and tokens, where they were recorded)."
    yield from stand("evaluation", "Against the evaluation, points", whole.evaluation)
    yield from stand("before", "Against the window before, points", whole.before)


def _told(name: str, one: Beside | None) -> str:
    if one is None or one.difference is None:
        return "-"
    is_share = isinstance(MEASURES[name], Share)
    other = f"{written(name, one.other.value)} (n {one.other.n})"
    if one.low is None and one.high is None:
        return f"{other}, no interval"
    ends = [_end(end, is_share) for end in (one.difference, one.low, one.high)]
    return f"{other}: {ends[0]} ({ends[1]} to {ends[2]}) {MARKS[one.verdict]}"


def _end(end: float | None, is_share: bool) -> str:
    if end is None:
        return "?"
    return f"{100 * end:+.1f}" if is_share else f"×{end:.2f}"


def _failed(whole: Compared) -> Iterator[Block]:
    rows = [(code(name), with_interval(name, value)) for name, value in whole.measured.failed.items()]
    if rows:
        yield table(("failed", "share of the judged answers, 95 % interval"), rows)


def _slices(look: Look) -> Iterator[Block]:
    rows = [
        (code(_short(name)), f"{one.measured.requests:,}", *(_cell(name_of, one) for name_of in OF_SLICES))
        for name, one in look.slices.items()
    ]
    yield table(("slice", "requests", *OF_SLICES), rows)
    yield (
        "In a cell: the value, and ❌ or ✅ where it is surely worse or better than in the window before, by intervals that share "
        "their errors among all slices. Slices by language are of a sample; a label is the answer's, and so can be wrong."
    )


def _short(name: str) -> str:
    """A slice by its name, a commit by its first digits."""
    kind, _, value = name.partition(":")
    return f"{kind}:{value[:12]}" if kind == "revision" else name[:NAME]


def _cell(name: str, one: Compared) -> str:
    before = one.before.get(name)
    mark = {"worse": " ❌", "better": " ✅"}.get(before.verdict, "") if before else ""
    return written(name, one.measured.values[name].value) + mark


def _drift(look: Look) -> Iterator[Block]:
    drift = look.drift
    if not isinstance(drift, Drifted):
        yield f"Not looked for: {code(drift, LONGEST)}."
        return
    rows = [
        (
            one.name,
            f"{one.statistic} {one.value:.4g}",
            f"{one.p:.2g}",
            f"{one.p_adjusted:.2g}",
            f"{one.effect:.3f}",
            f"{one.bound:g}",
            "⛔ alert" if one.is_alarm else "✅ none",
        )
        for one in drift.tests
    ]
    yield table(("test", "statistic", "p", "p after Holm", "effect", "bound", "alarm"), rows)
    yield (
        f"{drift.n:,} of production (one request of a user) against {drift.training:,} training examples. An alarm needs p after Holm "
        f"below {drift.alpha:.2g}, which is the month's share of false alarms spread over its looks, and an effect beyond its bound."
    )
    for one in drift.tests:
        if one.detail and one.is_alarm:  # a word of a customer is text out of the data, too
            shares = [(code(name), f"{here:.1%}", f"{there:.1%}") for name, here, there in one.detail[:8]]
            yield table((one.name, "production", "training"), shares)
    yield from _unlike(look, drift)


def _unlike(look: Look, drift: Drifted) -> Iterator[Block]:
    if not look.kinds:
        return
    yield f"**{len(drift.unlike)} of {drift.n} are unlike the training data** (distance above {drift.limit:.2f}, or a new word):"
    for kind in look.kinds:
        labels = ", ".join(f"{code(name)} {count}" for name, count in kind.labels)
        word = "others" if kind.word == "others" else f"with the word {code(kind.word)}"
        yield f"{kind.n} {word}; the model answers {labels}."
        yield fenced(kind.examples)


def _around(look: Look) -> Iterator[Block]:
    taken = look.taken
    if taken.canaries:
        rows = [
            (code(name), "✅" if one.passed else "❌ failed", f"{one.time:%Y-%m-%d %H:%M}", code(one.answer, 120))
            for name, one in taken.canaries.items()
        ]
        yield table(("canary", "latest", "asked", "answer"), rows)
    counts = taken.counts
    if counts.seen:
        dropped = ", ".join(f"{code(why)} {count}" for why, count in counts.dropped.items()) or "none"
        yield (
            f"The recorder saw {counts.seen:,} requests, wrote {counts.written:,}, left {counts.sampled_out:,} out by sampling, "
            f"and dropped: {dropped} ({written('dropped', look.counted['dropped'].value)})."
        )
    if taken.lost:
        yield f"{taken.lost} requests were spoken of that are not in this window's logs."
    if taken.problems:
        faults = [(MEANINGS.get(name, name), f"{n:,}", code(place, 80)) for name, (n, place) in taken.problems.items()]
        yield Details("What was survived in the logs", (table(("fault", "times", "first"), faults),))
