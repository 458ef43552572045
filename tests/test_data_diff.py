"""What a change does to the data: rows and sides are counted exactly, on both sides of each bound."""

import json

import pytest

from pipeline.data.splitting.sides import unit_hash
from pipeline.pull_request.data_diff_report import band
from tests.data_repository import COST, NO_CHANGE, RAW, asked, id_of, reply, review, row, ten_rows, verdict_of
from tests.desk_project import SCHEMA
from tests.examples import source_entry

pytestmark = pytest.mark.slow
QUESTION = '{"id": "a", "messages": [{"role": "user", "content": "x"}], "check": {"kind": "exact", "value": "x"}, "why": "w"}\n'


@pytest.fixture
def project(tmp_path):
    return ten_rows(tmp_path)


def test_a_clean_tree_says_that_nothing_changed(project):
    report, page = project.diff()
    assert report["parts"] == {}
    assert verdict_of(page) == NO_CHANGE


def test_what_has_no_say_in_the_data_is_not_read_for(project, capsys):
    project.write("task/README.md", "words")
    project.write("task/prompts/plain.yaml", "system: x\nfew_shot: []\n")
    project.write("data/ledgers/ratings/asha.jsonl", "")
    project.param("seed: 1,", "seed: 2,")
    _, page = project.diff("HEAD")
    assert NO_CHANGE in page
    assert "reading" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.param("similarity: 0.6", "similarity: 0.7"),
        lambda one: one.write("task/cases/must_pass.jsonl", QUESTION),
        lambda one: one.write("task/answer.schema.json", json.dumps({**SCHEMA, "title": "x"})),
    ],
)
def test_what_has_a_say_in_the_data_is(project, capsys, change):
    change(project)
    project.diff("HEAD")
    assert "data-diff: reading the work tree" in capsys.readouterr().err


def test_a_change_of_form_alone_is_no_change(project):
    lines = (project.folder / RAW / "a.jsonl").read_text().splitlines()
    project.write(f"{RAW}/a.jsonl", "\r\n".join(line.replace('": "', '":   "') for line in lines) + "\r\n\r\n")
    report, page = project.diff()
    assert report["parts"] == {}
    assert verdict_of(page) == NO_CHANGE


def test_rows_that_come_go_and_change_are_counted_committed_or_not(project):
    changed = row(f"{asked(3, 7)} other")
    project.rows(*map(row, [0, 1, 2]), changed, *map(row, [5, 6, 7, 8, 9, 10, 11]))
    assert project.counts() == (2, 1, 1)
    project.commit()
    assert project.counts("HEAD~1") == (2, 1, 1)
    assert project.counts("HEAD") == (0, 0, 0)


def test_the_order_of_rows_is_no_change(project):
    project.rows(*map(row, reversed(range(10))))
    assert project.parts() == {}


def test_an_untracked_file_that_is_listed_is_part_of_the_change(project):
    project.rows(row(20), row(21), name=f"{RAW}/b.jsonl")
    project.sources(source_entry("a.jsonl"), source_entry("b.jsonl"))
    parts = project.parts()
    assert parts["rows"]["added"]["by"]["source"] == {f"{RAW}/b.jsonl": 2}
    assert list(parts["sources"]["added"]) == ["b.jsonl"]


def test_near_questions_are_an_edit_and_others_are_none(project):
    rest = [row(n) for n in range(9)]
    near, other = row(asked(9) + " too"), row(asked(9, 3) + " " + asked(90, 5))
    project.rows(near, *rest)  # in another place
    assert project.counts() == (0, 0, 1)
    project.rows(other, *rest)
    assert project.counts() == (1, 1, 0)


def test_a_row_that_a_model_made_up_is_no_edit_of_a_persons(project):
    near = row(asked(9) + " too")
    project.rows(*map(row, range(9)))
    for origin, counts in (("production", (0, 0, 1)), ("synthetic", (1, 1, 0))):
        project.rows(near, name=f"{RAW}/b.jsonl")
        project.sources(source_entry("a.jsonl"), source_entry("b.jsonl", origin=origin))
        assert project.counts() == counts


def test_another_answer_is_an_edit_that_shows_the_words(project):
    project.rows(*(row(n) for n in range(9)), row(9, "blue"))
    report, page = project.diff()
    edited = report["parts"]["rows"]["edited"]
    assert edited["count"] == 1
    assert edited["by"]["label"] == {"blue": 1}
    assert edited["examples"][0]["question"] == asked(9)
    assert '"[-red-]{+blue+}"' in page


def test_a_row_written_anew_in_its_place_is_an_edit_if_as_many_came_as_went(project):
    project.rows(row(0), row(100), *map(row, range(2, 10)))
    assert project.counts() == (0, 0, 1)
    project.rows(row(0), row(100), row(101), *map(row, range(2, 10)))
    assert project.counts() == (2, 1, 0)
    project.rows(row(0), row(100), row(101), *map(row, range(3, 10)))
    assert project.counts() == (0, 0, 2)


def test_a_place_is_told_by_its_neighbours_and_not_by_its_line(project):
    project.rows(row(50), row(51), row(0), row(100), *map(row, range(2, 10)))
    assert project.counts() == (2, 0, 1)


def test_a_row_that_moves_to_another_file_is_the_same_row(project):
    project.rows(*map(row, range(5)))
    project.rows(*map(row, range(5, 10)), name=f"{RAW}/b.jsonl")
    project.sources(source_entry("a.jsonl"), source_entry("b.jsonl"))
    assert "rows" not in project.parts()


def test_counts_are_by_source_origin_label_length_language_and_state(project):
    project.param("languages: [en]", "languages: [en, hi]")
    hindi = "मेरा पार्सल अभी तक नहीं आया है कृपया जल्दी बताइए"
    project.rows(*map(row, range(10)), row("where is my parcel please tell me soon", "blue"))
    project.rows(row(hindi, tags=["x"]), name="data/feedback/2031-01-01.jsonl")
    by = project.parts()["rows"]["added"]["by"]
    assert by["source"] == {"data/feedback/2031-01-01.jsonl": 1, f"{RAW}/a.jsonl": 1}
    assert by["origin"] == {"human": 1, "production": 1}
    assert by["label"] == {"blue": 1, "red": 1}
    assert by["length"] == {"0 to 100": 2}
    assert by["language"] == {"en": 1, "hi": 1}
    assert by["state"]["waiting"] == 1


@pytest.mark.parametrize(
    ("length", "words"), [(100, "0 to 100"), (101, "101 to 300"), (3000, "1001 to 3000"), (3001, "over 3000")]
)
def test_a_length_has_one_band(length, words):
    assert band(length) == words


def test_as_many_examples_as_ten_are_shown(project):
    project.rows(*map(row, range(21)))
    added = project.parts()["rows"]["added"]
    assert added["count"] == 11
    assert len(added["examples"]) == 10
    assert added["examples"] == project.parts()["rows"]["added"]["examples"]


def test_the_verdict_is_a_sentence(project):
    project.rows(*map(row, [*range(1, 9), 10, 11]), row(asked(9) + " too"))
    _, page = project.diff()
    verdict = verdict_of(page)
    assert verdict == "2 rows added, 1 removed, 1 edited; no record moved to another side; personal data: none."


@pytest.fixture
def divided(project):
    """The same with a frozen test set: row 0 is tested on, rows 1 to 9 are learnt."""
    project.test_set(id_of(row(0)), *(f"train-group {id_of(row(n))}" for n in range(1, 10)))
    project.commit("the test set")
    return project


def test_no_record_moves_as_the_data_grows(divided):
    divided.rows(*map(row, range(60)))
    assert "moved" not in divided.parts()


def test_a_record_that_moves_is_shouted_about_and_fails_the_command(divided):
    divided.test_set(*(f"train-group {id_of(row(n))}" for n in range(10)), id_of(row(1)))
    parts = divided.parts()
    assert sum(parts["moved"]["steps"].values()) == parts["moved"]["count"] == 2
    assert all("test" in step for step in parts["moved"]["steps"])
    done = divided.run("HEAD")
    assert done.returncode == 1
    assert done.stdout.splitlines()[2].startswith("**2 RECORDS MOVED TO ANOTHER SIDE")
    assert done.stderr.splitlines()[-1].startswith("data-diff: ")
    assert (divided.folder / ".cache/data-diff.md").read_text() == done.stdout


def test_the_parameters_of_the_revision_hold_for_it(divided):
    divided.param("validation_share: 0.1", "validation_share: 0.49")
    steps = divided.parts()["moved"]["steps"]
    assert set(steps) == {"train to validation"}


def test_what_joins_the_test_set_out_of_new_is_not_moved(divided):
    waiting = range(100, 130)
    divided.rows(*map(row, [*range(10), *waiting]))
    divided.commit("more rows")
    there = divided.folder / "task/test_set.txt"
    is_new = {n: unit_hash("sample", id_of(row(n))) < 0.2 for n in waiting}
    new, learnt = (next(n for n in waiting if is_new[n] is wanted) for wanted in (True, False))
    before = there.read_text()
    there.write_text(before + id_of(row(new)) + "\n")
    parts = divided.parts("HEAD")
    assert "moved" not in parts
    assert parts["test_set"] == {"added": 1, "joined_from_new": 1}
    there.write_text(before + id_of(row(learnt)) + "\n")
    parts = divided.parts("HEAD")
    assert parts["moved"]["count"] == 1
    assert parts["test_set"] == {"added": 1}


def test_a_first_draw_moves_nothing(project):
    project.test_set(id_of(row(0)), id_of(row(1)))
    report, page = project.diff()
    assert "moved" not in report["parts"]
    assert report["parts"]["test_set"] == {"drawn_first": 2}
    assert "drawn for the first time (2 records)" in verdict_of(page)


def test_ids_that_leave_the_test_set_or_lose_their_record_are_counted(divided):
    divided.rows(*map(row, range(1, 10)))
    assert divided.parts()["test_set"] == {"without_a_record": 1}
    divided.test_set(*(f"train-group {id_of(row(n))}" for n in range(1, 10)))
    assert divided.parts()["test_set"] == {"gone": 1}


def test_what_asks_what_the_test_set_asks_leaves_train(divided):
    group = "train-group copies"
    divided.test_set(id_of(row(0)), group, *(f"train-group {id_of(row(n))}" for n in range(1, 10)))
    divided.commit()
    copy = {**row(0, "blue"), "group": "copies"}
    divided.rows(*map(row, range(10)), copy)
    report, page = divided.diff()
    leaks = report["parts"]["leaks"]
    side = next(iter(leaks["left"]))
    assert (leaks["count"], leaks["ended"], leaks["how"]) == (1, 0, {"exact": 1})
    assert f"1 leak left {side}" in verdict_of(page)
    assert leaks["examples"][0]["repeats"] == asked(0)
    assert report["parts"]["states"]["left as a leak"] == [0, 1]
    divided.rows(*map(row, range(10)), {**row(30, "blue"), "group": "copies"})
    assert "leaks" not in divided.parts()


def test_reviews_are_counted_by_who_and_what(project):
    ledger = "data/ledgers/reviews/2031-01-02-asha.jsonl"
    edit = [{"role": "user", "content": asked(2)}, {"role": "assistant", "content": '{"label": "blue"}'}]
    lines = [
        review(id_of(row(1)), "reject"),
        review(id_of(row(2)), "edit", "ravi", messages=edit),
        review(id_of(row(3))),
        review(id_of(row(3))),
    ]
    project.rows(*lines, name=ledger)
    report, page = project.diff()
    parts = report["parts"]
    assert parts["reviews"] == {"by": {"asha": {"approve": 2, "reject": 1}, "ravi": {"edit": 1}}}
    assert parts["rows"]["edited"]["by"]["label"] == {"blue": 1}
    assert parts["states"]["rejected"] == [0, 1]
    assert "4 reviews added" in verdict_of(page)
    project.commit()
    project.rows(*lines[:3], name=ledger)
    report, page = project.diff("HEAD")
    assert report["parts"]["reviews"] == {"gone": 1}
    assert verdict_of(page).startswith("**1 line of the review ledger went")


def test_a_candidate_waits_until_it_is_approved_and_is_no_edit_of_its_seed(divided):
    divided.param("validation_share: 0.1", "validation_share: 0.0")
    divided.commit("all that is learnt is on the train side")
    divided.rows(reply(id_of(row(5)), asked(80), **COST), name="data/ledgers/teacher/t.jsonl")
    added = divided.parts("HEAD")["rows"]["added"]
    assert (added["count"], added["by"]["origin"], added["by"]["state"]) == (1, {"synthetic": 1}, {"waiting": 1})
    divided.commit()
    divided.rows(review(added["examples"][0]["id"]), name="data/ledgers/reviews/r.jsonl")
    parts = divided.parts("HEAD")
    assert "rows" not in parts
    assert parts["states"] == {"test": [1, 1], "train": [9, 10], "waiting": [1, 0]}
