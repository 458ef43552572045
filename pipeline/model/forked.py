"""Work that uses one core well and two badly, shared out among processes: forked, so that they have the model as it stands."""

import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar, cast

from pipeline.stage import Fault

T = TypeVar("T")
END = "end"


def processes(threads: int, device: str, rows: int, each: int) -> int:
    """Among how many processes to share rows out: one a thread on a CPU, where each of them has at least `each`."""
    can_fork = sys.platform == "linux" and device == "cpu"
    return max(1, min(threads, rows // each)) if can_fork else 1


def shared_out(count: int, work: Callable[[int], Iterator[T]]) -> Iterator[T]:
    """What `work` gives for each number below `count`, as it comes. Raises Fault where a process ends before its work does.

    Forking a process that has threads is safe as PyTorch's own DataLoader does it: the child has one thread, and so enters none of the
    parallel regions that the parent's threads belong to.
    """
    if count == 1:
        yield from work(0)
        return
    context = multiprocessing.get_context("fork")
    children, receivers = [], list[Connection]()
    try:
        for number in range(count):
            receiver, sender = context.Pipe(duplex=False)
            receivers.append(receiver)
            child = context.Process(target=_send, args=(work, number, sender, tuple(receivers)), daemon=True)
            _start(child)
            children.append(child)
            sender.close()  # before the next child has it too, so that the end of this one is the end of its pipe
        yield from _received(receivers)
    finally:
        for child in children:
            child.terminate()
            child.join()


def _start(child: Any) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        child.start()


def _send(
    work: Callable[[int], Iterator[Any]], number: int, sender: Connection, receivers: Sequence[Connection]
) -> None:
    """What a child does. The ends that the parent reads are closed here, so that without a parent nobody waits for a reader."""
    try:
        import torch

        torch.set_num_threads(1)
        for receiver in receivers:
            receiver.close()
        for item in work(number):
            sender.send((item,))
        sender.send(END)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.exit(1)  # the parent has ended, and says why


def _received(receivers: list[Connection]) -> Iterator[Any]:
    left = list(receivers)
    while left:
        for receiver in cast("list[Connection]", wait(left)):
            try:
                found = receiver.recv()
            except (EOFError, OSError):  # between two answers, or within one
                fault = "a process that answered questions was ended by something else"
                raise Fault(
                    "predict", fault, "make room in memory, or lower predict.threads; what was answered is kept"
                ) from None
            if found == END:
                left.remove(receiver)
            else:
                yield found[0]
