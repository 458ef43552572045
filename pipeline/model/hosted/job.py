"""A fine-tuning job at a service: asked for once, and taken up again after a kill.

Between the moment in which a service has begun a job and that in which we know it, a kill leaves nothing here; so a job that is ours
is looked for before one is asked for, and after: of two runs that asked at the same time the later one takes back what it asked.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pipeline.model.hosted.following import LOST, OVER, Finished, Watch, follow, lost
from pipeline.model.hosted.rows import Upload
from pipeline.model.hosted.state import State, state_of
from pipeline.model.hosted.work import PLACE, Work
from pipeline.remote.failures import Missing
from pipeline.remote.tuning import Json, Tuning
from pipeline.stage import Fault

UNREADY = ("uploaded", "pending", "queued", "validating", "processing", "in_progress", "running")
SPOILT = ("error", "failed", "cancelled", "deleted", "expired")


def fine_tune(work: Work, states: Path) -> Finished:
    """Do what is left to be done. `states` is a folder outside the outputs. Raises Fault where the job cannot be had, or fails."""
    endpoint = work.params.endpoint
    with Tuning(endpoint, endpoint.key(PLACE)) as service, state_of(states, work.fingerprint) as state:
        if "job" not in state.known:
            job = _begun(service, work, {}) or _new(service, work, state)
            _check_epochs(service, work, state, job)
            state.note("job", service.identity(job))
        try:
            finished = follow(service, work, state.known["job"])
        except Missing:
            fault = f"names job {state.known['job']}, of which the service knows nothing now"
            remedy = "run again, or delete the file: then another job is asked for, and paid"
            raise Fault(state.path, fault, remedy) from None
        if finished.job["status"] in LOST:
            state.forget("job")
            raise lost(service, finished.job)
        return finished


def _begun(service: Tuning, work: Work, files: Json) -> Json | None:
    """The job that is ours already, from a run before this one or from another machine."""
    job = _first(one for one in service.jobs() if work.is_it(one, files) and one.get("status") not in LOST)
    if job:
        work.say(f"goes on with job {service.identity(job)}, which was begun before")
    return job


def _first(jobs: Iterable[Json]) -> Json | None:
    """The oldest, the same one whoever asks."""
    return min(jobs, key=lambda job: (str(job.get("created_at", "")), str(job.get("id"))), default=None)


def _new(service: Tuning, work: Work, state: State) -> Json:
    work.check_cost()
    _check_model(service, work)
    files = {
        f"{side}_file": _uploaded(service, work, state, side)
        for side in ("training", "validation")
        if getattr(work, side).rows
    }
    if found := _begun(service, work, files):
        return found
    job = service.create(work.body(files))
    state.note("job", service.identity(job))
    work.say(f"began job {state.known['job']}")
    rivals = (one for one in service.jobs() if work.is_it(one, files) and one.get("status") not in LOST)
    first = _first([job, *rivals]) or job
    if first.get("id") != job["id"]:
        ours = state.known["job"]
        state.note("job", service.identity(first))
        work.say(f"takes it back, since another run began {state.known['job']} before")
        service.cancel(ours)
    return first


def _check_model(service: Tuning, work: Work) -> None:
    """Raises Fault for a model that was shut down. Not every service names what it only trains, so what is not named is told, and tried."""
    model = work.params.model
    try:
        found = next((one for one in service.models() if one.get("id") == model), None)
    except Missing:
        return
    if found is None:
        work.say(f"{model} is not among the models that the service names, and is tried")
        return
    ends = found.get("shutdown_date")
    if isinstance(ends, str) and ends[:10] <= datetime.now(UTC).date().isoformat():
        fault = f"{model} was shut down on {service.masked(ends[:10])}"
        raise Fault(f"{PLACE}.model", fault, "name one that is in service")


def _uploaded(service: Tuning, work: Work, state: State, side: str) -> str:
    """The id of a file at the service, uploaded if it is not there."""
    upload: Upload = getattr(work, side)
    key, name = f"{side}_file", f"gitune-{side}-{upload.digest}.jsonl"
    if key not in state.known:
        there = (one for one in service.files() if one.get("filename") == name and one.get("status") not in SPOILT)
        found = next(there, None) or service.upload(name, upload.content)
        state.note(key, service.identity(found))
        work.say(f"{side} file {state.known[key]}: {upload.rows} examples")
    identity, watch = str(state.known[key]), Watch(work)
    try:
        while (file := service.file(identity)).get("status") in UNREADY:
            watch.rest(f"the service still works at the {side} file {identity}")
    except Missing:
        state.forget(key)
        fault = f"knows nothing now of the {side} file {identity}"
        raise Fault(work.params.base_url, fault, "run again: it is uploaded again") from None
    if file.get("status") in SPOILT:
        state.forget(key)
        said = service.masked(str(file.get("status_details") or "no reason is given"))
        fault = f"does not take the {side} file {identity} ({said})"
        raise Fault(work.params.base_url, fault, "mend the examples that it names")
    return identity


def _check_epochs(service: Tuning, work: Work, state: State, job: Json) -> None:
    """A service that takes other epochs than it was asked for takes other money than was reckoned with."""
    if "n_epochs" not in work.differences(job) or job.get("status") in OVER:
        return
    identity = service.identity(job)
    service.cancel(identity)
    state.forget("job")
    fault = f"did not take the epochs of job {identity} as they were asked for, so that it was cancelled"
    raise Fault(
        work.params.base_url, fault, "set train.api.epochs to what the service says of the job, or name another service"
    )
