"""Git in a workflow: pushes with a token of the environment, that stands in no command and no file."""

import os
import subprocess

from tools.github import setting

HELPER = '!f() { echo username=x-access-token; echo "password=$PUSH_TOKEN"; }; f'


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git; what it says is returned, and what it says of a fault too."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def push(command: str, *what: str) -> subprocess.CompletedProcess[str]:
    """Push to the repository at GitHub with PUSH_TOKEN; without one to origin, as git is set up."""
    if not os.environ.get("PUSH_TOKEN"):
        return git("push", "--quiet", "origin", *what)
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    address = f"{server}/{setting(command, 'GITHUB_REPOSITORY')}.git"
    helper = ("-c", "credential.helper=", "-c", f"credential.helper={HELPER}")
    return git(*helper, "push", "--quiet", address, *what)


def told(done: subprocess.CompletedProcess[str]) -> str:
    """The end of what git said of a fault, on one line."""
    return " ".join(done.stderr.split())[-200:]
