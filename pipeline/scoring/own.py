"""A place for a team's own metrics of a whole answer, beside those that follow from the schema.

Write a function that gives a pair of answer and reference a value from 0 to 1, and list it under the name by which reports,
`evaluate.targets` and `gate.rules` are to know it:

    def says_sorry(answer: str, reference: str) -> float:
        return float("sorry" not in reference.casefold() or "sorry" in answer.casefold())

    OWN = {"says_sorry": says_sorry}

It must give the same value for the same pair on any day, and ask no network: `make verify` reckons again.
"""

from collections.abc import Callable

OWN: dict[str, Callable[[str, str], float]] = {}
