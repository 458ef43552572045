"""Where DVC, in the work tree of another commit, finds what was kept: the project's cache or one of its own, and remotes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.pull_request.kept import cache_of
from pipeline.stage import Fault

OURS = "cache-of-the-project"  # the project's cache as a remote: it is laid out like one
CONFIG, LOCAL = Path(".dvc/config"), Path(".dvc/config.local")
REMOTE = 'remote "'


def configure(tree: Path, root: Path, cache: Path | None) -> bool:
    """Write what DVC in `tree` goes by: that cache, the project's where it is None; remotes of project and commit, the latter first.

    Credentials are those of this machine, and a relative address means what it means in the project. Returns whether there is a
    default remote. Raises Fault where a configuration cannot be read.
    """
    today, theirs, ours = (_read(path) for path in (root / CONFIG, tree / CONFIG, root / LOCAL))
    local = _read(root / LOCAL)
    shared = cache_of(root).resolve()
    for config in (today, theirs, ours):
        for name, remote in _remotes(config):
            local.setdefault(name, {}).update({**remote, "url": _absolute(str(remote.get("url", "")), root)})
            if not remote.get("url"):
                del local[name]["url"]
    named = next((core["remote"] for core in (_core(one) for one in (ours, theirs, today)) if core.get("remote")), "")
    local.setdefault("core", {})["no_scm"] = "true"
    if named:
        local["core"]["remote"] = named
    local.setdefault("cache", {})["dir"] = str(cache or shared)
    local[f'{REMOTE}{OURS}"'] = {"url": str(shared), "verify": "true"}
    local.filename = str(tree / LOCAL)
    local.write()
    return bool(named)


def _read(path: Path) -> Any:
    from configobj import ConfigObj, ConfigObjError

    try:
        return ConfigObj(str(path) if path.is_file() else None, encoding="utf-8")
    except (ConfigObjError, UnicodeError) as error:
        raise Fault(path, f"cannot be read ({error})", "mend it") from None


def _remotes(config: Any) -> Iterator[tuple[str, Any]]:
    return ((name, config[name]) for name in config.sections if name.startswith(REMOTE))


def _core(config: Any) -> Any:
    return config.get("core", {})


def _absolute(address: str, root: Path) -> str:
    """An address from the project: a relative path is one from its folder .dvc."""
    return address if "://" in address or address.startswith("~") else str((root / ".dvc" / address).resolve())
