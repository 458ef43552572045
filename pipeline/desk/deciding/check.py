"""A check: a claim that speaks for a fine-tune, whether it holds, and what says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["yes", "no", "not known yet"]
Key = Literal["targets", "examples", "reviewed", "short", "facts", "steady", "cheaper", "pays", "luck", "kept"]


@dataclass(frozen=True)
class Check:
    """`evidence`: a line each, with what to do where it is not known."""

    key: Key
    claim: str
    status: Status
    evidence: tuple[str, ...]


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a row, the first few of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
