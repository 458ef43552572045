"""Ask once, write it down: requests go to a service, one after the other or several at a time, as far as the money reaches."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
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
    concurrency: int,
) -> Recorded:
    """Ask what is not `known` by name, and hand each answer to `write`, with the request's number, as it comes.

    Before each request, what it and those under way can cost at most and what this run has cost must not pass `max_cost` together;
    else it stops. At most `concurrency` are under way, one until the first answer has come; with 1 each answer is written before the
    next request goes out. Where one fails, those under way are waited for and written, and then its error is raised.
    """
    run = _Run(service, max_cost, write, show)
    todo = [(number, request) for number, request in enumerate(requests) if request.name not in known]
    run.total, left = len(todo), list(reversed(todo))
    pool = ThreadPoolExecutor(concurrency)
    try:
        while True:
            while left and len(run.under_way) < (concurrency if run.answered else 1) and run.covers(left[-1][1]):
                number, request = left.pop()
                run.under_way[pool.submit(ask, request)] = number, request
            if not run.under_way:
                break
            for future in wait(run.under_way, return_when=FIRST_COMPLETED).done:
                run.take(future)
    finally:
        for future in wait(run.under_way).done:  # after an error: what is paid for is not lost
            if future.exception() is None:
                run.take(future)
        pool.shutdown(wait=False)
    return Recorded(run.answered, len(left), run.spent)


class _Run:
    """What has been answered, what it cost, and what is under way."""

    def __init__(
        self,
        service: Service,
        max_cost: float,
        write: Callable[[int, Request, Answer], None],
        show: Callable[[int, int, str], None],
    ) -> None:
        self._service, self._max_cost, self._write, self._show = service, max_cost, write, show
        self.under_way: dict[Future[Answer], tuple[int, Request]] = {}
        self.total, self.answered, self.spent = 0, 0, 0.0

    def covers(self, request: Request) -> bool:
        """Whether the money reaches for one more request, whatever those under way will cost."""
        reserved = sum(most(self._service, one) for _, one in self.under_way.values())
        return self.spent + reserved + most(self._service, request) <= self._max_cost + DUST

    def take(self, future: "Future[Answer]") -> None:
        """Write an answer down. Raises what went wrong instead of one."""
        number, request = self.under_way.pop(future)
        answer = future.result()
        self._write(number, request, answer)
        self.answered, self.spent = self.answered + 1, self.spent + answer.cost
        self._show(self.answered, self.total, f"replies, ${self.spent:.4f}")
