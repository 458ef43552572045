"""Phase `api`: examples to a model that a service trains and serves."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.model.adapter import Made
from pipeline.model.hosted.hosted import HOSTED, Hosted
from pipeline.model.hosted.job import Finished, Work, curve, fine_tune
from pipeline.model.hosted.rows import upload_of
from pipeline.model.rendering import Example
from pipeline.model.training.checkpoints import fingerprint, seal, tidy
from pipeline.model.training.curve import last_logged
from pipeline.model.training.phases import LOG, PROOFS, Done
from pipeline.model.training.recipe import ApiParams, TrainParams
from pipeline.stage import Fault

MADE = Made("api", "1-api", "hosted", "")


def hosted_phase(
    params: TrainParams, learnt: list[Example], checked: list[Example], inputs: Iterable[Path], runs: Path
) -> list[Done]:
    """The phase, done: a folder that says where the model is asked. Raises Fault where the service does not make one."""
    own, is_preference = params.api, params.api.method == "dpo"
    training, validation = (upload_of(examples, is_preference) for examples in (learnt, checked))
    if not training.rows:
        raise Fault(
            "params.yaml: train.api.method", "is dpo, and no example has a worse answer", "set it to supervised"
        )
    shaping = {"phase": "api", "seed": params.seed, "turns": params.turns, "own": own.shaping()}
    name = fingerprint(shaping, inputs)
    folder = runs / name
    tidy(runs, name)
    work = Work(own, params.seed, training, validation, name, folder, _say)
    finished = fine_tune(work)
    place, log = folder / "done", curve(finished)
    place.mkdir(parents=True, exist_ok=True)
    proofs = {
        "rows_in": training.rows + len(training.dropped),
        "rows_trained": training.rows,
        "dropped": [{"source": one.source, "reason": one.reason} for one in training.dropped],
        "trained_tokens": finished.job.get("trained_tokens"),
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
    model = finished.job.get("fine_tuned_model")
    if not isinstance(model, str) or not model:
        raise Fault(
            "train.api", f"job {finished.job.get('id')} names no model that came of it", "look at it at the service"
        )
    return Hosted(
        base_url=own.base_url,
        model=model,
        api_key_env=own.api_key_env,
        temperature=own.temperature,
        price_in=own.price_in,
        price_out=own.price_out,
    )


def _job(finished: Finished) -> dict[str, Any]:
    """What is worth keeping of the job."""
    return {
        "job": finished.job["id"],
        "base": finished.job.get("model"),
        "model": finished.job.get("fine_tuned_model"),
        "trained_tokens": finished.job.get("trained_tokens"),
        "checkpoints": [
            {
                "model": one.get("fine_tuned_model_checkpoint"),
                "step": one.get("step_number"),
                "validation_loss": (one.get("metrics") or {}).get("full_valid_loss"),
            }
            for one in finished.checkpoints
        ],
    }
