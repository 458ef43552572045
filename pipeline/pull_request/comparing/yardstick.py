"""What a commit measures its models with, and in what that differs from another commit's."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.data.answers import Contract
from pipeline.data.questions import Question
from pipeline.data.records import Record, digest
from pipeline.data.texts import Text
from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.pull_request.verdict import plural
from pipeline.scoring.naming import metric_names

# What decides the values of an answer; the rest of pipeline/scoring makes intervals and verdicts of them
JUDGES = (
    *(f"pipeline/scoring/{name}.py" for name in ("answers", "checks", "metrics", "own", "words")),
    "pipeline/data/answers.py",
)
LIBRARIES = "requirements/data.txt"
SHOWN = 5  # names in a cell


@dataclass(frozen=True)
class Yardstick:
    """The test set by id, as far as its `records` can be had, `size` of them if all could; and what judges an answer.

    `code` has the digest of each file that scores.
    """

    ids: frozenset[str]
    records: dict[str, Record]
    size: int
    contract: Contract
    prohibited: tuple[str, ...]
    probes: dict[str, Question]
    cases: dict[str, Question]
    texts: dict[str, Text]
    code: dict[str, str] = field(default_factory=dict)
    targets: dict[str, Any] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        """What tells one set of probes, cases and texts from another."""
        asked = [*self.probes.values(), *self.cases.values(), *self.texts.values()]
        return digest([one.model_dump() for one in asked])

    def same_records(self, other: "Yardstick") -> set[str]:
        """Ids of the test examples that both have, with the same content and the same judge."""
        is_judged_alike = self.contract.schema == other.contract.schema and self.prohibited == other.prohibited
        return self.records.keys() & other.records.keys() if is_judged_alike else set()


class Moved(NamedTuple):
    """A part of the yardstick that differs, and how, in words that are safe to show."""

    part: str
    how: str


def moved(old: Yardstick, new: Yardstick) -> list[Moved]:
    """What differs of what all arms share; prompts and decoding are each arm's own."""
    found = [
        Moved("test set", _ids(old, new)),
        Moved("content of examples", _content(old, new)),
        Moved("schema", _schema(old.contract, new.contract)),
        Moved("prohibited patterns", _patterns(old.prohibited, new.prohibited)),
        Moved("metrics", _came_and_went(metric_names(old.contract), metric_names(new.contract))),
        Moved("scorer code", _files(old, new, JUDGES)),
        Moved("targets and margins", _values(old.targets, new.targets)),
        Moved("probes", _questions(old.probes, new.probes)),
        Moved("cases", _questions(old.cases, new.cases)),
        Moved("texts", _questions(old.texts, new.texts)),
    ]
    return [one for one in found if one.how]


def beside(old: Yardstick, new: Yardstick) -> str:
    """Code that gives no value and shapes what is said of it, where it differs."""
    return _files(old, new, [name for name in (*old.code, *new.code) if name not in JUDGES])


def _ids(old: Yardstick, new: Yardstick) -> str:
    came, went = len(new.ids - old.ids), len(old.ids - new.ids)
    return (
        f"{plural(len(old.ids), 'id')} then, {len(new.ids):,} now: {came:,} came, {went:,} went" if came or went else ""
    )


def _content(old: Yardstick, new: Yardstick) -> str:
    """Examples that ask the same under another id: their reference answer was edited."""
    came = {question_of(one) for key, one in new.records.items() if key not in old.ids}
    went = {question_of(one) for key, one in old.records.items() if key not in new.ids}
    both = len(came & went)
    return f"{plural(both, 'example')} with the same question and another reference answer" if both else ""


def question_of(record: Record) -> str:
    """What tells one question from another: the turns before the answer."""
    return digest(list(record.asked))


def _schema(old: Contract, new: Contract) -> str:
    if old.schema == new.schema:
        return ""
    both = old.fields.keys() & new.fields.keys()
    changed = [name for name in old.fields if name in both and old.fields[name] != new.fields[name]]
    parts = [_came_and_went(old.fields, new.fields), f"changed {_listed(changed)}" if changed else ""]
    return f"fields: {', '.join(filter(None, parts))}" if any(parts) else "other rules than those of single fields"


def _patterns(old: Iterable[str], new: Iterable[str]) -> str:
    return _came_and_went(old, new) if tuple(old) != tuple(new) else ""


def _came_and_went(old: Iterable[str], new: Iterable[str]) -> str:
    before, after = list(old), list(new)
    came = [name for name in after if name not in before]
    went = [name for name in before if name not in after]
    return ", ".join(f"{word} {_listed(names)}" for word, names in (("came", came), ("went", went)) if names)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(code(name) for name in names[:SHOWN]) + more


def _files(old: Yardstick, new: Yardstick, names: Iterable[str]) -> str:
    return _listed([name for name in dict.fromkeys(names) if old.code.get(name) != new.code.get(name)])


def _values(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return ", ".join(steps(old, new))


def steps(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Each key whose value differs, with both values."""
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) != new.get(key):
            yield f"{code(key)} {_value(old, key)} to {_value(new, key)}"


def _value(values: Mapping[str, Any], key: str) -> str:
    return code(str(values[key]), LONGEST) if key in values else "(none)"


def _questions(old: Mapping[str, Question | Text], new: Mapping[str, Question | Text]) -> str:
    changed = sum(old[key] != new[key] for key in old.keys() & new.keys())
    counts = {"came": len(new.keys() - old.keys()), "went": len(old.keys() - new.keys()), "changed": changed}
    said = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    return f"{len(old):,} then, {len(new):,} now: {said}" if said else ""
