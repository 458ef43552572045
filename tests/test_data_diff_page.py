"""How a change is shown: every text of the data stays text, and the page fits into a comment."""

import re

import pytest

from pipeline.desk.reviewing.shown import code, fenced, masked, shown
from pipeline.pull_request.render import LIMIT, ROWS, markdown, table
from pipeline.pull_request.word_diff import word_diff
from tests.data_repository import asked, id_of, review, row, ten_rows
from tests.examples import source_entry

MAIL = "asha.kulkarni@mail.example.com"


@pytest.fixture
def project(tmp_path):
    return ten_rows(tmp_path)


HOSTILE = [
    "@everyone look at @octocat and #1",
    "![x](https://evil.example/x.png) [y](https://evil.example)",
    "<img src=x onerror=alert(1)> <!-- </details>",
    "a | b | c \\| d",
    "``` \n```\n````\n# a heading\n`````",
    "\u202egnirts\u2066\u200b \x1b[31m \x07 \x00 \u2028 \U000e0041",
    "line\nline\r\n\n---\n| a | b |\n|---|---|",
    "x" * 5000,
]


@pytest.fixture
def attacked(project):
    """A change whose every text and name is hostile."""
    rows = [row(f"{text} {asked(200 + n)}", group=f"g{n}") for n, text in enumerate(HOSTILE)]
    edited = [row(f"{asked(n)} {text}") for n, text in enumerate(HOSTILE[:3])]
    project.rows(*edited, *map(row, range(3, 10)), *rows)
    project.rows(review(id_of(row(7)), reviewer="`@octocat` | <b>\n# x"), name="data/ledgers/reviews/r.jsonl")
    project.sources(source_entry("a.jsonl", rights="[mine](https://evil.example) | @octocat `"))
    return project


def outside_of_code(page):
    """The page without its blocks and spans of code."""
    blocks = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", page)
    return re.sub(r"`[^`\n]*`", "", blocks)


def test_no_text_of_the_data_gets_out_of_its_place(attacked):
    _, page = attacked.diff()
    rest = outside_of_code(page)
    assert not re.search(r"@|<|http|!\[|onerror|evil|octocat|gnirts", rest)
    assert "@" not in page
    assert not [letter for letter in page if letter != "\n" and not letter.isprintable()]
    widths = [line.count("|") for line in page.splitlines() if line.startswith("| ")]
    heads = [line.count("|") for line in page.splitlines() if line.startswith("|---")]
    assert set(widths) <= set(heads)
    headings = [line for line in rest.splitlines() if line.startswith("#")]
    assert all(re.fullmatch(r"#{1,3} [A-Z][\w ,:-]*", line) for line in headings)


def test_a_page_fits_into_a_comment(attacked):
    _, page = attacked.diff()
    assert max(map(len, page.splitlines())) < 1000
    assert len(page) < LIMIT


def test_a_page_of_the_worst_case_fits_and_says_what_it_leaves_out():
    name = "x" * 60
    by = {facet: {f"{name}{n}": 1 for n in range(500)} for facet in ("source", "origin", "label", "length", "language")}
    example = {"id": "0", "place": name, "question": "q" * 200, "answer": "a" * 4000}
    rows = {kind: {"count": 500, "by": by, "examples": [example] * 10} for kind in ("added", "removed", "edited")}
    rights = {f"{name}{n}": dict.fromkeys(("licence", "rights"), "r" * 200) for n in range(500)}
    report = {
        "base": {"name": "main", "commit": "0" * 40, "why": "named by BASE"},
        "notes": [],
        "missing": ["m" * 500] * 100,
        "personal_data_found": 0,
        "parts": {"rows": rows, "sources": {"added": rights}},
    }
    page = markdown(report)
    assert len(page) < LIMIT
    assert "and 475 more" in page


@pytest.mark.parametrize(("rows", "more"), [(ROWS, False), (ROWS + 1, True)])
def test_a_table_says_what_it_leaves_out(rows, more):
    assert ("and 1 more" in table(("a",), [("x",)] * rows)) is more


@pytest.mark.parametrize(("text", "seen"), [
    ("plain", "plain"),
    ("a\nb\tc", "a\\nb\\tc"),
    ("a\u202eb", "a\\u202eb"),
    ("a\u200db", "a\\u200db"),
    ("क\u200dष", "क\u200dष"),
    ("👩\u200d🔧", "👩\u200d🔧"),
    ("\x1b[1m", "\\u001b[1m"),
    ("x" * 200, "x" * 200),
    ("x" * 201, "x" * 199 + "…"),
    ("x" * 198 + "\u202e", "x" * 198 + "…"),
    ("", ""),
])  # fmt: skip
def test_a_text_is_shown_on_one_line(text, seen):
    assert shown(text) == seen
    assert shown(seen) == seen


def test_code_and_fences_hold_whatever_is_in_them():
    assert code("a`b|c") == "`a'b\u00a6c`"
    assert code("  ") == "(none)"
    assert fenced(["a ```` b"]).splitlines()[0] == "`````text"
    assert fenced(["plain"]).splitlines()[0] == "```text"


def test_personal_data_is_masked_whole_before_a_text_is_cut():
    text = "x" * 190 + f" {MAIL}"
    assert shown(masked(text)) == "x" * 190 + " [email]"
    assert masked("nothing here") == "nothing here"


@pytest.mark.parametrize(("before", "after", "seen"), [
    ("where is my sari", "where is my saree", "where is my [-sari -]{+saree +}"),
    ("a b", "a b", "a b"),
    ("", "new", "{+new +}"),
    ("old", "", "[-old -]"),
    ("a  b", "a b", "[-a  -]{+a +}b"),
    ("1 2 3 4 5 x", "1 2 3 4 5 y", "…2 3 4 5 [-x -]{+y +}"),
    ("x 1 2 3 4 5", "y 1 2 3 4 5", "[-x -]{+y +}1 2 3 4 …"),
    ("他在北京", "他在上海", "他在[-北京 -]{+上海 +}"),
        ("one two", "one two three", "one two {+three +}"),
])  # fmt: skip
def test_an_edit_shows_the_words_that_changed(before, after, seen):
    assert word_diff(before, after) == seen


def test_two_endless_texts_are_compared_in_no_time():
    before, after = " ".join(map(str, range(20_000))), " ".join(map(str, range(1, 20_000, 2)))
    assert len(word_diff(before, after)) < 20_000
