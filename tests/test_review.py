"""make review: what each key writes, what comes back, and what becomes of disagreement."""

from datetime import date
from pathlib import Path

import pytest

from pipeline.desk.review import reviewer_of
from pipeline.stage import Fault
from tests import review_desk
from tests.review_desk import FOUR, LEDGER, ONE, THREE, TWO, decided, verdicts, word, write_words


@pytest.fixture
def project(tmp_path, monkeypatch):
    return review_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def sit(project, monkeypatch, capsys):
    assert project == Path.cwd()
    return review_desk.reviewer(monkeypatch, capsys)


def test_each_key_writes_its_decision_in_the_order_of_the_queue(sit):
    shown = sit("a", "r wrong colour", "s")
    assert decided() == [(ONE.id, "approve", ""), (TWO.id, "reject", "wrong colour")]
    assert "review: asha approved 1, rejected 1; 1 wait, 0 disputed" in shown
    assert "commit data/ledgers/reviews, then make run" in shown
    (path,) = LEDGER.iterdir()
    assert path.name == f"{date.today().isoformat()}-asha.jsonl"


def test_the_next_sitting_goes_on_after_the_last_decision(sit):
    sit("a", "q")
    assert "the blue one never came" in sit("a", "q")
    shown = sit("s")
    assert "a door for the kitchen" in shown
    assert "parcel" not in shown
    assert verdicts(ONE, TWO, THREE) == ["accepted", "accepted", "waiting"]


def test_input_that_ends_is_a_quit_and_decides_nothing(sit):
    assert "asha decided nothing; 3 wait" in sit()
    assert "asha decided nothing; 3 wait" in sit("r")
    assert "asha decided nothing; 3 wait" in sit("A")
    assert "commit" not in sit("s", "s", "s")
    assert decided() == []


def test_a_rejection_needs_a_reason_and_an_approval_may_have_one(sit):
    shown = sit("r", "", "  ", "says \x1b[Athe  opposite", "a reads well", "A", "")
    assert shown.count("A rejection needs a reason.") == 2
    assert decided() == [
        (ONE.id, "reject", "says [Athe opposite"),
        (TWO.id, "approve", "reads well"),
        (THREE.id, "approve", ""),
    ]


def test_a_key_that_is_none_does_nothing(sit):
    shown = sit("x", "", "approve", "yes", "?", "q")
    assert shown.count("There is no such key here") == 4
    assert "b  back to the last decision" in shown
    assert decided() == []


def test_back_shows_the_last_decision_to_be_changed(sit):
    shown = sit("a", "b", "r not mine after all", "a", "q")
    assert decided() == [
        (ONE.id, "approve", ""),
        (ONE.id, "reject", "not mine after all"),
        (TWO.id, "approve", ""),
    ]
    assert f"asha on {date.today().isoformat()}: approve" in shown
    assert "approved 1, rejected 1; 1 wait" in shown
    assert verdicts(ONE, TWO) == ["rejected", "accepted"]


def test_back_goes_further_back_and_skip_leaves_a_decision_as_it_was(sit):
    sit("a", "a", "b", "b", "s", "s", "q")
    assert verdicts(ONE, TWO, THREE) == ["accepted", "accepted", "waiting"]
    assert len(decided()) == 2


def test_back_works_in_the_next_sitting_and_on_decisions_of_ones_own_only(sit):
    assert "There is no earlier decision" in sit("b", "q")
    sit("a", "r bad", "q")
    assert "There is no earlier decision" in sit("b", "q", reviewer="ravi")
    sit("b", "a", "q", reviewer="Asha")
    assert verdicts(ONE, TWO, THREE) == ["accepted", "accepted", "waiting"]


def test_what_reviewers_disagree_on_is_listed_at_the_end_and_can_be_opened(sit):
    write_words(word("approve", ONE), word("reject", ONE, "mina"), word("approve", TWO), word("approve", THREE))
    shown = sit("q")
    assert "Reviewers disagree on 1" in shown
    listed = " ".join(shown.split())
    assert f"{ONE.id} ravi on 2031-01-03: approve: because; mina on 2031-01-03: reject: because" in listed
    assert "disputed, 1 of 1" not in shown
    shown = sit("x", "o", "a", reviewer="mina")
    assert "disputed, 1 of 1" in shown
    assert "0 disputed" in shown
    assert verdicts(ONE) == ["accepted"]


def test_the_word_of_a_third_does_not_settle_a_dispute(sit):
    write_words(word("approve", ONE), word("reject", ONE, "mina"), word("approve", TWO), word("approve", THREE))
    assert "approved 1; 0 wait, 1 disputed" in sit("o", "a")
    assert verdicts(ONE) == ["disputed"]


def test_a_dispute_about_a_record_that_needs_no_review_is_listed_as_well(sit):
    write_words(word("approve", FOUR), word("reject", FOUR, "mina"))
    assert "0 disputed" in sit("s", "s", "s", "o", "r right", reviewer="ravi")
    assert verdicts(FOUR) == ["rejected"]


def test_nothing_to_review_says_what_to_run_next(sit):
    write_words(*(word("approve", row) for row in (ONE, TWO, THREE)))
    assert sit() == "review: nothing waits for a reviewer; make run puts the decisions to work\n"


def test_origins_that_need_no_review_are_not_shown(sit, project):
    params = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(params.replace("origins: [synthetic, production]", "origins: [production]"))
    assert "waiting, 1 of 1" in sit("q")


def test_before_the_first_run_there_is_nothing_to_show(sit):
    for name in ("data/synthetic/candidates.jsonl", "data/validated/waiting.jsonl"):
        Path(name).unlink()
    with pytest.raises(Fault, match="run make run first"):
        sit()


def test_a_line_that_was_cut_off_does_not_stop_the_next_sitting(sit):
    sit("a", "q")
    (path,) = LEDGER.iterdir()
    with path.open("ab") as file:
        file.write(b'{"record": "')
    shown = sit("a", "q")
    assert "was cut off" in shown
    assert verdicts(ONE, TWO, THREE) == ["accepted", "accepted", "waiting"]


def test_the_reviewer_is_the_argument_or_git_s_user(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    assert reviewer_of([" Asha Rao "]) == "Asha Rao"
    for none in ([], [""]):
        with pytest.raises(Fault, match="make review REVIEWER="):
            reviewer_of(none)
    (tmp_path / "gitconfig").write_text("[user]\nname = Ravi\n")
    assert [reviewer_of(none) for none in ([], [""])] == ["Ravi", "Ravi"]
    with pytest.raises(Fault, match="give a name with letters"):
        reviewer_of(["???"])
