"""Run a past commit again: what can be is run, what is dear or paid is restored, and what is lost is told."""

from dataclasses import dataclass

from pipeline.pull_request.reproducing.past import Past
from pipeline.pull_request.reproducing.running import Runner
from pipeline.pull_request.reproducing.storage import OURS
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.locked import Step

LOST = "is neither in the cache nor in a remote"


@dataclass(frozen=True)
class Again:
    """How: `has_cache` says whether what is dear is restored, `has_remote` whether there is one to pull from.

    `stale` are stages whose recipe changed after they ran, `paid` those that ask a service; none of them is run.
    """

    past: Past
    runner: Runner
    has_cache: bool
    has_remote: bool
    stale: dict[str, list[str]]
    paid: dict[str, str]

    def may_run(self, step: Step) -> bool:
        """Whether it may be run at all."""
        return bool(step.commands) and step.name not in self.stale and step.name not in self.paid

    def wanted(self) -> list[Step]:
        """What is to run in any case: everything, or where there is a cache what is cheap."""
        return [step for step in self.past.stages if self.may_run(step) and (step.is_cheap or not self.has_cache)]

    def restore(self) -> None:
        """Bring back what is not to run; notes what could be had."""
        wanted = self.wanted()
        targets = [
            step for step in self.past.project.steps if step not in wanted and any(out.digest for out in step.outs)
        ]
        ways = [["checkout", "--force"]] if self.has_cache else [["pull", "--force", "--remote", OURS]]
        ways += [["pull", "--force"]] if self.has_remote else []
        for way in ways:
            missing = [step.name for step in targets if not self.past.is_there(step)]
            if missing:
                say(f"restoring {', '.join(missing)}: dvc {way[0]}")
                self.runner.dvc(*way, "--quiet", *missing)
        self.past.restored += [step.name for step in targets if self.past.is_there(step)]

    def to_run(self) -> list[Step]:
        """What is to run after all, in order; notes of the rest why not."""
        past, found = self.past, list[Step]()
        wanted = {step.name for step in self.wanted()}
        for step in past.project.steps:
            if step.name in past.restored or not (step.outs or step.commands):
                continue
            lacking = [maker.name for dep in step.deps for maker in past.makers(dep.path) if maker.name in past.left]
            if lacking and step.commands:
                past.left[step.name] = f"needs {', '.join(dict.fromkeys(lacking))}"
            elif step.name in wanted or self.may_run(step):
                found.append(step)
            else:
                past.left[step.name] = LOST
        return found

    def run(self, steps: list[Step]) -> None:
        """Run these, each by itself, so that one that fails takes only those along that need it."""
        names = [step.name for step in steps]
        took = self.past.seconds(names)

        def tell(name: str) -> None:
            then = f" ({took[name]:,.1f} s then)" if name in took else ""
            say(f"{names.index(name) + 1 if name in names else '?'}/{len(names)} {name}{then}")

        if names:
            self.runner.dvc("repro", "--force", "--single-item", "--keep-going", *names, tell=tell)
        for step in steps:
            if all(self.past.digest(out) for out in step.outs if out.digest):
                self.past.again.append(step.name)
            else:
                self.past.left[step.name] = "failed, or one that it needs did; the reason stands above"


def say(line: str) -> None:
    """A line of progress."""
    print(f"reproduce: {in_terminal(line)}", flush=True)
