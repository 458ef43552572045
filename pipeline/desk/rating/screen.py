"""What a rater sees: a question, and two answers without a name. All of it is plain text to the terminal, each in a frame of its own."""

import json
from typing import TYPE_CHECKING

from pipeline.data.plain_text import plain
from pipeline.desk.rating.pairs import Pair
from pipeline.desk.reviewing.edit import opened
from pipeline.desk.reviewing.paper import Paper, shortened
from pipeline.desk.reviewing.screen import text_of_turn

if TYPE_CHECKING:
    from rich.console import RenderableType


class BallotPaper(Paper):
    """The paper of a rater."""

    def pair(self, title: str, pair: Pair) -> None:
        """A question without its reference answer, and both answers."""
        self.rule(title)
        self.show([self._panel("question", "\n\n".join(text_of_turn(turn) for turn in pair.record.asked))])
        self.show([self._panel("1 first", _laid_out(pair.first)), self._panel("2 second", _laid_out(pair.second))])

    def _panel(self, title: str, text: str) -> "RenderableType":
        from rich.text import Text

        shown = shortened(plain(text), "")
        return self.framed(title, Text(shown) if shown.strip() else Text("(no words)", style="dim"))


def _laid_out(answer: str) -> str:
    """An answer as people read it: JSON laid out, as in a review."""
    value = opened({"role": "assistant", "content": answer})
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
