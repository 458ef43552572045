"""A plan as Markdown, for a terminal and for a comment. Paths, values and names are of the branch: they stay inside code."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.planning.branch import Brought
from pipeline.pull_request.planning.earlier import Remote
from pipeline.pull_request.planning.estimates import Estimate
from pipeline.pull_request.planning.figures import stage_name, table, told
from pipeline.pull_request.planning.measured import Measured
from pipeline.pull_request.planning.settings import Settings
from pipeline.pull_request.planning.walking import RUNNING, Cause, Fate, Kind, Planned
from pipeline.pull_request.verifying.locked import Project, overlap

MOST_CAUSES, MOST_CHANGES = 6, 40
FATES: dict[Fate, tuple[str, str, str]] = {  # in the table; in the headline of one, and of several
    "runs": ("**runs**", "stage runs", "stages run"),
    "again": ("**runs again**", "runs again since an output is not here", "run again since an output is not here"),
    "may_run": ("may run", "may run", "may run"),
    "cache": (
        "from this machine's cache",
        "is restored from this machine's cache",
        "are restored from this machine's cache",
    ),
    "remote": ("from the remote", "can be restored from the remote", "can be restored from the remote"),
    "frozen": ("frozen", "is frozen", "are frozen"),
    "nothing": ("nothing", "has nothing to do", "have nothing to do"),
}
OUTPUTS = {
    "missing": "is not here",
    "edited": "is not what `dvc.lock` names",
    "uncached": "is not in DVC's cache",
    "new": "is a new output",
}


@dataclass(frozen=True)
class Page:
    """All that is told."""

    project: Project
    plan: list[Planned]
    estimates: dict[str, Estimate]
    measured: Measured
    no_measures: str
    settings: Settings
    remote: Remote | None
    brought: Brought | None

    def text(self) -> str:
        """The whole page."""
        sections = [self._head(), self._stages(), self._figures(), self._unknown(), self._looked(), self._brought()]
        return "\n\n".join(section for section in sections if section) + "\n"

    def _head(self) -> str:
        counts = {fate: sum(one.fate == fate for one in self.plan) for fate in FATES}
        if not self.plan:
            return "# Plan\n\n**`dvc.yaml` has no stages.**"
        if counts["nothing"] == len(self.plan):
            return "# Plan\n\n**Nothing runs: every stage is as `dvc.lock` has it.**"
        parts = [f"{n} {FATES[fate][1 if n == 1 else 2]}" for fate, n in counts.items() if n]
        lines = ["# Plan", "", f"**{', '.join(parts)}.**"]
        if self.estimates:
            lines += ["", *told(self.plan, self.estimates, self.settings)]
        return "\n".join(lines)

    def _stages(self) -> str:
        busy = [one for one in self.plan if one.fate != "nothing"]
        idle = [stage_name(one.step.name) for one in self.plan if one.fate == "nothing"]
        lines = ["| stage | what happens | why |", "|---|---|---|"] if busy else []
        lines += [f"| {stage_name(one.step.name)} | {FATES[one.fate][0]} | {self._why(one)} |" for one in busy]
        if busy and idle:
            lines += ["", f"Nothing to do: {', '.join(idle)}."]
        return "\n".join(lines)

    def _why(self, planned: Planned) -> str:
        words = [self._own(cause) for cause in planned.causes if cause.kind not in ("input", "maybe")]
        words += [*self._of_earlier("input", planned), *self._of_earlier("maybe", planned)]
        more = [f"and {len(words) - MOST_CAUSES} more"] if len(words) > MOST_CAUSES else []
        return "; ".join([*words[:MOST_CAUSES], *more]) or ("`dvc.yaml` says so" if planned.fate == "frozen" else "")

    def _own(self, cause: Cause) -> str:
        place = code(cause.place, LONGEST)
        if cause.kind == "new":
            return "`dvc.lock` has no entry: it never ran"
        if cause.kind == "always":
            return "`dvc.yaml` lets it run every time"
        if cause.kind == "command":
            return f"its command: {code(cause.was, LONGEST)} → {code(cause.now, LONGEST)}"
        if cause.kind == "setting":
            return f"{code(cause.file)}: {place} {code(cause.was)} → {code(cause.now)}"
        return f"{place} {_happened(cause) if cause.kind == 'file' else OUTPUTS[cause.now]}"

    def _of_earlier(self, kind: Kind, planned: Planned) -> Iterator[str]:
        """What earlier stages bring, in a clause for each of them."""
        places: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for cause in planned.causes:
            if cause.kind == kind:
                places[self._makers(cause.place)].append(cause.place)
        for makers, paths in places.items():
            names = _stages(makers) or "an earlier stage"
            changed = "are others" if len(paths) > 1 else "is another"
            yield (
                f"{_listed(paths)}, if {names} changes {'them' if len(paths) > 1 else 'it'}"
                if kind == "maybe"
                else f"{_listed(paths)} {changed} after {names}"
            )

    def _makers(self, path: str) -> tuple[str, ...]:
        """The stages that may write a part of the path anew; one whose output is only not here writes the same."""
        return tuple(
            one.step.name
            for one in self.plan
            if any(cause.kind != "output" for cause in one.causes)
            and any(overlap(out.path, path) for out in one.step.outs)
        )

    def _figures(self) -> str:
        if not self.estimates:
            return ""
        return table(self.estimates, self.measured, self.no_measures)

    def _unknown(self) -> str:
        lines = []
        through = sorted({cause.place for one in self.plan if one.fate == "may_run" for cause in one.causes})
        if through:
            lines.append(
                f"- Whether these come out as before: {_listed(through)}. The stages behind them run only if they do not."
            )
        lines += [
            f"- {stage_name(one.step.name)} reads {_listed(one.missing)}, which is not here and no stage makes: pull it, or DVC stops."
            for one in self.plan
            if one.missing and one.fate != "frozen"
        ]
        lines += [
            f"- {stage_name(one.step.name)} also reads {_listed(one.step.recipe.outside)}, which is outside the project: not looked at."
            for one in self.plan
            if one.step.recipe and one.step.recipe.outside
        ]
        trusted = sorted({path for one in self.plan for path in one.trusted})
        if trusted:
            lines.append(
                f"- {_listed(trusted)}: the list of the folder's files is not on this machine, so `dvc.lock` is taken at its word."
            )
        lines += self._judge()
        return "\n".join(["## What cannot be known before it runs", "", *lines]) if lines else ""

    def _judge(self) -> Iterator[str]:
        is_answered_anew = any(one.fate in RUNNING and one.step.name.startswith("predict@") for one in self.plan)
        if self.settings.at("judge", "pairs") and is_answered_anew:
            yield "- Where answers change, the judge of `judge.pairs` has not seen them: `make ask` then says what its votes cost."

    def _looked(self) -> str:
        wanted = [one for one in self.plan if one.fate not in ("nothing", "frozen")]
        if not wanted:
            return ""
        looked = [one for one in wanted if one.is_looked_up]
        lines = [
            f"- This machine's run cache: {len(looked)} of {len(wanted)} stages looked up, by command, inputs and parameters."
        ]
        if rest := [one.step.name for one in wanted if not one.is_looked_up]:
            lines.append(
                f"- Not looked up, since an input is not known yet or DVC keeps no runs of it: {_stages(rest)}."
            )
        lines.append(f"- {self._of_remote()}")
        if any(one.fate == "remote" for one in wanted):
            lines.append(
                "- `dvc fetch --run-cache` and `dvc repro --pull` restore what the remote has; `dvc repro` alone runs it."
            )
        return "\n".join(["## Where earlier runs were looked for", "", *lines])

    def _of_remote(self) -> str:
        if self.remote is None:
            return "Remote: none is configured."
        name = code(self.remote.name) if self.remote.name else "the default one"
        if self.remote.trouble:
            return f"Remote {name}: not looked up, {self.remote.trouble}."
        if not self.remote.asked:
            return f"Remote {name}: nothing to ask it for."
        return f"Remote {name}: asked. It can have no run of a stage with an output without cache, such as a report in git."

    def _brought(self) -> str:
        if self.brought is None:
            return ""
        base = self.brought.base
        name = code(base.name) + (f" ({base.commit[:12]})" if base.commit else "")
        head = f"## What this branch brought, beside {name}"
        if self.brought.trouble:
            return f"{head}\n\n{code(base.name)} {self.brought.trouble}."
        lines = [f"- {_change(*change)}: {_stages(stages)}" for change, stages in self.brought.changes.items()]
        more = [f"- and {len(lines) - MOST_CHANGES} more"] if len(lines) > MOST_CHANGES else []
        lines = [*lines[:MOST_CHANGES], *more] or ["No input of a stage differs."]
        reran = self.brought.reran
        last = f"`dvc.lock` has other outputs of {_stages(reran)}." if reran else "`dvc.lock` has the same outputs."
        return "\n".join([head, "", *lines, "", last])


def _happened(cause: Cause) -> str:
    if not cause.now:
        return "is gone"
    return "changed" if cause.was else "is new to it"


def _change(kind: str, place: str, was: str, now: str) -> str:
    shown = code(place, LONGEST)
    if kind == "setting":
        return f"{shown} {code(was)} → {code(now)}"
    if kind == "command":
        return f"command {code(was, LONGEST)} → {code(now, LONGEST)}"
    if kind == "stage":
        return f"stage {stage_name(place)} is {'new' if now else 'gone'}"
    return f"{shown} {_happened(Cause('file', place, was, now))}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(code(name, LONGEST) for name in names)


def _stages(names: Iterable[str]) -> str:
    return ", ".join(map(stage_name, names))
