"""Tasks of lm-evaluation-harness on a model of this machine, offline: a value for each document, so that arms can be paired.

The harness renders, asks and scores as everywhere, with the likeliest token each time; a task whose YAML wants to draw is overruled.
It reads batches by length, so a value may depend on its neighbours: what it said is kept for a whole task, and asked anew when
anything changes in the folder of the tasks.
"""

import contextlib
import logging
import math
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.data.harness import KNOBS, HarnessParams
from pipeline.data.records import digest, read_jsonl, write_jsonl
from pipeline.model.adapter import Loaded
from pipeline.model.base import chosen_device, chosen_dtype, sha256
from pipeline.model.generation import Decoding, greedy
from pipeline.stage import Fault

SEED = 1234  # of the examples that a task shows; the harness's own
LIBRARIES = ("torch", "transformers", "peft", "tokenizers", "datasets", "lm_eval")
Row = dict[str, Any]


def measure(
    load: Callable[[], Loaded], identity: str, folder: Path, params: HarnessParams, decoding: Decoding, kept: Path
) -> list[Row]:
    """Rows with task, doc, metric and value (0 to 1, the higher the better) of each task that is named.

    The model is loaded only if one of them has not been measured before; `kept` is where the others are.
    """
    rows, shape = [], [identity, *shaped_by(folder, params, decoding)]
    for name in params.tasks:
        place = kept / f"{digest([*shape, name])}.jsonl"
        if not place.is_file():
            half = place.with_suffix(".half")
            write_jsonl(half, measured(load(), folder, name, params, decoding.batch_size))
            half.replace(place)
        rows += [row for _, row in read_jsonl(place)]
    unique = {(row["task"], row["doc"], row["metric"]): row for row in rows}  # a task that stands alone and in a group
    return list(unique.values())


def shaped_by(folder: Path, params: HarnessParams, decoding: Decoding) -> list[Any]:
    """All that shapes what the harness finds of a model: this code, libraries, machine, knobs, and the folder of the tasks."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return [
        sha256(Path(__file__)),
        [version(name) for name in LIBRARIES],
        [chosen_device(decoding.device), str(chosen_dtype(decoding.dtype, decoding.device)), decoding.batch_size],
        [params.limit, params.chat],
        [[path.relative_to(folder).as_posix(), sha256(path)] for path in files],
    ]


def measured(loaded: Loaded, folder: Path, name: str, params: HarnessParams, batch_size: int) -> list[Row]:
    """What the harness finds of one task, group or tag. Raises Fault where it cannot run it."""
    import torch
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from transformers import set_seed

    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    set_seed(SEED)
    loaded.model.generation_config = greedy(loaded)
    try:
        with task_files(folder):
            tasks = tasks_of(name)
            found = evaluate(
                HFLM(pretrained=loaded.model, tokenizer=loaded.tokenizer, batch_size=batch_size),
                {"tasks": tasks},
                limit=params.limit,
                bootstrap_iters=0,
                apply_chat_template=params.chat,
                fewshot_as_multiturn=params.chat,
            )
    except torch.OutOfMemoryError:
        fault = f"{batch_size} rows of {name} do not fit the memory"
        raise Fault("params.yaml: predict.batch_size", fault, "lower it") from None
    except Exception as error:  # whatever the task's YAML, its code or its documents make the harness raise
        fault = f"lm-evaluation-harness cannot run it ({type(error).__name__}: {error})"
        raise Fault(f"{folder}: {name}", fault, "mend the task's files") from error
    samples = found["samples"]
    return [row for key in sorted(samples) for row in values_of(key, samples[key], tasks[key].higher_is_better())]


@contextlib.contextmanager
def task_files(folder: Path) -> Iterator[None]:
    """Paths count from the folder of the tasks, and what `datasets` makes of its files is gone afterwards."""
    import datasets

    held = datasets.config.HF_DATASETS_CACHE
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(folder):
        datasets.config.HF_DATASETS_CACHE = Path(place)
        try:
            yield
        finally:
            datasets.config.HF_DATASETS_CACHE = held


def tasks_of(name: str) -> dict[str, Any]:
    """The tasks of a name in this folder, greedy; none of those that the harness brings along is among them."""
    from lm_eval.tasks import TaskManager

    tasks = TaskManager(include_path=str(Path.cwd()), include_defaults=False).load([name])["tasks"]
    for task in tasks.values():
        if task.get_config("num_fewshot") is None:
            task.set_config("num_fewshot", 0)
        if task.get_config("output_type") == "generate_until":
            task.set_config("generation_kwargs", {"do_sample": False, "temperature": 0.0}, update=True)
        task.set_fewshot_seed(SEED)
    return dict(tasks)


def values_of(task: str, samples: list[Row], better: dict[str, bool]) -> list[Row]:
    """Each document's value of each metric that is a share, the higher the better. What else a task reports cannot be paired.

    A document is told by its place, and by a digest of what was asked and wanted.
    """
    values: dict[str, list[Row]] = {}
    for sample in samples:
        doc = f"{sample['doc_id']}-{digest([sample[key] for key in ('doc_hash', 'prompt_hash', 'target_hash')])}"
        for metric in sample["metrics"]:
            name = metric if sample["filter"] == "none" else f"{metric},{sample['filter']}"
            value = sample[metric] if better.get(metric, True) else None
            values.setdefault(name, []).append({"task": task, "doc": doc, "metric": name, "value": _share(value)})
    kept = {name: rows for name, rows in values.items() if all(row["value"] is not None for row in rows)}
    if not kept:
        fault = f"none of its metrics ({', '.join(sorted(values)) or 'no known one'}) is a share of each document, the higher the better"
        raise Fault(f"{KNOBS}.tasks: {task}", fault, "name another metric in its YAML, such as acc or exact_match")
    if left := sorted(values.keys() - kept.keys()):
        print(f"harness: {task}: {', '.join(left)} cannot be compared document by document, and is left out")
    return [row for name in sorted(kept) for row in kept[name]]


def _share(value: Any) -> float | None:
    """A number from 0 to 1, or none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return round(number, 6) if math.isfinite(number) and 0 <= number <= 1 else None
