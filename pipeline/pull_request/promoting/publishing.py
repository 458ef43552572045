"""What `params.yaml` says of publishing: the model's name in tags and places, and where it goes."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.desk import accepted
from pipeline.desk.accepted import POINTER, Pointer, Record
from pipeline.pull_request.promoting.history import Past, accepted_before
from pipeline.stage import Fault, Params

NAME = r"^[a-z]([a-z0-9-]*[a-z0-9])?$"  # as GTO takes it


class PublishParams(Params):
    """Section `publish`. `to` is "" for nowhere, a folder, an address of fsspec, or hf://owner/name."""

    section: ClassVar[str] = "publish"
    name: Annotated[str, Field(pattern=NAME)]
    stage: Annotated[str, Field(pattern=NAME)]
    to: str
    form: Literal["adapter", "merged"]


def in_production(root: Path) -> tuple[Pointer, Record, Past] | None:
    """The accepted model with the commit that made it so, None where there is none.

    Raises Fault where what stands in the work tree is not committed: production is what is on the main line.
    """
    found = accepted.accepted(root)
    if found is None:
        return None
    past = next(accepted_before(root), None)
    if past is None or past.pointer != found[0]:
        raise Fault(POINTER, "is not what is committed", "commit it, or take the change back")
    return (*found, past)
