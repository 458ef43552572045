"""What asking an arm took: seconds, tokens, money. Never twice the same, so it stands beside the outputs, and `make run` sums it up."""

import json
import math
import shutil
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

ASKED = Path(".cache/asked")  # a file an arm, of the last time that it was really asked
Show = Callable[[int, int, str], None]
T = TypeVar("T")


class Meter:
    """Counts what was really asked. `cost` in US dollars stays None where nobody says a price, as of a machine of one's own."""

    def __init__(self, engine: str) -> None:
        self._engine, self._lock = engine, Lock()  # several threads may wait for answers
        self._began = self._last = time.monotonic()
        self._latencies: list[float] = []
        self._tokens = [0, 0]
        self._cost: float | None = None

    def start(self) -> None:
        """From here on seconds count: a model is loaded, a server is up."""
        self._began = self._last = time.monotonic()

    def after(self, load: Callable[[], T]) -> Callable[[], T]:
        """`load`, after which seconds count."""

        def loaded() -> T:
            one = load()
            self.start()
            return one

        return loaded

    def watching(self, held: Mapping[str, Any], took: Mapping[str, float], show: Show) -> Show:
        """`show`, to which whatever has come into `held` since its last call is new; `took` has the seconds of each."""
        seen = len(held)

        def shown(done: int, total: int, remark: str) -> None:
            nonlocal seen
            for key, answer in list(held.items())[seen:]:
                self.add(took.get(key, 0.0), answer.prompt_tokens, answer.answer_tokens)
            seen = len(held)
            show(done, total, remark)

        return shown

    def add(self, seconds: float, prompt_tokens: int, answer_tokens: int, cost: float | None = None) -> None:
        """One answer, and how long it was waited for."""
        with self._lock:
            self._last = time.monotonic()
            self._latencies.append(seconds)
            self._tokens = [self._tokens[0] + prompt_tokens, self._tokens[1] + answer_tokens]
            if cost is not None:
                self._cost = (self._cost or 0.0) + cost

    @contextmanager
    def writing(self, arm: str) -> Iterator["Meter"]:
        """At the end, be it a failure, leave the sums where `make run` collects them; where nothing was asked, the last ones stay."""
        try:
            yield self
        finally:
            if self._latencies:
                ASKED.mkdir(parents=True, exist_ok=True)
                (ASKED / f"{arm}.json").write_text(json.dumps(self._sums(), sort_keys=True), encoding="utf-8")

    def _sums(self) -> dict[str, Any]:
        waited = sorted(self._latencies)
        return {
            "engine": self._engine,
            "answers": len(waited),
            "seconds": round(self._last - self._began, 3),
            "latency_s": {
                "mean": round(statistics.fmean(waited), 3),
                "median": round(statistics.median(waited), 3),
                "p95": round(waited[math.ceil(0.95 * len(waited)) - 1], 3),
                "most": round(waited[-1], 3),
            },
            "prompt_tokens": self._tokens[0],
            "answer_tokens": self._tokens[1],
            "cost": None if self._cost is None else round(self._cost, 6),
        }


def asked(arms: Iterable[str], known: dict[str, Any]) -> dict[str, Any]:
    """The sums of each arm that was asked here, else those that are known."""
    files = {arm: ASKED / f"{arm}.json" for arm in arms}
    fresh = {arm: json.loads(file.read_text(encoding="utf-8")) for arm, file in files.items() if file.is_file()}
    return {arm: known[arm] for arm in files if arm in known} | fresh


@contextmanager
def set_aside() -> Iterator[None]:
    """What is asked within is of other models under the names of our arms, as with other seeds; after it the sums are ours again."""
    kept = {file: file.read_bytes() for file in ASKED.glob("*.json")}
    try:
        yield
    finally:
        shutil.rmtree(ASKED, ignore_errors=True)
        for file, content in kept.items():
            ASKED.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
