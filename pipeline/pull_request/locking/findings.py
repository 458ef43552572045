"""What the lock check finds, a line each: which file, of which stage, what is wrong, and how to mend it."""

from dataclasses import dataclass
from typing import Literal

from pipeline.pull_request.verifying.findings import in_terminal

Kind = Literal["stale", "missing", "pending"]
RUN_AGAIN = "make run, and commit dvc.lock and reports"
PENDING = "make run answers again with the accepted model; nothing waits for it"


@dataclass(frozen=True)
class Finding:
    """A line. `stale`: dvc.lock is not of this tree; `missing`: an object cannot be had from the remote; `pending`: only the accepted
    model's answers are of an earlier tree, which is said and never red.

    `place` is a file, with a key where it has one; `stage` is a stage, or the .dvc file that names the object.
    """

    kind: Kind
    place: str
    stage: str
    fault: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.place} ({self.stage})" if self.stage else self.place
        return in_terminal(f"{place}: {self.fault}; {self.remedy}")
