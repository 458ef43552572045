"""What is measured of requests: shares of what a request is, amounts, and percentiles of times.

What a request is stands in bits, so that a million of them are counted by whole columns.
"""

from dataclasses import dataclass
from enum import IntFlag, auto

from pipeline.production.logs.entry import Entry


class Is(IntFlag):
    """What is true of a request and its answer."""

    REQUEST = auto()
    JUDGED = auto()  # the answer is a whole one in words
    FORMED = auto()  # it is what the schema asks for
    FLAGGED = auto()  # by schema or by a rule
    REFUSED = auto()
    EMPTY = auto()
    CUT = auto()
    TURNED_AWAY = auto()  # with a status of 400 to 499
    ENGINE_FAILED = auto()
    HUNG_UP = auto()
    LABELLED = auto()  # the answer's own field says whether to escalate
    ASKS_ESCALATION = auto()
    SPOKEN_OF = auto()
    RATED = auto()
    UP = auto()
    DOWN = auto()
    CORRECTED = auto()
    ESCALATED = auto()
    TOLD = auto()  # whether the task was done
    DONE = auto()
    HAS_USER = auto()


BITS = tuple(Is)


@dataclass(frozen=True)
class Measure:
    """What a measure says, and whether more of it is better (1) or worse (-1)."""

    name: str
    says: str
    better: int


@dataclass(frozen=True)
class Share(Measure):
    """Of the requests that are `of`, the share that is `hit`. `evaluated` is the same thing among the evaluation's metrics."""

    hit: Is
    of: Is
    evaluated: str = ""


SHARES = (
    Share("format", "answers that meet the schema", 1, Is.FORMED, Is.JUDGED, "format_schema"),
    Share("flagged", "answers that break the schema or a rule", -1, Is.FLAGGED, Is.JUDGED),
    Share("refused", "answers that refuse", -1, Is.REFUSED, Is.JUDGED),
    Share("empty", "empty answers", -1, Is.EMPTY, Is.JUDGED),
    Share("cut", "answers cut at the most tokens", -1, Is.CUT, Is.JUDGED),
    Share("turned_away", "requests refused with a status of 400 to 499", -1, Is.TURNED_AWAY, Is.REQUEST),
    Share("engine_failed", "requests that the engine failed", -1, Is.ENGINE_FAILED, Is.REQUEST),
    Share("hung_up", "requests whose client left", -1, Is.HUNG_UP, Is.REQUEST),
    Share("asks_escalation", "answers that say a person takes over", -1, Is.ASKS_ESCALATION, Is.LABELLED),
    Share("spoken_of", "requests of which somebody said anything", 1, Is.SPOKEN_OF, Is.REQUEST),
    Share("thumbs_up", "thumbs that are up", 1, Is.UP, Is.RATED),
    Share("thumbs_down", "thumbs that are down", -1, Is.DOWN, Is.RATED),
    Share("corrected", "requests spoken of whose answer was corrected", -1, Is.CORRECTED, Is.SPOKEN_OF),
    Share("escalated", "requests spoken of that a person had to take over", -1, Is.ESCALATED, Is.SPOKEN_OF),
    Share("completed", "tasks that were done, where it was said", 1, Is.DONE, Is.TOLD),
)
AMOUNTS = (
    Measure("tokens_in", "tokens read for a request", -1),
    Measure("tokens_out", "tokens written for a request", -1),
    Measure("cost", "US dollars for a request", -1),
)
TIMES = {"first_token": "seconds to the first token", "total": "seconds in all"}
PERCENTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Percentile(Measure):
    """What a share `q` of the requests does not exceed, of one of TIMES."""

    time: str
    q: float


LATENCIES = tuple(
    Percentile(f"{time}_p{q:.0%}_s".replace("%", ""), f"{says}, p{q:.0%}".replace("%", ""), -1, time, q)
    for time, says in TIMES.items()
    for q in PERCENTILES
)
MEASURES: dict[str, Measure] = {one.name: one for one in (*SHARES, *LATENCIES, *AMOUNTS)}
COUNTED = {  # of what is whole and no sample, so that nothing is left to chance
    "dropped": "share of the requests that the recorder saw and could not write",
    "canaries_failed": "canaries whose latest answer failed its check",
}
UNANSWERED = Is.TURNED_AWAY | Is.ENGINE_FAILED | Is.HUNG_UP  # their times say nothing of an answer's


def outcome_of(entry: Entry, is_judged: bool, failed: tuple[str, ...]) -> Is:
    """What a request is by its end, and its answer by what it failed."""
    found = Is.REQUEST
    if entry.finish == "hung_up":
        found |= Is.HUNG_UP
    elif entry.finish == "engine_failed" or entry.status >= 500:
        found |= Is.ENGINE_FAILED
    elif entry.status >= 400:
        found |= Is.TURNED_AWAY
    if found & UNANSWERED or not is_judged:
        return found
    broken = any(name == "not_json" or name.startswith("schema:") for name in failed)
    found |= Is.JUDGED | (Is.REFUSED if "refusal" in failed else Is(0)) | (Is.CUT if "cut" in failed else Is(0))
    found |= Is.EMPTY if "empty" in failed else Is(0)
    found |= Is.FORMED if not broken and "empty" not in failed else Is(0)
    return found | (Is.FLAGGED if broken or any(name.startswith("rule:") for name in failed) else Is(0))


def bits_of_word(name: str, said: object) -> Is:
    """What one word of a feedback line says, by the name of its field."""
    if name == "thumb":
        return Is.RATED | (Is.UP if said == "up" else Is.DOWN)
    if name == "correction":
        return Is.CORRECTED
    if name == "escalated":
        return Is.ESCALATED if said else Is(0)
    return Is.TOLD | (Is.DONE if said else Is(0))
