"""Which of two rows that say nearly the same stays: who comes first, and whether they say the same at all."""

from collections.abc import Callable

from pipeline.data.answers import Contract, Relation
from pipeline.data.likeness.duplicates import FROZEN
from pipeline.data.likeness.shingles import jaccard, shingles
from pipeline.data.records import Record
from pipeline.data.reviews import Decisions


def rank_of(frozen: frozenset[str], decisions: Decisions) -> Callable[[Record], int]:
    """Who stays of those who say the same: the test set, what was approved, what was refused (so that its copies go with it),
    people before production, and what waits last.
    """

    def rank(record: Record) -> int:
        verdict = decisions.verdict(record.id, record.origin)
        if verdict in ("rejected", "disputed"):
            return 2
        if record.id in frozen:
            return FROZEN
        if decisions.is_reviewed(record.id):
            return 1
        return (3 if record.origin == "human" else 4) + 2 * (verdict == "waiting")

    return rank


def relation(
    one: Record,
    other: Record,
    contract: Contract,
    similarity: float,
    said: Callable[[str], frozenset[int]] = shingles,
) -> Relation | None:
    """What two records that ask nearly the same are to each other; a preference is the same only with what it is against.

    None where only the history of the two is alike, and the last thing asked is not. `said` gives the word pairs of a text.
    """
    if len(one.messages) > 2 or len(other.messages) > 2:
        last = [said(record.asked[-1]["content"] if record.asked else "") for record in (one, other)]
        if jaccard(*last) < similarity:
            return None
    found = contract.relation(one.answer, other.answer, similarity, said)
    if found != "same" or not (one.rejected or other.rejected):
        return found
    first, second = ("\n".join(turn["content"] for turn in record.rejected) for record in (one, other))
    return contract.relation(first, second, similarity, said) if first and second else "unlike"
