"""What a power cut must not undo."""

import os
from pathlib import Path


def keep_names(folder: Path) -> None:
    """Put a folder's list of files on the disk; a new file that is there without its name is lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
