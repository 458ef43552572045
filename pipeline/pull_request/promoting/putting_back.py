"""Files that are put back as they were where what wrote them fails: a promotion is done whole or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def all_or_nothing(files: Iterable[Path]) -> Iterator[None]:
    """Put the files back, those away that were not there, and raise again, where what is done within fails."""
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        raise
