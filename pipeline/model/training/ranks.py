"""More than one process: which one is this, and waiting for the others.

`accelerate launch` starts the stage once a device. All of them train; one writes what is kept, and tells.
"""

import builtins
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from pipeline.stage import ENVIRONMENT, Fault

WORKER = "GITUNE_WORKER"  # set in the processes that were launched
SHOWN = 8  # lines of a worker that died of something that is no fault of the user's


def is_worker() -> bool:
    """Whether this process was launched beside others."""
    return WORKER in os.environ


def is_main() -> bool:
    """Whether this process is the one that writes and tells."""
    return os.environ.get("RANK", "0") == "0"


def processes() -> int:
    """How many there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_sharded() -> bool:
    """Whether each process is to hold a share of the model only, which accelerate deals out of memory of the processor."""
    return any(os.environ.get(f"ACCELERATE_USE_{name}") == "true" for name in ("FSDP", "DEEPSPEED"))


def wait() -> None:
    """Until all have come so far."""
    if processes() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def say(text: str) -> None:
    """Print a line, once."""
    if is_main():
        builtins.print(text, flush=True)


def relaunch(config: Path, is_cpu: bool) -> None:
    """Run this program once a process, as the file says, and return when all have ended well.

    Raises Fault where they cannot be started; where one fails, ends with its line.
    """
    if not config.is_file():
        raise Fault("params.yaml: train.launch", f"there is no {config}", "name a file of that folder, without .yaml")
    spec = sys.modules["__main__"].__spec__
    module = spec.name if spec else "pipeline.train"
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--config_file", str(config)]
    command = [*launcher, "-m", module, *sys.argv[1:]]
    environment: dict[str, Any] = {**os.environ, **ENVIRONMENT, WORKER: "1", "PYTHONUNBUFFERED": "1"}
    if is_cpu:
        environment["ACCELERATE_USE_CPU"] = "true"
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode == 0:
        return
    name = module.rpartition(".")[2]
    lines = done.stderr.splitlines()
    faults = [line for line in lines if line.startswith(f"{name}: ")]
    if faults:
        sys.exit(faults[0])
    told = [line for line in lines if line.strip() and "Error" in line][:1] or lines[-SHOWN:]
    raise Fault(
        config, f"a process ended with {done.returncode} ({' '.join(told)[:500]})", "mend it; see what it printed"
    )
