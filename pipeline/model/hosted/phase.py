"""Phase `api`: examples to a model that a service trains and serves."""

import json
from pathlib import Path
from typing import Any

from pipeline.model.adapter import Made
from pipeline.model.hosted.following import Finished, curve
from pipeline.model.hosted.hosted import HOSTED, Hosted
from pipeline.model.hosted.job import fine_tune
from pipeline.model.hosted.rows import upload_of
from pipeline.model.hosted.work import PLACE, Work
from pipeline.model.rendering import Example
from pipeline.model.training.checkpoints import seal, tidy
from pipeline.model.training.curve import last_logged
from pipeline.model.training.phases import LOG, PROOFS, Done
from pipeline.model.training.proofs import balance, validated
from pipeline.model.training.recipe import ApiParams, TrainParams
from pipeline.remote.tuning import mapping
from pipeline.stage import Fault

MOST_NAME = 500  # characters of a model's name
MADE = Made("api", "1-api", "hosted", "")


def hosted_phase(
    params: TrainParams, learnt: list[Example], checked: list[Example], runs: Path, states: Path
) -> list[Done]:
    """The phase, done: a folder that says where the model is asked. `states` keeps what is known of jobs, `runs` what is made.

    Raises Fault where the service does not make a model.
    """
    own, is_preference = params.api, params.api.method == "dpo"
    training, validation = (upload_of(examples, is_preference) for examples in (learnt, checked))
    if not training.rows:
        raise Fault(f"{PLACE}.method", "is dpo, and no example has a worse answer", "set it to supervised")
    work = Work(own, params.seed, training, validation, _say)
    folder = runs / work.fingerprint
    tidy(runs, work.fingerprint)
    finished = fine_tune(work, states)
    place, log = folder / "done", curve(finished)
    place.mkdir(parents=True, exist_ok=True)
    proofs = {
        **balance(training.rows, training.dropped),
        **validated(validation.rows, validation.dropped),
        "trained_tokens": _tokens(finished),
        "most_cost": round(work.cost, 4),
        "validation_loss": last_logged(log, "eval_loss"),
        "preference_accuracy": None,
        "overfit": None,
    }
    files = {HOSTED: _hosted(own, finished).model_dump(), "job.json": _job(finished), LOG: log, PROOFS: proofs}
    for file, value in files.items():
        (place / file).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    seal(place)
    return [Done(MADE, place, log, proofs)]


def _say(text: str) -> None:
    print(f"train: api: {text}", flush=True)


def _hosted(own: ApiParams, finished: Finished) -> Hosted:
    """How the model is asked that came of it."""
    job, model = finished.job["id"], own.served_as or finished.job.get("fine_tuned_model")
    if not isinstance(model, str) or not model:
        remedy = "where the service wants a model deployed, do it there, and write its name into train.api.served_as"
        raise Fault("train.api", f"job {job} names no model that came of it", remedy)
    if not model.isprintable() or len(model) > MOST_NAME:
        raise Fault("train.api", f"job {job} names a model that cannot be written down", "look at it at the service")
    return Hosted(
        base_url=own.base_url,
        model=model,
        job=job,
        api_key_env=own.api_key_env,
        temperature=own.temperature,
        price_in=own.price_in,
        price_out=own.price_out,
    )


def _tokens(finished: Finished) -> int | None:
    tokens = finished.job.get("trained_tokens")
    return tokens if isinstance(tokens, int) else None


def _job(finished: Finished) -> dict[str, Any]:
    """What is worth keeping of the job."""
    return {
        "job": finished.job["id"],
        "base": finished.job.get("model"),
        "model": finished.job.get("fine_tuned_model"),
        "trained_tokens": _tokens(finished),
        "checkpoints": [
            {
                "model": one.get("fine_tuned_model_checkpoint"),
                "step": one.get("step_number"),
                "validation_loss": mapping(one.get("metrics")).get("full_valid_loss"),
            }
            for one in finished.checkpoints
        ],
    }
