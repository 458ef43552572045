"""Split: no record is lost or changes side, groups stay whole, and nothing of the test set is learnt."""

import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.records import read_records, write_records
from pipeline.data.sides import KEPT, SplitParams, TestSet, draw_test_set, sides
from pipeline.desk.test_set import _text
from pipeline.split import main, question, split
from pipeline.stage import Fault
from tests.examples import record, write_json

PARAMS = SplitParams(salt="s", test_share=0.3, validation_share=0.2)
ORIGINS, AUTHORS = ("human", "production", "synthetic"), ("human", "corrected", "model")
NOBODY = TestSet(frozenset(), frozenset())


def made(rows):
    """Records out of (question, group, (origin, author)); the number keeps each answer, and so each id, apart."""
    return [
        record(asked, f"answer {n}", group=f"group {group}", origin=by[0], answered_by=by[1])
        for n, (asked, group, by) in enumerate(rows)
    ]


QUESTIONS = st.sampled_from("abcdefgh") | st.text(min_size=1, max_size=8)
GROUPS = st.integers(0, 12)
PEOPLE = st.just(("human", "human"))
ANYBODY = st.sampled_from([(origin, author) for origin in ORIGINS for author in AUTHORS])
ANY_RECORDS = st.sampled_from([PEOPLE, ANYBODY]).flatmap(
    lambda by: st.lists(st.tuples(QUESTIONS, GROUPS, by), max_size=40).map(made)
)


def drawn(records):
    return draw_test_set(records, lambda row: str(int(row.group.split()[1]) % 2), PARAMS)


@st.composite
def frozen_sets(draw, records):
    """Any test set, drawn as it should be or written by hand."""
    ids = st.sets(st.sampled_from([row.id for row in records])) if records else st.just(set())
    return draw(st.just(drawn(records)) | ids.map(lambda chosen: TestSet(frozenset(chosen), frozenset())))


@given(st.data())
def test_no_record_is_lost_or_comes_twice(data):
    records = data.draw(ANY_RECORDS)
    result = split(records, data.draw(frozen_sets(records)), PARAMS)
    placed = [row.id for members in (*result.by_side.values(), result.leaked) for row in members]
    assert Counter(placed) == Counter(row.id for row in records)


@given(st.data())
def test_the_order_of_the_records_changes_no_side(data):
    records = data.draw(ANY_RECORDS)
    shuffled = data.draw(st.permutations(records))
    frozen = drawn(records)
    assert drawn(shuffled) == frozen
    one, two = split(records, frozen, PARAMS), split(shuffled, frozen, PARAMS)
    for name, members in one.by_side.items():
        assert {row.id for row in members} == {row.id for row in two.by_side[name]}


@given(ANY_RECORDS, ANY_RECORDS)
def test_rows_that_come_later_move_no_earlier_one(earlier, later):
    frozen = drawn(earlier)
    before = sides(earlier, frozen, PARAMS)
    after = sides([*(row for row in later if row.id not in before), *earlier], frozen, PARAMS)
    assert {key: after[key] for key in before} == before
    assert {key for key, side in before.items() if side == "test"} == frozen.ids
    assert "new" not in before.values()


@given(ANY_RECORDS, ANY_RECORDS)
def test_a_group_is_learnt_from_or_held_out_as_a_whole(earlier, later):
    records = list({row.id: row for row in (*later, *earlier)}.values())
    frozen = drawn(earlier)
    side, by_group = sides(records, frozen, PARAMS), defaultdict(set)
    for row in records:
        by_group[row.group].add(side[row.id])
    for found in by_group.values():
        assert len(found) == 1 or found == {"test", "new"}


@given(ANY_RECORDS)
def test_only_what_people_asked_and_answered_is_drawn(records):
    chosen = {row.id: row for row in records if row.id in drawn(records).ids}
    assert {row.origin for row in chosen.values()} <= {"human", "production"}
    assert {row.answered_by for row in chosen.values()} <= {"human", "corrected"}
    groups = {row.group for row in chosen.values()}
    assert {row.id for row in records if row.group in groups} == set(chosen)


@given(st.data())
def test_nothing_that_is_held_out_is_learnt(data):
    records = data.draw(ANY_RECORDS)
    frozen = data.draw(frozen_sets(records))
    result = split(records, frozen, PARAMS)
    held_out = {question(row) for name in ("test", "new") for row in result.by_side[name]}
    for name in ("train", "validation"):
        assert not {question(row) for row in result.by_side[name]} & held_out
    assert {row.id for row in result.by_side["test"]} == frozen.ids
    assert all(question(row) in held_out for row in result.leaked)


@given(ANY_RECORDS)
def test_a_drawn_test_set_is_read_as_it_was_written(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "drawn.txt"
    path.write_text(_text(drawn(records), records), encoding="utf-8")
    assert TestSet.load(path) == drawn(records)


def test_the_draw_takes_the_share_of_each_stratum():
    records = [record(f"q{n}", "rare" if n < 50 else "frequent") for n in range(200)]
    ids = draw_test_set(records, lambda row: row.answer, PARAMS).ids
    assert Counter(row.answer for row in records if row.id in ids) == {"rare": 15, "frequent": 45}


def test_later_rows_fall_on_all_sides_by_about_their_shares():
    found = Counter(sides([record(f"q{n}") for n in range(3000)], NOBODY, PARAMS).values())
    assert abs(found["new"] / 3000 - 0.3) < 0.03
    assert abs(found["validation"] / (found["validation"] + found["train"]) - 0.2) < 0.03


def test_a_later_member_of_a_group_in_the_test_set_waits():
    first, second = record("a", group="c1"), record("b", group="c1")
    frozen = TestSet(frozenset({first.id}), frozenset())
    for share in (0.001, 0.499):
        params = PARAMS.model_copy(update={"test_share": share})
        assert sides([first, second], frozen, params) == {first.id: "test", second.id: "new"}


def test_a_group_that_was_kept_at_the_draw_stays_on_the_train_side():
    params = SplitParams(salt="s", test_share=0.499, validation_share=0)
    records = [record(f"q{n}", group=f"c{n}") for n in range(40)]
    assert set(sides(records, NOBODY, params).values()) == {"train", "new"}
    kept = TestSet(frozenset(), frozenset(row.group for row in records))
    assert set(sides(records, kept, params).values()) == {"train"}


def test_a_question_is_the_same_without_case_blanks_and_punctuation():
    assert question(record("Where's my  ORDER?")) == question(record("where s my order!!"))
    assert question(record("मेरा ऑर्डर?")) == question(record(" मेरा  ऑर्डर"))
    assert question(record("कि")) != question(record("की"))
    assert question(record("a b")) != question(record("ab"))


def test_questions_without_a_word_are_leaks_of_themselves_alone():
    asked = ("👍", "🎉", "🎉🎉", "?", "!?", "👍🏽")
    assert len({question(record(text)) for text in asked}) == len(asked)
    assert question(record(" 👍\n")) == question(record("👍"))
    held, other, same = record("👍", "a"), record("🎉", "b"), record("👍 ", "c")
    result = split([held, other, same], TestSet(frozenset({held.id}), frozenset({other.group, same.group})), PARAMS)
    assert result.leaked == [same]


def run_main(folder, records, few_shot=(), approved=(), frozen=(), out="out"):
    write_records(folder / "records.jsonl", records)
    write_records(folder / "approved.jsonl", approved)
    (folder / "test_set.txt").write_text("# frozen\n\n" + "\n".join([*frozen, f"{KEPT}c0"]) + "\n")
    write_json(folder / "prompts/plain.yaml", {"system": "", "few_shot": list(few_shot)})
    params = SplitParams(salt="s", test_share=0.001, validation_share=0.2)
    names = ("records.jsonl", "approved.jsonl", "test_set.txt", "prompts", out, f"{out}.json")
    main(params, *(folder / name for name in names))
    return json.loads((folder / f"{out}.json").read_text())


def test_the_files_hold_the_sides_and_the_report_their_sizes(tmp_path):
    records = [record(f"q{n}", source=f"raw/a.jsonl:{n}") for n in range(20)]
    copy = record("Q0?", "another answer", source="raw/b.csv:2")
    approved = record("q20", origin="synthetic", answered_by="model", group=records[1].group)
    frozen = [records[0].id, "an id that is gone"]
    report = run_main(tmp_path, [copy, *records], (), [approved], frozen)
    assert report["leaked"] == {"records": 1, "from": ["raw/b.csv:2"]}
    assert report["test_ids_gone"] == ["an id that is gone"]
    files = {name: read_records(tmp_path / f"out/{name}.jsonl") for name in ("train", "validation", "test", "new")}
    assert {name: len(rows) for name, rows in files.items()} == {name: report[name] for name in files}
    assert [row.id for row in files["test"]] == [records[0].id]
    assert sum(map(len, files.values())) == 21
    shown = [files["train"][2].id, files["train"][0].id]
    run_main(tmp_path, [copy, *records], shown, [approved], frozen, "again")
    assert [row.id for row in read_records(tmp_path / "again/few_shot/plain.jsonl")] == shown
    for name in files:
        assert (tmp_path / f"out/{name}.jsonl").read_bytes() == (tmp_path / f"again/{name}.jsonl").read_bytes()
    assert (tmp_path / "out.json").read_bytes() == (tmp_path / "again.json").read_bytes()


@pytest.mark.parametrize("side", ["test", "train", "validation"])
def test_an_approved_record_that_is_a_validated_one_moves_and_doubles_nothing(tmp_path, side):
    """A teacher's words may be those of a person; then the person's record stays, with its own group."""
    records = [record(f"q{n}") for n in range(20)]
    frozen, names = [records[0].id], ("train", "validation", "test", "new")
    before = run_main(tmp_path, records, frozen=frozen, out="before")
    twin = read_records(tmp_path / f"before/{side}.jsonl")[0]
    stranger = read_records(tmp_path / ("before/train.jsonl" if side == "test" else "before/test.jsonl"))[0]
    changes = {"origin": "synthetic", "answered_by": "model", "group": stranger.group, "parents": (stranger.id,)}
    copy = record(twin.messages[0]["content"], **changes)
    assert copy.id == twin.id
    assert run_main(tmp_path, records, approved=[copy], frozen=frozen, out="after") == before
    for name in names:
        assert (tmp_path / f"after/{name}.jsonl").read_bytes() == (tmp_path / f"before/{name}.jsonl").read_bytes()


def test_an_example_of_a_prompt_must_be_learnt_from(tmp_path):
    records = [record(f"q{n}") for n in range(20)]
    side = sides(records, NOBODY, PARAMS.model_copy(update={"test_share": 0.001}))
    validation = next(row.id for row in records[1:] if side[row.id] == "validation")
    leak = record("Q0!", "another answer")
    for wrong in (records[0].id, validation, leak.id, "nothing"):
        with pytest.raises(Fault) as caught:
            run_main(tmp_path, [*records, leak], [wrong], frozen=[records[0].id])
        assert str(caught.value).startswith(f"{tmp_path / 'prompts/plain.yaml'}: few-shot example {wrong} ")


def test_a_side_without_a_record_is_a_fault(tmp_path):
    records = [record(f"q{n}") for n in range(20)]
    for name, frozen in (("test", []), ("train", [row.id for row in records])):
        with pytest.raises(Fault, match=f"leaves nothing for {name}"):
            run_main(tmp_path, records, frozen=frozen)
