"""Hold the reports, the outputs and DVC's cache to what they say they are: for the reviewer of a pull request.

    python -m pipeline.pull_request.verify ALLOW_MISSING REMOTE

Hashes every output that dvc.lock and the .dvc files name, in the workspace and in the cache, and runs the stages that write
reports again, in a temporary folder. Nothing of the project is written. Exits 1 with a line for each file, object or number that
is not what it is said to be, for each input that has changed since the pipeline ran, and for what is not on this machine; the
last is let pass where ALLOW_MISSING is `yes`. Where REMOTE is `yes`, every object that the remote has of them is fetched and hashed, too.
"""

import sys
import tempfile
import time
from pathlib import Path

from pipeline.pull_request.locking.rotten import rotten
from pipeline.pull_request.verifying.contents import Contents, Held
from pipeline.pull_request.verifying.differences import BAND
from pipeline.pull_request.verifying.findings import Finding, in_terminal
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.pull_request.verifying.judging import findings_of, fractions_of
from pipeline.pull_request.verifying.locked import LOCK, opened
from pipeline.pull_request.verifying.recompute import Rerun, recompute
from pipeline.stage import Fault

MIB = 2**20


def verify(root: Path, with_remote: bool = False) -> list[Finding]:
    """Everything that is not as it should be; says what was looked at. Raises Fault where DVC's files cannot be read."""
    began = time.monotonic()
    hashes = Hashes(lambda read: print(f"verify: {read / MIB:,.0f} MiB hashed", flush=True))
    with tempfile.TemporaryDirectory(prefix="verify-") as folder, opened(root, Path(folder)) as project:
        contents = Contents(project, hashes)
        rerun = recompute(contents, Path(folder))
        findings = [*findings_of(contents), *rerun.findings]
        if with_remote:
            findings += rotten(project, Path(folder), lambda words: print(f"verify: {in_terminal(words)}", flush=True))
        tell(contents, rerun)
    print(
        f"verify: {len(contents.held)} outputs, {hashes.files:,} files and objects hashed ({hashes.read / MIB:,.0f} MiB), "
        f"{len(rerun.done)} stages run again, {time.monotonic() - began:.1f} s"
    )
    return list(dict.fromkeys(findings))


def tell(contents: Contents, rerun: Rerun) -> None:
    """What was recomputed, how exactly, what was held to its digest alone, and what could not be done."""
    held = contents.held.values()
    again = [one for one in held if one.has_run]
    say("recomputed byte for byte", [one for one in again if one.is_recomputed and (one.is_same or one.there is None)])
    for one in again:
        if one.is_same and not one.is_recomputed and (found := fractions_of(one)):
            line = f"{one.entry.path}: recomputed within {BAND} in {len(found)} fractions, else equal"
            print(f"verify: {in_terminal(line)}; the arithmetic of another processor rounds so")
    say("held to its digest alone, not recomputed", [one for one in held if not one.has_run and one.good])
    for name, why in rerun.left.items():
        print(f"verify: not recomputed: {in_terminal(f'{name} {why}')}")
    for name in contents.project.strangers:
        print(f"verify: {LOCK} has an entry for {in_terminal(name)}, which dvc.yaml does not know; not looked at")


def say(how: str, outputs: list[Held]) -> None:
    """One line with the names."""
    if outputs:
        print(f"verify: {how}: {', '.join(in_terminal(one.entry.path) for one in outputs)}")


def main() -> None:
    is_allowed, with_remote = (word == "yes" for word in [*sys.argv[1:], "", ""][:2])
    try:
        findings = verify(Path.cwd(), with_remote)
    except Fault as fault:
        sys.exit(f"verify: {in_terminal(str(fault))}")
    except KeyboardInterrupt:
        sys.exit("verify: stopped; nothing was changed")
    for found in findings:
        print(f"verify: {found}")
    counts = {kind: sum(found.kind == kind for found in findings) for kind in ("wrong", "stale", "absent")}
    if counts["wrong"] or counts["stale"] or (counts["absent"] and not is_allowed):
        words = (f"{counts['wrong']} wrong", f"{counts['stale']} changed since the run", f"{counts['absent']} not here")
        hint = "; ALLOW_MISSING=yes lets pass what is not here" if not (counts["wrong"] or counts["stale"]) else ""
        sys.exit(f"verify: {', '.join(words)}{hint}")
    print("verify: all of it is what it says" if not counts["absent"] else "verify: what is here is what it says")


if __name__ == "__main__":
    main()
