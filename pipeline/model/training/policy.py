"""Learn from what one's own answers are worth: `grpo` (Shao et al., 2024) and `rloo` (Ahmadian et al., 2024).

Several answers are drawn to each question; those above the others become likelier. What an answer is worth is computed from the
task itself, or said by the reward model of the phase before. An adapter that is there goes on being trained, and the reference is
what it was before.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.data.records import Turn
from pipeline.model.base import token_ids
from pipeline.model.rendering import Example
from pipeline.model.training.batches import Groups
from pipeline.model.training.curve import REWARD, Log
from pipeline.model.training.recipe import PolicyParams
from pipeline.model.training.reward import Worth, judge
from pipeline.model.training.trainer import Job, dataset, settings, train
from pipeline.model.training.weights import lora_config, naming_targets, trainable
from pipeline.stage import Fault

Scorer = Callable[[Sequence[str], Sequence[str]], list[float]]  # of answers and references


@dataclass(frozen=True)
class Question:
    """What is asked, the reference answer, and how many tokens it takes with the longest answer that may be drawn."""

    source: str
    turns: list[Turn]
    reference: str
    asked: int
    size: int


def questions_of(tokenizer: Any, examples: Sequence[Example], own: PolicyParams) -> list[Question]:
    """Each example as a question; the answer that it has is the reference."""
    found = []
    for one in examples:
        asked = len(token_ids(tokenizer, one.turns[:-1], is_asked=True))
        reference = one.turns[-1]["content"]
        found.append(Question(one.source, one.turns[:-1], reference, asked, asked + own.max_new_tokens))
    return found


def improve(
    job: Job, questions: Sequence[Question], checked: Sequence[Question], scorers: Mapping[str, Scorer]
) -> tuple[Any, Log]:
    """The trained model, and what was logged. `scorers` are the rewards that need no model, by name."""
    import trl

    own = job.own
    assert isinstance(own, PolicyParams)
    kind, options = (getattr(trl, f"{job.phase.upper()}{end}") for end in ("Trainer", "Config"))
    weights = {
        name: weight for name, weight in job.params.rewards_of(job.phase).items() if name == "model" or name in scorers
    }
    if not weights:
        fault = "rewards exact fields only, and the task's schema has no field with one right value"
        raise Fault(f"params.yaml: train.{job.phase}.rewards", fault, "raise format, or train a reward model before")
    shared = {name: value for name, value in settings(job).items() if name != "max_length"}
    with naming_targets(job.params.adapter):
        trainer = asking(kind)(
            model=trainable(job.start, job.params, own.quantise),
            reward_funcs=[_reward(name, job, scorers) for name in weights],
            args=options(
                **shared,
                reward_weights=list(weights.values()),
                num_generations=own.generations,
                num_generations_eval=1,
                max_completion_length=own.max_new_tokens,
                temperature=own.temperature,
                beta=own.beta,
                disable_dropout=True,  # as the other trainers that compare a model with its reference do
            ),
            train_dataset=dataset(_columns(questions)),
            eval_dataset=dataset(_columns(checked)),
            processing_class=job.tokenizer,
            peft_config=None if job.start.adapter else lora_config(job.params.adapter),
        )
    return trainer.model, train(trainer, job, REWARD)


def asking(kind: Any) -> Any:
    """A kind of Trainer that asks as `predict` does, in an order that depends on seed and epoch alone."""

    class Asking(kind):  # type: ignore[misc]  # TRL is untyped
        def _tokenize_prompts(self, prompts: list[list[Turn]]) -> tuple[list[list[int]], None, dict[str, Any]]:
            return [token_ids(self.processing_class, turns, is_asked=True) for turns in prompts], None, {}

        def _get_train_sampler(self, _dataset: Any = None) -> Groups:
            drawn = self.args.generation_batch_size // self.num_generations
            again = self.num_iterations * self.args.steps_per_generation
            return Groups(len(self.train_dataset), drawn, self.num_generations, again, self.args.seed)

    return Asking


def _reward(name: str, job: Job, scorers: Mapping[str, Scorer]) -> Any:
    """A reward as TRL calls it, which knows it by the name of the function.

    Raises Fault where it is no number: TRL would count such an answer as worth nothing, without a word.
    """
    worth: Worth | None = judge(job.start, job.tokenizer, job.params) if name == "model" else None

    def reward(prompts: Any, completions: Any, reference: list[str], **_: Any) -> list[float]:
        answers = [turns[0]["content"] for turns in completions]
        found = worth(prompts, answers) if worth else scorers[name](answers, reference)
        if not all(map(math.isfinite, found)):
            fault = f"the reward {name} is no number for {sum(not math.isfinite(one) for one in found)} of {len(found)} answers"
            raise Fault("train", fault, "train in float32 or bfloat16, or lower the learning rate of the phase before")
        return found

    reward.__name__ = name
    return reward


def _columns(questions: Sequence[Question]) -> list[dict[str, Any]]:
    return [{"prompt": one.turns, "reference": one.reference} for one in questions]


def rewarded(log: Log) -> dict[str, Any]:
    """Mean rewards at the beginning and at the end, in all and by name, and whether an answer was ever better than another one.

    `cut`: the share of the answers that had not ended after `max_new_tokens`, at the beginning and at the end.
    """
    entries = [entry for entry in log if "reward" in entry]
    parts = {"reward": "all"} | {
        key: key.split("/")[1] for key in entries[0] if key.startswith("rewards/") and key.endswith("/mean")
    }
    return {
        "rewards": {name: [round(entry[key], 4) for entry in (entries[0], entries[-1])] for key, name in parts.items()},
        "cut": [round(entry["completions/clipped_ratio"], 4) for entry in (entries[0], entries[-1])],
        "has_signal": any(entry["frac_reward_zero_std"] < 1 for entry in entries),
    }
