"""The search for leaks over a whole data set: what is held out is taken in first, then all that is learnt is held against it."""

from collections import defaultdict
from collections.abc import Callable, Iterable

from pipeline.data.likeness.shingles import word_hashes
from pipeline.data.likeness.template import Template
from pipeline.data.questions import Question
from pipeline.data.records import RECORD, Record
from pipeline.data.splitting.leaks import Held, HeldOut, Leak, Search, SmallIndex
from pipeline.data.splitting.sided import HELD_OUT, LEARNT, Lines


def find_leaks(
    lines: Lines,
    added: Iterable[Record],
    pairs: Iterable[tuple[str, str]],
    questions: dict[str, list[Question]],
    similarity: float,
    template: Template,
    watch: Callable[[Record], None],
) -> list[Leak]:
    """What leaves: of train and validation what test set, probes and cases say; of `new` what train and validation say.

    `pairs` are ids of records known to ask nearly the same; `added` are records of which that is not known, and which are held
    against the others here (the teacher's, and what people edited). `watch` is shown each record that is learnt.
    """
    partners = _partners(pairs)
    held_out, waits = HeldOut(similarity, template), HeldOut(similarity, template, is_leaving=True)
    for kind, asked in questions.items():
        for question in asked:
            held_out.add((kind, question.id), "\n".join(turn["content"] for turn in question.messages), is_small=True)
    unpaired = SmallIndex(similarity, template)
    names = set()
    for record in added:
        unpaired.add(("added", record.id), word_hashes(record.question))
        names.add(record.id)
    near: dict[str, list[Held]] = defaultdict(list)
    waiting: dict[str, str] = {}
    for side, line in lines():
        if side in HELD_OUT:
            record = RECORD.decode(line)
            place = waits if side == "new" else held_out
            found = place.add((side, record.id), record.question, is_small=record.id in names)
            for other in (*partners.get(record.id, ()), *(name for _, name in unpaired.near(found))):
                near[other].append((side, record.id))
            if side == "new":
                waiting[record.id] = record.source
    search = Search(held_out, waits, near, template)
    for side, line in lines():
        if side in LEARNT:
            record = RECORD.decode(line)
            search.look(record)
            watch(record)
    return [_of_new(leak, waiting) if leak.against == "new" else leak for leak in search.leaks()]


def _partners(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for first, second in pairs:
        found[first].add(second)
        found[second].add(first)
    return found


def _of_new(leak: Leak, sources: dict[str, str]) -> Leak:
    """The same leak, of which the row of `new` is the one that leaves."""
    return Leak(leak.of, sources[leak.of], leak.how, "train", leak.id)
