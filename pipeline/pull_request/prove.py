"""Prove that the accepted model is one: it can be had, every object is what it says, it loads, and it answers as it did.

    python -m pipeline.pull_request.prove

Run on the main branch once `models/accepted.dvc` has changed there. Pulls from the remote where one is configured. The model is asked a
handful of questions; the answers are those of `data/predictions/accepted`, where these are of this model and were made the same
way. A model of a service is not asked: `predict` alone pays. Exits 1 with a line where something is not so.
"""

import os
import sys
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.desk import accepted
from pipeline.desk.accepted import ARM, FOLDER, POINTER, Pointer, Record
from pipeline.desk.inputs import SCHEMA
from pipeline.desk.run import PREDICTIONS, dvc
from pipeline.model.hosted.hosted import hosted_file, load_hosted
from pipeline.predict import PredictParams
from pipeline.pull_request.promoting.handful import Said, ask, incomparable, versioned
from pipeline.pull_request.promoting.objects import have
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.pull_request.verifying.hashes import Hashes, folder_digest
from pipeline.scoring.answers import formats
from pipeline.stage import ENVIRONMENT, Fault, load_params

EXPECTED = 0.5  # of the answers in form, from which on a handful without one is no chance


def main() -> None:
    os.environ.update(ENVIRONMENT)
    try:
        lines = prove(Path())
    except Fault as fault:
        sys.exit(f"prove-accepted: {in_terminal(str(fault))}")
    for line in lines:
        print(f"prove-accepted: {in_terminal(line)}")


def prove(root: Path) -> list[str]:
    """What was proved, a line each. Raises Fault for the first thing that is not so."""
    found = accepted.accepted(root)
    if found is None:
        return ["no model was promoted yet: there is nothing to prove"]
    pointer, record = found
    hashes = Hashes(lambda read: print(f"prove-accepted: {read / 2**20:,.0f} MiB hashed", flush=True))
    have(pointer, None, root, hashes)
    accepted.bring()
    check_tree(pointer, root, hashes)
    lines = [f"{POINTER}: {pointer.files} files of {pointer.size:,} bytes are here, each what its digest says"]
    if place := hosted_file(root / FOLDER):
        return [*lines, f"{place}: names {load_hosted(place).model}, a model of a service; it is not asked here"]
    for path in ("data/split", str(PREDICTIONS / ARM)):
        if not (root / path).exists():
            dvc("pull", "--quiet", path, quiet=True)
    return [*lines, *answered(pointer, record)]


def check_tree(pointer: Pointer, root: Path, hashes: Hashes) -> None:
    """Raises Fault where the folder in the work tree is not the model."""
    files = {path.relative_to(root / FOLDER).as_posix(): path for path in (root / FOLDER).rglob("*") if path.is_file()}
    if folder_digest({name: hashes.file(path) for name, path in files.items()}) != pointer.digest:
        raise Fault(FOLDER, f"is not what {POINTER} names", f"run dvc checkout --force {POINTER}")


def answered(pointer: Pointer, record: Record) -> list[str]:
    """Load the model, ask it, and hold its answers to those that are versioned. Raises Fault where they differ, or none is in form."""
    now = ask(load_params(PredictParams))
    in_form = formats(list(now.answers.values()), Contract.load(SCHEMA))
    count, good = len(in_form), sum(one == 1 for one in in_form)
    lines = [f"{FOLDER}: loads, and answers {count} questions, {good} of them in the form of {SCHEMA}"]
    then, why = versioned(pointer.digest)
    why = why or (incomparable(now, then) if then else "")
    if then and not why:
        return [*lines, compared(now, then)]
    usual = record.metrics.get("format_accuracy", {}).get("mean", 0.0)
    if not good and usual >= EXPECTED:
        raise Fault(
            FOLDER, f"gives no answer in form of {count}, and {usual:.0%} were when it was promoted", "roll back"
        )
    return [*lines, f"not held to {PREDICTIONS / ARM}: {why}"]


def compared(now: Said, then: Said) -> str:
    """Raises Fault where the model says something else than it did."""
    asked = [key for key in now.answers if key in then.answers]
    other = [key for key in asked if now.answers[key] != then.answers[key]]
    if other:
        name, key = other[0]
        fault = f"has another answer to the {name} {key} than {FOLDER} gives ({len(other)} of {len(asked)} differ)"
        raise Fault(PREDICTIONS / ARM, fault, "look which of the two is wrong; make run asks it anew")
    return f"{PREDICTIONS / ARM}: has the same {len(asked)} answers, to the letter"


if __name__ == "__main__":
    main()
