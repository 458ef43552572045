"""A fine-tuning job at a service: asked for once, followed to its end, taken up again after a kill.

What is known so far (files, job) stands on the disk before the next step. Between the moment in which a service has begun a job and
that in which we know it, a kill leaves nothing here; so a job that carries our fingerprint is looked for before one is asked for.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.data.disk import keep_names
from pipeline.data.records import digest
from pipeline.model.hosted.rows import Upload
from pipeline.model.training.recipe import ApiParams
from pipeline.remote.service import dollars
from pipeline.remote.tuning import Json, Tuning
from pipeline.stage import Fault

STATE = "job.json"
PLACE = "params.yaml: train.api"
OVER, LOST = ("succeeded", "failed", "cancelled"), ("failed", "cancelled")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Work:
    """One job: parameters, files, the name by which it is known at the service, and the folder of its state."""

    params: ApiParams
    seed: int
    training: Upload
    validation: Upload
    fingerprint: str
    folder: Path
    say: Say

    @property
    def cost(self) -> float:
        """US dollars that it can cost at most, by the price of the parameters."""
        return self.training.most_tokens * self.params.epochs * (self.params.price or 0.0) / 1e6


@dataclass(frozen=True)
class Finished:
    """A job that is over, with its events and checkpoints, the oldest first."""

    job: Json
    events: list[Json]
    checkpoints: list[Json]


def check_cost(work: Work) -> None:
    """Say what the job can cost. Raises Fault where that is unknown or more than may be spent."""
    params = work.params
    if params.price is None:
        raise Fault(
            f"{PLACE}.price", "is not set", "write what the service takes, in US dollars a million trained tokens"
        )
    tokens, cost = work.training.most_tokens * params.epochs, dollars(work.cost)
    work.say(f"at most {tokens:,.0f} tokens in {params.epochs} epochs, ${cost}")
    if work.cost > params.max_cost:
        fault = f"is {dollars(params.max_cost)}, and the job can cost ${cost}; nothing was uploaded"
        raise Fault(f"{PLACE}.max_cost", fault, "raise it, or take fewer epochs or examples")


def fine_tune(work: Work) -> Finished:
    """Do what is left to be done. Raises Fault where the job cannot be had, or fails."""
    check_cost(work)
    params = work.params
    with Tuning(params.endpoint, params.endpoint.key(PLACE)) as service:
        state = _read(work.folder / STATE)
        if not (job := _known(service, state)):
            job = _adopted(service, work) or _new(service, work, state)
            state["job"] = _id(service, job)
            _write(work.folder / STATE, state)
        job, events = _follow(service, work, job)
        if job["status"] in LOST:
            state.pop("job")
            _write(work.folder / STATE, state)
            raise _lost(service, job)
        return Finished(job, events, service.checkpoints(str(job["id"])))


def _known(service: Tuning, state: Json) -> Json | None:
    return service.job(state["job"]) if "job" in state else None


def _adopted(service: Tuning, work: Work) -> Json | None:
    """A job that a run before this one began, and never learnt of."""
    for job in service.jobs():
        if (job.get("metadata") or {}).get("fingerprint") == work.fingerprint and job.get("status") not in LOST:
            work.say(f"goes on with job {job.get('id')}, which was begun before")
            return job
    return None


def _new(service: Tuning, work: Work, state: Json) -> Json:
    _check_model(service, work.params.model)
    body = _body(work, *(_uploaded(service, work, state, side) for side in ("training", "validation")))
    job = service.create(body)
    work.say(f"began job {_id(service, job)}")
    return job


def _check_model(service: Tuning, model: str) -> None:
    """A model that the service does not name, or has shut down; a service that names none is believed."""
    models = service.models()
    if models is None:
        return
    found = next((one for one in models if one.get("id") == model), None)
    if found is None:
        raise Fault(f"{PLACE}.model", f"{model} is no model of the service", "name one that it fine-tunes")
    ends = found.get("shutdown_date")
    if isinstance(ends, str) and ends[:10] <= datetime.now(UTC).date().isoformat():
        raise Fault(
            f"{PLACE}.model", f"{model} was shut down on {service.masked(ends[:10])}", "name one that is in service"
        )


def _uploaded(service: Tuning, work: Work, state: Json, side: str) -> str | None:
    """The id of a file at the service, uploaded if it is not there; None where there is nothing to upload."""
    upload: Upload = getattr(work, side)
    if not upload.rows:
        return None
    name = f"gitune-{side}-{digest(upload.content.decode('utf-8'))}.jsonl"
    if side not in state:
        there = (one for one in service.files() if one.get("filename") == name and one.get("status") != "error")
        found = next(there, None) or service.upload(name, upload.content)
        state[side] = _id(service, found)
        _write(work.folder / STATE, state)
        work.say(f"{side} file {state[side]}: {upload.rows} examples")
    while (file := service.file(state[side])).get("status") not in ("processed", "error"):
        time.sleep(work.params.poll_s)
    if file["status"] == "error":
        identity = state.pop(side)
        _write(work.folder / STATE, state)
        said = service.masked(str(file.get("status_details") or "no reason is given"))
        raise Fault(
            work.params.base_url,
            f"does not take the {side} file {identity} ({said})",
            "mend the examples that it names",
        )
    return str(state[side])


def _body(work: Work, training: str | None, validation: str | None) -> Json:
    params = work.params
    own = {
        "n_epochs": params.epochs,
        "batch_size": params.batch_size,
        "learning_rate_multiplier": params.learning_rate_multiplier,
    }
    own |= {"beta": params.beta} if params.method == "dpo" else {}
    return {
        "model": params.model,
        "training_file": training,
        **({"validation_file": validation} if validation else {}),
        **({"suffix": params.suffix} if params.suffix else {}),
        "seed": work.seed,
        "method": {
            "type": params.method,
            params.method: {"hyperparameters": {name: value for name, value in own.items() if value is not None}},
        },
        "metadata": {
            "fingerprint": work.fingerprint,
            "data": digest(work.training.content.decode("utf-8")),
            "revision": _revision(),
        },
    }


def _revision() -> str:
    """The commit of the repository that asks, or nothing where there is none."""
    done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _follow(service: Tuning, work: Work, job: Json) -> tuple[Json, list[Json]]:
    """Tell each event once, until the job is over."""
    name, told = _id(service, job), set[str]()
    while True:
        job = service.job(name)
        events = service.events(name)
        for event in events:
            if (identity := str(event.get("id"))) not in told:
                told.add(identity)
                work.say(service.masked(str(event.get("message", ""))))
        if job.get("status") in OVER:
            return job, events
        time.sleep(work.params.poll_s)


def _lost(service: Tuning, job: Json) -> Fault:
    error = job.get("error") or {}
    said = service.masked(str(error.get("message") or "no reason is given"))
    where = f" (at {service.masked(str(error['param']))})" if error.get("param") else ""
    fault = f"job {job['id']} {job['status']}: {said}{where}"
    return Fault("train.api", fault, "mend what it names; the next run asks for a new job")


def _id(service: Tuning, answer: Json) -> str:
    identity = answer.get("id")
    if not isinstance(identity, str) or not identity:
        said = service.masked(json.dumps(answer))
        raise Fault(
            "train.api", f"the service gave no id ({said})", "mend base_url in params.yaml; it mostly ends with /v1"
        )
    return identity


def _read(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write(path: Path, state: Json) -> None:
    """In one step, and on the disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", encoding="utf-8") as file:
        json.dump(state, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    keep_names(path.parent)


def curve(finished: Finished) -> list[dict[str, Any]]:
    """Losses by step, as far as events and checkpoints have them."""
    log: dict[int, dict[str, Any]] = {}
    sources = [event.get("data") for event in finished.events if event.get("type") == "metrics"]
    sources += [{"step": one.get("step_number"), **(one.get("metrics") or {})} for one in finished.checkpoints]
    for data in filter(None, sources):
        step = data.get("step")
        if isinstance(step, int):
            entry = log.setdefault(step, {"step": step})
            for key, name in (("train_loss", "loss"), ("valid_loss", "eval_loss"), ("full_valid_loss", "eval_loss")):
                if isinstance(data.get(key), int | float):
                    entry[name] = float(data[key])
    return [log[step] for step in sorted(log)]
