"""Examples for a reader: texts that are masked, on one line, cut, and safe to show."""

import heapq
import json
from collections.abc import Iterable
from typing import Any

from pipeline.data.records import Record, text_of
from pipeline.desk.reviewing.shown import LONGEST, masked, shown
from pipeline.pull_request.intake import Ids
from pipeline.pull_request.side import DataSide
from pipeline.pull_request.word_diff import word_diff

SHOWN = 10  # examples of a kind
MEMBERS = 4  # members shown of a cluster
Example = dict[str, Any]


def few(ids: Iterable[str]) -> list[str]:
    """The ten of lowest id. An id is a digest, so they are drawn by chance, and the same ones in every run."""
    return heapq.nsmallest(SHOWN, ids)


def record_example(side: DataSide, identity: str) -> Example:
    """Place and texts of a record."""
    texts = {name: _safe(text) for name, text in _texts(side.record(identity)).items()}
    return {"id": identity, "place": shown(side.place(identity)), **texts}


def edit_example(before: DataSide, after: DataSide, edit: Ids) -> Example:
    """What changed, word by word; and the question, also where it stayed."""
    was, now = (_texts(side.record(identity)) for side, identity in zip((before, after), edit, strict=True))
    old, new = ({name: masked(text) for name, text in texts.items()} for texts in (was, now))
    changed = {
        name: shown(word_diff(old.get(name, ""), new.get(name, "")), 2 * LONGEST)
        for name in dict.fromkeys([*old, *new])
        if was.get(name) != now.get(name)
    }
    if not changed:
        changed = {"turns": "roles or calls of tools differ"}
    return {
        "id": edit[1],
        "was": edit[0],
        "place": shown(after.place(edit[1])),
        "question": shown(new["question"]),
        **changed,
    }


def leak_example(side: DataSide, identity: str) -> Example:
    """A record that left because of what is held out, with what it repeats."""
    leak = side.leaks[identity]
    found = {"id": identity, "place": shown(side.place(identity)), "how": leak.how, "against": leak.against}
    repeats = {"repeats": _question(side, leak.of)} if leak.of in side.rows else {"repeats": shown(leak.of)}
    return {**found, "question": _question(side, identity), **repeats}


def cluster_example(side: DataSide, cluster: Iterable[str]) -> Example:
    """The first members of a cluster by place, and whether they stay in the data."""
    members = sorted(cluster)
    first = sorted(members[: 2 * MEMBERS], key=side.place)[:MEMBERS]
    return {
        "size": len(members),
        "members": [
            {"place": shown(side.place(one)), "stays": one in side.rows, "question": _question(side, one)}
            for one in first
        ],
    }


def contradiction_example(side: DataSide, pair: Ids) -> Example:
    """Two that ask nearly the same and are answered otherwise."""
    return {"members": [record_example(side, identity) for identity in pair]}


def _question(side: DataSide, identity: str) -> str:
    return _safe(side.record(identity).question)


def _safe(text: str) -> str:
    return shown(masked(text))


def _texts(record: Record) -> dict[str, str]:
    """What a record says, by part; parts that it does not have are left out."""
    parts = {
        "question": record.question,
        "answer": record.answer,
        "worse answer": "\n".join(map(text_of, record.rejected)),
        "tools": json.dumps(record.tools, sort_keys=True, ensure_ascii=False) if record.tools else "",
    }
    return {name: text for name, text in parts.items() if text or name == "question"}
