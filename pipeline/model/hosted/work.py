"""One job as it is asked for: what shapes it, what it can cost, and how it is known again at the service."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from pipeline.data.records import digest
from pipeline.model.hosted.rows import Upload
from pipeline.model.training.recipe import ApiParams
from pipeline.remote.service import dollars
from pipeline.remote.tuning import Json, mapping
from pipeline.stage import Fault

PLACE = "params.yaml: train.api"


@dataclass(frozen=True)
class Work:
    """Parameters and files of a job, and who is told how it goes."""

    params: ApiParams
    seed: int
    training: Upload
    validation: Upload
    say: Callable[[str], None]

    @cached_property
    def shape(self) -> Json:
        """What is asked of the service, but for the files."""
        own = self.params
        return {
            "model": own.model,
            **({"suffix": own.suffix} if own.suffix else {}),
            "seed": self.seed,
            "method": {"type": own.method, own.method: {"hyperparameters": own.hyperparameters}},
        }

    @cached_property
    def fingerprint(self) -> str:
        """Of all that the service is sent and of nothing else: who sends the same pays once."""
        return digest([self.params.base_url, self.shape, self.training.digest, self.validation.digest])

    @property
    def most_tokens(self) -> int:
        """An upper bound. Services differ in whether a look at the validation file is paid; one an epoch is reckoned with."""
        return (self.training.most_tokens + self.validation.most_tokens) * self.params.epochs

    @property
    def cost(self) -> float:
        """US dollars that it can cost at most, by the price of the parameters."""
        return self.most_tokens * (self.params.price or 0.0) / 1e6

    def check_cost(self) -> None:
        """Say what the job can cost. Raises Fault where that is unknown or more than may be spent."""
        own, cost = self.params, dollars(self.cost)
        if own.price is None:
            remedy = "write what the service takes, in US dollars a million trained tokens"
            raise Fault(f"{PLACE}.price", "is not set", remedy)
        self.say(f"at most {self.most_tokens:,} tokens in {own.epochs} epochs, ${cost}")
        if self.cost > own.max_cost:
            fault = f"is {dollars(own.max_cost)}, and the job can cost ${cost}; nothing was uploaded"
            raise Fault(f"{PLACE}.max_cost", fault, "raise it, or take fewer epochs or examples")

    def body(self, files: Json) -> Json:
        """The request for the job. `files` are the ids of the files, by `training_file` and `validation_file`."""
        known = {"fingerprint": self.fingerprint, "data": self.training.digest, "revision": _revision()}
        return {**self.shape, **files, "metadata": {name: value for name, value in known.items() if value}}

    def is_it(self, job: Json, files: Json) -> bool:
        """Whether a job of the service is this one: by its metadata, or where a service keeps none by what it says of it.

        A file is uploaded once for its content, so its id stands for that. `files` are empty where they are not known yet.
        """
        known = mapping(job.get("metadata"))
        if "fingerprint" in known:
            return bool(known["fingerprint"] == self.fingerprint)
        if not files or any(job.get(name) != files.get(name) for name in ("training_file", "validation_file")):
            return False
        asked = {"model": self.params.model, "suffix": self.params.suffix or None, "seed": self.seed}
        said = {name: job.get(name) for name in asked if job.get(name) is not None}
        return all(asked[name] == value for name, value in said.items()) and not self.differences(job)

    def differences(self, job: Json) -> list[str]:
        """The hyperparameters that a service says to have taken in another way than it was asked to."""
        method = mapping(mapping(job.get("method")).get(self.params.method))
        said = mapping(job.get("hyperparameters")) | mapping(method.get("hyperparameters"))
        asked = self.params.hyperparameters
        return [name for name, value in said.items() if _is_number(value) and value != asked.get(name, value)]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _revision() -> str:
    """The commit of the repository that asks, or nothing where there is none."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:  # no git here
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
