"""make rate: what each key writes, what is shown and what is hidden, and when a vote is asked again."""

import re
from pathlib import Path

import pytest

from pipeline.data.ledgers import Rating
from pipeline.data.ratings import between, last_words
from pipeline.data.records import digest, write_records
from pipeline.desk.rate import rater_of
from pipeline.desk.rating.pairs import pairs_of
from pipeline.stage import Fault
from tests import rating_desk
from tests.examples import record, turns, write_lines
from tests.rating_desk import BASE, LEDGER, ROWS, TEST, TUNED, preferred, set_rate, votes, write_arm


@pytest.fixture
def project(tmp_path, monkeypatch):
    return rating_desk.make(tmp_path, monkeypatch)


@pytest.fixture
def sit(project, monkeypatch, capsys):
    assert project == Path.cwd()
    return rating_desk.rater(monkeypatch, capsys)


def pairs(rater="asha", seed=1):
    return pairs_of(ROWS, TUNED, BASE, seed, rater)


def test_each_key_is_a_vote_on_a_dimension_of_the_answer_that_stands_there(sit):
    shown = sit("12ts12")
    one, two, three = pairs()
    assert preferred() == [
        (one.record.question, "correct", one.first),
        (one.record.question, "helpful", one.second),
        (two.record.question, "correct", "tie"),
        (three.record.question, "correct", three.first),
        (three.record.question, "helpful", three.second),
    ]
    assert "rate: asha gave 5 votes; 1 of 6 questions are open" in shown
    assert "commit data/ledgers/ratings, then make run" in shown
    assert all((vote.first, vote.second) in {(digest(p.first), digest(p.second)) for p in pairs()} for vote in votes())


def test_only_pairs_that_differ_are_shown_without_arm_and_reference(sit):
    shown = sit("ssssss")
    assert "both say 3" not in shown
    assert "reference" not in shown
    for row, answers in zip(ROWS[:2], zip(TUNED, BASE, strict=True), strict=False):
        assert row.question in shown
        assert all(answer in shown for answer in answers)
    told = re.sub(r"(tuned|base) says \d", "", shown)
    assert not re.search("tuned|base", told)
    assert '"label": "red"' in shown
    assert votes() == []


def test_the_next_sitting_goes_on_after_the_last_vote_and_asks_what_was_skipped(sit):
    sit("1s")
    shown = sit("s")
    assert "pair 1 of 3" in shown
    assert "helpful:" in shown
    assert "correct:" not in shown.split("pair 2 of 3")[0]
    assert "6 of 6" not in shown


def test_a_rerun_shows_the_same_order_and_sides_and_another_seed_others(sit):
    first = sit("ssssss")
    assert sit("ssssss") == first
    assert sit("ssssss", arms="base tuned") == first  # which arm is named first must not show
    others = []
    for seed in range(2, 8):
        set_rate(seed=seed)
        others.append(sit("ssssss").replace("Which?", ""))
    assert len(set(others)) > 1


def test_which_answer_comes_first_does_not_depend_on_its_arm():
    rows = [record(f"question {number}") for number in range(400)]
    one, other = ([f"{name} {number}" for number in range(400)] for name in ("tuned", "base"))
    found = pairs_of(rows, one, other, 1, "asha")
    first = sum(pair.first.startswith("tuned") for pair in found)
    assert 160 < first < 240  # 4 standard deviations of a coin
    orders = [[pair.record for pair in pairs_of(rows, one, other, seed, "asha")] for seed in (1, 2)]
    assert orders[0] != orders[1] != rows
    ravi = pairs_of(rows, one, other, 1, "ravi")
    assert [pair.record for pair in ravi] == [pair.record for pair in found]  # so that they share what they voted on
    assert 120 < sum(a.first == b.first for a, b in zip(found, ravi, strict=True)) < 280
    assert pairs_of(rows, one, other, 1, " ASHA") == found
    assert pairs_of(rows, other, one, 1, "asha") == found


def test_back_shows_the_last_vote_to_be_changed_and_the_later_one_wins(sit):
    shown = sit("1b2q")
    one = pairs()[0]
    assert "Your vote on correct was: first." in shown
    assert [vote.vote for vote in votes()] == ["first", "second"]
    (word,) = last_words(votes()).values()
    assert (word.vote, word.first) == ("second", digest(one.first))
    assert "gave 1 vote; 5 of 6" in shown


def test_back_goes_further_back_across_sittings_and_skip_leaves_a_vote_as_it_was(sit):
    assert "There is no earlier vote" in sit("bq")
    sit("12q")
    assert "There is no earlier vote" in sit("bq", who="ravi")
    shown = sit("bbsstq", who=" Asha")
    assert shown.index("Your vote on helpful was: second.") < shown.index("Your vote on correct was: first.")
    assert [vote.vote for vote in votes()] == ["first", "second", "tie"]


def test_the_very_last_vote_can_be_changed(sit):
    shown = sit("111111b2xq")
    assert "That was the last question" in shown
    assert "There is no such key here." in shown
    assert [vote.vote for vote in last_words(votes()).values()][-1] == "second"
    assert "0 of 6 questions are open" in sit("q")


def test_a_vote_counts_after_one_whose_clock_was_ahead(sit):
    one = pairs()[0]
    ahead = {
        "date": "2101-01-02",
        "time": "23:59:59.999999",
        "example": one.record.id,
        "dimension": "correct",
        "first": digest(one.first),
        "second": digest(one.second),
        "vote": "first",
        "rater": "asha",
    }
    write_lines(LEDGER / "2101-01-02-asha.jsonl", ahead)
    sit("b2q")
    (word,) = last_words(votes()).values()
    assert (word.vote, word.date, word.time) == ("second", "2101-01-03", "00:00:00.000000")


def test_a_vote_with_the_sides_turned_is_said_as_they_are_shown_now(sit):
    sit("1q")
    before = pairs()[0]
    for seed in range(2, 60):
        (now,) = [pair for pair in pairs(seed=seed) if pair.record == before.record]
        if now.first != before.first:
            break
    set_rate(seed=seed)
    assert "Your vote on correct was: second." in sit("bq")


def test_keys_that_are_none_do_nothing_and_upper_case_is_taken(sit):
    shown = sit("x3?TQ")
    assert shown.count("There is no such key here") == 2
    assert "b  back to the last vote" in shown
    assert [vote.vote for vote in votes()] == ["tie"]


def test_an_answer_that_changed_is_asked_again_and_its_votes_do_not_count(sit):
    sit("111111q")
    write_arm("tuned", ["tuned says another thing", *TUNED[1:]])
    assert "2 of 6 questions are open" in sit("q")
    ids = [row.id for row in ROWS]
    counted = between(last_words(votes()), ids, ["tuned says another thing", *TUNED[1:]], BASE)
    assert sorted(ids[ballot.at] for ballot in counted.values()) == sorted(ids[1:3] * 2)
    write_arm("tuned", TUNED)
    assert "0 of 6 questions are open" in sit("q")


def test_arms_that_answer_alike_have_nothing_to_vote_on(sit):
    write_arm("base", TUNED)
    assert sit() == "rate: both arms answer every example alike; there is nothing to vote on\n"


EVIL = (
    "\x1b[2J\x1b]0;owned\x07 [bold red]hi[/] :smile: \u202eabc\u2066 \x9b31m \r\u200b tail\u2028\n1 first, 2 second >"
)


def test_what_an_arm_says_is_no_command_to_the_terminal_and_stays_in_its_frame(sit, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = [record("", messages=turns(EVIL, "x"))]
    write_records(TEST, rows)
    write_arm("tuned", [EVIL], rows)
    write_arm("base", ["", *[]], rows)
    shown = sit("1q")
    assert not set(shown) & {*map(chr, set(range(32)) - {10}), *map(chr, range(127, 160)), *"\u202e\u2066\u200b\u2028"}
    assert "<U+001B>[2J" in shown
    assert "[bold red]hi[/] :smile:" in shown
    assert shown.count("(no words)") == 1
    faked = [line for line in shown.splitlines() if "1 first, 2 second >" in line]
    assert len(faked) == 2
    assert all(line.startswith("│ ") and line.endswith(" │") for line in faked)
    assert len(votes()) == 1


def test_a_line_that_was_cut_off_does_not_stop_the_next_sitting(sit):
    sit("1q")
    (path,) = LEDGER.iterdir()
    with path.open("ab") as file:
        file.write(b'{"example": "')
    assert "was cut off" in sit("1q")
    assert len(votes()) == 2


def test_the_ledger_holds_no_text_of_questions_and_answers(sit):
    sit("12ts12")
    text = "".join(path.read_text() for path in LEDGER.iterdir())
    assert not any(word in text for word in ("says", "question", "label", "tuned", "base"))


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ("tuned", "ARMS: names tuned; name two that differ"),
        ("tuned tuned", "ARMS: names tuned and tuned; name two that differ"),
        ("a b c", "ARMS: names a and b and c; name two"),
        ("tuned ../base", r"ARMS: names '\.\./base', of which there are no answers; take two of base, tuned"),
        ("tuned \x1b[2J", r"ARMS: names '\\x1b\[2J', of which"),
    ],
)
def test_arms_that_are_not_two_with_answers_are_named(sit, arms, said):
    with pytest.raises(Fault, match=f"^{said}"):
        sit(arms=arms)


def test_arms_of_the_parameters_are_named_by_their_place(sit):
    set_rate(arms=["tuned", "prompted"])
    with pytest.raises(Fault, match=r"^params\.yaml: rate\.arms: names 'prompted', of which there are no answers"):
        sit()
    assert "pair 1 of 3" in sit("q", arms="tuned base")
    set_rate(arms=["tuned"])
    with pytest.raises(Fault, match=r"^params\.yaml: rate\.arms: names tuned; name two"):
        sit()


def test_before_the_first_run_there_is_nothing_to_show(sit):
    for path in Path("data/predictions").glob("*/*"):
        path.unlink()
    with pytest.raises(Fault, match="data/predictions: has no answers yet; run make run first"):
        sit()


def test_answers_to_another_test_set_are_refused(sit):
    write_records(TEST, ROWS[:3])
    with pytest.raises(Fault, match=r"answers another test set \(1 ids differ\)"):
        sit()


def test_a_dimension_that_the_parameters_do_not_name_is_refused(sit):
    sit("11q")
    set_rate(dimensions={"correct": "Which?"})
    with pytest.raises(Fault, match=r":2: dimension: is 'helpful', and rate\.dimensions has correct; name it there"):
        sit()


def test_the_parameters_say_what_is_asked(sit):
    set_rate(dimensions={"tone": "Which is kinder?"})
    assert "tone: Which is kinder? 1 first, 2 second" in sit("q")


@pytest.mark.parametrize(
    "name", ["../asha", "a/b", "a\\b", "a\nb", "asha\x1b[2J", "ash\u202ea", "ash\udc80", "/", "?!"]
)
def test_a_rater_s_name_that_could_be_a_path_or_a_command_is_refused(name):
    with pytest.raises(Fault) as raised:
        rater_of(name)
    assert str(raised.value).isprintable()


def test_the_rater_is_the_argument_or_git_s_user(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.chdir(tmp_path)
    assert [rater_of(name) for name in (" Asha K. Rao ", "आशा", "D'Arcy")] == ["Asha K. Rao", "आशा", "D'Arcy"]
    with pytest.raises(Fault, match="write make rate RATER="):
        rater_of("")
    (tmp_path / "gitconfig").write_text("[user]\nname = Ravi\n")
    assert rater_of(" ") == "Ravi"


def test_each_vote_has_its_time(sit):
    sit("1212q")
    moments = [vote.moment for vote in votes()]
    assert moments == sorted(set(moments))
    assert all(isinstance(vote, Rating) for vote in votes())
