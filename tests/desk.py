"""A person's clone: what they type, with their own git identity and the remote's account."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.workflow_player import git, lend_environment

COMMAND_S = 900


@dataclass
class Desk:
    """A clone on a person's machine."""

    folder: Path
    environment: Mapping[str, str]

    def make(self, *arguments: str, status: int = 0, **variables: str) -> str:
        """Run a make target; what it printed. `status` is how it has to end."""
        done = subprocess.run(
            ["make", *arguments],
            cwd=self.folder,
            env={**self.environment, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        assert done.returncode == status, f"make {' '.join(arguments)} exited {done.returncode}\n{done.stdout[-6000:]}"
        return done.stdout

    def git(self, *arguments: str) -> str:
        return git(self.folder, "-c", "user.name=Asha", "-c", "user.email=asha@team.example", *arguments)

    def branch(self, name: str) -> None:
        """A new branch from what main is now at the forge."""
        self.git("fetch", "--quiet", "origin")
        self.git("checkout", "--quiet", "-B", name, "origin/main")

    def commit(self, message: str) -> str:
        """Commit all and push the branch that is checked out; the commit."""
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", message)
        self.git("push", "--quiet", "--set-upstream", "origin", "HEAD")
        return self.git("rev-parse", "HEAD")


def clone(repository: Path, folder: Path, environment: Mapping[str, str]) -> Desk:
    """A fresh clone, with nothing in its cache."""
    git(folder.parent, "clone", "--quiet", str(repository), str(folder))
    return at_desk(folder, environment)


def at_desk(folder: Path, environment: Mapping[str, str]) -> Desk:
    """A folder as somebody's clone."""
    git(folder, "config", "user.name", "Asha")
    git(folder, "config", "user.email", "asha@team.example")
    lend_environment(folder)
    return Desk(folder, {**environment, "HOME": str(folder.parent), "PATH": os.environ["PATH"]})
