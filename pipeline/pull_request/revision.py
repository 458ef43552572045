"""The inputs of a revision and of the work tree, each laid out in a folder of its own, so that nothing is written to the repository."""

import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.stage import Fault

INPUTS = ("data/raw", "data/feedback", "data/ledgers", "task", "params.yaml")
USUAL = ("origin/main", "main")
REMEDY = "name another one with BASE=<revision>"
LEFT = "..."  # behind a revision, as git has it: the commit at which HEAD left it


@dataclass(frozen=True)
class Revision:
    """A commit with the words that say why it was taken; no commit where there is nothing before."""

    name: str
    commit: str | None
    why: str


def revision_of(wanted: str, repository: Path) -> Revision:
    """The revision of that name, where `...` follows the commit at which HEAD left it, else the one that a branch would be compared with.

    Raises Fault where there is none.
    """
    if _git(repository, "rev-parse", "--git-dir") is None:
        raise Fault(repository, "is no git repository", "run it in a clone of the project")
    if wanted.endswith(LEFT):
        return _left(named(wanted.removesuffix(LEFT), repository), repository)
    return named(wanted, repository) if wanted.strip() else _usual(repository)


def _left(other: Revision, repository: Path) -> Revision:
    """The newest commit that HEAD has in common with another one. Raises Fault where there is none."""
    commit = _git(repository, "merge-base", str(other.commit), "HEAD")
    if commit is None:
        raise Fault(other.name, "and HEAD have no commit in common here", f"fetch the whole history, or {REMEDY}")
    return Revision(other.name, commit, "where this branch left it")


def named(wanted: str, repository: Path, setting: str = "BASE") -> Revision:
    """The revision of that name, which came by that setting. Raises Fault where there is none."""
    remedy = REMEDY.replace("BASE", setting)
    if not wanted or wanted.startswith("-") or not wanted.isprintable():
        raise Fault(f"{setting}={wanted!r}", "is no revision", remedy)
    commit = _commit(wanted, repository)
    if commit is None:
        fetch = "git fetch --unshallow" if is_shallow(repository) else "fetch it"
        raise Fault(f"{setting}={wanted}", "is no revision of this repository", f"{fetch}, or {remedy}")
    return Revision(wanted, commit, f"named by {setting}")


def _usual(repository: Path) -> Revision:
    """The commit at which this branch left the main one; on the first commit, nothing."""
    for name in USUAL:
        if _commit(name, repository) is not None:
            return _left(named(name, repository), repository)
    before = _commit("HEAD~1", repository)
    if before is None:
        return Revision("nothing", None, "there is no commit before this one")
    return Revision("HEAD~1", before, "the commit before this one, since there is no branch main")


def _commit(name: str, repository: Path) -> str | None:
    return _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")


def git(repository: Path, *arguments: str) -> str | None:
    """What git says, None where it fails."""
    result = subprocess.run(["git", *arguments], cwd=repository, capture_output=True, check=False)
    return result.stdout.decode("utf-8", "replace") if result.returncode == 0 else None


def _git(repository: Path, *arguments: str) -> str | None:
    """The same without blanks at its ends."""
    said = git(repository, *arguments)
    return None if said is None else said.strip()


def is_shallow(repository: Path) -> bool:
    """Whether the clone lacks the beginning of its history."""
    return _git(repository, "rev-parse", "--is-shallow-repository") == "true"


def lay_out_commit(commit: str, repository: Path, root: Path, inputs: Sequence[str] = INPUTS) -> list[str]:
    """Write the inputs of a commit below `root`. Returns what git holds and did not hand out."""
    wanted = [name for name in _listed(repository, commit, inputs, "--name-only") if name]
    if not wanted:
        return []
    archive = ["git", "archive", "--format=tar", commit, "--", *wanted]
    with subprocess.Popen(archive, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
                tar.extractall(root, filter="data")
            process.stdout.read()  # the padding at the end, so that git can finish
        except tarfile.FilterError as error:
            process.kill()
            raise Fault(commit[:12], f"holds a link that leads out of it ({error.tarinfo.name!r})", REMEDY) from None
        except tarfile.TarError:
            process.kill()
            raise Fault(commit[:12], "cannot be unpacked", "run git fsck") from None
    if process.returncode:
        raise Fault(commit[:12], "cannot be unpacked", "run git fsck, or fetch the whole history")
    files = _listed(repository, commit, inputs, "-r", "--name-only")
    return [name for name in files if not (root / name).exists() and not (root / name).is_symlink()]


def _listed(repository: Path, commit: str, inputs: Sequence[str], *how: str) -> list[str]:
    command = ["git", "ls-tree", "-z", *how, commit, "--", *inputs]
    result = subprocess.run(command, cwd=repository, capture_output=True, check=False)
    if result.returncode:
        raise Fault(commit[:12], "cannot be listed", "run git fsck, or fetch the whole history")
    return [name.decode("utf-8", "surrogateescape") for name in result.stdout.split(b"\0") if name]


def lay_out_work_tree(repository: Path, root: Path) -> None:
    """Point from below `root` at the inputs as they are on the disk, committed or not."""
    for name in INPUTS:
        place = repository / name
        files = [path for path in place.rglob("*") if path.is_file()] if place.is_dir() else [place]
        for path in files:
            if path.is_file():
                link = root / path.relative_to(repository)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.resolve())
