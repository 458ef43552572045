"""The folder that a server is given: written once a model, into a folder that git does not take."""

import shutil
from pathlib import Path

from pipeline.data.disk import naming_full_disk
from pipeline.data.records import digest
from pipeline.model.adapter import served, whole_folder
from pipeline.model.base import base_folder, load_base
from pipeline.model.whole import write_linked, write_merged


def prepared(path: Path, identity: str, dtype: str, engines: Path) -> Path:
    """The folder of an arm's model in `engines`: links to a base or a whole model, or an adapter merged into its base.

    It is merged on the CPU, so that the GPU's memory is the server's. One model is kept; an older one goes when another is written.
    """
    folder = _whole(path)
    out = engines / digest([identity, "" if folder else dtype])
    if out.is_dir() and all(file.exists() for file in out.iterdir()):  # a link may have lost its end
        return out
    part = engines / f"{out.name}.part"
    with naming_full_disk(engines, "make room; nothing was left behind"):
        for older in [one for one in engines.iterdir() if one.is_dir()] if engines.is_dir() else ():
            shutil.rmtree(older)
        try:
            if folder:
                write_linked(folder, part)
            else:
                write_merged(path, dtype, "cpu", part)
            part.rename(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return out


def _whole(path: Path) -> Path | None:
    """The folder of the whole model that an arm names, its files proved to be those of the base; None where it is an adapter."""
    if path.is_file():
        return base_folder(load_base(path), path)
    made = served(path)
    return None if made.kind == "adapter" else whole_folder(path, made)
