"""What a reviewer sees: an example with its seed beside it, what differs, and what was said of it.

Everything that comes from a record is plain text to the terminal: no markup, no control characters.
"""

import json
import sys
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

import msgspec
import regex

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Reply, Review
from pipeline.data.records import Record, Turn
from pipeline.desk.reviewing.edit import complaint_of_answer, opened
from pipeline.desk.reviewing.plain_text import plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

SIDE_BY_SIDE = 100  # columns from which two examples stand beside each other
COMPARED, SHOWN = 1500, 20_000  # words that are compared, characters that are shown
WORDS = regex.compile(r"[\p{L}\p{M}\p{N}]+\s*|[^\p{L}\p{M}\p{N}\s]+\s*|\s+")
GONE, NEW = ("red strike", "[-{}-]"), ("bold green", "{{+{}+}}")

Marked = list[tuple[str, bool]]  # pieces of a text, and whether the other text has them not


class Screen:
    """Standard output, with colours where it is a terminal that takes some."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._console = _console()

    def say(self, text: str, style: str = "") -> None:
        """A line of ours, or an untrusted one."""
        from rich.text import Text

        self._console.print(Text(plain(text), style=style))

    def ask(self, text: str) -> None:
        """A question whose answer stands in the same line."""
        from rich.text import Text

        self._console.print(Text(plain(text), style="bold"), end=" ")
        self._console.file.flush()

    def example(self, title: str, record: Record, seed: Record | None, reply: Reply | None) -> None:
        """A record, with the one that it came from beside it where that is known."""
        from rich.text import Text

        self._console.rule(Text(plain(title)), style="dim")
        for line in _facts(record, reply):
            self.say(line, "dim")
        if seed is not None:
            self._pair(f"seed {seed.id}", seed, "example", record)
        else:
            self._show([self._panel("example", [(text_of_record(record), False)], NEW)])
            if record.parents:
                self.say(f"its seed {record.parents[0]} is not among the validated records", "dim")
        if complaint := complaint_of_answer(record.messages[-1], self._contract):
            self.say(f"! the answer does not meet the schema: {complaint}", "bold yellow")

    def words(self, reviews: list[Review], record: Record) -> None:
        """What reviewers said of a record, with what their edits change in it."""
        for review in reviews:
            self.say(said(review))
            if review.messages and review.record == record.id:
                self._pair("as it is", record, f"as {review.reviewer} left it", _with(record, review.messages))

    def _pair(self, left_title: str, left: Record, right_title: str, right: Record) -> None:
        before, after = compared(text_of_record(left), text_of_record(right))
        self._show([self._panel(left_title, before, GONE), self._panel(right_title, after, NEW)])

    def _show(self, panels: "list[RenderableType]") -> None:
        from rich.table import Table

        if len(panels) == 1 or self._console.width < SIDE_BY_SIDE:
            for panel in panels:
                self._console.print(panel)
            return
        beside = Table.grid(expand=True)
        for _ in panels:
            beside.add_column(ratio=1)
        beside.add_row(*panels)
        self._console.print(beside)

    def _panel(self, title: str, pieces: Marked, mark: tuple[str, str]) -> "RenderableType":
        from rich.panel import Panel
        from rich.text import Text

        return Panel(self._text(pieces, mark), title=Text(plain(title)), title_align="left", border_style="dim")

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


def _console() -> "Console":
    """A console that takes nothing in a text for markup, emoji or numbers to be coloured."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        force_terminal=is_terminal,
        color_system="auto" if is_terminal else None,
        markup=False,
        emoji=False,
        highlight=False,
    )


def _facts(record: Record, reply: Reply | None) -> list[str]:
    """Who wrote a record and what it comes from, in two lines."""
    first = [f"record {record.id}", f"{record.origin}, answered by {record.answered_by}"]
    first += [f"axis {reply.axis}", f"teacher {reply.model}"] if reply else []
    first += [f"tools {', '.join(_name(tool) for tool in record.tools)}"] if record.tools else []
    tags = [f"tags {', '.join(record.tags)}"] if record.tags else []
    return [" · ".join(first), " · ".join([*tags, f"licence {record.licence}", f"source {record.source}"])]


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
    turns = [_text_of(turn, "") for turn in record.messages]
    worse = [_text_of(turn, "worse: ") for turn in record.rejected]
    text = plain("\n\n".join([*turns, *worse]))
    left = len(text) - SHOWN
    return text if left <= 0 else f"{text[:SHOWN]}\n... and {left} more characters; e shows all of them"


def _text_of(turn: Turn, before: str) -> str:
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
