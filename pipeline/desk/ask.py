"""Ask the teacher for the replies that are missing: the one command that pays.

    python -m pipeline.desk.ask MAX_COST      US dollars that this run may spend at most; without it, only the price

Each answer is on the disk, in the ledger, before the next request goes out. So a run can be killed at any point, and the next
one asks only for what is still missing.
"""

import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Reply, append, author_of, read_replies
from pipeline.data.records import stream_keys
from pipeline.data.splitting.sides import Sides, SplitParams
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.synthetic.requests import Asked, counted, missing, offer, shortage
from pipeline.data.synthetic.torn import set_aside
from pipeline.desk.inputs import SCHEMA, TEACHER, TEST_SET
from pipeline.desk.test_set import VALIDATED
from pipeline.remote.chat import Chat
from pipeline.remote.recorder import amount, record
from pipeline.remote.service import Answer, Request, Service, dollars, price
from pipeline.stage import Fault, load_params, progress
from pipeline.synthesize import SynthesizeParams, train_side

LOCK = Path(".cache/ask.lock")
PLACE = "params.yaml: synthesize.teacher"


def ask(max_cost: str) -> None:
    """Say what is missing and what it costs, then ask for it. Raises Fault where that cannot be done."""
    params = load_params(SynthesizeParams)
    limit = amount(max_cost) if max_cost else None
    for path in set_aside(TEACHER):
        print(f"ask: the last line of a file was cut off; what there is of it stands in {path}")
    replies = [reply for _, reply in counted(read_replies(TEACHER))]
    if len(replies) >= params.replies:
        print(
            f"ask: {TEACHER} holds {len(replies)} replies, and synthesize.replies is {params.replies}; nothing to ask"
        )
        return
    found = _missing(params, replies)
    print(
        f"ask: {TEACHER} lacks {offer(found, params.teacher)}, to {params.teacher.model or 'no model yet'}", flush=True
    )
    if len(found) < params.replies - len(replies):
        raise shortage(TEACHER, len(replies), params.replies, found, params.teacher)
    if limit is None:
        cost = dollars(price(params.teacher, [one.request for one in found]))
        raise Fault(
            "MAX_COST", "is missing, so nothing was asked", f"write make ask MAX_COST={cost}, or less for a part"
        )
    _ask_for(found, params.teacher, limit, {reply.request for reply in replies})


def _missing(params: SynthesizeParams, replies: Sequence[Reply]) -> list[Asked]:
    side = Sides((key for key, _ in stream_keys(VALIDATED)), TestSet.load(TEST_SET), load_params(SplitParams))
    contract = Contract.load(SCHEMA)
    return missing(train_side(VALIDATED, side), params.axes, params.teacher, contract, replies, params.replies)


def _ask_for(found: Sequence[Asked], teacher: Service, limit: float, known: set[str]) -> None:
    def write(number: int, request: Request, answer: Answer) -> None:
        with _writing():
            append(TEACHER, teacher.model, _entry(found[number], request, answer, teacher.model))

    key = teacher.key(PLACE)
    author_of(teacher.model)  # what could not be written down is not paid for
    with _writing():
        TEACHER.mkdir(parents=True, exist_ok=True)
    with Chat(teacher, key) as chat:
        requests = [one.request for one in found]
        done = record(requests, known, teacher, limit, chat.ask, write, progress("ask"), concurrency=1)
    left = f"; {done.left} left, since MAX_COST={limit:g} might not cover the next one" if done.left else ""
    print(f"ask: {done.answered} replies for ${done.spent:.4f}{left}; commit {TEACHER}")


@contextmanager
def _writing() -> Iterator[None]:
    """Name the ledger where it cannot be written."""
    try:
        yield
    except OSError as error:
        raise Fault(TEACHER, f"cannot be written ({error.strerror})", "make room or mend its rights") from None


def _entry(asked: Asked, request: Request, answer: Answer, model: str) -> Reply:
    return Reply(
        date=date.today().isoformat(),
        request=request.name,
        seed=asked.seed,
        axis=asked.axis,
        model=model,
        reply=answer.text,
        prompt_tokens=answer.prompt_tokens,
        completion_tokens=answer.completion_tokens,
        cost=answer.cost,
    )


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock that ends with the process, however that ends. Raises Fault where another one holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Fault(lock, "is held by another make ask", "wait for its end, or stop it") from None
        yield


def main() -> None:
    try:
        with alone(LOCK):
            ask(sys.argv[1].strip() if len(sys.argv) > 1 else "")
    except Fault as fault:
        sys.exit(f"ask: {fault}")
    except KeyboardInterrupt:
        sys.exit("ask: stopped; what was answered is written down, make ask goes on from there")


if __name__ == "__main__":
    main()
