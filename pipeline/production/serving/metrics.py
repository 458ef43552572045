"""What the server counts, in the text format of Prometheus.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
HELP = {
    "requests_total": "requests by status, and by what became of them",
    "in_flight": "requests under way",
    "first_token_seconds": "from the arrival of a request to the first words of its streamed answer",
    "total_seconds": "from the arrival of a request to the end of its answer",
    "feedback_total": "bodies of feedback by status",
    "answers_total": "answers by the engine's word on their end, or ours",
    "judged_total": "answers that were judged, and how",
    "failed_total": "answers by what they failed",
    "tokens_total": "tokens as the engine counts them, in and out",
    "redacted_total": "values that were masked, by rule",
    "heard_total": "words of feedback by what was said",
    "records_total": "records by what became of them",
    "dropped_total": "records that were dropped, by fault",
}


class Histogram:
    """How many values lie at or below each bound."""

    def __init__(self) -> None:
        self.counts, self.sum = [0] * (len(BUCKETS_S) + 1), 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum += seconds

    def lines(self, name: str) -> list[str]:
        total, lines = 0, []
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self.counts, strict=True):
            total += count
            lines.append(f'{name}_bucket{{le="{bound}"}} {total}')
        return [*lines, f"{name}_sum {self.sum:.6f}", f"{name}_count {total}"]


class Metrics:
    """Counts of one server, from its start."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[int, str]] = Counter()
        self.feedback: Counter[int] = Counter()
        self.in_flight = 0
        self.first_token, self.total = Histogram(), Histogram()

    def text(self, recorded: Mapping[str, float]) -> str:
        """All of it, with what the recorder counted: names with labels, and values."""
        own = [
            f'requests_total{{status="{one[0]}",outcome="{one[1]}"}} {n}' for one, n in sorted(self.requests.items())
        ]
        own += [f'feedback_total{{status="{status}"}} {count}' for status, count in sorted(self.feedback.items())]
        own += [f"in_flight {self.in_flight}"]
        own += self.first_token.lines("first_token_seconds") + self.total.lines("total_seconds")
        own += [f"{name} {value:g}" if value < 1e6 else f"{name} {value:.0f}" for name, value in recorded.items()]
        lines, told = [], ""
        for line in sorted(own, key=_name):
            name = _name(line)
            if name != told and name in HELP:
                kind = "gauge" if name == "in_flight" else "histogram" if name.endswith("_seconds") else "counter"
                lines += [f"# HELP gitune_{name} {HELP[name]}", f"# TYPE gitune_{name} {kind}"]
                told = name
            lines.append(f"gitune_{line}")
        return "\n".join(lines) + "\n"


def _name(line: str) -> str:
    """The name that HELP has for a line; sorting by it is stable, so a histogram keeps its order."""
    name = line.split(" ", 1)[0].split("{", 1)[0]
    return next(
        (name.removesuffix(end) for end in ("_bucket", "_sum", "_count") if name.endswith("_seconds" + end)), name
    )
