"""Forgetting that kills itself once it has begun: before the step that comes after the number of steps it is given."""

import os
import signal
import sys

from dvc.repo import Repo  # noqa: F401  # so that a forked process finds it

from pipeline.desk import forget

STEPS = ("os.remove", "os.rename", "shutil.rmtree", "subprocess.Popen")


def main():
    asked, steps, seen = sys.argv[1], int(sys.argv[2]), 0

    def hook(event, _):
        nonlocal seen
        if event in STEPS and os.path.exists(".cache/forget.json"):  # noqa: PTH110  # pathlib imports, which is an event too
            seen += 1
            if seen > steps:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    sys.argv = ["forget", asked]
    forget.main()
