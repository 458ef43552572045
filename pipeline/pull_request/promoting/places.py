"""Where a published model stands: a folder a version, of which the manifest is written last. Without it there is nothing there.

A version is never written over: its name has the digest of the accepted model, and what has a manifest is let be.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.stage import Fault

MANIFEST = "MANIFEST.json"
HUB = "hf://"
WITHOUT_FOLDERS = {
    "s3",
    "s3a",
    "gs",
    "gcs",
    "abfs",
    "abfss",
    "az",
}  # makedirs would make a bucket there, out of a slip of the pen


def manifest_of(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """The digest and size of each file, with what is told of the model."""
    files = {}
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        files[path.relative_to(folder).as_posix()] = {"sha256": digest, "size": path.stat().st_size}
    return {**told, "files": files}


def as_text(manifest: dict[str, Any]) -> str:
    """The manifest as it is written."""
    return json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def standing(address: str, model: str) -> bool:
    """Whether that model is published there. Raises Fault where another one is, or the place cannot be asked."""
    fs, place = _opened(address)
    with _saying(address):
        if not fs.exists(f"{place}/{MANIFEST}"):
            return False
        try:
            there = json.loads(fs.cat_file(f"{place}/{MANIFEST}"))["model"]
        except (ValueError, KeyError, TypeError):
            raise Fault(
                f"{address}/{MANIFEST}", "is no manifest", "look who wrote it; nothing was written over"
            ) from None
    if there != model:
        raise Fault(address, f"has the model {there[:12]}", "another version is never written over; change publish.to")
    return True


def put(folder: Path, address: str, manifest: dict[str, Any]) -> None:
    """Write every file, then the manifest. What an earlier try left without a manifest is written again."""
    fs, place = _opened(address)
    names = list(manifest["files"])
    with _saying(address):
        for number, name in enumerate(names, 1):
            target = f"{place}/{name}"
            if not WITHOUT_FOLDERS.intersection([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol):
                fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(folder / name), target)
            size = fs.info(target)["size"]
            if size != manifest["files"][name]["size"]:
                raise Fault(f"{address}/{name}", f"has {size} bytes after it was written", "run make publish again")
            print(f"publish: {number}/{len(names)} {name}", flush=True)
        fs.pipe_file(f"{place}/{MANIFEST}", as_text(manifest).encode())


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it. Raises Fault where fsspec knows none."""
    import fsspec

    try:
        fs, place = fsspec.core.url_to_fs(address)
    except (ValueError, ImportError) as error:
        raise Fault(f"publish.to: {address}", f"is no place ({error})", "mend it, or install what it needs") from None
    fs.invalidate_cache()
    return fs, str(place)


@contextmanager
def _saying(address: str) -> Iterator[None]:
    """Turns what a file system raises into a line."""
    try:
        yield
    except Fault:
        raise
    except Exception as error:
        if not isinstance(error, OSError) and not type(error).__module__.startswith(("botocore", "aiohttp")):
            raise
        words = " ".join(str(error).split())[:200]
        remedy = "mend the connection, the rights or publish.to; without its manifest nothing counts as published"
        raise Fault(address, f"cannot be read or written ({words})", remedy) from None
