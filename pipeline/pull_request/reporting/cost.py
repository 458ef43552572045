"""What the model costs: tokens, latency and money of each arm, and how long each stage took, now and at the base."""

from collections.abc import Iterator, Mapping

from pydantic import Field

from pipeline.data.reports import Count
from pipeline.data.reports import Part as ReportPart
from pipeline.desk.reviewing.shown import code
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Details, Part
from pipeline.pull_request.reporting.scene import Scene, or_told, stage_code


class Latency(ReportPart):
    median: float
    p95: float


class Arm(ReportPart):
    """What asking an arm took; a cost where a service has one."""

    answers: Count
    prompt_tokens: Count | None = None
    answer_tokens: Count | None = None
    latency_s: Latency | None = None
    cost: float | None = None


class Stage(ReportPart):
    seconds: float
    peak_mib: float | None = None
    peak_gpu_mib: float | None = None


class Machine(ReportPart):
    system: str = ""
    processor: str = ""
    cores: int | None = None


class Run(ReportPart):
    """What is read of run.json."""

    arms: dict[str, Arm] = Field(default_factory=dict)
    stages: dict[str, Stage] = Field(default_factory=dict)
    machine: Machine = Machine()


def part(scene: Scene) -> Part:
    blocks = or_told(lambda: list(_blocks(scene)), scene.root)
    return Part("Cost and latency", 20, lambda _: blocks, "cost and latency")


def _blocks(scene: Scene) -> Iterator[Block]:
    run = scene.report(Run, "run.json")
    before = scene.report(Run, "run.json", is_before=True) if scene.before else None
    if run is None:
        yield "`reports/run.json` is missing: `make run` writes it."
        return
    old = before.arms if before and before != run else {}
    if run.arms:
        heads = ("arm", "tokens read an answer", "written", "median", "95 % within", "cost")
        yield table(heads, [_arm(name, arm, old.get(name)) for name, arm in run.arms.items()])
    if run.stages:
        yield Details("Seconds and memory of each stage", tuple(_stages(run, before if before != run else None)))


def _arm(name: str, now: Arm, then: Arm | None) -> tuple[str, ...]:
    cells = zip(_values(now), _values(then) if then else [""] * 5, strict=True)
    return code(name), *(f"{was} → {is_}" if was not in ("", "-", is_) else is_ for is_, was in cells)


def _values(arm: Arm) -> list[str]:
    def each(tokens: int | None) -> str:
        return f"{tokens / arm.answers:,.0f}" if tokens is not None and arm.answers else "-"

    latency = arm.latency_s
    times = [f"{latency.median:.2f} s", f"{latency.p95:.2f} s"] if latency else ["-", "-"]
    return [
        each(arm.prompt_tokens),
        each(arm.answer_tokens),
        *times,
        f"${arm.cost:.4f}" if arm.cost is not None else "-",
    ]


def _stages(run: Run, before: Run | None) -> Iterator[Block]:
    then: Mapping[str, Stage] = before.stages if before else {}
    ordered = sorted(run.stages.items(), key=lambda item: (-item[1].seconds, item[0]))
    heads = ("stage", "seconds", *(["at the base"] if then else []), "peak memory")
    rows = []
    for name, one in ordered:
        was = [f"{then[name].seconds:,.1f}" if name in then else "-"] if then else []
        memory = f"{one.peak_mib:,.0f} MiB" if one.peak_mib else "-"
        memory += f", GPU {one.peak_gpu_mib:,.0f} MiB" if one.peak_gpu_mib else ""
        rows.append((stage_code(name), f"{one.seconds:,.1f}", *was, memory))
    yield table(heads, rows)
    machine = run.machine
    cores = f", {machine.cores} cores" if machine.cores else ""
    where = f", here on {code(f'{machine.system} {machine.processor}')}{cores}" if machine.system else ""
    yield f"Each as it last ran{where}."
