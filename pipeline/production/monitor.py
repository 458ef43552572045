"""Look at production: what the logs of a window say, held against the evaluation, the window before, and the bounds of `params.yaml`.

    python -m pipeline.production.monitor SINCE UNTIL LOGS

SINCE is a span such as 7d or a time, UNTIL a time ("" for now), LOGS a place ("" for that of `params.yaml`). Writes
build/monitor/report.json, page.html (opens offline), report.md and chat.txt. Exits 1 where a bound is surely broken, inputs have
drifted, a canary fails or too many records were dropped; 0 where all is within, or cannot be told.
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.checking.language import LanguageParams
from pipeline.data.plain_text import plain
from pipeline.desk.inputs import SCHEMA
from pipeline.production.monitoring.looking import Look, look
from pipeline.production.monitoring.settings import MonitorParams
from pipeline.production.monitoring.taking import Asking, take
from pipeline.production.monitoring.telling import TITLE, chat, markdown_of, parts_of
from pipeline.production.monitoring.windows import Window, window_of
from pipeline.production.monitoring.written import report_of
from pipeline.pull_request.reporting.page import page
from pipeline.stage import Fault, load_params, write_report

OUT, TRAINING = Path("build/monitor"), Path("data/split/train.jsonl")


def monitor(asking: Asking, window: Window) -> Look:
    """Both windows at once, each in a process of its own where the machine has two cores, and what follows from them."""
    if (os.cpu_count() or 1) < 2:
        return look(asking, take(asking, window), take(asking, window.before), Path(), TRAINING)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        earlier = pool.submit(take, asking, window.before)
        return look(asking, take(asking, window), earlier.result(), Path(), TRAINING)


def write(found: Look, asking: Asking, out: Path) -> None:
    """Report, page, Markdown and the lines for a channel."""
    parts = parts_of(found)
    write_report(out / "report.json", report_of(found, asking.place, asking.shape))
    (out / "page.html").write_text(page(parts, TITLE), encoding="utf-8")
    (out / "report.md").write_text(markdown_of(parts), encoding="utf-8")
    (out / "chat.txt").write_text(chat(found), encoding="utf-8")


def main() -> None:
    since, until, place = (*sys.argv[1:], "", "", "")[:3]
    try:
        params = load_params(MonitorParams)
        params.check(Contract.load(SCHEMA).fields)
        asking = Asking(place or params.logs, params.shape, SCHEMA, params, load_params(LanguageParams).languages)
        found = monitor(asking, window_of(since or params.since, until, datetime.now(UTC)))
        write(found, asking, OUT)
    except Fault as fault:
        sys.exit(f"monitor: {plain(str(fault))}")
    print(plain(chat(found)), end="")
    print(f"monitor: {OUT}/page.html, report.json, report.md and chat.txt written")
    sys.exit(1 if found.alerts else 0)


if __name__ == "__main__":
    main()
