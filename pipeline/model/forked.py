"""Work that uses one core well and two badly, shared out among processes: forked, so that they have the model as it stands."""

import multiprocessing
import sys
import warnings
from collections.abc import Callable, Iterator
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
    pipes = [context.Pipe(duplex=False) for _ in range(count)]
    children = [
        context.Process(target=_send, args=(work, number, pipe[1]), daemon=True) for number, pipe in enumerate(pipes)
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
        for child, (_, sender) in zip(children, pipes, strict=True):
            child.start()
            sender.close()  # so that the end of the child is the end of the pipe
    try:
        yield from _received([receiver for receiver, _ in pipes])
    finally:
        for child in children:
            child.terminate()
            child.join()


def _send(work: Callable[[int], Iterator[Any]], number: int, sender: Connection) -> None:
    import torch

    torch.set_num_threads(1)
    try:
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
            except EOFError:
                fault = "a process that answered questions was ended by something else"
                raise Fault(
                    "predict", fault, "make room in memory, or lower predict.threads; what was answered is kept"
                ) from None
            if found == END:
                left.remove(receiver)
            else:
                yield found[0]
