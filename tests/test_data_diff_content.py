"""What a change does to the data beside its rows: copies, contradictions, personal data, rights."""

import json

import pytest

from pipeline.pull_request.intake import clusters
from tests.data_repository import COST, NO_CHANGE, RAW, asked, id_of, reply, row, ten_rows, verdict_of
from tests.desk_project import PARAMS
from tests.examples import source_entry
from tests.project import git


@pytest.fixture
def project(tmp_path):
    return ten_rows(tmp_path)


def test_a_near_copy_makes_a_cluster_and_no_row(project):
    project.rows(*map(row, range(10)), row(asked(4) + " too"))
    report, page = project.diff()
    parts = report["parts"]
    assert "rows" not in parts
    assert parts["clusters"]["count"] == 1
    assert parts["clusters"]["examples"][0]["size"] == 2
    assert sorted(one["stays"] for one in parts["clusters"]["examples"][0]["members"]) == [False, True]
    assert parts["duplicates"] == {"before": 0, "after": 1}
    assert "1 new near-duplicate cluster" in verdict_of(page)
    project.rows(*map(row, range(10)), row(asked(4, 3) + " too"))
    assert "clusters" not in project.parts()


def test_a_cluster_is_news_when_it_grows_and_not_when_it_shrinks(project):
    copies = [row(asked(4) + f" {word}") for word in ("too", "now", "soon")]
    project.rows(*map(row, range(10)), *copies[:2])
    project.commit()
    project.rows(*map(row, range(10)), *copies)
    assert project.parts("HEAD")["clusters"]["examples"][0]["size"] == 4
    project.rows(*map(row, range(10)), copies[0])
    assert "clusters" not in project.parts("HEAD")


def test_clusters_are_what_hangs_together():
    assert clusters([("a", "b"), ("c", "d"), ("b", "c"), ("x", "y")]) == [frozenset("abcd"), frozenset("xy")]
    assert clusters([]) == []


def test_nearly_the_same_question_with_another_answer_is_a_contradiction(project):
    project.rows(*map(row, range(10)), row(asked(4) + " too", "blue"))
    parts = project.parts()
    assert parts["contradictions"]["count"] == 1
    assert "clusters" not in parts
    project.commit()
    project.rows(row(77), *map(row, range(10)), row(asked(4) + " too", "blue"))
    assert "contradictions" not in project.parts("HEAD")


MAIL, KEY = "asha.kulkarni@mail.example.com", "sk-" + "proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z"


def test_personal_data_is_named_by_rule_and_place_and_never_shown(project):
    project.rows(*map(row, range(10)), row(f"write to {MAIL} or {MAIL} about {asked(40)}"))
    report, page = project.diff()
    part = report["parts"]["personal_data"]["email"]
    assert (part["before"], part["after"], part["new"], part["policy"]) == (0, 2, 2, "redact")
    assert part["places"] == [f"{RAW}/a.jsonl:11"]
    assert verdict_of(page).endswith("personal data: 2 email.")
    assert MAIL not in page + json.dumps(report)
    project.commit()
    project.rows(row(50), *map(row, range(10)), row(f"write to {MAIL} or {MAIL} about {asked(40)}"))
    report, page = project.diff("HEAD")
    assert "personal_data" not in report["parts"]
    assert verdict_of(page).endswith("personal data: none new.")


def test_what_is_allowed_to_stay_is_masked_here(project):
    project.param("email: redact", "email: allow")
    project.rows(*map(row, range(10)), row(f"write to {MAIL} about {asked(40)}"))
    report, page = project.diff()
    assert report["parts"]["rows"]["added"]["count"] == 1
    assert "write to [email] about" in page
    assert MAIL not in page + json.dumps(report)
    project.commit()
    project.rows(*map(row, range(10)), row(f"write to {MAIL.replace('asha', 'ravi')} about {asked(40)}"))
    report, page = project.diff("HEAD")
    assert report["parts"]["rows"]["edited"]["count"] == 1
    assert "kulkarni" not in page + json.dumps(report)


def test_a_secret_makes_a_row_no_example_and_stands_nowhere(project):
    project.rows(*map(row, range(10)), row(f"my key is {KEY} {asked(40)}"))
    report, page = project.diff()
    assert report["parts"]["rejects"]["count"] == 1
    assert "api_key" in report["parts"]["rejects"]["examples"][0]["reason"]
    assert "1 row that can be no example" in verdict_of(page)
    assert KEY not in page + json.dumps(report)


def test_rows_that_can_no_longer_be_read_are_counted_and_those_of_before_are_not(project):
    path = project.folder / RAW / "a.jsonl"
    good = path.read_text()
    path.write_text(good + "{broken\n")
    assert project.parts()["rejects"]["count"] == 1
    project.commit()
    path.write_text(json.dumps(row(70)) + "\n" + good + "{broken\n")
    assert "rejects" not in project.parts("HEAD")
    path.write_text(good)
    assert project.parts("HEAD")["rejects"] == {"count": 0, "ended": 1, "examples": []}


def test_rights_that_come_go_and_change_are_told(project):
    project.sources(source_entry("a.jsonl", licence="MIT"))
    parts = project.parts()
    assert parts["sources"] == {"changed": {"a.jsonl": {"licence": ["Apache-2.0", "MIT"]}}}
    project.sources(source_entry("b.jsonl", rights="bought"))
    (project.folder / RAW / "a.jsonl").rename(project.folder / RAW / "b.jsonl")
    parts = project.parts()
    assert parts["sources"]["added"]["b.jsonl"]["rights"] == "bought"
    assert list(parts["sources"]["removed"]) == ["a.jsonl"]
    assert "rows" not in parts


OLD_PARAMS = """ingest: {max_rejects: 0}
validate: {min_examples: 1, max_label_share: 1.0, max_question_chars: 100, max_answer_chars: 100}
synthesize: {max_overlap: 0.5}
split: {salt: sample, test_share: 0.2, validation_share: 0.1}
"""


def test_a_revision_of_older_forms_is_read_by_todays_code(project):
    table_of = "message,label\n" + "".join(f"{asked(n)},red\n" for n in range(20, 25))
    project.write(f"{RAW}/c.csv", table_of)
    columns = {"input": "message", "answer": {"label": "label"}}
    project.sources(
        source_entry("a.jsonl", "prompt_completion"), {**source_entry("c.csv"), "format": "csv", "columns": columns}
    )
    project.write("params.yaml", OLD_PARAMS)
    old = reply(id_of(row(5)), asked(80))
    project.rows(old, name="data/ledgers/teacher/t.jsonl")
    project.commit("older forms")
    project.sources(source_entry("a.jsonl"), source_entry("c.csv", columns=columns))
    project.write("params.yaml", PARAMS)
    project.rows({**old, **COST}, name="data/ledgers/teacher/t.jsonl")
    report, page = project.diff("HEAD")
    assert report["parts"] == {}
    assert verdict_of(page) == NO_CHANGE
    assert "`ingest.personal_data`" in page
    assert "`split.salt`" not in page


def test_a_revision_without_data_has_none(project):
    git(project.folder, "checkout", "-q", "--orphan", "empty")
    git(project.folder, "rm", "-rfq", "--cached", ".")
    git(project.folder, "add", ".gitignore")
    git(project.folder, "commit", "-q", "-m", "nothing yet")
    assert project.counts("HEAD") == (10, 0, 0)
    project.sources()
    project.rows()
    assert project.counts("main") == (0, 10, 0)
