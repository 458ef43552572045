"""A look as JSON: the same numbers that the page tells, for programs."""

from dataclasses import asdict
from typing import Any

from pipeline.desk.reviewing.shown import masked, shown
from pipeline.production.monitoring.comparing import Beside
from pipeline.production.monitoring.drifting import Drifted
from pipeline.production.monitoring.looking import Compared, Look
from pipeline.production.monitoring.taking import Taken
from pipeline.scoring.grouped_sums import Value

DIGITS = 6
Json = dict[str, Any]


def report_of(look: Look, place: str, shape: str) -> Json:
    """The whole report. A value that is not known is null; shares are 0 to 1, times in seconds, cost in US dollars."""
    taken = look.taken
    return {
        "logs": {"place": place, "shape": shape},
        "window": _window(taken),
        "before": _window(look.earlier),
        "alerts": look.alerts,
        "warnings": look.warnings,
        "bounds": [asdict(one) for one in look.held],
        "revisions": {
            name: {
                "models": sorted(map(masked, taken.models.get(name, set()))),
                "evaluation": one.source,
                "is_known": one.is_known,
            }
            for name, one in look.revisions.items()
        },
        "slices": {name: _slice(one) for name, one in look.slices.items()},
        "counted": {name: _value(value) for name, value in look.counted.items()},
        "recorder": {
            "seen": taken.counts.seen,
            "written": taken.counts.written,
            "sampled_out": taken.counts.sampled_out,
        }
        | {"dropped": taken.counts.dropped},
        "canaries": {name: one.passed for name, one in taken.canaries.items()},
        "feedback_of_no_request": taken.lost,
        "problems": {name: {"count": count, "first": place} for name, (count, place) in taken.problems.items()},
        "drift": _drift(look),
    }


def _window(taken: Taken) -> Json:
    span = {"since": taken.window.since.isoformat(), "until": taken.window.until.isoformat()}
    return {**span, "requests": taken.slices["all"].requests, "canary_requests": taken.canary_requests}


def _slice(one: Compared) -> Json:
    measured = one.measured
    return {
        "requests": measured.requests,
        "measures": {
            name: _value(value)
            | ({"evaluation": _beside(one.evaluation[name])} if name in one.evaluation else {})
            | ({"before": _beside(one.before[name])} if name in one.before else {})
            for name, value in measured.values.items()
        },
        "failed": {name: _value(value) for name, value in measured.failed.items()},
        "totals": {name: _rounded(value) for name, value in measured.totals.items()},
    }


def _value(value: Value) -> Json:
    return {name: _rounded(number) for name, number in asdict(value).items()}


def _beside(one: Beside) -> Json:
    numbers = {name: _rounded(getattr(one, name)) for name in ("difference", "low", "high")}
    return {**numbers, "verdict": one.verdict, "of": _value(one.other)}


def _drift(look: Look) -> Json:
    drift = look.drift
    if not isinstance(drift, Drifted):
        return {"told": False, "why": drift}
    tests = {
        one.name: {
            "statistic": one.statistic,
            "value": _rounded(one.value),
            "p": float(f"{one.p:.3g}"),
            "p_adjusted": float(f"{one.p_adjusted:.3g}"),
            "effect": _rounded(one.effect),
            "bound": one.bound,
            "is_alarm": one.is_alarm,
            "shares": {name: [_rounded(here), _rounded(there)] for name, here, there in one.detail},
        }
        for one in drift.tests
    }
    unlike = [
        {"word": shown(masked(kind.word)), "n": kind.n, "labels": dict(kind.labels), "ids": list(kind.ids)}
        | {"examples": list(kind.examples)}
        for kind in look.kinds
    ]
    sizes = {"n": drift.n, "training": drift.training, "alpha_a_look": float(f"{drift.alpha:.3g}")}
    return {"told": True, **sizes, "limit": _rounded(drift.limit), "tests": tests, "unlike": unlike}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, DIGITS)
