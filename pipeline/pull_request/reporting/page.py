"""The report as one page of HTML that loads nothing and runs nothing: the same blocks as in the comment, whole, and the drawings.

Markdown is rendered without HTML in it, so a text out of the data stands as it is. A policy in the page tells the browser the same.
"""

import base64
import hashlib
import html
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt

from pipeline.pull_request.reporting.blocks import WHOLE, Block, Details, Part, Picture

STYLE = (
    ":root{color-scheme:light dark;--line:#d0d7de;--soft:#f6f8fa;--text:#1f2328;--back:#fff}"
    "@media(prefers-color-scheme:dark){:root{--line:#3d444d;--soft:#151b23;--text:#e6edf3;--back:#0d1117}}"
    "body{font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;margin:2em auto;max-width:60em;padding:0 1em;"
    "color:var(--text);background:var(--back)}"
    "h2{font-size:1.5em;margin:.2em 0 .6em}h3{font-size:1.15em;margin:1.6em 0 .5em;border-bottom:1px solid var(--line);padding-bottom:.2em}"
    "h4,h5{margin:1em 0 .4em}"
    "table{border-collapse:collapse;margin:.6em 0;display:block;max-width:100%;overflow-x:auto}"
    "td,th{border:1px solid var(--line);padding:.25em .7em;text-align:left;vertical-align:top}th{background:var(--soft)}"
    "code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--soft);padding:.1em .3em;border-radius:4px;"
    "overflow-wrap:anywhere}"
    "pre{background:var(--soft);padding:.8em;border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere}"
    "pre code{padding:0;background:none}"
    "td code{overflow-wrap:break-word}"
    "details{margin:.6em 0;border:1px solid var(--line);border-radius:6px;padding:.4em .8em}summary{cursor:pointer}"
    "details[open]>summary{margin-bottom:.4em}figure{margin:.8em 0}svg{max-width:100%;height:auto}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def page(parts: Sequence[Part], title: str) -> str:
    """The whole page."""
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>\n"
    )
    return head + "".join(_parts(parts, MarkdownIt("commonmark", {"html": False}).enable("table"))) + "</html>\n"


def _parts(parts: Sequence[Part], reader: MarkdownIt) -> Iterator[str]:
    for part in parts:
        if not part.is_quiet:
            yield f"<h3>{html.escape(part.title)}</h3>\n" if part.title else ""
            yield _html(part.blocks(WHOLE), reader)
    if quiet := [part.title for part in parts if part.is_quiet]:
        yield f"<p>No change: {html.escape(', '.join(quiet).lower())}.</p>\n"


def _html(blocks: Sequence[Block], reader: MarkdownIt) -> str:
    pieces: list[str] = []
    for block in blocks:
        if isinstance(block, Details):
            pieces.append(
                f"<details><summary>{html.escape(block.summary)}</summary>\n{_html(block.blocks, reader)}</details>\n"
            )
        elif isinstance(block, Picture):
            pieces.append(f"<figure>{block.svg}</figure>\n")
        else:
            pieces.append(str(reader.render(block)))
    return "".join(pieces)
