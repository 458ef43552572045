"""Files that are put back as they were where what wrote them fails: a promotion is done whole or not at all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def all_or_nothing(files: Iterable[Path], finally_do: Callable[[], None]) -> Iterator[None]:
    """Where what is done within fails: put the files back, those away that were not there, do the rest, and raise again."""
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(content)
        finally_do()
        raise
