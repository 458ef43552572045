"""Split: no record is lost or changes side, groups stay whole, and nothing of the test set is learnt."""

import json
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.likeness.shingles import words
from pipeline.data.likeness.template import NO_TEMPLATE
from pipeline.data.records import line_of, read_jsonl, read_records, write_records
from pipeline.data.splitting.grams import GRAM
from pipeline.data.splitting.leak_search import find_leaks
from pipeline.data.splitting.leaks import WITNESSES, HeldOut, Search
from pipeline.data.splitting.sides import Sides, SplitParams, draw_test_set, sides
from pipeline.data.splitting.test_set import HELD, KEPT, TestSet
from pipeline.desk.test_set import _text
from pipeline.split import LengthParams, NearParams, main
from pipeline.stage import Fault
from tests.examples import record, write_json, write_lines
from tests.project import ROOT

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


class Result:
    """Records by side, and those that left their side because of a leak."""

    def __init__(self, records, frozen, params=PARAMS):
        side = Sides(records, frozen, params)
        lines = [(side.of(row), line_of(row)) for row in records]
        self.leaks = find_leaks(lambda: iter(lines), (), (), {}, 0.6, NO_TEMPLATE, lambda _: None)
        gone = {leak.id for leak in self.leaks}
        names = ("train", "validation", "test", "new")
        self.by_side = {name: [row for row in records if side.of(row) == name and row.id not in gone] for name in names}
        self.leaked = [row for row in records if row.id in gone]


def question(row):
    """What a record asks, without case, blanks and punctuation; where nothing is left then, as it stands."""
    return tuple(words(row.question)) or row.question.strip()


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
    result = Result(records, data.draw(frozen_sets(records)))
    placed = [row.id for members in (*result.by_side.values(), result.leaked) for row in members]
    assert Counter(placed) == Counter(row.id for row in records)


@given(st.data())
def test_the_order_of_the_records_changes_no_side(data):
    records = data.draw(ANY_RECORDS)
    shuffled = data.draw(st.permutations(records))
    frozen = drawn(records)
    assert drawn(shuffled) == frozen
    one, two = Result(records, frozen), Result(shuffled, frozen)
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
    result = Result(records, frozen)
    held_out = {question(row) for name in ("test", "new") for row in result.by_side[name]}
    for name in ("train", "validation"):
        assert not {question(row) for row in result.by_side[name]} & held_out
    assert {row.id for row in result.by_side["test"]} == frozen.ids
    learnt = {question(row) for name in ("train", "validation") for row in result.by_side[name]}
    side = Sides(records, frozen, PARAMS)
    for row in result.leaked:
        assert side.of(row) != "test"
        assert question(row) in (learnt if side.of(row) == "new" else held_out)


@given(ANY_RECORDS)
def test_a_drawn_test_set_is_read_as_it_was_written(tmp_path_factory, records):
    path = tmp_path_factory.getbasetemp() / "drawn.txt"
    path.write_text(_text(drawn(records), records), encoding="utf-8")
    assert TestSet.load(path) == drawn(records)


def test_the_draw_takes_the_share_of_each_stratum():
    records = [record(f"q{n}", "rare" if n < 50 else "frequent") for n in range(200)]
    ids = draw_test_set(records, lambda row: row.answer, PARAMS).ids
    assert Counter(row.answer for row in records if row.id in ids) == {"rare": 15, "frequent": 45}


def test_what_asks_the_same_is_drawn_together():
    records = [record(f"Q {n % 40}" + "!" * (n // 40), f"answer {n}") for n in range(120)]
    frozen = draw_test_set(records, lambda _: "", PARAMS)
    side = sides(records, frozen, PARAMS)
    assert len({side[row.id] == "test" for row in records}) == 2
    for n in range(40):
        assert len({side[row.id] == "test" for row in records[n::40]}) == 1
    assert not find_leaks(
        lambda: iter([(side[row.id], line_of(row)) for row in records]), (), (), {}, 0.6, NO_TEMPLATE, lambda _: None
    )


def test_a_group_too_large_for_the_test_set_does_not_end_the_draw():
    large = {"group": "customer 1"}
    records = [record(f"large {n}", **large) for n in range(60)] + [record(f"q{n}") for n in range(40)]
    for salt in "abcdef":
        frozen = draw_test_set(records, lambda _: "", PARAMS.model_copy(update={"salt": salt}))
        assert len(frozen.ids) == 30
        assert not {row.id for row in records[:60]} & frozen.ids


def test_many_small_strata_give_their_share_together():
    records = [record(f"q{n}", f"label {n % 150}") for n in range(300)]
    assert 80 <= len(draw_test_set(records, lambda row: row.answer, PARAMS).ids) <= 100


def test_a_question_that_is_most_of_the_data_does_not_give_its_share_to_the_others():
    records = [record("tell me a joke", f"answer {n}") for n in range(900)] + [record(f"q{n}") for n in range(100)]
    assert 25 <= len(draw_test_set(records, lambda _: "", PARAMS).ids) <= 35


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
    result = Result([held, other, same], TestSet(frozenset({held.id}), frozenset({other.group, same.group})))
    assert result.leaked == [same]


def run_main(
    folder,
    records,
    few_shot=(),
    approved=(),
    frozen=(),
    out="out",
    near=(),
    template=NO_TEMPLATE,
    probes=(),
    cases=(),
    max_length=4096,
    share=0.001,
):
    write_records(folder / "records.jsonl", records)
    write_records(folder / "approved.jsonl", approved)
    write_lines(folder / "near.jsonl", *near)
    template.save(folder / "template.json")
    write_lines(folder / "probes/p.jsonl", *(asked("p", n, text) for n, text in enumerate(probes)))
    write_lines(folder / "cases/c.jsonl", *(asked("c", n, text) | {"why": "x"} for n, text in enumerate(cases)))
    (folder / "test_set.txt").write_text("# frozen\n\n" + "\n".join([*frozen, f"{KEPT}c0"]) + "\n")
    write_json(folder / "prompts/plain.yaml", {"system": "", "few_shot": list(few_shot)})
    params = SplitParams(salt="s", test_share=share, validation_share=0.2)
    names = ("records.jsonl", "approved.jsonl", "near.jsonl", "template.json", "test_set.txt", "prompts")
    paths = [folder / name for name in (*names, "prompts/plain.yaml", "probes", "cases")]
    tokenizer = {"model": str(ROOT / "models/tiny-base"), "revision": "", "licence": "x", "files": {}}
    base = write_json(folder / "base.json", tokenizer)
    main(
        params,
        NearParams(similarity=0.6),
        LengthParams(max_length=max_length),
        *paths,
        base,
        folder / out,
        folder / f"{out}.json",
    )
    return json.loads((folder / f"{out}.json").read_text())


def asked(kind, number, text):
    """A probe or a case."""
    turn = {"role": "user", "content": text}
    return {"id": f"{kind}{number}", "messages": [turn], "check": {"kind": "exact", "value": "x"}}


def test_the_files_hold_the_sides_and_the_report_their_sizes(tmp_path):
    records = [record(f"q{n}", source=f"raw/a.jsonl:{n}") for n in range(20)]
    copy = record("Q0?", "another answer", source="raw/b.csv:2")
    approved = record("q20", origin="synthetic", answered_by="model", group=records[1].group)
    frozen = [records[0].id, "an id that is gone"]
    report = run_main(tmp_path, [copy, *records], (), [approved], frozen)
    assert report["leaked"] == {"records": 1, "how": {"exact": 1}, "against": {"test": 1}, "from": ["raw/b.csv:2"]}
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


ASKED = "my new red coat has not come yet and I need it on monday for the wedding of my sister"
NEARLY = ASKED.replace("monday", "friday")


def others(count=20):
    return [record(f"something else {n}", source=f"raw/a.jsonl:{n}") for n in range(count)]


def leaked(report):
    return report["leaked"]["how"], report["leaked"]["against"]


def side_files(folder, out="out"):
    names = ("train", "validation", "test", "new")
    return {name: [row.id for row in read_records(folder / f"{out}/{name}.jsonl")] for name in names}


def test_a_near_copy_of_a_test_question_leaves_train_and_not_the_test_set(tmp_path):
    held, copy = record(ASKED), record(NEARLY, "another")
    pair = {"first": held.id, "second": copy.id, "similarity": 0.8, "answers": "same"}
    report = run_main(tmp_path, [held, copy, *others()], frozen=[held.id], near=[pair])
    assert leaked(report) == ({"near": 1}, {"test": 1})
    assert held.id in side_files(tmp_path)["test"]
    assert all(copy.id not in ids for ids in side_files(tmp_path).values())
    [leak] = [row for _, row in read_jsonl(tmp_path / "out/leaks.jsonl")]
    assert leak == {"id": copy.id, "source": copy.source, "how": "near", "against": "test", "of": held.id}


def test_a_near_question_with_a_contradicting_answer_is_no_leak(tmp_path):
    held, other = record(ASKED), record(NEARLY, "another")
    pair = {"first": held.id, "second": other.id, "similarity": 0.8, "answers": "other"}
    report = run_main(tmp_path, [held, other, *others()], frozen=[held.id], near=[pair])
    assert (
        report["leaked"]["records"] == 1
    )  # not as near, but it has thirteen words in a row in common with the test set
    assert report["leaked"]["how"] == {"13-gram": 1}
    short, change = record("is it red"), record("is it blue", "another")
    pair = {"first": short.id, "second": change.id, "similarity": 0.7, "answers": "other"}
    report = run_main(tmp_path, [short, change, *others()], frozen=[short.id], near=[pair])
    assert report["leaked"]["records"] == 0


@pytest.mark.parametrize(("kind", "name"), [("probes", "probes"), ("cases", "cases")])
def test_what_probes_and_cases_ask_leaves_train(tmp_path, kind, name):
    held, near, exact = record("held out"), record(NEARLY), record(ASKED.upper() + "!")
    report = run_main(tmp_path, [held, near, exact, *others()], frozen=[held.id], **{kind: [ASKED]})
    assert leaked(report) == ({"near": 1, "exact": 1}, {name: 2})


def test_a_record_that_was_edited_into_what_the_test_set_asks_leaves(tmp_path):
    held, edited = record(ASKED), record(NEARLY, "another", parents=("0123456789abcdef",), answered_by="corrected")
    report = run_main(tmp_path, [held, edited, *others()], frozen=[held.id])
    assert leaked(report) == ({"near": 1}, {"test": 1})


def test_what_an_edit_made_of_a_test_record_is_held_out_and_what_says_the_same_leaves(tmp_path):
    alone, grouped = record("gone since"), record("gone too", group="customer 1")
    edits = [
        record(ASKED, "mended", group=alone.group, parents=(alone.id,), answered_by="corrected"),
        record("said anew", "mended", group="customer 1", parents=(grouped.id,), answered_by="corrected"),
    ]
    frozen = [record("held").id, alone.id, grouped.id, f"{HELD}customer 1"]
    report = run_main(tmp_path, [record("held"), *edits, record(NEARLY), *others()], frozen=frozen)
    assert side_files(tmp_path)["new"] == [edits[1].id]
    assert leaked(report) == ({"near": 1}, {"train": 1})  # the one that waits is the later one, and leaves
    assert edits[0].id not in side_files(tmp_path)["train"]


def test_a_train_side_that_only_asks_what_is_held_out_is_a_fault_that_says_so(tmp_path):
    held, same = record("write a haiku", "one"), [record("write a haiku", f"answer {n}") for n in range(5)]
    with pytest.raises(Fault, match=r"leaves nothing for train: \d records ask what is held out"):
        run_main(tmp_path, [held, *same], frozen=[held.id])
    assert len((tmp_path / "out/leaks.jsonl").read_text().splitlines()) == len(same)


def test_what_waits_and_asks_the_same_many_times_leaves_by_a_few_witnesses():
    waiting = [record("write a haiku", f"waits {n}", group=f"w{n}") for n in range(40)]
    learnt = [record("write a haiku", f"answer {n}", group=f"t{n}") for n in range(40)]
    search = Search(*held_out(waiting), {}, NO_TEMPLATE)
    for row in learnt:
        search.look(row)
    assert {leak.of for leak in search.leaks()} == {row.id for row in waiting}
    assert len(search._leaks) == WITNESSES * len(waiting)


def test_a_row_that_waits_stays_where_the_train_row_that_says_it_leaves_itself():
    text = " ".join(f"w{n}" for n in range(2 * GRAM))
    held, waiting = record(f"{text} red", "a", group="held"), record(f"{text} blue", "b", group="waits")
    learnt = record(f"{text} red", "c", group="learnt")
    lines = [("test", held), ("new", waiting), ("train", learnt)]
    leaks = find_leaks(
        lambda: ((side, line_of(row)) for side, row in lines), (), (), {}, 0.6, NO_TEMPLATE, lambda _: None
    )
    assert {leak.id for leak in leaks} == {learnt.id}


def test_every_row_that_waits_and_has_the_thirteen_words_leaves():
    shared = " ".join(f"w{n}" for n in range(GRAM))
    waiting = [record(f"{number} {number + 50} {shared} {number + 90}", group=f"n{number}") for number in range(3)]
    place = HeldOut(0.99, NO_TEMPLATE)
    _, waits = held_out(waiting)
    search = Search(place, waits, {}, NO_TEMPLATE)
    search.look(record(f"learnt {shared} in train"))
    assert {leak.of for leak in search.leaks()} == {row.id for row in waiting}


def held_out(waiting):
    place, waits = HeldOut(0.6, NO_TEMPLATE), HeldOut(0.6, NO_TEMPLATE, is_leaving=True)
    for row in waiting:
        waits.add(("new", row.id), row.question, is_small=False)
    return place, waits


def test_an_approved_synthetic_record_near_the_test_set_leaves(tmp_path):
    held, seed = record(ASKED), record("a seed of another kind")
    made = record(NEARLY, origin="synthetic", answered_by="model", group=seed.group, parents=(seed.id,))
    report = run_main(tmp_path, [held, seed, *others()], approved=[made], frozen=[held.id])
    assert leaked(report) == ({"near": 1}, {"test": 1})


LONG = [f"word{n}" for n in range(40)]


@pytest.mark.parametrize(("common", "found"), [(12, 0), (13, 1)])
def test_thirteen_words_in_a_row_are_a_leak_and_twelve_are_not(tmp_path, common, found):
    held = record(" ".join(LONG))
    copy = record(" ".join([*(f"own{n}" for n in range(60)), *LONG[:common], "end"]))
    report = run_main(tmp_path, [held, copy, *others()], frozen=[held.id])
    assert report["leaked"]["records"] == found


@pytest.mark.parametrize(("uses", "left"), [(10, 10), (11, 0)])
def test_words_that_many_records_have_are_boilerplate(tmp_path, uses, left):
    held = record(" ".join(LONG))
    quoting = [record(" ".join([*(f"own{n}x{m}" for n in range(60)), *LONG[:20]])) for m in range(uses)]
    report = run_main(tmp_path, [held, *quoting, *others()], frozen=[held.id])
    assert report["leaked"]["records"] == left


def test_a_row_of_new_that_says_what_train_says_is_the_one_that_leaves(tmp_path):
    """New data takes nothing from what was learnt before."""
    known = others(60)
    held = [record("held out")]
    twins = [record(f"Something else, {n}!", "another answer", source=f"raw/late.jsonl:{n}") for n in range(60)]
    run_main(tmp_path, [*held, *known], frozen=[held[0].id], out="before", share=0.3)
    run_main(tmp_path, [*held, *known, *twins], frozen=[held[0].id], out="after", share=0.3)
    before, after = side_files(tmp_path, "before"), side_files(tmp_path, "after")
    assert set(before["train"]) <= set(after["train"])
    assert set(before["validation"]) <= set(after["validation"])
    asked_before = {question(row) for row in known if row.id in before["train"] + before["validation"]}
    assert asked_before
    assert not {question(row) for row in twins if row.id in after["new"]} & asked_before


def test_examples_that_would_be_cut_are_counted_and_named(tmp_path, capsys):
    held, long = record("held out"), record("word " * 2000, source="raw/long.jsonl:7")
    records = [held, *others()]
    assert run_main(tmp_path, records, frozen=[held.id], max_length=2048)["tokens"]["counted"] == 0
    report = run_main(tmp_path, [*records, long], frozen=[held.id], max_length=1024)["tokens"]
    assert (report["too_long"], report["counted"], report["max_length"]) == (1, 1, 1024)
    assert report["first"] == [{"source": "raw/long.jsonl:7", "tokens": report["longest_counted"]}]
    assert "raw/long.jsonl:7 first with" in capsys.readouterr().out
    tokens = report["longest_counted"]
    fits = [run_main(tmp_path, [*records, long], frozen=[held.id], max_length=tokens + n)["tokens"] for n in (0, -1)]
    assert [report["too_long"] for report in fits] == [0, 1]


@pytest.mark.parametrize(("frozen", "is_said"), [(1, True), (3, False), (8, True)])
def test_an_unusual_share_that_is_held_out_is_said(tmp_path, capsys, frozen, is_said):
    records = others(20)
    run_main(tmp_path, records, frozen=[row.id for row in records[:frozen]])
    assert ("10% to 20% is usual" in capsys.readouterr().out) == is_said


def test_a_test_example_that_is_gone_is_said(tmp_path, capsys):
    records = others(20)
    report = run_main(tmp_path, records, frozen=[records[0].id, "0123456789abcdef"])
    assert report["test_ids_gone"] == ["0123456789abcdef"]
    assert "1 records of the test set are gone from the sources, 0123456789abcdef first" in capsys.readouterr().out
