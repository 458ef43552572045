"""The parts of a report and the Markdown of them: what a comment has no room for is cut by importance, a whole block at a time.

A block that is a text is Markdown in which text out of the data stands in code alone (`pipeline.desk.reviewing.shown`); such a text
cannot end what it stands in, and the page of HTML is made of the same blocks.
"""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MARKER = "<!-- gitune-report -->"  # by which a comment is found again, to be updated in place
LIMIT = 60_000  # of a comment, in UTF-16 units; GitHub takes 65,536 characters
LEVELS = (10, 5, 2, 0)  # how many examples a part may show, in the order in which it is cut
WHOLE = 100  # examples on the page of HTML
ELSEWHERE = "`report.html`"


@dataclass(frozen=True)
class Details:
    """Blocks that are folded up; `summary` is plain text of ours."""

    summary: str
    blocks: tuple["Block", ...]


@dataclass(frozen=True)
class Picture:
    """A drawing in a file `name`, and what stands for it where no address of the file is known."""

    name: str
    alt: str
    svg: str
    instead: tuple["Block", ...] = ()


Block = str | Details | Picture


@dataclass(frozen=True)
class Part:
    """An answer to one question. `blocks` makes them with at most so many examples; `what` says what would be left out.

    `importance`: what has less is cut first. `is_quiet`: there is nothing to tell but that nothing changed.
    """

    title: str
    importance: int
    blocks: Callable[[int], Sequence[Block]]
    what: str = ""
    is_quiet: bool = False


def comment(parts: Sequence[Part], images: str) -> str:
    """The Markdown of a comment. `images` is the address of the folder of the pictures, '' where none is known."""
    levels: dict[int, int | None] = dict.fromkeys(range(len(parts)), LEVELS[0])
    page = _page(parts, levels, images)
    order = sorted(levels, key=lambda at: parts[at].importance)
    for level in (*LEVELS[1:], None):
        for at in order:
            if _size(page) <= LIMIT:
                return page
            levels[at] = level
            page = _page(parts, levels, images)
    return page


def _size(page: str) -> int:
    return len(page.encode("utf-16-le")) // 2


def _page(parts: Sequence[Part], levels: dict[int, int | None], images: str) -> str:
    blocks: list[str] = [MARKER]
    for at, part in enumerate(parts):
        blocks += _of_part(part, levels[at], images)
    if quiet := [part.title for part in parts if part.is_quiet]:
        blocks.append(f"No change: {', '.join(quiet).lower()}.")
    return "\n\n".join(blocks) + "\n"


def _of_part(part: Part, level: int | None, images: str) -> list[str]:
    if part.is_quiet:
        return []
    head = [f"### {part.title}"] if part.title else []
    if level is None:
        return [*head, f"_Left out, since a comment cannot be longer{_named(part)}: it stands in {ELSEWHERE}._"]
    found = markdown(part.blocks(level), images)
    if level < LEVELS[0] and found != markdown(part.blocks(LEVELS[0]), images):
        found += [f"_Cut, since a comment cannot be longer{_named(part)}: the whole stands in {ELSEWHERE}._"]
    return [*head, *found]


def _named(part: Part) -> str:
    return f" ({part.what})" if part.what else ""


def markdown(blocks: Sequence[Block], images: str) -> list[str]:
    """Blocks as pieces of Markdown."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Details):
            inner = markdown(block.blocks, images)
            found += [f"<details><summary>{html.escape(block.summary)}</summary>", *inner, "</details>"]
        elif isinstance(block, Picture):
            found += [f"![{block.alt}]({images}/{block.name})"] if images else markdown(block.instead, images)
        else:
            found.append(block)
    return found


def pictures(blocks: Sequence[Block]) -> list[Picture]:
    """Every picture among blocks, those that are folded up too."""
    found: list[Picture] = []
    for block in blocks:
        if isinstance(block, Details):
            found += pictures(block.blocks)
        elif isinstance(block, Picture):
            found.append(block)
    return found
