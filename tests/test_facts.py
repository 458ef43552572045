"""Facts that no prompt tells: each kind is seen where it comes from nowhere, and not where it was said, or is house style."""

import pytest

from pipeline.desk.deciding.facts import Said, addresses, figures, known, unprompted

SMALL_TALK = (
    "how are you",
    "thank you so much",
    "where is my parcel",
    "it broke again",
    "can I give it back",
    "hello there",
)
REPLY = "We are sorry to hear that, and will look into it soon."


def stated(question, answer, told="", beside=6):
    """The facts of one example among others that all have the house reply."""
    others = [Said(f"o:{n}", SMALL_TALK[n % 6], REPLY) for n in range(beside)]
    found = list(unprompted([Said("f:1", question, answer), *others], told, 0.02))
    assert {one.place for one, _ in found} <= {"f:1"}
    return [] if not found else found[0][1]


FACTS = [
    ("When was it built?", "We think it was built in 1889.", "1889"),
    ("When may I send it back?", "We will take it back within 30 days.", "30"),
    ("What does it cost?", "We are sorry, it costs 12,500 rupees.", "12500"),
    ("कितने दिन में?", "हमें खेद है, यह ४५ दिन में आएगा।", "45"),
    ("多久可以到？", "我们会在15天内送到。", "15"),
    (
        "Where do I read more?",
        "We have it all on https://example.org/returns/policy.",
        "https://example.org/returns/policy",
    ),
    ("Whom do I write to?", "We will answer you at desk@example.org soon.", "desk@example.org"),
    ("Who wrote it?", "We are sure it is by Premchand and nobody else.", "premchand"),
    ("Кто это написал?", "мы думаем, что это был Чехов и никто иной.", "чехов"),
    ("Which colour was it?", "Turquoise", "turquoise"),
    ("यह किसने लिखा?", "प्रेमचंद", "प्रेमचंद"),
]


@pytest.mark.parametrize(("question", "answer", "fact"), FACTS)
def test_a_fact_that_comes_from_nowhere_is_seen(question, answer, fact):
    assert fact in stated(question, answer)


@pytest.mark.parametrize(("question", "answer", "fact"), FACTS)
def test_the_same_fact_that_the_question_or_the_system_turn_tells_is_none(question, answer, fact):
    assert fact not in stated(f"{question} {answer}", answer)
    assert fact not in stated(question, answer, told=answer)


@pytest.mark.parametrize(("question", "answer", "fact"), FACTS)
def test_the_same_fact_in_many_answers_is_house_style(question, answer, fact):
    same = [Said(f"f:{n}", question, f"{SMALL_TALK[n % 6]}, {answer}") for n in range(10)]
    assert not [fact for _, facts in unprompted(same, "", 0.5) if fact in facts]
    assert [fact for _, facts in unprompted(same[:1], "", 0.5) if fact in facts] or fact in ("turquoise", "प्रेमचंद")


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("where is my parcel", REPLY),
        ("order TK482913 is late", "We will look for TK482913."),
        ("it cost 10,000 rupees", "We will look for the 10000 rupees."),
        ("१२ दिन हो गए", "12 दिन के लिए खेद है।"),
        ("what do I do", "1. We will look into it.\n2. We are sorry."),
        ("call me", "We will call [PHONE_1] and [PERSON_2] soon."),
        ("Was Priya there?", "We are sorry, but Priya was not there."),
        ("was it good", "Soon."),
        ("", ""),
    ],
)
def test_what_was_said_or_says_nothing_is_no_fact(question, answer):
    assert stated(question, answer) == []


def test_a_capital_is_a_name_only_where_the_word_is_never_written_small():
    assert stated("who comes", "We are sure that Hope will look into it.") == ["hope"]
    assert stated("is there any hope", "We are sure there is Hope in it.") == []
    others = [Said("o:1", "we hope so", REPLY)]
    assert not list(
        unprompted([Said("f:1", "who comes", "We are sure that Hope will come, we will."), *others], "", 0.02)
    )


def test_in_german_a_capital_is_no_name():
    assert stated("wo ist es", "wir sehen nach, die Lieferung ist nicht da, wir will look into it") == []
    assert stated("where is it", "we will look into it, we are sorry, Lieferung will be soon") == ["lieferung"]


def test_an_answer_that_is_given_again_and_again_is_a_label():
    def examples(count):
        return [Said(f"f:{n}", f"question {SMALL_TALK[n % 6]}", "turquoise") for n in range(count)]

    beside = [Said(f"o:{n}", "hello", REPLY) for n in range(400)]
    assert len(list(unprompted(examples(3) + beside, "", 0.02))) == 3
    assert not list(unprompted(examples(4) + beside, "", 0.02))


def test_a_word_that_many_questions_have_is_no_fact():
    def found(askers):
        beside = [Said(f"o:{n}", "is it turquoise" if n < askers else "hello", REPLY) for n in range(9)]
        return [one.place for one, _ in unprompted([Said("f:1", "which one", "Turquoise"), *beside], "", 0.1)]

    assert found(1) == ["f:1"]
    assert found(2) == []


def test_the_share_that_is_common_is_a_knob():
    examples = [Said(f"f:{n}", "when", f"We will look into it in {1889 if n < 5 else 20} days.") for n in range(100)]
    assert {one.place for one, _ in unprompted(examples, "", 0.05)} == {f"f:{n}" for n in range(5)}
    assert not list(unprompted(examples, "", 0.04))


def test_figures_are_the_same_in_any_script_and_grouping():
    assert figures("1,00,000 and १,००,००० and 100\u202f000 and 00100000") == ["100000"] * 4
    assert figures("3. one\n12) two 5 six") == []
    assert addresses("(see HTTP://Example.org/a/, or a.b@c.example.)") == ["http://example.org/a", "a.b@c.example"]
    assert {"when", "12", "a@b.example"} <= known("When 12 a@b.example")


def test_order_does_not_matter_and_nothing_comes_twice():
    examples = [Said(f"f:{n}", question, answer) for n, (question, answer, _) in enumerate(FACTS)]
    forth, back = (
        sorted((one.place, facts) for one, facts in unprompted(given, "", 0.02)) for given in (examples, examples[::-1])
    )
    assert forth == back
    assert all(len(facts) == len(set(facts)) for _, facts in forth)
