"""Runs of `train` that are killed, one after the other, each in a process that is forked once everything is imported.

    python -m tests.interrupted <folder> <plan> <phases> <changes>

The plan is JSON: a list of runs, each a list of kills. Each kill is `["step", n]` (at the end of step n), `["save", part, n]` (in the
n-th save, before `part` is written: optimizer, state or manifest), `["done", part]` (while a phase's result is put down) or
`["within", share]`, after that share of the time that the first run took; where a run has ended before that, it is begun anew and
killed sooner. After its kills a run goes on to its end, into the folder out-<number>. Prints how many kills hit.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import peft  # noqa: F401  # so that a forked process finds it
import transformers
import trl  # noqa: F401  # so that a forked process finds it

from pipeline import train as train_stage
from pipeline.model.training import checkpoints, phases
from pipeline.train import RUNS, main
from tests.lessons import params, paths


def kill_here(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(place, name, number):
    """Kill at the call of that number, before it does anything."""
    original, calls = getattr(place, name), [0]

    def counted(*arguments, **options):
        calls[0] += 1
        if calls[0] == number:
            kill_here()
        return original(*arguments, **options)

    setattr(place, name, counted)


def prepare(kind, *more):
    trainer = transformers.Trainer
    if kind == "step":
        at_call(trainer, "training_step", more[0] + 1)
    elif kind == "save":
        part, number = more
        place, name, calls = {
            "optimizer": (trainer, "_save_optimizer_and_scheduler", 1),
            "state": (transformers.TrainerState, "save_to_json", 1),
            "manifest": (checkpoints, "_synced", 4),  # in the middle of the digests
        }[part]
        at_call(place, name, calls * number)
    elif kind == "done":
        at_call(*{"result": (phases, "seal"), "copy": (train_stage, "publish")}[more[0]], 1)


def train(recipe, out, kill=("never",), whole_s=0.0):
    """One process that trains; whether it was killed."""
    child = os.fork()
    if not child:
        prepare(*kill)
        shutil.rmtree(out, ignore_errors=True)  # as DVC does
        main(recipe, *paths(out))
        os._exit(0)
    if kill[0] == "within":
        time.sleep(kill[1] * whole_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or status == 0, status
    return os.WIFSIGNALED(status)


def hit(recipe, out, kill, whole_s):
    """Train until the kill hits, or where it hits no time of its own, once; whether it did."""
    while not train(recipe, out, kill, whole_s):
        if kill[0] != "within":
            return False
        shutil.rmtree(RUNS, ignore_errors=True)
        kill = [kill[0], kill[1] / 2]
    return True


def interrupted(folder, plan, names, changes):
    os.chdir(folder)
    recipe, hits, whole_s = params(*names, **changes), 0, 0.0
    for number, kills in enumerate(plan):
        shutil.rmtree(RUNS, ignore_errors=True)
        hits += sum(hit(recipe, f"out-{number}", kill, whole_s) for kill in kills)
        began = time.monotonic()
        assert not train(recipe, f"out-{number}")
        whole_s = whole_s or time.monotonic() - began
    print(json.dumps({"hits": hits}))


if __name__ == "__main__":
    interrupted(Path(sys.argv[1]), *map(json.loads, sys.argv[2:]))
