"""The pages of a report: no text of the data gets out of its place, what is cut is whole, and the page of HTML loads nothing."""

import json
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipeline.pull_request.comparing.lock import Lock
from pipeline.pull_request.reporting import cost, curve, flips, forgetting, judging, measures, settings, stages
from pipeline.pull_request.reporting.blocks import LIMIT, MARKER, Details, Part, Picture, comment, pictures
from pipeline.pull_request.reporting.drawing import Bar, Line, curves, forest
from pipeline.pull_request.reporting.page import page
from pipeline.pull_request.reporting.pending import Pending
from pipeline.pull_request.reporting.scene import Scene
from pipeline.pull_request.revision import Revision
from pipeline.pull_request.rules import Outcome
from tests.reported_project import difference, flip, mean

BAIT = "kan4ry"
FRAGMENTS = [
    *(
        "@octocat",
        "@org/team",
        "#12",
        "GH-12",
        "fixes #1",
        "https://evil.example",
        "www.evil.example",
        "a" * 40,
        "[a](b)",
        "![a](b)",
    ),
    *(
        "|",
        "\\|",
        "`",
        "```",
        "````text",
        "\n",
        "\r\n",
        "\n\n# head",
        "\n---\n",
        "\\",
        "*",
        "_",
        "~~~",
        "$x$",
        ":tada:",
        "]]>",
    ),
    *(
        "<!-- -->",
        "</details>",
        "</summary>",
        "<script>alert(1)</script>",
        "<img src=x onerror=y>",
        "&lt;",
        "&#64;octocat",
    ),
    *("\x00", "\x1b[31m", "\u202e", "\u2028"),
]
texts = st.lists(
    st.sampled_from(FRAGMENTS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8), min_size=1, max_size=6
)
hostile = texts.map(lambda pieces: BAIT + BAIT.join(pieces) + BAIT)
OURS = re.compile(r"<!-- gitune-report -->|<details><summary>[^<]*</summary>|</details>")


def scene(folder, text):
    """Two sides whose every name and text is hostile."""
    for name in ("now", "then"):
        (folder / name / "reports").mkdir(parents=True, exist_ok=True)
    root, before = folder / "now", folder / "then"
    arms = {"tuned": {text: mean(9, 10)}, "prompted": {text: mean(3, 10)}, text: {text: mean(3, 10)}}
    comparison = {
        "arms": arms,
        "pairs": {f"tuned against {arm}": {text: difference(6, 0, 10)} for arm in ("prompted", text)},
    }
    drop = {
        "probes": difference(1, 1, 8),
        "skills": {text: difference(1, 1, 8)},
        "harness": {text: {text: difference(1, 1, 8)}},
    }
    arm = {"answers": 1, "prompt_tokens": 1, "answer_tokens": 1, "latency_s": {"median": 1, "p95": 1.0}, "cost": 0.1}
    reports = {
        "comparison.json": comparison,
        "forgetting.json": {"cases_failed": {"tuned": [text]}, "n_cases": 2, "tuned against base": drop},
        "run.json": {
            "arms": {text: arm},
            "stages": {text: {"seconds": 1.0}},
            "machine": {"system": text, "processor": text},
        },
    }
    for name, content in reports.items():
        (root / "reports" / name).write_text(json.dumps(content))
    (before / "reports/forgetting.json").write_text(json.dumps({"cases_failed": {"tuned": [text + "x"]}, "n_cases": 2}))
    rows = [{"against": text, "counts": {"broken": 1, "fixed": 1}}]
    rows += [flip(text, 1, "broken", question=text, reference=text, before=text, after=text, id=text)]
    (root / "reports/examples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    (root / "models/adapter").mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[\t\r\n]", " ", text)
    (root / "models/adapter/loss.tsv").write_text(
        f"step\tphase\tloss\n1\t{name}\t1.0\n2\t{name}\t0.5\n", encoding="utf-8"
    )
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"a": {"cmd": "false", "params": ["x"]}}}))
    for side, value in ((root, text), (before, "y")):
        (side / "params.yaml").write_text(yaml.safe_dump({"x": {text: value}, text: [value]}))
        stage = {"cmd": value, "deps": [{"path": text, "md5": value[:1].encode().hex() * 16}]}
        lock = {text: {**stage, "params": {"params.yaml": {text: value}}, "outs": [{"path": text, "md5": "0" * 32}]}}
        (side / "dvc.lock").write_text(
            yaml.safe_dump({"stages": {**lock, **({"new" + text: stage} if side is root else {})}})
        )
    base = Revision(text, "0" * 40, "named by BASE")
    return Scene(root, base, folder, before, lock=Lock(root / "dvc.lock"), lock_before=Lock(before / "dvc.lock"))


def parts_of(given_scene, text):
    late = [Pending(text, "`x` changed")]
    found = [
        judging.part(given_scene, late, False),
        Part("rules", 1, lambda _: [judging._rules([Outcome("fail", text, text)])]),
        measures.part(given_scene),
        settings.part(given_scene),
        flips.part(given_scene),
        forgetting.part(given_scene),
        cost.part(given_scene),
        stages.part(given_scene, late),
        curve.part(given_scene),
    ]
    return [one for one in found if one]


def tokens_of(markdown):
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown):
        yield token
        yield from token.children or ()


def check_comment(text):
    """Nothing but ours outside of code."""
    for token in tokens_of(text):
        if token.type in ("html_block", "html_inline"):
            assert OURS.fullmatch(token.content.strip()), token.content
        assert token.type not in ("link_open", "image"), token.type
        if token.type == "text":
            assert not re.search(rf"{BAIT}|@|http|www\.|#\d|GH-|evil", token.content), token.content
    folds = [token.content.strip() for token in tokens_of(text) if token.type == "html_block"]
    assert sum(one.startswith("<details>") for one in folds) == folds.count("</details>")


class Page(HTMLParser):
    """Holds every tag to what a page of ours has."""

    OF_TEXT = ("h2", "h3", "h4", "h5", "p", "ul", "li", "pre", "code", "strong", "em", "details", "summary")
    OF_TABLES = ("table", "thead", "tbody", "tr", "th", "td")
    DRAWN = ("figure", "svg", "text", "line", "rect", "circle", "polyline")
    TAGS = frozenset({"html", "meta", "title", "style", *OF_TEXT, *OF_TABLES, *DRAWN})
    HELD = frozenset({"code", "text", "title"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attributes):
        assert tag in self.TAGS, tag
        for name, value in attributes:
            assert not name.startswith("on"), name
            assert name not in ("src", "href", "style", "xlink:href"), name
            assert name == "xmlns" or "://" not in (value or ""), value
        if tag in self.HELD:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag in self.HELD:
            assert self.open.pop() == tag

    def handle_data(self, data):
        assert self.open or BAIT not in data, data

    def handle_comment(self, data):
        raise AssertionError(data)


def check_page(text):
    reader = Page()
    reader.feed(text)
    reader.close()
    assert not reader.open


@pytest.mark.slow
@given(text=hostile)
def test_no_text_of_the_data_gets_out_of_its_place(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("scene")
    found = parts_of(scene(folder, text), text)
    said = comment(found, "")
    assert "Cannot be shown" not in said
    assert BAIT in said
    check_comment(said)
    check_page(page(found, "a title"))
    for part in found:
        for picture in pictures(part.blocks(10)):
            ElementTree.fromstring(picture.svg)  # noqa: S314  # our own


def long_part(number, examples=60, importance=None):
    def blocks(most):
        few = min(most, examples)
        return [f"{examples} examples", *(Details(f"{few} of them", ("```text\n" + "x" * 2000 + "\n```",) * few),)]

    return Part(f"Part {number}", number if importance is None else importance, blocks, f"{examples} examples")


def test_a_comment_that_is_too_long_is_cut_by_importance_and_says_so():
    parts = [long_part(number) for number in range(1, 5)]
    said = comment(parts, "")
    assert len(said) <= LIMIT
    assert said.startswith(MARKER)
    sizes = [len(one) for one in said.split("\n### ")[1:]]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]
    assert "_Cut, since a comment cannot be longer (60 examples): the whole stands in `report.html`._" in said
    check_comment(said)


def test_what_cannot_be_shortened_is_left_out_whole():
    fixed = [Part("Least", 1, lambda _: ["y" * 50_000], "much"), Part("Most", 2, lambda _: ["z" * 50_000])]
    said = comment(fixed, "")
    assert "y" * 100 not in said
    assert "z" * 50_000 in said
    assert "_Left out, since a comment cannot be longer (much): it stands in `report.html`._" in said
    assert "y" * 50_000 in page(fixed, "a title")


def test_characters_of_two_units_count_twice():
    said = comment([Part("A", 1, lambda most: ["\U0001f600" * (31_000 if most else 10)])], "")
    assert "\U0001f600" * 11 not in said


def test_a_short_comment_is_whole():
    said = comment([long_part(1, examples=3)], "")
    assert "Cut" not in said
    assert "3 of them" in said


def test_pictures_are_links_only_where_an_address_is_known():
    part = Part("A", 1, lambda _: [Picture("a.svg", "a curve", "<svg/>", ("in words",))])
    assert "![a curve](https://x.example/p/a.svg)" in comment([part], "https://x.example/p")
    assert "in words" in comment([part], "")
    assert "<figure><svg/></figure>" in page([part], "a title")


def test_drawings_are_whole_for_odd_numbers():
    odd = [
        curves("one point", [Line("loss", "#000000", [(1.0, 0.0)])], "step"),
        curves("flat", [Line("loss", "#000000", [(1.0, 2.0), (2.0, 2.0)])], "step"),
        curves("below zero", [Line("reward", "#000000", [(1.0, -2.0), (2.0, 3.0)], True)], "step"),
        forest("nothing moved", [Bar("a", 0.0, 0.0, 0.0, "cannot tell")]),
        forest("far", [Bar("a", -100.0, -100.0, 100.0, "worse")]),
    ]
    for svg in odd:
        ElementTree.fromstring(svg)  # noqa: S314  # our own
        assert "nan" not in svg
        assert all(-1 <= float(number) <= 700 for number in re.findall(r' [xy]\d?="([-\d.]+)"', svg))
