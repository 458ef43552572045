"""Digests as DVC makes them, of a file and of a folder: in pieces, each file once, and never by what DVC remembers of it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.stage import Fault

CHUNK = 2**20
TOLD_EVERY = 256 * 2**20  # bytes between two calls of `tell`
NO_FILE = ""


class Hashes:
    """Hashes files; one that is linked from several places is read once. `tell` is told the bytes read so far."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self.read, self.files = 0, 0
        self._known: dict[tuple[int, int, int, int, str], str] = {}
        self._tell, self._told = tell, 0

    def file(self, path: Path, kind: str = "md5") -> str:
        """The digest of a file, '' where there is no regular one. Raises Fault where it cannot be read."""
        try:
            if not path.is_file():
                return NO_FILE
            state = path.stat()
            key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, kind)
            if key not in self._known:
                self._known[key] = self._hashed(path, kind)
            return self._known[key]
        except OSError as error:
            raise Fault(path, f"cannot be read ({error.strerror})", "mend its rights or the disk") from None

    def _hashed(self, path: Path, kind: str) -> str:
        from dvc_data.hashfile.hash import get_hash_stream

        self.files += 1
        with path.open("rb") as file:
            stream = get_hash_stream(file, kind)
            while chunk := stream.read(CHUNK):
                self.read += len(chunk)
                if self.read - self._told >= TOLD_EVERY:
                    self._told = self.read
                    self._tell(self.read)
        return str(stream.hash_value)


def folder_digest(listing: Mapping[str, str]) -> str:
    """The digest of a folder: that of the list of its files, as DVC writes it."""
    rows = [{"md5": listing[name], "relpath": name} for name in sorted(listing)]
    return hashlib.md5(json.dumps(rows, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def read_listing(path: Path) -> dict[str, str] | None:
    """The digests that an object of a folder lists, by name; None where it is no such list, or names a file outside the folder."""
    return listing_of(path.read_bytes())


def listing_of(content: bytes) -> dict[str, str] | None:
    """The same of the bytes of such an object."""
    try:
        rows = json.loads(content)
        listing = {str(row["relpath"]): str(row["md5"]) for row in rows}
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    is_inside = all(name and ".." not in Path(name).parts and not Path(name).is_absolute() for name in listing)
    return listing if is_inside else None
