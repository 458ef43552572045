"""Section `train` of the parameters: what shapes a training run."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.stage import Params

Phase = Literal["lora", "qlora", "full", "dpo"]
SUPERVISED: tuple[Phase, ...] = ("lora", "qlora", "full")  # learn the answer; others start from what these made


class AdapterParams(Params):
    """Section `train.adapter` (Hu et al., 2021). `targets`: all-linear, or a list of module names.

    `rslora` divides by the root of `r` (Kalajdzievski, 2023), `dora` learns size and direction apart (Liu et al., 2024).
    """

    section: ClassVar[str] = "train.adapter"
    r: Annotated[int, Field(ge=1)]
    alpha: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    targets: Literal["all-linear"] | list[str]
    rslora: bool
    dora: bool

    @field_validator("targets")
    @classmethod
    def _head_is_left_alone(cls, targets: str | list[str]) -> str | list[str]:
        if isinstance(targets, list) and (not targets or any(name.rpartition(".")[2] == "lm_head" for name in targets)):
            raise ValueError("an adapter needs modules, and lm_head is none that one is trained on")
        return targets


class PhaseParams(Params):
    """What every phase has of its own: rates of adapters are some ten times those of whole models, rates of preferences lower."""

    section: ClassVar[str] = "train"
    epochs: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1)]
    accumulate: Annotated[int, Field(ge=1)]


class DpoParams(PhaseParams):
    """Section `train.dpo` (Rafailov et al., 2023). `beta` holds the policy to its reference; `quantise` loads the base in 4 bits."""

    section: ClassVar[str] = "train.dpo"
    beta: Annotated[float, Field(gt=0)]
    quantise: bool


class TrainParams(Params):
    """Section `train`. `phases` in their order; a section a phase, of which only those that are listed count.

    `start`: base.json, or the folder of what was trained before; `turns`: whether every answer of a talk is learnt, or the last;
    `max_length` tokens; `too_long`: what becomes of an example that has more; `packing`: several examples in a row of `max_length`
    tokens; `keep`: which checkpoint of a phase; `patience`: epochs without a better validation loss after which it stops, 0 for none;
    `save_every` steps a checkpoint is written; `threads` 0 leaves their number to torch.
    """

    section: ClassVar[str] = "train"
    phases: Annotated[list[Phase], Field(min_length=1)]
    start: str
    seed: int
    turns: Literal["last", "all"]
    max_length: Annotated[int, Field(ge=8)]
    too_long: Literal["stop", "drop"]
    packing: bool
    keep: Literal["best", "last"]
    patience: Annotated[int, Field(ge=0)]
    schedule: Literal["cosine", "linear", "constant"]
    warmup_share: Annotated[float, Field(ge=0, lt=1)]
    weight_decay: Annotated[float, Field(ge=0)]
    save_every: Annotated[int, Field(ge=1)]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    device: str
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"]
    activation_checkpointing: Literal["auto"] | bool
    compile: bool
    threads: Annotated[int, Field(ge=0)]
    adapter: AdapterParams
    lora: PhaseParams
    qlora: PhaseParams
    full: PhaseParams
    dpo: DpoParams

    @field_validator("phases")
    @classmethod
    def _order(cls, phases: list[Phase]) -> list[Phase]:
        learning = [phase for phase in phases if phase in SUPERVISED]
        if len(set(phases)) < len(phases) or len(learning) > 1 or (learning and phases[0] not in SUPERVISED):
            raise ValueError(f"at most one of {', '.join(SUPERVISED)} comes first, and no phase twice")
        return phases

    def of(self, phase: Phase) -> PhaseParams:
        """The section of a phase."""
        section: PhaseParams = getattr(self, phase)
        return section

    def shaping(self, phase: Phase) -> dict[str, object]:
        """What shapes a phase: its own section, and all that no phase has of its own."""
        sections = {"lora", "qlora", "full", "dpo", "phases"}
        return {"phase": phase, **self.model_dump(exclude=sections), "own": self.of(phase).model_dump()}
