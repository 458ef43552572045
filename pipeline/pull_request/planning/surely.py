"""Which changes surely come out in what a stage writes, so that what reads it surely runs too.

Of most stages nobody knows before they run: a row may be a duplicate, a remark in the code changes nothing. Of these it is known:
weights are other weights after other rows or another step size, and an adapter carries its base and its prompt; an arm's file says by
digest which model answered.
"""

from collections.abc import Iterable, Sequence

TRAIN_FILES = ("data/split/train.jsonl", "task/prompts/", "models/")
PREDICT_FILES = ("models/",)
TRAIN_SETTINGS = {"phases", "start", "seed", "schedule", "warmup_share", "weight_decay"}
SERVICE_SETTINGS = {"model", "method", "epochs", "batch_size", "learning_rate_multiplier", "beta"}
ON_ADAPTERS = {"lora", "qlora", "dpo"}


def is_surely_other(stage: str, files: Iterable[str], settings: Iterable[str], phases: Sequence[str]) -> bool:
    """Whether a stage writes something else, given the inputs of it that surely differ and the parameters that changed.

    `phases` are those of `train.phases` now; a parameter of a phase that is not trained changes nothing.
    """
    name = stage.partition("@")[0]
    if name == "train":
        return any(file.startswith(TRAIN_FILES) for file in files) or any(
            _shapes_weights(key, phases) for key in settings
        )
    return name == "predict" and any(file.startswith(PREDICT_FILES) for file in files)


def _shapes_weights(key: str, phases: Sequence[str]) -> bool:
    section, _, rest = key.partition(".")
    first, _, own = rest.partition(".")
    first = first.partition("[")[0]
    if section != "train":
        return False
    if first == "api":
        return "api" in phases and own in SERVICE_SETTINGS
    if first == "adapter":
        return bool(ON_ADAPTERS & set(phases))
    return first in TRAIN_SETTINGS or first in phases
