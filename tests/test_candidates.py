"""The ledger of candidates: a line is one or is refused, lines of one record add up, and who is forgotten is found in it."""

import json
from pathlib import Path

import pytest

from pipeline.data.candidates import identity, read_candidates, record_of
from pipeline.data.records import record_id
from pipeline.desk.forgetting.lines import Lines
from pipeline.desk.forgetting.rows import Rows
from pipeline.desk.forgetting.terms import Terms
from pipeline.stage import Fault
from tests import feedback_desk as desk
from tests.desk_project import CANDIDATE
from tests.examples import write_lines
from tests.failed_requests import word

LINE = json.loads(CANDIDATE)
BLUE = '{"label": "blue"}'


def line(proposal="", **changes):
    return {**LINE, "proposal": proposal, "record": identity(LINE["messages"], proposal), **changes}


def read(folder, *lines):
    write_lines(folder / "2031-01-02-a.jsonl", *lines)
    return {name: one for name, (_, one) in read_candidates(folder).items()}


def test_a_candidate_is_a_record_that_waits_under_its_id(tmp_path):
    (one,) = read(tmp_path, line(BLUE, tags=["b", "a"], user="person-0123456789abcdef")).values()
    record = record_of(one, "l.jsonl:1")
    assert record.id == record_id(record.messages) == one.record
    assert (record.origin, record.answer, record.tags, record.group) == ("production", BLUE, ("a", "b"), one.user)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"record": "0" * 16}, "record is not the id"),
        ({"time": "2031-01-02T10:00:00"}, "time has no zone"),
        ({"time": "noon"}, "[Ii]nvalid isoformat"),
        ({"messages": []}, "messages with the proposal"),
        ({"kinds": []}, "kinds"),
        ({"count": 0}, "count"),
        ({"more": 1}, "more: is not a known key"),
    ],
)
def test_what_is_no_candidate_is_named_with_its_place(tmp_path, changes, said):
    with pytest.raises(Fault, match=rf"2031-01-02-a\.jsonl:1.*{said}"):
        read(tmp_path, {**LINE, **changes})


def test_lines_of_one_record_add_up_and_the_latest_name_of_an_incident_counts(tmp_path):
    (one,) = read(
        tmp_path,
        line(incident="A-1", members=["m1"], count=2),
        line(request="r9", members=["m1", "m2"], count=3),
        line(incident="B-2"),
    ).values()
    assert (one.request, one.incident, one.count) == ("r1", "B-2", 3)
    assert one.members == ["m1", "r9", "m2"]


def test_one_without_an_answer_gives_way_to_a_line_of_the_same_request_that_has_one(tmp_path):
    found = read(tmp_path, line(), line(BLUE), line(request="other", messages=[{"role": "user", "content": "y"}],
                 record=identity([{"role": "user", "content": "y"}], "")))  # fmt: skip
    assert sorted((one.request, one.proposal) for one in found.values()) == [("other", ""), ("r1", BLUE)]


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["asha 17", "text:kettle number 7919"])
def test_a_person_is_found_in_the_ledger_in_what_was_decided_and_in_what_is_learnt(tmp_path, monkeypatch, asked):
    desk.make(tmp_path / "project", monkeypatch)
    hers, other = desk.request(1, user="asha 17"), desk.request(2)
    desk.log([hers, other], [word(one, correction=BLUE) for one in (hers, other)])
    desk.run()
    for name in ("r1", "r2"):
        desk.decide(name)
    desk.run()
    terms = Terms.of(asked)
    rows, lines = Rows(terms), Lines(terms)
    for _ in range(3):  # what is found teaches more
        rows.search()
        lines.search(rows)
    ledger = next(Path("data/ledgers/candidates").glob("*.jsonl"))
    mine = [at for at, one in enumerate(desk.candidates(), 1) if one["request"] == "r1"]
    assert lines.ledgers[ledger] == set(mine)
    assert lines.ledgers[Path("data/ledgers/reviews/2021-01-03-ravi.jsonl")] == {1}
    (file,) = [one for one in rows.files if one.path.parent == Path("data/feedback")]
    assert [desk.rows()[at]["request"] for at in file.gone] == ["r1"]
