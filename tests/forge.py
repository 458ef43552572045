"""A forge for rehearsals: a bare repository, pull requests with their merge commits, and the workflows that an event starts."""

import itertools
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.forge_api import REPOSITORY, ForgeApi, running_api
from tests.workflow_player import Job, Player, git

IDENTITY = ("-c", "user.name=forge", "-c", "user.email=forge@localhost")
JOBS = (
    ("pull-request.yml", "report"),
    ("pull-request.yml", "gate"),
    ("pull-request.yml", "objects"),
    ("check.yml", "lock"),
)
OWNER = REPOSITORY.partition("/")[0]


@dataclass
class Forge:
    """One repository. `secrets` are those of its environments; `folder` is where runners work."""

    folder: Path
    api: ForgeApi
    environment: Mapping[str, str]
    secrets: Mapping[str, str]
    branches: list[str] = field(default_factory=list)
    runs: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def repository(self) -> Path:
        return self.folder / f"{REPOSITORY}.git"

    @property
    def player(self) -> Player:
        settings = {"GITHUB_API_URL": self.api.address, "GITHUB_SERVER_URL": self.folder.as_uri()}
        return Player(self.repository, self.folder / "artifacts", {**self.environment, **settings})

    def head(self, branch: str = "main") -> str:
        return git(self.repository, "rev-parse", f"refs/heads/{branch}")

    def open(self, branch: str) -> int:
        """Open a pull request; its number."""
        self.branches.append(branch)
        return len(self.branches)

    def merged(self, number: int) -> str | None:
        """The merge commit of a pull request into main; None where they conflict, and no workflow starts then."""
        branch = self.branches[number - 1]
        base, head = self.head(), self.head(branch)
        work = self.folder / "merging"
        shutil.rmtree(work, ignore_errors=True)
        git(self.folder, "clone", "--quiet", "--no-checkout", str(self.repository), str(work))
        git(work, "checkout", "--quiet", "--detach", base)
        try:
            git(work, *IDENTITY, "merge", "--quiet", "--no-ff", "-m", f"Merge {branch} (#{number})", head)
        except AssertionError:
            return None
        git(work, "push", "--quiet", "--force", "origin", f"HEAD:refs/pull/{number}/merge")
        return git(work, "rev-parse", "HEAD")

    def merge(self, number: int) -> str:
        """Merge a pull request; the commit of main."""
        commit = self.merged(number)
        assert commit, f"pull request {number} conflicts"
        git(self.repository, "update-ref", "refs/heads/main", commit)
        return commit

    def event(self, name: str, sha: str, ref: str, about: Mapping[str, Any]) -> dict[str, Any]:
        """What expressions of a workflow can name."""
        github = {
            "event_name": name,
            "sha": sha,
            "ref": ref,
            "ref_name": ref.partition("/")[2].partition("/")[2],
            "head_ref": "",
            "repository": REPOSITORY,
            "token": "t0ken",
            "run_id": str(next(self.runs)),
            "event": about,
        }
        return {"github": github, "secrets": self.secrets}

    def of_pull_request(self, number: int, label: str = "") -> dict[str, Any]:
        """The event of a pull request whose branch was pushed to, or that got a label."""
        branch, merged = self.branches[number - 1], self.merged(number)
        assert merged, f"pull request {number} conflicts: no workflow starts"
        head = {"sha": self.head(branch), "ref": branch, "repo": {"full_name": REPOSITORY}}
        about = {"pull_request": {"number": number, "head": head, "base": {"sha": self.head(), "ref": "main"}}}
        event = self.event("pull_request", merged, f"refs/pull/{number}/merge", about | {"label": {"name": label}})
        event["github"]["head_ref"] = branch
        self.api.heads[f"{OWNER}:{branch}"] = [{"number": number, "head": head}]
        return event

    def pushed(self, number: int, jobs: tuple[tuple[str, str], ...] = JOBS) -> dict[str, Job]:
        """What a push to a pull request's branch starts, on fresh runners; then the comment, by the code of main."""
        event = self.of_pull_request(number)
        with ThreadPoolExecutor(2) as pool:
            found = dict(zip((job for _, job in jobs), pool.map(lambda one: self.play(*one, event), jobs), strict=True))
        if "report" in found:
            found["comment"] = self.play("comment.yml", "comment", self._after(event))
        return found

    def label(self, number: int) -> Job:
        """Train the commit that a pull request stands at, on the runner that keeps its work tree."""
        event = self.of_pull_request(number, label="train")
        played = self.player.play("train.yml", "train", event, self.folder / "runners/gpu")
        assert played
        return played

    def _after(self, event: Mapping[str, Any]) -> dict[str, Any]:
        of = event["github"]["event"]["pull_request"]["head"]
        run = {
            "event": "pull_request",
            "id": event["github"]["run_id"],
            "head_sha": of["sha"],
            "head_branch": of["ref"],
            "head_repository": {"full_name": REPOSITORY, "owner": {"login": OWNER}},
        }
        return self.event("workflow_run", self.head(), "refs/heads/main", {"workflow_run": run})

    def play(self, file: str, job: str, event: Mapping[str, Any]) -> Job:
        """A job on a fresh runner, which has nothing."""
        played = self.player.play(file, job, event, self.folder / "runners" / f"{job}-{event['github']['run_id']}")
        assert played, f"{file} did not start {job}"
        return played

    def on_main(self, file: str, job: str) -> Job | None:
        """What the last push to main starts; None where the workflow is for other files."""
        text = git(self.repository, "show", f"main:.github/workflows/{file}")
        paths = yaml.load(text, Loader=yaml.BaseLoader)["on"]["push"]  # noqa: S506  # `on` stays a text
        changed = git(self.repository, "diff", "--name-only", "main^1", "main").splitlines()
        if paths and not set(paths["paths"]) & set(changed):
            return None
        return self.play(file, job, self.event("push", self.head(), "refs/heads/main", {}))

    def comment(self, number: int) -> str:
        """The one comment of a pull request."""
        (text,) = self.api.by_bots(number)
        return text


@contextmanager
def running_forge(folder: Path, environment: Mapping[str, str], secrets: Mapping[str, str]) -> Iterator[Forge]:
    """An empty forge; its runners know nobody's git settings and no account."""
    home = folder / "home"
    home.mkdir(parents=True)
    lonely = {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "PYTHON": shutil.which("python3") or "python3"}
    path = {"PATH": f"{os.environ['PATH']}"}
    with running_api() as api:
        forge = Forge(folder, api, {**environment, **path, **lonely}, secrets)
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(forge.repository))
        for key in ("allowAnySHA1InWant", "allowReachableSHA1InWant"):
            git(forge.repository, "config", f"uploadpack.{key}", "true")
        yield forge
