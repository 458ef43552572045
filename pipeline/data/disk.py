"""What a power cut must not undo, and what is said where a disk is full."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.stage import Fault

TORCH = ("PytorchStreamWriter", "inline_container")  # what torch's own errors name where a file cannot be written


def keep_names(folder: Path) -> None:
    """Put a folder's list of files on the disk; a new file that is there without its name is lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def naming_full_disk(place: Path, remedy: str) -> Iterator[None]:
    """Raises Fault where a disk is full, whoever writes: torch and safetensors say it in errors of their own."""
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise Fault(place, "the disk is full", remedy) from None


def _is_full(error: Exception) -> bool:
    return (
        getattr(error, "errno", None) == errno.ENOSPC
        or "No space left" in str(error)  # also of shutil.Error, which lists what could not be copied
        or any(writer in str(error) for writer in TORCH)
    )
