"""What a reviewer sees: an example with its seed beside it, what differs, and what was said of it.

Everything that comes from a record is plain text to the terminal: no markup, no control characters.
"""

import json
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import msgspec
import regex

from pipeline.data.answers import Contract
from pipeline.data.candidates import Candidate
from pipeline.data.ledgers import Reply, Review
from pipeline.data.plain_text import plain
from pipeline.data.records import Record, Turn
from pipeline.desk.reviewing.edit import complaint_of_answer, opened
from pipeline.desk.reviewing.paper import Paper, shortened

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

COMPARED = 1500  # words that are compared
WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+\s*|[^\p{L}\p{M}\p{N}\s]+\s*|\s+")
GONE, NEW = ("red strike", "[-{}-]"), ("bold green", "{{+{}+}}")

Marked = list[tuple[str, bool]]  # pieces of a text, and whether the other text has them not


class Screen(Paper):
    """The paper of a review. `contract` says what is wrong with an answer."""

    def __init__(self, contract: Contract) -> None:
        super().__init__()
        self._contract = contract

    def example(
        self, title: str, record: Record, seed: Record | None, reply: Reply | None, proposed: Candidate | None = None
    ) -> None:
        """A record, with the one that it came from beside it where that is known, or with what went wrong in production."""
        self.rule(title)
        for line in _facts(record, reply):
            self.say(line, "dim")
        if seed is not None:
            self._pair(f"seed {seed.id}", seed, "example", record)
        else:
            self.show([self._panel("example", [(text_of_record(record), False)], NEW)])
            if record.parents:
                self.say(f"its seed {record.parents[0]} is not among the validated records", "dim")
        if proposed is not None:
            self._failure(proposed)
        if proposed is not None and not proposed.proposal:
            self.say("! no answer is proposed: e writes one", "bold yellow")
        elif complaint := complaint_of_answer(record.messages[-1], self._contract):
            self.say(f"! the answer does not meet the schema: {complaint}", "bold yellow")

    def _failure(self, proposed: Candidate) -> None:
        """What production says of a candidate: why it is here, what the model answered, what users said."""
        for line in _facts_of(proposed):
            self.say(line, "dim")
        answered = shortened(plain(proposed.answer or "(nothing)"), "")
        self.show([self._panel("what the model answered", [(answered, False)], GONE)])
        said = [("the user said", proposed.said), *(("another proposed", text) for text in proposed.others)]
        for who, text in said:
            if text:
                self.say(f"{who}: {shortened(text, '')}")

    def words(self, reviews: list[Review], record: Record) -> None:
        """What reviewers said of a record, with what their edits change in it."""
        for review in reviews:
            self.say(said(review))
            if review.messages and review.record == record.id:
                self._pair("as it is", record, f"as {review.reviewer} left it", _with(record, review.messages))

    def _pair(self, left_title: str, left: Record, right_title: str, right: Record) -> None:
        before, after = compared(text_of_record(left), text_of_record(right))
        self.show([self._panel(left_title, before, GONE), self._panel(right_title, after, NEW)])

    def _panel(self, title: str, pieces: Marked, mark: tuple[str, str]) -> "RenderableType":
        return self.framed(title, self._text(pieces, mark))

    def _text(self, pieces: Marked, mark: tuple[str, str]) -> "Text":
        """Pieces as a text; where there are no colours, what differs stands in brackets."""
        from rich.text import Text

        text = Text()
        style, brackets = mark
        has_colours = self._console.color_system is not None and not self._console.no_color
        for piece, differs in pieces:
            if not differs or has_colours:
                text.append(piece, style if differs else "")
            else:
                text.append(brackets.format(piece.rstrip()) + piece[len(piece.rstrip()) :])
        return text


def _facts(record: Record, reply: Reply | None) -> list[str]:
    """Who wrote a record and what it comes from, in two lines."""
    first = [f"record {record.id}", f"{record.origin}, answered by {record.answered_by}"]
    first += [f"axis {reply.axis}", f"teacher {reply.model}"] if reply else []
    first += [f"tools {', '.join(_name(tool) for tool in record.tools)}"] if record.tools else []
    tags = [f"tags {', '.join(record.tags)}"] if record.tags else []
    return [" · ".join(first), " · ".join([*tags, f"licence {record.licence}", f"source {record.source}"])]


def _facts_of(proposed: Candidate) -> list[str]:
    """Why a candidate is here and where it is from, in two lines."""
    like = f"{proposed.count:,} requests ask the like" if proposed.count > 1 else "one request"
    named = [f"incident {proposed.incident}"] if proposed.incident else []
    by = [f"from {proposed.user}"] if proposed.user else ["from an unknown user"]
    served = [f"model of {proposed.revision}"] if proposed.revision else []
    first = [f"failed: {', '.join(proposed.kinds)}", like, *named]
    return [" · ".join(first), " · ".join([f"request {proposed.request}", proposed.time, *served, *by])]


def _name(tool: dict[str, Any]) -> str:
    function = tool.get("function")
    return str(function.get("name") if isinstance(function, dict) else tool.get("name"))


def _with(record: Record, turns: list[Any]) -> Record:
    return msgspec.structs.replace(record, messages=tuple(turns))


def said(review: Review) -> str:
    """A decision in a line."""
    reason = f": {review.reason}" if review.reason else ""
    return f"{review.reviewer} on {review.date}: {review.decision}{reason}"


def text_of_record(record: Record) -> str:
    """A record as people read it: roles and texts, an answer in JSON laid out; then what it is preferred to."""
    turns = [text_of_turn(turn) for turn in record.messages]
    worse = [text_of_turn(turn, "worse: ") for turn in record.rejected]
    return shortened(plain("\n\n".join([*turns, *worse])), "; e shows all of them")


def text_of_turn(turn: Turn, before: str = "") -> str:
    """Role, text and calls of a turn, an answer in JSON laid out; not yet plain."""
    value = opened(turn)
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    calls = [f"calls {json.dumps(call['function'], ensure_ascii=False)}" for call in turn.get("tool_calls") or []]
    name = f" {turn['name']}" if turn.get("name") else ""
    return "\n".join([f"{before}{turn['role']}{name}:", *([text] if text else []), *calls])


def compared(left: str, right: str) -> tuple[Marked, Marked]:
    """Two texts in pieces, with what the other one lacks marked, by words. Long ones come back without marks."""
    before, after = WORDS.findall(left), WORDS.findall(right)
    if max(len(before), len(after)) > COMPARED:
        return [(left, False)], [(right, False)]
    matcher = SequenceMatcher(None, [word.strip() for word in before], [word.strip() for word in after], autojunk=False)
    codes = matcher.get_opcodes()
    return (
        [("".join(before[start:end]), kind != "equal") for kind, start, end, _, _ in codes if end > start],
        [("".join(after[start:end]), kind != "equal") for kind, _, _, start, end in codes if end > start],
    )
