"""Ask once, write it down: requests go to a service one after the other, as far as the money reaches."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from pipeline.remote.service import Answer, Request, Service, most
from pipeline.stage import Fault

DUST = 1e-9  # US dollars: what sums of floats may be off by


@dataclass(frozen=True)
class Recorded:
    """How many requests were answered now, how many are left, and what that cost in US dollars."""

    answered: int
    left: int
    spent: float


def amount(text: str) -> float:
    """The most that may be spent, as a person writes it. Raises Fault where it is no amount of money."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise Fault("MAX_COST", f"is {text[:40]!r}, and no amount of US dollars", "write it like MAX_COST=0.5")
    return value


def record(
    requests: Sequence[Request],
    known: Collection[str],
    service: Service,
    max_cost: float,
    ask: Callable[[Request], Answer],
    write: Callable[[int, Request, Answer], None],
    show: Callable[[int, int, str], None],
) -> Recorded:
    """Ask what is not `known` by name, and hand each answer to `write`, with the request's number, before the next one is asked.

    Before each request, what it can cost at most and what this run has cost must not pass `max_cost` together; else it stops.
    """
    todo = [(number, request) for number, request in enumerate(requests) if request.name not in known]
    spent, answered = 0.0, 0
    for number, request in todo:
        if spent + most(service, request) > max_cost + DUST:
            break
        answer = ask(request)
        write(number, request, answer)
        spent, answered = spent + answer.cost, answered + 1
        show(answered, len(todo), f"replies, ${spent:.4f}")
    return Recorded(answered, len(todo) - answered, spent)
