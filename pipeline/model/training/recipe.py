"""Section `train` of the parameters: what shapes a training run."""

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, field_validator, model_validator

from pipeline.remote.service import Endpoint
from pipeline.stage import Params

Phase = Literal["lora", "qlora", "full", "dpo", "reward", "grpo", "rloo", "api"]
SUPERVISED: tuple[Phase, ...] = ("lora", "qlora", "full")  # learn the answer; others start from what these made

POLICY: tuple[Phase, ...] = ("grpo", "rloo")  # answer, and learn from what the answers are worth
PAIRS: tuple[Phase, ...] = ("dpo", "reward")  # learn from preferences


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
    epochs: Annotated[float, Field(ge=1)]  # below it, rows would count as trained that were never seen
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1)]
    accumulate: Annotated[int, Field(ge=1)]


class DpoParams(PhaseParams):
    """Section `train.dpo` (Rafailov et al., 2023). `beta` holds the policy to its reference; `quantise` loads the base in 4 bits."""

    section: ClassVar[str] = "train.dpo"
    beta: Annotated[float, Field(gt=0)]
    quantise: bool


class RewardWeights(Params):
    """Section `rewards` of a policy phase: what an answer is worth.

    `format`: it meets the task's schema; `exact`: the share of the fields with one right value that it has right; `model`: what the
    reward model of the phase before says.
    """

    section: ClassVar[str] = "train"
    format: Annotated[float, Field(ge=0)]
    exact: Annotated[float, Field(ge=0)]
    model: Annotated[float, Field(ge=0)]


class PolicyParams(PhaseParams):
    """Section `train.grpo` (Shao et al., 2024) or `train.rloo` (Ahmadian et al., 2024).

    `batch_size` counts answers; `generations` of them are to one question, and compared with each other; `beta` holds the policy to
    its reference; `quantise` loads the base in 4 bits.
    """

    section: ClassVar[str] = "train"
    generations: Annotated[int, Field(ge=2)]
    max_new_tokens: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(gt=0)]
    beta: Annotated[float, Field(ge=0)]
    quantise: bool
    rewards: RewardWeights

    @model_validator(mode="after")
    def _whole_groups(self) -> "PolicyParams":
        if self.batch_size * self.accumulate % self.generations:
            raise ValueError("batch_size times accumulate is no multiple of generations")
        return self


class ApiParams(Params):
    """Section `train.api`: fine-tuning by a service of the OpenAI protocol.

    `price` is US dollars a million trained tokens, null until somebody has looked it up; a job that can cost more than `max_cost`
    US dollars is not asked for. `batch_size` and `learning_rate_multiplier` null leave them to the service; `more` are hyperparameters
    that only this service knows. `poll_s` seconds between looks, and after `wait_h` hours a run stops to look. `served_as` is the model
    that comes of it where the job does not name it. Prices and temperature are of that model's answers.
    """

    section: ClassVar[str] = "train.api"
    base_url: str
    model: str
    api_key_env: str
    method: Literal["supervised", "dpo"]
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)] | None
    learning_rate_multiplier: Annotated[float, Field(gt=0)] | None
    beta: Annotated[float, Field(gt=0)]
    more: dict[str, bool | int | float | str]
    suffix: Annotated[str, Field(max_length=64)]
    price: Annotated[float, Field(ge=0)] | None
    max_cost: Annotated[float, Field(ge=0)]
    poll_s: Annotated[float, Field(gt=0)]
    wait_h: Annotated[float, Field(gt=0)]
    served_as: str
    temperature: Annotated[float, Field(ge=0)] | None
    price_in: Annotated[float, Field(ge=0)]
    price_out: Annotated[float, Field(ge=0)]

    @property
    def endpoint(self) -> Endpoint:
        """Where the service is."""
        return Endpoint(base_url=self.base_url, model=self.model, api_key_env=self.api_key_env)

    @field_validator("more")
    @classmethod
    def _nothing_twice(cls, more: dict[str, bool | int | float | str]) -> dict[str, bool | int | float | str]:
        if twice := sorted({"n_epochs", "batch_size", "learning_rate_multiplier", "beta"} & set(more)):
            raise ValueError(f"{twice[0]} has a key of its own beside more")
        return more

    @property
    def hyperparameters(self) -> dict[str, bool | int | float | str]:
        """As the service calls them; what is left to it is not among them."""
        own = {
            "n_epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
            "beta": self.beta if self.method == "dpo" else None,
        }
        return {name: value for name, value in own.items() if value is not None} | self.more


class TrainParams(Params):
    """Section `train`. `phases` in their order; a section a phase, of which only those that are listed count.

    `start`: base.json, or the folder of what was trained before; `replay`: share of the rows that are general examples; `turns`:
    whether every answer of a talk is learnt, or the last; `max_length` tokens; `too_long`: what becomes of an example that has more;
    `packing`: several examples in a row of `max_length` tokens; `keep`: which checkpoint of a phase; `patience`: epochs without a
    better validation loss after which it stops, 0 for none; `save_every` steps a checkpoint is written; `launch`: the file that says on
    how many devices; `threads` 0 leaves their number to torch.
    """

    section: ClassVar[str] = "train"
    phases: Annotated[list[Phase], Field(min_length=1)]
    start: str
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)]
    replay: Annotated[float, Field(ge=0, le=0.9)]
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
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:[0-9]{1,3})?|mps)$")]
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"]
    activation_checkpointing: Literal["auto"] | bool
    compile: bool
    launch: Annotated[str, Field(pattern=r"^[a-z0-9_-]+$")]
    threads: Annotated[int, Field(ge=0)]
    adapter: AdapterParams
    lora: PhaseParams
    qlora: PhaseParams
    full: PhaseParams
    dpo: DpoParams
    reward: PhaseParams
    grpo: PolicyParams
    rloo: PolicyParams
    api: ApiParams

    @field_validator("phases")
    @classmethod
    def _order(cls, phases: list[Phase]) -> list[Phase]:
        if "api" in phases and len(phases) > 1:
            raise ValueError("api stands alone, for no phase here goes on with a model that a service has")
        learning = [phase for phase in phases if phase in SUPERVISED]
        if len(set(phases)) < len(phases) or len(learning) > 1 or (learning and phases[0] not in SUPERVISED):
            raise ValueError(f"at most one of {', '.join(SUPERVISED)} comes first, and no phase twice")
        after = [phases[number + 1 : number + 2] for number, phase in enumerate(phases) if phase == "reward"]
        if any(not following or following[0] not in POLICY for following in after):
            raise ValueError(f"after reward comes {' or '.join(POLICY)}, for a reward model answers nothing")
        return phases

    @model_validator(mode="after")
    def _something_is_rewarded(self) -> "TrainParams":
        for phase in (one for one in self.phases if one in POLICY):
            if not sum(self.rewards_of(phase).values()):
                raise ValueError(
                    f"nothing is rewarded in {phase}: a weight under rewards must be above 0, and model needs reward before"
                )
        return self

    def rewards_of(self, phase: Phase) -> dict[str, float]:
        """The rewards of a policy phase by name, with their weights; the reward model counts where one was trained right before."""
        weights: dict[str, float] = getattr(self, phase).rewards.model_dump()
        number = self.phases.index(phase)
        if not number or self.phases[number - 1] != "reward":
            del weights["model"]
        return {name: weight for name, weight in weights.items() if weight}

    @property
    def learns_pairs(self) -> bool:
        """Whether a phase learns from preferences."""
        return bool(set(self.phases) & set(PAIRS)) or (self.is_hosted and self.api.method == "dpo")

    @property
    def learns_answers(self) -> bool:
        """Whether a phase learns answers as they are."""
        return bool(set(self.phases) & set(SUPERVISED)) or (self.is_hosted and self.api.method == "supervised")

    @property
    def is_hosted(self) -> bool:
        """Whether a service trains."""
        return "api" in self.phases

    def of(self, phase: Phase) -> PhaseParams:
        """The section of a phase."""
        section: PhaseParams = getattr(self, phase)
        return section

    def shaping(self, phase: Phase) -> dict[str, object]:
        """What shapes a phase: its own section, and all that no phase has of its own."""
        sections = {*get_args(Phase), "phases"}
        return {"phase": phase, **self.model_dump(exclude=sections), "own": self.of(phase).model_dump()}
