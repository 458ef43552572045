"""Plays a job of a workflow as it stands in its YAML: each `run:` is a process, and what actions do is done with git and copies.

Expressions are filled in from a mapping that plays the event; a name that it has not fails the test, as does an action that is not
known here. `.venv` is lent to each runner before `make setup`, which then finds it up to date.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

EXPRESSION, NAME, TEXT = (
    re.compile(r"\$\{\{(.*?)\}\}"),
    re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)*"),
    re.compile(r"'[^']*'"),
)
STEP_S = 900
Event = Mapping[str, Any]


@dataclass
class Step:
    """A command that was run, what it printed, and whether the job would have gone on without it."""

    command: str
    status: int
    said: str
    seconds: float
    may_fail: bool

    @property
    def stops(self) -> bool:
        return self.status != 0 and not self.may_fail


@dataclass
class Job:
    """A job that was played. `is_green` is what the forge would show."""

    name: str
    folder: Path
    steps: list[Step] = field(default_factory=list)

    @property
    def is_green(self) -> bool:
        return not any(step.stops for step in self.steps)

    @property
    def said(self) -> str:
        return "\n".join(
            f"$ {step.command}  -> {step.status}, {step.seconds:.1f} s\n{step.said}" for step in self.steps
        )

    def step(self, command: str) -> Step:
        return next(step for step in self.steps if step.command == command)

    def ran(self) -> list[str]:
        """Names of the stages that DVC ran, in order."""
        return re.findall(r"(?m)^Running stage '([^']+)'", self.said)


def value(expression: str, event: Event) -> Any:
    """What an expression is worth: names, texts, `==`, `&&`, `||` and brackets. KeyError for a name that the event has not."""
    found = list[Any]()

    def kept(one: Any) -> str:
        found.append(one)
        return f"_[{len(found) - 1}]"

    def looked_up(name: str) -> Any:
        at: Any = event
        for part in name.split("."):
            at = at[part]
        return at

    pieces, end = "", 0
    for hit in re.finditer(f"({TEXT.pattern})|({NAME.pattern})", expression):
        pieces += expression[end : hit.start()] + kept(hit[0][1:-1] if hit[1] else looked_up(hit[0]))
        end = hit.end()
    code = (pieces + expression[end:]).replace("&&", " and ").replace("||", " or ")
    assert not re.sub(r"_\[\d+\]|and|or|==|[()\s]", "", code), f"{expression} has what is not played here"
    return eval(code.strip(), {"__builtins__": {}}, {"_": found})  # noqa: S307  # only what the line above lets pass


def filled(text: Any, event: Event) -> str:
    """A text of the YAML with its expressions filled in."""
    return EXPRESSION.sub(lambda hit: str(value(hit[1], event)), str(text))


def lend_environment(folder: Path) -> None:
    """The environment that runs the tests, as `.venv` of a work tree, newer than any requirements file."""
    place, own = folder / ".venv", Path(sys.prefix)
    if not place.exists():
        place.mkdir()
        shutil.copy(own / "pyvenv.cfg", place)
        for name in ("bin", "lib", "include"):
            if (own / name).exists():
                (place / name).symlink_to((own / name).resolve(), target_is_directory=True)
    (place / "installed").touch()


@dataclass
class Player:
    """The runners of a forge: its bare repository, its environment, and where artifacts are kept."""

    repository: Path
    artifacts: Path
    environment: Mapping[str, str]

    def play(self, file: str, job: str, event: Event, runner: Path) -> Job | None:
        """A job of `.github/workflows/<file>`, of the commit that the event is of; None where its condition is not met."""
        text = git(self.repository, "show", f"{event['github']['sha']}:.github/workflows/{file}")
        workflow = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  # `on` and `false` stay texts
        about = workflow["jobs"][job]
        if "if" in about and not value(about["if"], event):
            return None
        played = Job(job, runner)
        runner.mkdir(parents=True, exist_ok=True)
        for step in about["steps"]:
            if played.is_green and "uses" in step:
                self._act(step, event, runner)
            elif played.is_green:
                environment = workflow.get("env", {}) | about.get("env", {}) | step.get("env", {})
                given = {name: filled(text, event) for name, text in environment.items()}
                played.steps.append(self._run(step, given, event, runner))
        return played

    def _run(self, step: dict[str, Any], given: dict[str, str], event: Event, runner: Path) -> Step:
        own = {
            f"GITHUB_{name.upper()}": str(event["github"][name]) for name in ("repository", "sha", "ref", "event_name")
        }
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-e", "-c", step["run"]],
            cwd=runner,
            env={**self.environment, **own, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_S,
            check=False,
        )
        may_fail = step.get("continue-on-error") == "true"
        return Step(step["run"], done.returncode, done.stdout, time.monotonic() - began, may_fail)

    def _act(self, step: dict[str, Any], event: Event, runner: Path) -> None:
        action = step["uses"].partition("@")[0]
        given = {name: filled(text, event) for name, text in step.get("with", {}).items()}
        if action == "actions/checkout":
            self._check_out(given, event, runner)
        elif action == "actions/upload-artifact":
            place = self.artifacts / event["github"]["run_id"] / given["name"]
            shutil.copytree(runner / given["path"], place, dirs_exist_ok=True)
        elif action == "actions/download-artifact":
            place = self.artifacts / given.get("run-id", event["github"]["run_id"]) / given["name"]
            shutil.copytree(place, runner / given["path"], dirs_exist_ok=True)
        else:
            assert action == "actions/setup-python", f"{action} is not played here"

    def _check_out(self, given: dict[str, str], event: Event, runner: Path) -> None:
        if not (runner / ".git").exists():
            git(runner, "init", "--quiet")
            git(runner, "remote", "add", "origin", self.repository.as_uri())
        wanted = given.get("ref") or event["github"]["sha"]
        depth = given.get("fetch-depth", "1")
        fetched = (
            ["--depth", depth] if depth != "0" else ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        )
        if depth == "0":
            git(runner, "fetch", "--quiet", "origin", *fetched)
        git(runner, "fetch", "--quiet", *(fetched if depth != "0" else []), "origin", wanted)
        git(runner, "checkout", "--quiet", "--force", "--detach", "FETCH_HEAD")
        lend_environment(runner)


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"git {' '.join(arguments)}\n{done.stderr}"
    return done.stdout.strip()
