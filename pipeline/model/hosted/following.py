"""A job under way: its events as they come, its end, and the losses that were told."""

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipeline.model.hosted.work import PLACE, Work
from pipeline.remote.failures import Away
from pipeline.remote.tuning import Json, Tuning, mapping, name_of
from pipeline.stage import Fault

OVER, LOST = ("succeeded", "failed", "cancelled"), ("failed", "cancelled")
LOSSES = {"train_loss": "loss", "valid_loss": "eval_loss", "full_valid_loss": "eval_loss"}


@dataclass(frozen=True)
class Finished:
    """A job that is over, with its events and checkpoints, the oldest first."""

    job: Json
    events: list[Json]
    checkpoints: list[Json]


class Watch:
    """The time between looks, and the end of looking."""

    def __init__(self, work: Work) -> None:
        self._params = work.params
        self._end = time.monotonic() + work.params.wait_h * 3600

    def rest(self, why: str) -> None:
        """Wait until the next look. Raises Fault, with what was waited for, where that has taken too long."""
        if time.monotonic() > self._end:
            fault = f"is {self._params.wait_h:g}, and {why}"
            raise Fault(f"{PLACE}.wait_h", fault, "run again: nothing is asked for twice; or raise it")
        time.sleep(self._params.poll_s)


def follow(service: Tuning, work: Work, name: str) -> Finished:
    """Tell each event and each state once, until the job is over. A service that is away for a while is waited for."""
    told, state, watch = set[str](), "", Watch(work)
    while True:
        try:
            job = service.job(name) | {"id": name}
            is_over = job["status"] in OVER
            events = service.events(name, () if is_over else told)
            checkpoints = service.checkpoints(name) if is_over else []
        except Away as fault:
            work.say(f"{fault} (looked at again)")
            watch.rest(f"the service is away, and job {name} may go on")
            continue
        _tell(service, work, events, told)
        if is_over:
            return Finished(job, events, checkpoints)
        state = _state(service, work, job, state)
        watch.rest(f"job {name} is {state}")


def _tell(service: Tuning, work: Work, events: Iterable[Json], told: set[str]) -> None:
    for event in events:
        if (name := name_of(event)) not in told:
            told.add(name)
            work.say(service.masked(str(event.get("message", ""))))


def _state(service: Tuning, work: Work, job: Json, before: str) -> str:
    """The state of a job, told where it is a new one. Raises Fault where nothing happens until a person does something."""
    state = service.masked(job["status"])
    if state == "paused":
        fault = f"job {job['id']} is paused at the service"
        raise Fault("train.api", fault, "resume it there, and run again; no other one is asked for")
    if state != before:
        work.say(f"job {job['id']} is {state}{_left(job)}")
    return state


def _left(job: Json) -> str:
    ends = job.get("estimated_finish")
    return f", about {max(ends - time.time(), 0) / 60:.0f} min left" if isinstance(ends, int) else ""


def lost(service: Tuning, job: Json) -> Fault:
    """What became of a job that made no model, in the service's words."""
    error = mapping(job.get("error"))
    said = service.masked(str(error.get("message") or "no reason is given"))
    where = f" (at {service.masked(str(error['param']))})" if error.get("param") else ""
    fault = f"job {job['id']} {job['status']}: {said}{where}"
    return Fault("train.api", fault, "mend what it names; the next run asks for a new job")


def curve(finished: Finished) -> list[dict[str, Any]]:
    """Losses by step, as far as events and checkpoints have them."""
    log: dict[int, dict[str, Any]] = {}
    sources = [mapping(event.get("data")) for event in finished.events if event.get("type") == "metrics"]
    sources += [{"step": one.get("step_number"), **mapping(one.get("metrics"))} for one in finished.checkpoints]
    for data in sources:
        step = data.get("step")
        if isinstance(step, int):
            found = {name: float(data[key]) for key, name in LOSSES.items() if _is_loss(data.get(key))}
            log.setdefault(step, {"step": step}).update(found)
    return [log[step] for step in sorted(log)]


def _is_loss(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
