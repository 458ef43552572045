"""What was fixed and broken: the rows, and the page for people."""

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser

import pytest

from pipeline.data.flips.marks import marked
from pipeline.data.flips.rows import LONGEST
from tests.evaluated import FULL, SHORT, answers_of, lay_out, record, run_main, run_stage, write_arm

HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</div></details></main><style>*{display:none}</style><!-- ",
    "\"><a href='javascript:alert(1)'>x</a> &lt;b&gt; &#60;",
    "\u202egnirts\u2066\u200b \x1b[31m \x07 \x00 \u2028 \ud83d",
    "]]> <![CDATA[ \n\n\n  spaces   kept",
]
TAGS = {
    "html",
    "meta",
    "title",
    "style",
    "h1",
    "h2",
    "h3",
    "p",
    "table",
    "tr",
    "th",
    "td",
    "a",
    "input",
    "label",
    "main",
    "section",
}
TAGS |= {"details", "summary", "b", "code", "div", "del", "ins"}


class Page(HTMLParser):
    """The elements of a page with their attributes, the texts of answers, and whether each element is closed where it belongs."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "input"):
            self._open.append((tag, dict(attrs)))
        if dict(attrs).get("class") == "text":
            self.texts.append("")

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        if any(given.get("class") == "text" for _, given in self._open):
            self.texts[-1] += data

    def classes(self):
        return [given["class"] for tag, given in self.elements if tag == "details"]


def rows_of(text):
    return [json.loads(line) for line in text.splitlines()]


def compared(folder, records, base, tuned, shown=4):
    """The stage on answers of two arms to records."""
    lay_out(folder, records)
    for name, answers in (("base", base), ("tuned", tuned)):
        by_id = dict(zip((one.id for one in records), answers, strict=True))
        write_arm(folder / "predictions" / name, answers_of(records, lambda one, by_id=by_id: by_id[one.id]))
    return run_stage(folder, shown=shown)


@pytest.fixture
def three_kinds(tmp_path):
    """Six records: 0 and 3 are broken, 3 in one field alone; 1 and 4 are fixed; 2 and 5 stay."""
    records = [record(FULL, number) for number in range(6)]
    right, half = records[0].answer, json.dumps({**FULL, "label": "blue"})
    before, after = [right, "no", "no", right, "no", right], ["no", right, "no", half, right, right]
    return records, compared(tmp_path, records, before, after)


def test_what_was_fixed_and_broken_is_shown_with_both_answers(tmp_path):
    rows = rows_of(run_main(tmp_path)[2])
    assert rows[0] == {"against": "base", "counts": {"broken": 0, "fixed": 5, "same": 0}}
    assert len(rows) == 5  # four are shown
    assert {row["change"] for row in rows[1:]} == {"fixed"}
    first = record(FULL)
    assert (rows[1]["before"], rows[1]["after"], rows[1]["reference"]) == ("no", first.answer, first.answer)
    assert (rows[1]["question"], rows[1]["metrics"]["exact_label"]) == (first.question, [0.0, 1.0])


def test_every_example_has_a_row_the_worst_first(three_kinds):
    records, written = three_kinds
    rows = rows_of(written[3])
    assert [row["id"] for row in rows] == [records[at].id for at in (0, 3, 1, 4, 2, 5)]
    assert [row["change"] for row in rows] == ["broken", "broken", "fixed", "fixed", "same", "same"]
    assert rows[1]["metrics"] == {"exact_label": [1.0, 0.0]}
    assert rows[1]["kept"]["exact_count"] == 1.0
    assert rows[1]["finish"] == {"before": "stop", "after": "stop"}
    assert "label red" in rows[1]["slices"]
    assert "origin human" in rows[1]["slices"]


def test_the_rows_in_git_are_cut_and_the_others_are_whole(tmp_path):
    long = record({**FULL, "reply": "x" * 3000}, 1)
    written = compared(tmp_path, [long], ["no"], [long.answer])
    [_, short], [whole] = rows_of(written[2]), rows_of(written[3])
    assert (len(short["after"]), whole["after"]) == (LONGEST, long.answer)


def test_the_page_has_every_example_in_order_with_its_numbers(three_kinds):
    records, written = three_kinds
    page = Page(written[4])
    assert page.classes() == ["broken", "broken", "fixed", "fixed", "same", "same"]
    assert [("open" in given) for tag, given in page.elements if tag == "details"] == [True] * 4 + [False] * 2
    assert len(page.texts) == 4 * 6
    assert page.texts[:4] == [records[0].question, records[0].answer, records[0].answer, "no"]
    assert "<td>2</td><td>2</td><td>2</td><td>6 of 6</td>" in written[4]
    assert "<td>exact_label</td><td>1</td><td><b>0</b></td>" in written[4]
    assert "tuned, ended by stop" in written[4]
    assert [given["id"] for tag, given in page.elements if tag == "input"] == [
        f"show-{kind}" for kind in ("all", "broken", "fixed", "same")
    ]


def test_a_page_loads_nothing_and_runs_nothing(three_kinds):
    page = Page(three_kinds[1][4])
    policy = next(
        given["content"] for _, given in page.elements if given.get("http-equiv") == "Content-Security-Policy"
    )
    style = re.search(r"(?s)<style>(.*?)</style>", three_kinds[1][4])[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    names = {name for _, given in page.elements for name in given}
    assert not names & {"src", "style", "srcset", "action"}
    assert not [name for name in names if name.startswith("on")]
    assert all(given["href"].startswith("#") for tag, given in page.elements if tag == "a")


def test_no_text_of_data_or_models_gets_out_of_its_place(tmp_path):
    records = [record({**SHORT, "reply": text}, number) for number, text in enumerate(HOSTILE[:3])]
    records += [record(text.replace("\ud83d", ""), 3 + number) for number, text in enumerate(HOSTILE)]
    count = len(records)
    answers = [HOSTILE[at % len(HOSTILE)] for at in range(count)]
    written = compared(tmp_path, records, answers, [*answers[1:], answers[0]])
    page = Page(written[4])
    assert {tag for tag, _ in page.elements} <= TAGS
    assert len(page.classes()) == count
    assert len(page.texts) == 4 * count
    assert any(text == HOSTILE[0] for text in page.texts)
    assert any(text == HOSTILE[4] for text in page.texts)
    assert not [letter for letter in written[4] if letter not in "\n\t" and not letter.isprintable()]
    assert "<U+202E>" in "".join(page.texts)


def test_words_that_one_answer_has_alone_are_marked():
    assert marked("the red apple", "the green apple") == ("the <del>red </del>apple", "the <ins>green </ins>apple")
    assert marked("a <b", "a <b & c") == ("a &lt;b", "a &lt;b <ins>&amp; c</ins>")
    assert marked("", "new") == ("", "<ins>new</ins>")
    assert marked("old", "") == ("<del>old</del>", "")
    assert marked("same", "same") == ("same", "same")


def test_a_phrase_that_marks_cut_in_pieces_is_still_found_in_the_page(tmp_path):
    said = 'call "Asha" on Monday'
    page = compared(tmp_path, [record(SHORT)], ["call me on Monday"], [said])[4]
    assert "<ins>" in page
    assert html.escape(said) in page
    assert said in [given.get("data-text") for _, given in Page(page).elements]


def test_a_page_has_no_more_than_its_bound_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.evaluate.SHOWN", 4)
    records = [record(SHORT, number) for number in range(12)]
    right = records[0].answer
    written = compared(tmp_path, records, [right] * 5 + ["no"] * 7, ["no"] * 5 + [right] * 7)
    assert Page(written[4]).classes() == ["broken", "broken", "fixed", "fixed"]
    assert "<td>5</td><td>7</td><td>0</td><td>4 of 12</td>" in written[4]
    assert len(rows_of(written[3])) == 12


def test_the_page_is_the_same_twice(tmp_path):
    assert run_main(tmp_path, out="one") == run_main(tmp_path, out="two")
