"""Section `train` of the parameters: what shapes a training run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.stage import Params


class LoraParams(Params):
    """Section `train.lora` (Hu et al., 2021). `targets`: all-linear, or a list of module names."""

    section: ClassVar[str] = "train.lora"
    r: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    targets: Literal["all-linear"] | list[str]


class TrainParams(Params):
    """Section `train`. `batch_size` rows a device and step, `max_length` tokens, `threads` 0 leaves their number to torch."""

    section: ClassVar[str] = "train"
    seed: int
    epochs: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    schedule: Literal["cosine", "linear", "constant"]
    warmup_share: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    batch_size: Annotated[int, Field(ge=1)]
    accumulate: Annotated[int, Field(ge=1)]
    max_length: Annotated[int, Field(ge=8)]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    device: str
    threads: Annotated[int, Field(ge=0)]
    lora: LoraParams
