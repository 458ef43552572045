"""Near-duplicates: every near pair and no other, who stays, and that rows that come later take nothing away."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.likeness.duplicates import ANSWERS, Rows, near_duplicates
from pipeline.data.likeness.near import CROWD, Texts, near_pairs
from pipeline.data.likeness.shingles import jaccard, pair_hashes, shingles, words
from tests.examples import record

VOCABULARY = [f"word{n}" for n in range(3000)]
SCRIPTS = {
    "english": "please tell me where the parcel with my new red coat is, it should have come on monday morning",
    "hindi": "मेरा नया लाल कोट अभी तक नहीं आया है, सोमवार की सुबह तक आ जाना चाहिए था, कृपया बताइए कहाँ है",
    "chinese": "请告诉我装着我新红色外套的包裹在哪里，它本来应该在星期一早上送到我家里的",
    "thai": "กรุณาบอกฉันว่าพัสดุที่มีเสื้อโค้ทสีแดงตัวใหม่ของฉันอยู่ที่ไหนควรจะมาถึงเช้าวันจันทร์",
}


def texts_of(several):
    found = Texts()
    for text in several:
        found.add(text)
    return found


def prose(rng, low=8, high=60):
    return " ".join(rng.choices(VOCABULARY, k=rng.randint(low, high)))


@given(st.lists(st.text(max_size=30) | st.sampled_from([*SCRIPTS.values()]), min_size=1, max_size=8))
def test_pairs_of_many_texts_are_those_of_each(several):
    packed, offsets = texts_of(several).packed()
    assert len(offsets) == len(several) + 1
    for number, text in enumerate(several):
        assert frozenset(packed[int(offsets[number]) : int(offsets[number + 1])].tolist()) == shingles(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_a_share_and_the_same_either_way(one, other):
    found = jaccard(shingles(one), shingles(other))
    assert 0 <= found <= 1
    assert found == jaccard(shingles(other), shingles(one))
    assert jaccard(shingles(one), shingles(one)) == 1


def test_words_are_folded_and_marks_stay_with_their_letters():
    assert words("Where's my ORDER, 12?") == ["where", "s", "my", "order", "12"]
    assert words("STRASSE Straße ＴＫ１") == ["strasse", "strasse", "tk1"]
    assert words("मेरा ऑर्डर") == ["मेरा", "ऑर्डर"]
    assert words("红色coat外套") == ["红", "色", "coat", "外", "套"]
    assert shingles("👍") != shingles("🎉")


def test_a_hash_is_the_same_in_every_process():
    found, _ = pair_hashes([1, 2, 3], [2, 1])
    wanted = [2584736422223883231, 5117525564148238926, 392536317241979068, 724967156241001651, 3768759642134115001]
    assert found.tolist() == wanted


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_changed_word_is_found_in_every_script_and_another_text_is_not(script):
    text = SCRIPTS[script]
    changed = text[:10] + "ก猫"[script == "chinese"] + text[11:]
    if " " in text:
        changed = text.replace(text.split()[3], "xyz")
    assert [(pair.first, pair.second) for pair in near_pairs(texts_of([text, changed]), 0.6)] == [(0, 1)]
    others = [other for name, other in SCRIPTS.items() if name != script]
    assert near_pairs(texts_of([text, *others]), 0.6) == []


def test_the_threshold_is_a_bound():
    one, other = "a b c d e f g", "a b c d e f x"  # 6 of 10 pairs
    assert jaccard(shingles(one), shingles(other)) == 0.6
    assert len(near_pairs(texts_of([one, other]), 0.6)) == 1
    assert near_pairs(texts_of([one, other]), 0.61) == []


def test_planted_edits_are_found_and_nothing_else():
    rng = random.Random(3)
    several = [prose(rng) for _ in range(3000)]
    planted = set()
    for number in rng.sample(range(3000), 300):
        changed = several[number].split()
        changed[rng.randrange(len(changed))] = "elsewhere"
        planted.add((number, len(several)))
        several.append(" ".join(changed))
    found = {(pair.first, pair.second) for pair in near_pairs(texts_of(several), 0.6)}
    assert not found - planted
    assert len(found) >= 0.98 * len(planted)


def test_a_crowd_larger_than_what_is_compared_leaves_one():
    rng = random.Random(5)
    base = prose(rng, 40, 40).split()
    crowd = [" ".join([*base[:n], f"own{n}-{m}", *base[n + 1 :]]) for m in range(8) for n in range(40)]
    assert len(crowd) > 4 * CROWD
    others = [f"{number} {prose(rng, 8, 8)}" for number in range(len(crowd) * 20)]
    rows = rows_of([*crowd, *others])
    assert len(near_duplicates(rows, 0.6, lambda *_: "same", True).gone) == len(crowd) - 1


def rows_of(several, ranks=None):
    rows = Rows()
    for number, text in enumerate(several):
        assert rows.add(record(text), ranks[number] if ranks else 1)
    return rows


FIRST, LAST = "a b c d e f g h i j k l m n o p", "a b c d w x y z i j k l m n o p"
BETWEEN = "a b c d e f y z i j k l m n o p"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("12 - 4", "12.4"),
        ("12-4", "12/4"),
        ("3 + 4", "3 * 4"),
        ("learn C++", "learn C#"),
        ("so sad 😢", "so sad 😂"),
        ("3−4", "3+4"),
    ],
)
def test_a_sign_that_is_all_the_difference_is_a_word(one, other):
    assert words(one) != words(other)


@pytest.mark.parametrize(
    ("one", "other"), [("well-known", "Well known!"), ("and/or", "and or"), ("12 -4", "12-4"), ("it's 5", "it s 5.")]
)
def test_other_punctuation_makes_no_difference(one, other):
    assert words(one) == words(other)


def test_a_row_between_two_others_takes_neither_away():
    assert jaccard(shingles(FIRST), shingles(LAST)) < 0.6 <= jaccard(shingles(FIRST), shingles(BETWEEN))
    assert jaccard(shingles(LAST), shingles(BETWEEN)) >= 0.6
    gone = near_duplicates(rows_of([FIRST, LAST, BETWEEN]), 0.6, lambda *_: "same", True).gone
    assert set(gone) == {2}


@given(st.lists(st.sampled_from([FIRST, LAST, BETWEEN, "x y", "x y z"]), unique=True), st.data())
def test_rows_that_come_later_take_no_earlier_one_away(earlier, data):
    later = data.draw(st.lists(st.sampled_from([f"{BETWEEN} {n}" for n in range(4)]), unique=True))
    before = set(near_duplicates(rows_of(earlier), 0.6, lambda *_: "same", True).gone)
    after = set(near_duplicates(rows_of([*earlier, *later]), 0.6, lambda *_: "same", True).gone)
    assert {number for number in after if number < len(earlier)} == before


def test_the_lower_rank_stays_whoever_came_first():
    edited = FIRST.replace("p", "q")
    assert set(near_duplicates(rows_of([FIRST, edited], [2, 1]), 0.6, lambda *_: "same", True).gone) == {0}
    assert set(near_duplicates(rows_of([FIRST, edited], [1, 1]), 0.6, lambda *_: "same", True).gone) == {1}
    assert near_duplicates(rows_of([FIRST, edited]), 0.6, lambda *_: "other", True).gone == {}
    assert near_duplicates(rows_of([FIRST, edited]), 0.6, lambda *_: "same", False).gone == {}


def test_of_the_test_set_none_goes_for_another_one_of_it():
    several = [FIRST, FIRST.upper(), FIRST.replace("p", "q"), LAST]
    assert near_duplicates(rows_of(several, [0, 0, 0, 0]), 0.6, lambda *_: "same", True).gone == {}
    assert set(near_duplicates(rows_of(several, [0, 0, 1, 1]), 0.6, lambda *_: "same", True).gone) == {2}


@pytest.mark.parametrize(("rows", "answers"), [(500, 3), (100, ANSWERS)])
def test_of_one_question_said_often_one_row_an_answer_stays(rows, answers):
    found = rows_of([f"Tell me a joke{'!' * number}" for number in range(rows)])
    gone = near_duplicates(
        found, 0.6, lambda one, other: "same" if (one - other) % answers == 0 else "other", True
    ).gone
    assert set(range(rows)) - set(gone) == set(range(answers))


def test_what_says_the_same_words_goes_with_the_row_that_it_went_for():
    several = [FIRST.replace("p", "q"), FIRST, FIRST.upper()]
    near = near_duplicates(rows_of(several, [1, 2, 3]), 0.6, lambda *_: "same", True)
    assert {gone: min(pair.first, pair.second) for gone, pair in near.gone.items()} == {1: 0, 2: 0}
    apart = near_duplicates(
        rows_of(several, [1, 2, 3]), 0.6, lambda *pair: "unlike" if set(pair) == {0, 2} else "same", True
    )
    assert set(apart.gone) == {1}


def test_of_the_same_record_the_lower_rank_stays():
    rows = Rows()
    assert rows.add(record("a", origin="production"), 2)
    assert rows.add(record("a"), 1)
    assert not rows.add(record("a"), 1)
    assert rows.exact == {0: 1}
