"""What one service is to be asked, and the ledger in which each of its replies stands before the next request goes out."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.ledgers import Entry, append, author_of
from pipeline.remote.chat import Chat
from pipeline.remote.offers import offer
from pipeline.remote.recorder import Recorded, record
from pipeline.remote.service import Answer, Request, Service, price
from pipeline.stage import Fault, progress


@dataclass(frozen=True)
class Order:
    """Requests to a service; `known` are names of those that were answered before, `place` is where the service stands.

    `entry` gives the line of the ledger for the answer to the request of that number.
    """

    ledger: Path
    place: str
    service: Service
    requests: Sequence[Request]
    known: Collection[str]
    entry: Callable[[int, Request, Answer], Entry]

    @property
    def told(self) -> str:
        """What is missing, and what it costs."""
        return f"{self.ledger} lacks {offer(self.requests, self.service)}, to {self.service.model or 'no model yet'}"

    @property
    def price(self) -> float:
        """The most that it can cost, in US dollars."""
        return price(self.service, self.requests)

    def key(self) -> str:
        """The service's key. Raises Fault where it could not be asked, or where its replies could not be written down."""
        key = self.service.key(self.place)
        author_of(self.service.model)
        with self._writing():
            self.ledger.mkdir(parents=True, exist_ok=True)
        return key

    def send(self, key: str, limit: float) -> Recorded:
        """Ask, as far as the money reaches."""

        def write(number: int, request: Request, answer: Answer) -> None:
            with self._writing():
                append(self.ledger, self.service.model, self.entry(number, request, answer))

        with Chat(self.service, key) as chat:
            return record(
                self.requests, self.known, self.service, limit, chat.ask, write, progress("ask"), concurrency=1
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Name the ledger where it cannot be written."""
        try:
            yield
        except OSError as error:
            raise Fault(self.ledger, f"cannot be written ({error.strerror})", "make room or mend its rights") from None
