"""The key under which users become digests: out of the environment, or made once and kept beside the logs, for its owner alone."""

import contextlib
import os
import secrets
from pathlib import Path

NAME, BYTES, MOST, MODE = "user.key", 32, 64, 0o600


def user_key(folder: Path, env: str) -> bytes:
    """The key, at most 64 bytes. Where it can be neither read nor kept, one for this run: then digests of two runs do not agree."""
    given = os.environ.get(env, "").strip() if env else ""
    if given:
        return given.encode("utf-8", "replace")[:MOST]
    place = folder / NAME
    try:
        return _read(place) or _made(place)
    except OSError:
        return secrets.token_bytes(BYTES)


def _read(place: Path) -> bytes:
    """The key that is kept; b"" where there is none."""
    try:
        kept = place.read_bytes().strip(b"\0 \r\n")
    except FileNotFoundError:
        return b""
    with contextlib.suppress(OSError):  # of another owner
        place.chmod(MODE)  # whoever copied it may have let others read it
    try:
        return bytes.fromhex(kept.decode("ascii"))[:MOST]
    except ValueError:  # somebody's own word
        return kept[:MOST]


def _made(place: Path) -> bytes:
    """Write a new key whole under its name; of two that do so at once the first one counts."""
    place.parent.mkdir(parents=True, exist_ok=True)
    key = secrets.token_bytes(BYTES)
    part = place.with_name(f"{NAME}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")
    try:
        os.link(part, place)
    except FileExistsError:
        if kept := _read(place):
            key = kept
        else:  # it holds none: a disk was full when it was written
            part.replace(place)
    finally:
        part.unlink(missing_ok=True)
    return key
