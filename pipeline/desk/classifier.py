"""Pin a text classifier of the hub: its revision and the SHA-256 of each of its files go into `models/classifiers/<name>.json`.

python -m pipeline.desk.classifier NAME MODEL      a name for the metric, and a hub id

Prints the labels, one of which `classify.classifiers` in `params.yaml` takes. A folder needs no pin: DVC knows it.
"""

import json
import re
import sys
from pathlib import Path

from pipeline.desk.base import pinned
from pipeline.desk.inputs import CLASSIFIERS
from pipeline.model.classifier import labels_of
from pipeline.model.hub import snapshot
from pipeline.stage import Fault

NAME = re.compile(r"[a-z][a-z0-9_]*")


def pin(name: str, model: str) -> Path:
    """Write the file; returns it. Raises Fault where the model is no text classifier, or cannot be had."""
    if not NAME.fullmatch(name):
        raise Fault(
            f"NAME={name}", "is no name of a metric", "take lower-case letters, digits and _, such as NAME=tone"
        )
    if Path(model).is_dir() or not model:
        fault = "is a folder, which needs no pin" if model else "is missing"
        raise Fault(f"MODEL={model}", fault, f"name a model of the hub, or put the folder into {CLASSIFIERS}")
    found = pinned(model)
    labels = labels_of(snapshot(model, str(found["revision"]), sorted(dict(found["files"])), model))  # type: ignore[call-overload]
    place = CLASSIFIERS / f"{name}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(
        f"classifier: pinned {model} {found['revision']} ({found['licence']}) in {place}; its labels: {', '.join(labels)}"
    )
    return place


def main() -> None:
    name, model = [*sys.argv[1:], "", ""][:2]
    try:
        place = pin(name, model)
    except Fault as fault:
        sys.exit(f"classifier: {fault}")
    print(
        f"classifier: name {place} as the model, and one of the labels, in params.yaml under classify.classifiers.{name}"
    )


if __name__ == "__main__":
    main()
