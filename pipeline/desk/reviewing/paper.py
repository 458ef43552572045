"""What the desks write on: lines, questions and panels on standard output, in which everything is plain text to the terminal."""

import sys
from typing import TYPE_CHECKING

from pipeline.data.plain_text import plain

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

SIDE_BY_SIDE = 100  # columns from which two panels stand beside each other
SHOWN = 20_000  # characters of a text that are shown


class Paper:
    """Standard output, with colours where it is a terminal that takes some."""

    def __init__(self) -> None:
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

    def rule(self, title: str) -> None:
        """A line across the screen with a title in it."""
        from rich.text import Text

        self._console.rule(Text(plain(title)), style="dim")

    def show(self, panels: "list[RenderableType]") -> None:
        """Panels beside each other where there is room, else one below the other."""
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

    def framed(self, title: str, text: "Text") -> "RenderableType":
        """A text with a frame around it, that it cannot leave; the text must be plain already."""
        from rich.panel import Panel
        from rich.text import Text

        return Panel(text, title=Text(plain(title)), title_align="left", border_style="dim")


def shortened(text: str, remark: str) -> str:
    """At most SHOWN characters of a plain text; a remark follows on what is left out."""
    left = len(text) - SHOWN
    return text if left <= 0 else f"{text[:SHOWN]}\n... and {left} more characters{remark}"


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
