"""The small pipeline of make verify, with an accepted model and a folder that git and DVC hold together, for the lock's tests."""

import shutil
from pathlib import Path

import yaml

from pipeline.pull_request.locking.check import check
from tests.project import git
from tests.verified_project import DVC, PARAMS, build, dvc

# A stage that reads a folder in which one file is git's and another is DVC's
SIZES = """  sizes:
    cmd: cat data/raw/*.bin | wc -c > reports/sizes.json
    deps: [data/raw]
    plots: [reports/sizes.json: {cache: false}]
"""
PIPELINE = DVC.replace("metrics: [models", f"{SIZES}metrics: [models")
ACCEPTED = PARAMS.replace("}}", "}, accepted: {model: models/accepted}}")


def build_locked(folder: Path) -> Path:
    """The project with a model in production, run and committed."""
    folder.mkdir(parents=True)
    build(folder, PIPELINE)
    shutil.copytree(folder / "models/adapter", folder / "models/accepted")
    with dvc(folder) as repo:
        repo.add(str(folder / "models/accepted"))
    (folder / "params.yaml").write_text(ACCEPTED)
    rerun(folder, "the first model goes into production")
    return folder


def rerun(folder: Path, message: str, *targets: str) -> None:
    """`dvc repro`, and a commit of what came out."""
    with dvc(folder) as repo:
        for target in targets or (None,):
            repo.reproduce(target, single_item=bool(targets))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)


def cloned(folder: Path, place: Path) -> Path:
    """What another desk gets: git's files, and no cache."""
    git(folder, "clone", "-q", str(folder), str(place))
    return place


def remote_at(folder: Path, url: str, **settings: str) -> None:
    """Set the default remote in `.dvc/config`, and commit it."""
    with dvc(folder) as repo, repo.config.edit("repo") as config:
        config["remote"]["storage"] = {"url": url, "verify": True, **settings}
        config["core"]["remote"] = "storage"
    git(folder, "commit", "-q", "-a", "-m", "a remote")


def push(folder: Path) -> None:
    with dvc(folder) as repo:
        repo.push(run_cache=True)


def lines(folder: Path) -> list[str]:
    """What the check finds, each with its kind."""
    return [f"{found.kind}: {found}" for found in check(folder)]


def param(folder: Path, old: str, new: str) -> None:
    """Change the text of `params.yaml`."""
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new))


def digest_in(folder: Path, name: str) -> str:
    """The digest in a .dvc file."""
    return str(yaml.safe_load((folder / name).read_text())["outs"][0]["md5"])
