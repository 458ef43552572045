"""What pushing and pulling share: the remote is reached first, so that what is wrong with it is one line; what lacks is told after."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.desk.remotes.lookup import looked_up
from pipeline.desk.remotes.plugin import install
from pipeline.desk.remotes.setting import HOW, Setting, check_config, default_remote
from pipeline.pull_request.verifying.hashes import read_listing
from pipeline.pull_request.verifying.locked import FOLDER, noting_in, opened
from pipeline.stage import Fault

PROBES = (
    "0" * 32,
    "1" * 32,
)  # nobody has these; two, since DVC asks for one alone in a way that hides a bucket that is not there


def ready(root: Path, otherwise: str) -> Setting:
    """The default remote, with its plugin installed and its server answering. Raises Fault; `otherwise` is what can be done without one."""
    check_config(root)
    setting = default_remote(root)
    if setting is None:
        raise Fault(".dvc/config", "names no remote", f"{HOW}; {otherwise}")
    install(setting)
    with tempfile.TemporaryDirectory() as folder, noting_in(Path(folder)), looked_up(root, setting, _silent) as lookup:
        lookup.lacking(PROBES, "md5")
    return setting


def _silent(_done: int, _total: int) -> None:
    """Two objects take no time."""


def absent_here(root: Path) -> Iterator[tuple[str, str]]:
    """Each output that the cache has not got in whole, by path, with its stage."""
    with tempfile.TemporaryDirectory() as folder, opened(root, Path(folder)) as project:
        for step in project.steps:
            for out in step.outs:
                if not out.digest or out.cache is None or out.remote is None:
                    continue
                place = out.object(out.digest)
                listing = (read_listing(place) if place.is_file() else None) or {}
                lacks = [name for name, digest in sorted(listing.items()) if not out.object(digest).is_file()]
                if not place.is_file():
                    yield out.path, step.name
                elif out.digest.endswith(FOLDER):
                    yield from ((f"{out.path}/{name}", step.name) for name in lacks)
