"""Who sits at a desk: the name that was given, else git's."""

import subprocess

from pipeline.data.ledgers import author_of
from pipeline.stage import Fault


def sitter(given: str, variable: str, command: str) -> str:
    """The name under which decisions are written. Raises Fault where there is none that a file can be named after."""
    name = given.strip() or _name_in_git()
    if not name:
        raise Fault(variable, "is missing", f"write {command} {variable}=<name>, or set git config user.name")
    author_of(name)
    return name


def _name_in_git() -> str:
    try:
        found = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return found.stdout.strip()
