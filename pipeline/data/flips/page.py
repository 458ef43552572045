"""What a change fixed and broke as one page for people: it loads nothing, runs nothing, and opens offline.

Every text of data and models is escaped, and the browser is told by a policy in the page to load nothing and to run no script.
"""

import base64
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.data.flips.marks import marked, safe
from pipeline.data.flips.rows import TEXTS, Examples, Pair, Row, cut

LONGEST = 4000  # characters of a text on the page
LEGEND = (
    "Broken: a metric of right or wrong fell. Fixed: one rose and none fell. The number behind is how far all metrics moved together. "
    "Marked are the words that one answer has alone."
)
NOTHING = "There is nothing to compare: one of the two arms is not there."
KINDS = ("broken", "fixed", "same")
STYLE = (
    "body{font-family:sans-serif;margin:1em auto;max-width:80em;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left}"
    "details{border:1px solid #ccc;border-left-width:.4em;margin:.6em 0;padding:.4em .6em;content-visibility:auto}"
    ".broken{border-left-color:#b00}.fixed{border-left-color:#080}"
    "summary{cursor:pointer;overflow-wrap:anywhere}"
    ".sides{display:grid;grid-template-columns:1fr 1fr;gap:1em}"
    ".text{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;background:#f6f6f6;padding:.4em}"
    "h3{font-size:.9em;margin:.6em 0 .2em}del{background:#fcc;text-decoration:none}ins{background:#cfc;text-decoration:none}"
    "input{margin-left:1em}"
    "#show-broken:checked~main :is(.fixed,.same){display:none}"
    "#show-fixed:checked~main :is(.broken,.same){display:none}"
    "#show-same:checked~main :is(.broken,.fixed){display:none}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def page(examples: Examples, pairs: Sequence[Pair]) -> Iterator[str]:
    """The page, piece by piece: counts, a choice of what to see, and a section for each pair, the worst first."""
    yield (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>What was fixed and broken</title><style>{STYLE}</style><h1>What was fixed and broken</h1>\n"
    )
    yield f"<p>{LEGEND if pairs else NOTHING}</p>{_counts(pairs)}\n"
    yield "".join(_choice(kind) for kind in ("all", *KINDS)) + "\n<main>\n"
    for number, pair in enumerate(pairs, 1):
        yield f'<section id="pair-{number}"><h2>{_name(pair)}</h2>\n'
        for row in examples.rows(pair, pair.on_page):
            yield _example(pair, row)
        yield "</section>\n"
    yield "</main></html>\n"


def _name(pair: Pair) -> str:
    return f"{safe(pair.arm)} against {safe(pair.against)}"


def _counts(pairs: Sequence[Pair]) -> str:
    rows = "".join(
        f'<tr><td><a href="#pair-{number}">{_name(pair)}</a></td>'
        + "".join(f"<td>{pair.counts[kind]:,}</td>" for kind in KINDS)
        + f"<td>{len(pair.on_page):,} of {len(pair.everything):,}</td></tr>"
        for number, pair in enumerate(pairs, 1)
    )
    head = "".join(f"<th>{name}</th>" for name in ("pair", *KINDS, "on this page"))
    return f"<table><tr>{head}</tr>{rows}</table>"


def _choice(kind: str) -> str:
    checked = " checked" if kind == "all" else ""
    return f'<input type="radio" name="show" id="show-{kind}"{checked}> <label for="show-{kind}">{kind}</label>'


def _example(pair: Pair, row: Row) -> str:
    """One example; those that are the same are folded up."""
    texts = {key: cut(row[key], LONGEST) for key in TEXTS}
    before, after = marked(texts["before"], texts["after"])
    is_open = "" if row["change"] == "same" else " open"
    return (
        f'<details class="{row["change"]}"{is_open}><summary><b>{row["change"]}</b> by {row["size"]:.2f} '
        f"<code>{safe(row['id'])}</code> {safe(cut(texts['question'], 100))}</summary>"
        f'<div class="sides">{_text("question", safe(texts["question"]))}{_text("reference answer", safe(texts["reference"]))}'
        f"{_text(_head(pair.against, row, 'before'), before, texts['before'])}"
        f"{_text(_head(pair.arm, row, 'after'), after, texts['after'])}</div>"
        f"{_metrics(row)}<p>slices: {safe(', '.join(row['slices']))}; source: {safe(row['source'])}</p></details>\n"
    )


def _head(arm: str, row: Row, when: str) -> str:
    ended = row["finish"][when]
    return f"{safe(arm)}, ended by {safe(ended)}" if ended else safe(arm)


def _text(head: str, body: str, unmarked: str = "") -> str:
    """A text under its head. Where marks cut it in pieces it stands whole beside them: make forget and its like search files."""
    whole = safe(unmarked)
    beside = f' data-text="{whole}"' if unmarked and body != whole else ""
    return f'<div><h3>{head}</h3><div class="text" dir="auto"{beside}>{body}</div></div>'


def _metrics(row: dict[str, Any]) -> str:
    """Each metric before and after; what moved comes first, in bold type."""
    moved = [(name, f"{before:.4g}", f"<b>{after:.4g}</b>") for name, (before, after) in row["metrics"].items()]
    kept = [(name, f"{value:.4g}", f"{value:.4g}") for name, value in row["kept"].items()]
    rows = "".join(
        f"<tr><td>{safe(name)}</td><td>{before}</td><td>{after}</td></tr>" for name, before, after in (*moved, *kept)
    )
    return f"<h3>metrics</h3><table><tr><th>metric</th><th>before</th><th>after</th></tr>{rows}</table>"
