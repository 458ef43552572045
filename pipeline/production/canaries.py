"""Ask the canaries of what is served, and write what came of it into the logs, where make monitor finds it.

    python -m pipeline.production.canaries URL

URL is an address of the OpenAI protocol, up to /v1. Canaries stand in task/canaries, as cases do in task/cases. Exits 1 where one fails.
"""

import sys
from pathlib import Path

from pipeline.data.plain_text import plain
from pipeline.data.questions import read_questions
from pipeline.desk.inputs import CANARIES
from pipeline.production.monitoring.canaries import Server, asked, record, told
from pipeline.production.monitoring.settings import MonitorParams
from pipeline.stage import Fault, load_params


def canaries(url: str, params: MonitorParams) -> bool:
    """Ask, tell and record. Returns whether all passed. Raises Fault where there is nobody to ask, or nothing to ask."""
    if not url.startswith(("http://", "https://")):
        raise Fault(f"URL={url}", "is no address", "write it like http://127.0.0.1:8080/v1")
    if "://" in params.logs:
        raise Fault("params.yaml: monitor.logs", "is no folder, and canaries write into one", "name a folder")
    questions = {one.id: one for one in read_questions(CANARIES)}
    if not questions:
        raise Fault(CANARIES, "holds no canary", "write one as in task/cases, a line of JSON in a .jsonl file")
    found = []
    with Server(url, params.canaries) as server:
        for canary in asked(server, questions.values()):
            print(f"canaries: {plain(told(canary, questions[canary.id]))}", flush=True)
            found.append(canary)
    path = record(Path(params.logs), found)
    failed = sum(not one.passed for one in found)
    print(f"canaries: {len(found) - failed} of {len(found)} passed, written to {path}")
    return not failed


def main() -> None:
    try:
        all_passed = canaries(sys.argv[1] if len(sys.argv) > 1 else "", load_params(MonitorParams))
    except Fault as fault:
        sys.exit(f"canaries: {plain(str(fault))}")
    sys.exit(0 if all_passed else 1)


if __name__ == "__main__":
    main()
