"""The spread of seeds, as far as it can be recomputed without training: what is said of the values of each seed follows from them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.data.records import parse_json
from pipeline.desk.seeds import OUT, spread
from pipeline.pull_request.verifying.findings import Finding, wrong

AGAIN = "restore it from git, or make seeds"


def spread_findings(root: Path) -> Iterator[Finding]:
    """What the report of the seeds says and its own values do not; nothing where there is no report."""
    path = root / OUT
    if not path.is_file():
        return
    try:
        report = parse_json(path.read_bytes())
        again = spread(by_seed(report))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        yield wrong(str(OUT), "is no report of make seeds", AGAIN)
        return
    for name, one in again["metrics"].items():
        for part, value in one.items():
            if report["metrics"][name].get(part) != value:
                stands = report["metrics"][name].get(part)
                yield wrong(f"{OUT}: metrics.{name}.{part}", f"stands {stands}, recomputed {value}", AGAIN)


def by_seed(report: Any) -> dict[int, dict[str, float]]:
    """The metrics of each seed. Raises ValueError where a metric has not a value for each of them."""
    metrics = report["metrics"]
    found = [dict[str, float]() for _ in report["seeds"]]
    for name, one in metrics.items():
        for values, value in zip(found, one["values"], strict=True):
            values[name] = value
    return dict(zip(report["seeds"], found, strict=True))
