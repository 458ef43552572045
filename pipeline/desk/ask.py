"""Ask teacher and judge for the replies that are missing: the one command that pays.

    python -m pipeline.desk.ask MAX_COST      US dollars that this run may spend at most; without it, only the price

Each answer is on the disk, in the ledger, before the next request goes out. So a run can be killed at any point, and the next
one asks only for what is still missing. What may be spent is for both together; the teacher comes first.
"""

import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.data.synthetic.torn import set_aside
from pipeline.desk.asking.answers import answers_order
from pipeline.desk.asking.judge import judge_order
from pipeline.desk.asking.order import Order
from pipeline.desk.asking.teacher import teacher_order
from pipeline.desk.inputs import JUDGE, PROPOSED, TEACHER
from pipeline.remote.recorder import amount
from pipeline.remote.service import dollars
from pipeline.stage import Fault

LOCK = Path(".cache/ask.lock")


def ask(max_cost: str) -> None:
    """Say what is missing and what it costs, then ask for it. Raises Fault where that cannot be done."""
    limit = amount(max_cost) if max_cost else None
    for path in (*set_aside(TEACHER), *set_aside(PROPOSED), *set_aside(JUDGE)):
        print(f"ask: the last line of a file was cut off; what there is of it stands in {path}")
    orders = _orders()
    if orders and limit is None:
        cost = dollars(sum(order.price for order in orders))
        raise Fault(
            "MAX_COST", "is missing, so nothing was asked", f"write make ask MAX_COST={cost}, or less for a part"
        )
    if limit is not None:
        _send(orders, limit)


def _orders() -> list[Order]:
    """What there is to be asked. A judge that has nothing to judge yet does not keep the teacher from being asked."""
    found = [order for order in (teacher_order(), answers_order()) if order]
    try:
        return [*found, *(order for order in (judge_order(),) if order)]
    except Fault as fault:
        if not found:
            raise
        print(f"ask: the judge is not asked now: {fault}", flush=True)
    return found


def _send(orders: Sequence[Order], limit: float) -> None:
    """One order after the other. What could not be asked or written down is known before anything is paid for."""
    keys, rest = [order.key() for order in orders], limit
    for order, key in zip(orders, keys, strict=True):
        done = order.send(key, rest)
        rest = max(0.0, rest - done.spent)
        left = f"; {done.left} left, since MAX_COST={limit:g} might not cover the next one" if done.left else ""
        print(f"ask: {done.answered} replies for ${done.spent:.4f}{left}; commit {order.ledger}")


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
