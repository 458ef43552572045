"""Times, memory, tokens and money of a plan in words and in a table."""

import re
from collections.abc import Iterable

from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.planning.estimates import Estimate
from pipeline.pull_request.planning.measured import Measured
from pipeline.pull_request.planning.settings import Settings
from pipeline.pull_request.planning.walking import Planned

UNKNOWN = "not known"
ARM = re.compile(r"[a-z]+@[A-Za-z0-9_-]{1,40}")


def stage_name(name: str) -> str:
    """A stage as code. That of an arm keeps its sign, so that it can be copied: nobody is mentioned within code."""
    return f"`{name}`" if ARM.fullmatch(name) else code(name)


def told(plan: Iterable[Planned], estimates: dict[str, Estimate], settings: Settings) -> list[str]:
    """What all of it takes: for sure, and at most."""
    sure = [estimates[one.step.name] for one in plan if one.fate in ("runs", "again")]
    everything = list(estimates.values())
    lines = [
        f"- Time: {_time(sure)} for sure"
        + (f", {_time(everything)} if all runs that may" if len(everything) > len(sure) else "")
    ]
    gpu = [one for one in everything if one.is_on_gpu]
    if gpu:
        lines.append(f"- GPU: {_gpu_cost(sure, everything, settings)}")
    lines.append(f"- Services: {_service_cost(everything)}")
    peaks = [one.peak_mib for one in everything if one.peak_mib]
    gpu_peaks = [one.peak_gpu_mib for one in everything if one.peak_gpu_mib]
    memory = f"{_mib(max(peaks))} at most in an earlier run" if peaks else UNKNOWN
    lines.append(f"- Memory: {memory}" + (f", {_mib(max(gpu_peaks))} of the GPU" if gpu_peaks else ""))
    return [line + "." for line in lines]


def _time(estimates: list[Estimate]) -> str:
    if not estimates:
        return "none"
    gpu = sum(one.seconds or 0 for one in estimates if one.is_on_gpu)
    cpu = sum(one.seconds or 0 for one in estimates if not one.is_on_gpu)
    unknown = sum(one.seconds is None for one in estimates)
    parts = [f"about {_amount(seconds, kind)}" for kind, seconds in (("GPU", gpu), ("CPU", cpu)) if seconds]
    if unknown:
        parts.append(f"{unknown} {'stage' if unknown == 1 else 'stages'} of which nothing was measured")
    return " and ".join(parts) or "less than a second"


def _amount(seconds: float, kind: str) -> str:
    return f"{seconds:.0f} {kind} seconds" if seconds < 100 else f"{seconds / 60:.1f} {kind} minutes"


def _gpu_cost(sure: list[Estimate], everything: list[Estimate], settings: Settings) -> str:
    price = settings.plan.gpu_usd_per_hour
    if price is None:
        return "its price is not known (`plan.gpu_usd_per_hour` in `params.yaml`)"
    hours = [sum(one.seconds or 0 for one in some if one.is_on_gpu) / 3600 for some in (sure, everything)]
    return f"about {_dollars(hours[0] * price)} for sure, {_dollars(hours[1] * price)} at most"


def _service_cost(estimates: list[Estimate]) -> str:
    asked = [one for one in estimates if one.is_service]
    if not asked:
        return "no stage of these asks a paid one"
    known = sum(one.cost for one in asked if one.cost is not None)
    unknown = [one for one in asked if one.cost is None]
    parts = [f"about {_dollars(known)}"] if len(unknown) < len(asked) else []
    if unknown:
        cap = [one.most_cost for one in unknown]
        sums = (
            f"no more than {_dollars(sum(one or 0 for one in cap))} by its cap" if None not in cap else "no cap is set"
        )
        parts.append(f"{len(unknown)} of {len(asked)} not known, {sums}")
    return "; ".join(parts)


def table(estimates: dict[str, Estimate], measured: Measured, no_measures: str) -> str:
    """A row for each stage that runs or may run."""
    head = ["## What it would take", ""]
    if no_measures:
        head += [f"`reports/run.json` {no_measures}, so nothing is known of earlier runs.", ""]
    head += [
        "| stage | time | memory | tokens in, out | cost of a service | how it is reckoned |",
        "|---|---|---|---|---|---|",
    ]
    rows = [f"| {stage_name(name)} | {' | '.join(_cells(one))} |" for name, one in estimates.items()]
    return "\n".join([*head, *rows, *_machine(measured)])


def _cells(one: Estimate) -> list[str]:
    tokens = f"{one.tokens[0]:,}, {one.tokens[1]:,}" if one.tokens else "-"
    cost = "-"
    if one.is_service:
        cap = "" if one.most_cost is None else f", capped at {_dollars(one.most_cost)}"
        cost = (UNKNOWN if one.cost is None else _dollars(one.cost)) + cap
    memory = _mib(one.peak_mib) if one.peak_mib else UNKNOWN
    if one.peak_gpu_mib:
        memory += f", GPU {_mib(one.peak_gpu_mib)}"
    notes = "; ".join(one.notes)
    time = UNKNOWN if one.seconds is None else f"{_span(one.seconds)} {'GPU' if one.is_on_gpu else 'CPU'}"
    return [
        time,
        memory,
        tokens,
        cost,
        notes or ("as it was" if one.seconds is not None else "no earlier run is known"),
    ]


def _machine(measured: Measured) -> list[str]:
    machine = measured.machine
    if not measured.stages:
        return []
    said = ", ".join(part for part in (machine.system, machine.processor) if part)
    cores = f", {machine.cores} cores" if machine.cores else ""
    return [
        "",
        f"Measured on {code(said)}{cores}; `reports/run.json` has the last run of each stage, on whatever rows it had then.",
    ]


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} min"


def _mib(amount: float) -> str:
    return f"{amount:,.0f} MiB" if amount < 10240 else f"{amount / 1024:,.1f} GiB"


def _dollars(amount: float) -> str:
    return f"US$ {amount:,.2f}" if amount >= 0.01 or amount == 0 else f"US$ {amount:.6f}"
