"""Serve a model: an endpoint of the OpenAI protocol, with a recorder, in front of an engine.

    python -m pipeline.production.serve [--revision <commit>] [--model <folder or file>] [--port <number>]

The accepted model where none is named. One of this machine is written out whole once, below `.cache/served`, so that it costs what its base
costs; one of a service is asked there. Ends with the engine that it started, however it is ended.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.answers import Contract
from pipeline.desk.inputs import SCHEMA
from pipeline.ingest import IngestParams
from pipeline.predict import PredictParams
from pipeline.production.chosen import Chosen, chosen
from pipeline.production.logs.heard import Settings
from pipeline.production.monitoring.settings import MonitorParams
from pipeline.production.recording.params import RecordParams
from pipeline.production.serving.params import ServeParams
from pipeline.stage import ENVIRONMENT, PARAMS_FILE, Fault, load_params

if TYPE_CHECKING:
    from pipeline.production.serving.asking import Asking
    from pipeline.production.serving.engine import Engine

NAME = "gitune"  # of the model, to clients: which one it is, they are not to know


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a model.")
    parser.add_argument("--revision", default="")
    parser.add_argument("--model", default="")
    parser.add_argument("--port", default="")
    given = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with contextlib.suppress(KeyboardInterrupt):
            serve(given.revision, given.model, given.port, Path())
    except Fault as fault:
        sys.exit(f"serve: {fault}")


def serve(revision: str, model: str, port: str, root: Path) -> None:
    """Serve until somebody ends it. Raises Fault where that cannot begin."""
    for package in ("uvicorn", "aiohttp"):
        _needs(package)
    from pipeline.production.recording.channel import Channel
    from pipeline.production.serving.app import App
    from pipeline.production.serving.door import Door
    from pipeline.production.serving.listening import listening, run_on, take

    params = _on_port(load_params(ServeParams), port)
    params.check()
    door, record = Door(params, params.token()), load_params(RecordParams)
    check_sizes(params, record)
    with contextlib.closing(listening(params)) as listener:
        found = chosen(revision, model, root, say)
        with asked(found, params, load_params(PredictParams)) as (engine, asking, prices):
            channel = Channel(settings(found, asking.model, record, prices))
            at = f"http://{_host(params.host)}:{listener.getsockname()[1]}/v1"
            of = f", trained by {found.revision[:12]}" if found.revision else ", trained by no commit that is known"
            take(listener)  # who asks from now on is answered, if a moment later
            say(f"{at} answers with {found.path} ({found.digest[:12]}{of}); the log is in {record.folder}")
            run_on(listener, App(engine, asking, door, channel, NAME))


def say(words: str) -> None:
    print(f"serve: {words}", flush=True)


def _needs(package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise Fault(package, "is not installed", "run make setup-serve")


def _on_port(params: ServeParams, port: str) -> ServeParams:
    """The parameters with another port where one is named."""
    if not port:
        return params
    if not re.fullmatch("[0-9]{1,5}", port) or int(port) > 65535:
        raise Fault(f"PORT={port}", "is no port", "write a number, 0 for any free one")
    return params.model_copy(update={"port": int(port)})


def check_sizes(params: ServeParams, record: RecordParams) -> None:
    """Raises Fault where a request that is let in could not be recorded."""
    if record.buffer_mb <= 2 * params.max_body_mb:
        fault = f"is {record.buffer_mb:g}, and a request may have {params.max_body_mb:g} MiB"
        raise Fault(f"{PARAMS_FILE}: record.buffer_mb", fault, "make it more than twice as much")


Asked = tuple["Engine", "Asking", tuple[float | None, float | None]]


@contextlib.contextmanager
def asked(found: Chosen, params: ServeParams, predict: PredictParams) -> Iterator[Asked]:
    """The engine, how it is asked, and what it costs in and out. Raises Fault where it cannot be had."""
    from pipeline.model.carried import carried
    from pipeline.model.hosted.hosted import hosted_file, load_hosted
    from pipeline.production.serving.asking import Asking
    from pipeline.production.serving.engine import Engine

    place = hosted_file(found.path)
    prompt, examples = carried(found.path) if found.path.is_dir() and params.adds_prompt else (None, [])
    turns = _prompt(prompt, examples) if prompt else []
    schema = response_format() if params.constrained else None
    if place:
        hosted = load_hosted(place)
        engine = Engine(hosted.base_url.rstrip("/"), hosted.key(str(place)), params.timeout_s)
        asking = Asking(hosted.model, turns, predict.max_new_tokens, hosted.temperature, schema)
        yield engine, asking, (hosted.price_in, hosted.price_out)
        return
    params.check_engine()
    with _engine(found, params, predict) as (address, name):
        asking = Asking(name, turns, predict.max_new_tokens, 0.0, schema)
        yield Engine(address, "", params.timeout_s), asking, (None, None)


def _prompt(prompt: Any, examples: Any) -> Any:
    """What goes before a question that has no prompt of its own: as in training and evaluation."""
    from pipeline.data.prompts import rendered

    return rendered(prompt, examples, [])


@contextlib.contextmanager
def _engine(found: Chosen, params: ServeParams, predict: PredictParams) -> Iterator[tuple[str, str]]:
    """The engine of this machine, started: its address, and its name for the model."""
    from pipeline.model.adapter import identity_of
    from pipeline.model.base import chosen_device, chosen_dtype
    from pipeline.model.engines.prepared import prepared
    from pipeline.model.engines.server import serving
    from pipeline.production.serving.laptop import laptop

    dtype = str(chosen_dtype(predict.dtype, predict.device)).removeprefix("torch.")
    if params.engine == "vllm":
        predict.vllm.check()
    say(f"{found.path} is written out whole for the engine, where it is not yet")
    folder = prepared(found.path, identity_of(found.path), dtype, found.place / "engine")
    log = found.place / "engine.log"
    say(f"{params.engine} starts; what it says is in {log}")
    if params.engine == "vllm":
        with serving(predict.vllm, folder, dtype, log, say) as served:
            yield served.base_url, served.model
    else:
        device = chosen_device(predict.device)
        with laptop(folder, dtype, device, params.start_s, log, say) as started:
            yield started


def response_format() -> dict[str, Any]:
    """The schema of an answer as an engine takes it for constrained decoding."""
    schema = Contract.load(SCHEMA).schema
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def settings(found: Chosen, model: str, record: RecordParams, prices: tuple[float | None, float | None]) -> Settings:
    """What the recorder is told. A hosted model goes by its name there, another one by the digest of its folder."""
    is_hosted = prices != (None, None)
    return Settings(
        **record.model_dump(),
        revision=found.revision,
        model=model if is_hosted else found.digest,
        data=found.data,
        price_in=prices[0],
        price_out=prices[1],
        schema=json.dumps(Contract.load(SCHEMA).schema),
        rules=load_params(MonitorParams).rules,
        policy=load_params(IngestParams).personal_data.model_dump(),
    )


def _host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


if __name__ == "__main__":
    main()
