"""What was fixed and broken: the rows, and the page for people."""

import json

from tests.evaluated import (
    FULL,
    record,
    run_main,
)


def test_what_was_fixed_and_broken_is_shown_with_both_answers(tmp_path):
    rows = [json.loads(line) for line in run_main(tmp_path)[2].splitlines()]
    assert rows[0] == {"against": "base", "counts": {"broken": 0, "fixed": 5, "same": 0}}
    assert len(rows) == 5  # four are shown
    assert {row["change"] for row in rows[1:]} == {"fixed"}
    first = record(FULL)
    assert (rows[1]["before"], rows[1]["after"], rows[1]["reference"]) == ("no", first.answer, first.answer)
    assert (rows[1]["question"], rows[1]["metrics"]["exact_label"]) == (first.question, [0.0, 1.0])
