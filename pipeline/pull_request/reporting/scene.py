"""What a report is made of: the work tree, the base commit's files as git holds them, and both sides as far as the cache has them."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.data.reports import R, read_report
from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.comparing.comparison import Found, compare
from pipeline.pull_request.comparing.lock import Lock
from pipeline.pull_request.comparing.side import LOCK
from pipeline.pull_request.comparing.sides import side_now, side_then
from pipeline.pull_request.reporting.blocks import Block
from pipeline.pull_request.revision import Revision
from pipeline.stage import Fault

OF_ARM = re.compile(r"[a-z]{1,20}@[\w-]{1,40}", re.ASCII)  # within code @ mentions nobody
KEYS = {  # what the tools of DVC's remotes read from the environment, by the beginning of the address
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "azure": ("AZURE_STORAGE_CONNECTION_STRING",),
}


@dataclass
class Scene:
    """Both sides; what is made for a while stands below `scratch`.

    `before` holds the base commit's files, None where there is no base. `found` pairs the models, None where nothing can be
    compared, and then `why` says so.
    """

    root: Path
    base: Revision
    scratch: Path
    before: Path | None = None
    found: Found | None = None
    why: str = ""
    lock: Lock = field(default_factory=lambda: Lock(Path("none")))
    lock_before: Lock = field(default_factory=lambda: Lock(Path("none")))

    def report(self, kind: type[R], name: str, is_before: bool = False) -> R | None:
        """A report of either side; None where it is not there. Raises Fault for one of the work tree that cannot be read."""
        root = self.before if is_before else self.root
        path = root / "reports" / name if root else None
        if path is None or not path.is_file():
            return None
        try:
            return read_report(kind, path)
        except Fault:
            if is_before:
                return None  # of another version of the code: nobody can mend it here
            raise


def scene_of(base: Revision, repository: Path, folder: Path) -> Scene:
    """Read both sides; the base is laid out below `folder`, which is there."""
    scene = Scene(repository, base, folder, lock=_lock(repository))
    if base.commit is None:
        return scene
    scene.before = folder / "base"
    then = side_then(base, repository, scene.before)
    scene.lock_before = _lock(scene.before)
    try:
        scene.found = compare(then, side_now(repository), base.why)
    except Fault as fault:
        scene.why = told(fault, repository)
    return scene


def _lock(root: Path) -> Lock:
    try:
        return Lock(root / LOCK)
    except Fault:
        return Lock(root / "none")


def told(fault: Fault, root: Path) -> str:
    """What a person can mend, as code, with places from the root of the project."""
    return code(str(fault).replace(f"{root}/", ""), 2 * LONGEST)


def or_told(make: Callable[[], Sequence[Block]], root: Path) -> list[Block]:
    """Blocks, or why they cannot be made: one report that is wrong hides no other part."""
    try:
        return list(make())
    except Fault as fault:
        return [f"⚠️ Cannot be shown: {told(fault, root)}"]


def remote_hint(root: Path) -> str:
    """Which setting is missing, where objects cannot be had: that of the remote, or what its tools read from the environment."""
    from dvc.config import Config, ConfigError

    try:
        config = Config(str(root / ".dvc") if (root / ".dvc").is_dir() else None)
    except ConfigError:
        return "`.dvc/config` cannot be read: mend it"
    name = str(config["core"].get("remote") or "")
    if not name or name not in config["remote"]:
        how = "`make remote URL=<address>` sets one, `make pull BASE=<revision>` fetches from it"
        return f"no DVC remote is set (`core.remote` in `.dvc/config`): {how}"
    address = str(config["remote"][name].get("url", ""))
    absent = [key for key in KEYS.get(address.partition("://")[0], ()) if key not in os.environ]
    needs = f"; not set here: {', '.join(map(code, absent))}" if absent else ""
    return f"the remote {code(name)} ({code(address)}) has it, or nobody pushed it: `make pull BASE=<revision>` fetches{needs}"


def stage_code(name: str) -> str:
    """The name of a stage as code from which it can be copied, where it is one of ours."""
    return f"`{name}`" if OF_ARM.fullmatch(name) else code(name)


def listed(names: Sequence[str], most: int = 6) -> str:
    """Names as code, the first of many."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(code(name, LONGEST) for name in names[:most]) + more
