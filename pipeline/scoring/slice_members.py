"""Which examples of a set belong to which slice: by tag, origin, label, language and length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

THIRDS = ("short", "middling", "long")
Positions = dict[str, list[int]]


@dataclass(frozen=True)
class Sliced:
    """What says in which slices an example is. `size` in characters of its question; a label and a language may be empty."""

    tags: Sequence[str]
    origin: str
    label: str
    size: int
    language: str = ""


def slices_of(examples: Sequence[Sliced]) -> Positions:
    """Positions by the name of the slice; what all examples share is no slice."""
    slices: Positions = {}
    for at, names in enumerate(names_of(examples)):
        for name in names:
            slices.setdefault(name, []).append(at)
    return {name: chosen for name, chosen in sorted(slices.items()) if len(chosen) < len(examples)}


def names_of(examples: Sequence[Sliced]) -> list[list[str]]:
    """What each example could be sliced by."""
    bounds = thirds([one.size for one in examples])
    return [
        [
            *(f"tag {tag}" for tag in dict.fromkeys(one.tags)),
            *([f"label {one.label}"] if one.label else []),
            *([f"language {one.language}"] if one.language else []),
            f"origin {one.origin}",
            *([f"length {THIRDS[sum(one.size >= bound for bound in bounds)]}"] if bounds else []),
        ]
        for one in examples
    ]


def thirds(sizes: Sequence[int]) -> tuple[int, ...]:
    """The sizes from which on an example is middling, and long; none where all are of one size."""
    ordered = sorted(sizes)
    if not ordered or ordered[0] == ordered[-1]:
        return ()
    return ordered[len(ordered) // 3], ordered[len(ordered) * 2 // 3]


def by_name(slices: Mapping[str, Positions]) -> dict[str, dict[str, list[int]]]:
    """Slices by metric turned round: by name, and then by metric."""
    turned: dict[str, dict[str, list[int]]] = {}
    for metric, found in slices.items():
        for name, chosen in found.items():
            turned.setdefault(name, {})[metric] = chosen
    return dict(sorted(turned.items()))
