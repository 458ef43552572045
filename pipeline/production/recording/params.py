"""Section `record` of `params.yaml`: what is kept of the traffic, where, and for how long."""

from typing import Annotated, ClassVar

from pydantic import Field

from pipeline.stage import Params


class RecordParams(Params):
    """Section `record`. `sample` is a share of the requests; `file_mb` and `buffer_mb` are mebibytes; `counts_s` seconds."""

    section: ClassVar[str] = "record"
    folder: Annotated[str, Field(min_length=1)]
    sample: Annotated[float, Field(ge=0, le=1)]
    keep_days: Annotated[int, Field(ge=1)]
    file_mb: Annotated[float, Field(gt=0)]
    buffer_mb: Annotated[float, Field(gt=0)]
    counts_s: Annotated[float, Field(gt=0)]
    user_key_env: str
