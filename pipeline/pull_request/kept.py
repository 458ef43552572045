"""Sources that DVC keeps: git holds `<name>.dvc` with the digest of the file, and DVC's cache holds the file."""

import re
from pathlib import Path
from typing import Any

from pipeline.stage import Fault, read_yaml

MD5 = re.compile(r"[0-9a-f]{32}")


def kept_md5(path: Path) -> str | None:
    """The digest under which DVC keeps a file, None where it keeps no such file."""
    pointer = path.with_name(f"{path.name}.dvc")
    if not pointer.is_file():
        return None
    content = read_yaml(pointer)
    outs: Any = content.get("outs") if isinstance(content, dict) else None
    for out in outs if isinstance(outs, list) else []:
        if isinstance(out, dict) and out.get("path") == path.name and MD5.fullmatch(str(out.get("md5"))):
            return str(out["md5"])
    return None


def cached_file(md5: str, cache: Path) -> Path | None:
    """The file of that digest in DVC's cache, in the layout of DVC 3 or 2; None where it is not there."""
    for folder in (cache / "files" / "md5", cache):
        if (found := folder / md5[:2] / md5[2:]).is_file():
            return found
    return None


def cache_of(repository: Path) -> Path:
    """Where DVC's cache is, by the configuration that `dvc config` shows."""
    from dvc.config import Config, ConfigError

    folder = repository / ".dvc"
    try:
        named = Config(str(folder) if folder.is_dir() else None)["cache"].get("dir")
    except ConfigError as error:
        raise Fault(folder / "config", f"cannot be read ({error})", "mend it") from None
    return Path(str(named)) if named else folder / "cache"
