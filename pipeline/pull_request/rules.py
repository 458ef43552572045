"""The rules of a gate, and how each is judged by what the reports say.

A rule passes on evidence: no worse means that the 95 % interval leaves out every drop larger than the margin, better that it lies
above the margin. What can be told neither way fails or warns, as the rule says. A margin that this test set is too small for is an error.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.pull_request.results import Difference, Mean, Results
from pipeline.scoring.paired import examples_needed
from pipeline.scoring.rates import detectable, least_margin
from pipeline.stage import Fault, Params

HOPELESS = (
    2 / 3
)  # of a sure margin: on small test sets what can be seen is as wide, and both vary from one set to the next
ACCEPTED = "accepted"  # the arm that the first promotion enters
Status = Literal["pass", "warn", "fail", "error"]


class Rule(BaseModel):
    """What every rule about a number says. `margin`: a drop that is tolerated, or the gain that `better` must exceed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    needs: Literal["better", "no_worse"]
    margin: Annotated[float, Field(ge=0, lt=1)]
    on_cannot_tell: Literal["fail", "warn"]


class ComparisonRule(Rule):
    """The arm tuned against another one, on a metric of the test set."""

    rule: Literal["comparison"]
    metric: str
    against: str


class TargetRule(Rule):
    """The arm tuned against the level of `evaluate.targets`."""

    rule: Literal["target"]
    metric: str


class ProbesRule(Rule):
    """The arm tuned against the arm base, on the general probes: what was forgotten."""

    rule: Literal["probes"]


class TextsRule(Rule):
    """The same on general texts: the chance that is given to each token."""

    rule: Literal["texts"]


class JudgeRule(Rule):
    """The arm tuned against another one, by the judge's verdicts on a dimension: the share won less the share lost.

    It fails where the judge may not count.
    """

    rule: Literal["judge"]
    dimension: str
    against: str


class CasesRule(BaseModel):
    """Every must-pass case passes: no margin, no doubt."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    rule: Literal["cases"]


AnyRule = Annotated[
    ComparisonRule | TargetRule | ProbesRule | TextsRule | JudgeRule | CasesRule, Field(discriminator="rule")
]


class GateParams(Params):
    """Section `gate`: the rules, in the order in which they are told."""

    section: ClassVar[str] = "gate"
    rules: Annotated[list[AnyRule], Field(min_length=1)]


@dataclass(frozen=True)
class Outcome:
    """What became of a rule, in a line."""

    status: Status
    said: str


@dataclass(frozen=True)
class Evidence:
    """An interval about zero, and what a margin must be: `seen` to be told at all, `sure` for equal models to pass."""

    n: int
    low: float
    high: float
    seen: float
    sure: float
    needed: int | None
    told: str


def judge(rule: AnyRule, results: Results, place: str) -> Outcome:
    """The outcome of a rule. Raises Fault at `place` where the reports have nothing that it names."""
    if isinstance(rule, CasesRule):
        return _cases(results, place)
    if getattr(rule, "against", None) == ACCEPTED and f"tuned against {ACCEPTED}" not in results.pairs:
        return Outcome("warn", f"{rule.rule} against {ACCEPTED}: no accepted model yet; make promote makes the first")
    if isinstance(rule, JudgeRule):
        return _by_judge(rule, results, place)
    return _outcome(rule, *_evidence(rule, results, place))


def _outcome(rule: Rule, name: str, evidence: Evidence) -> Outcome:
    status, why = _weigh(rule, evidence)
    wanted = rule.needs.replace("_", " ") + (f" within {_points(rule.margin)}" if rule.needs == "no_worse" else "")
    wanted += f" by more than {_points(rule.margin)}" if rule.needs == "better" and rule.margin else ""
    return Outcome(status, f"{name}, {wanted}: {evidence.told}{why}")


def _weigh(rule: Rule, found: Evidence) -> tuple[Status, str]:
    if rule.needs == "better":
        if found.low > rule.margin:
            return "pass", ""
        if found.high <= rule.margin:
            return "fail", "; it is not"
        return rule.on_cannot_tell, f"; cannot tell: from a gain of {_points(found.seen)} on it would show 4 times in 5"
    if found.low > 0:
        return "pass", ""
    if found.high < 0 and found.low < -rule.margin:
        return "fail", "; worse"
    enough = f"{found.needed:,} examples would do" if found.needed else "no number of examples can be given"
    hopeless = min(found.seen, HOPELESS * found.sure)
    if rule.margin < hopeless:
        few = f"{found.n:,} example{'' if found.n == 1 else 's'} can"
        return "error", f"; {few} tell no drop below {_points(hopeless)}: {enough}, or a wider margin"
    if found.low >= -rule.margin:
        narrow = (
            f"; equal models pass surely from a margin of {_points(found.sure)} on" if rule.margin < found.sure else ""
        )
        return "pass", narrow
    return rule.on_cannot_tell, f"; cannot tell: {enough}, or a margin of {_points(found.sure)}"


def _evidence(rule: Rule, results: Results, place: str) -> tuple[str, Evidence]:
    if isinstance(rule, ComparisonRule):
        pairs = _named(results.pairs, f"tuned against {rule.against}", f"{place}.against")
        return f"{rule.metric}, tuned against {rule.against}", _paired(
            _named(pairs, rule.metric, f"{place}.metric"), rule
        )
    if isinstance(rule, TargetRule):
        level = _named(results.targets, rule.metric, f"{place}.metric")
        mean = _named(results.tuned, rule.metric, f"{place}.metric")
        return f"{rule.metric}, tuned against its target of {level:.0%}", _levelled(mean, level, rule)
    name, found = ("texts", results.texts) if isinstance(rule, TextsRule) else ("probes", results.probes)
    if found is None:
        raise Fault(place, f"the reports compare no {name}", f"write some into task/{name}, or take the rule out")
    return f"{name}, tuned against base", _paired(found, rule)


def _by_judge(rule: JudgeRule, results: Results, place: str) -> Outcome:
    """Without a verdict that may count answers that are all alike are no worse, and nothing else passes."""
    pair = _named(
        results.judged, f"tuned against {rule.against}", f"{place}.against", "; or name the pair under judge.pairs"
    )
    found = _named(pair.dimensions, rule.dimension, f"{place}.dimension")
    name = f"{rule.dimension} by the judge, tuned against {rule.against}"
    if not pair.n_differ:
        status: Status = "pass" if rule.needs == "no_worse" else "fail"
        return Outcome(status, f"{name}, {rule.needs.replace('_', ' ')}: both answer every example alike")
    if not found.may_count or found.net is None:
        return Outcome("fail", f"{name}, {rule.needs.replace('_', ' ')}: the judge may not count: {found.because}")
    return _outcome(rule, name, _paired(found.net, rule))


def _named(values: dict[str, Any], name: str, place: str, remedy: str = "") -> Any:
    if name not in values:
        choices = ", ".join(sorted(values)) or "none"
        raise Fault(place, f"the reports have no {name}", f"take one of: {choices}{remedy}")
    return values[name]


def _paired(found: Difference, rule: Rule) -> Evidence:
    told = (
        f"{found.difference * 100:+.1f} points [{found.low * 100:+.1f}, {found.high * 100:+.1f}], n = {found.n:,}, "
        f"{found.fixed:,} fixed, {found.broken:,} broken, p = {found.p:.3g}"
    )
    return Evidence(
        found.n, found.low, found.high, found.detectable, found.least_margin, examples_needed(found, rule.margin), told
    )


def _levelled(found: Mean, level: float, rule: Rule) -> Evidence:
    sure = least_margin(level, found.effective_n)
    needed = int(found.n * (sure / rule.margin) ** 2) + 1 if rule.margin and found.n > 1 else None
    told = f"{found.mean:.1%} [{found.low:.1%}, {found.high:.1%}], n = {found.n:,}"
    return Evidence(
        found.n, found.low - level, found.high - level, detectable(level, found.effective_n), sure, needed, told
    )


def _cases(results: Results, place: str) -> Outcome:
    if not results.n_cases:
        raise Fault(place, "there is no must-pass case", "write one into task/cases, or take the rule out")
    failed = results.failed_cases
    if not failed:
        return Outcome("pass", f"cases: all {results.n_cases:,} pass")
    named = ", ".join(failed[:3]) + (", ..." if len(failed) > 3 else "")
    return Outcome("fail", f"cases: {len(failed):,} of {results.n_cases:,} fail ({named})")


def _points(share: float) -> str:
    return f"{share * 100:.3g} points"
