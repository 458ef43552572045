"""Hold dvc.lock to the tree and to the remote: for CI, and for whoever reviews a pull request.

    python -m pipeline.pull_request.verify_lock

Needs neither cache nor outputs: what git holds is hashed, and the digests in dvc.lock and the .dvc files are compared with each
other. Writes nothing. Exits 1 with a line for each file that differs from what dvc.lock says of a stage, and for each object that
the remote has not got. Answers of the accepted model that are of an earlier tree are said, and exit 0.
"""

import sys
import time
from pathlib import Path

from pipeline.pull_request.locking.check import look
from pipeline.pull_request.verifying.findings import in_terminal
from pipeline.stage import Fault

LONGEST = 1000


def main() -> None:
    began = time.monotonic()
    try:
        looked = look(Path.cwd(), say)
    except Fault as fault:
        sys.exit(f"verify-lock: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("verify-lock: stopped; nothing was changed")
    for line in looked.notes:
        say(line)
    for found in looked.findings:
        say(f"pending: {found}" if found.kind == "pending" else str(found))
    counts = {kind: sum(found.kind == kind for found in looked.findings) for kind in ("stale", "missing", "pending")}
    seconds = time.monotonic() - began
    say(f"{looked.stages} stages compared, {looked.objects:,} objects looked up, {seconds:.1f} s")
    if counts["stale"] or counts["missing"]:
        sys.exit(f"verify-lock: {counts['stale']} not of this tree, {counts['missing']} missing from the remote")
    say("dvc.lock is in order" + (f"; {counts['pending']} pending" if counts["pending"] else ""))


def say(line: str) -> None:
    print(f"verify-lock: {in_terminal(line, LONGEST)}", flush=True)


if __name__ == "__main__":
    main()
