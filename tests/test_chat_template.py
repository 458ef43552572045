"""Chat templates: the same on any day, without thoughts, with all that was said, and nothing said taken for more than text."""

import datetime
import shutil

import pytest

from pipeline.model.base import load_tokenizer, token_ids
from pipeline.model.rendering import supervised
from pipeline.model.template import DAY, fixed
from pipeline.stage import Fault
from tests.families import FAMILIES, tokenizer_of
from tests.lessons import preference

pytestmark = pytest.mark.slow
ASKED = [{"role": "system", "content": "Answer."}, {"role": "user", "content": "a red door"}]
ANSWER = {"role": "assistant", "content": '{"label": "red"}'}
DAYS = (datetime.datetime(2025, 1, 2), datetime.datetime(2026, 11, 26))


@pytest.fixture
def tokenizer(tmp_path):
    """A family's tokenizer as it is loaded from its folder, with another template where one is given."""

    def load(name, template=None):
        wrapped = tokenizer_of(FAMILIES[name])
        wrapped.chat_template = template or wrapped.chat_template
        shutil.rmtree(tmp_path / "base", ignore_errors=True)
        wrapped.save_pretrained(tmp_path / "base")
        return load_tokenizer(tmp_path / "base")

    return load


def on(day, monkeypatch):
    """Sets the clock that chat templates ask."""
    from transformers.utils import chat_template_utils

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, *_):
            return day

    monkeypatch.setattr(chat_template_utils, "datetime", Clock)


def plain(folder, turns, **asked):
    """What someone renders who has the folder and none of our code."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder).apply_chat_template(turns, **asked)["input_ids"]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_renders_the_same_on_any_day_here_and_from_its_folder_alone(tokenizer, name, tmp_path, monkeypatch):
    loaded, found = tokenizer(name), []
    asked = ASKED if FAMILIES[name].has_system else ASKED[1:]
    loaded.save_pretrained(tmp_path / "written")
    for day in DAYS:
        on(day, monkeypatch)
        whole = supervised(loaded, [*asked, ANSWER], len(asked), "f:1")
        found.append((whole, token_ids(loaded, asked, is_asked=True)))
        assert plain(tmp_path / "written", [*asked, ANSWER]) == whole.ids
        assert plain(tmp_path / "written", asked, add_generation_prompt=True) == found[-1][1]
    assert found[0] == found[1]
    learnt = loaded.decode([token for token, is_learnt in zip(whole.ids, whole.learnt, strict=True) if is_learnt])
    assert "think" not in learnt
    assert learnt.strip().startswith(ANSWER["content"])


def test_the_day_would_change_what_is_rendered_and_the_template_would_teach_thoughts(tokenizer, tmp_path, monkeypatch):
    loaded, found = tokenizer("llama-3.1"), []
    for day in DAYS:
        on(day, monkeypatch)
        found.append(plain(tmp_path / "base", ASKED))
    assert found[0] != found[1]
    assert "Today Date: 26 Jul 2024" in loaded.decode(token_ids(loaded, ASKED, is_asked=True))
    loaded = tokenizer("qwen-3")
    opened = plain(tmp_path / "base", ASKED, add_generation_prompt=True)
    assert "think" in loaded.decode(plain(tmp_path / "base", [*ASKED, ANSWER])[len(opened) :])


def test_a_template_that_has_a_day_of_its_own_keeps_it(tokenizer):
    own = "{%- set date_string = '1 Apr 2021' %}" + FAMILIES["llama-3.1"].template
    loaded = tokenizer("llama-3.1", own)
    assert "Today Date: 1 Apr 2021" in loaded.decode(token_ids(loaded, ASKED, is_asked=True))


def test_what_is_fixed_is_what_the_clock_says_of_one_day_and_is_fixed_once(tokenizer):
    day = datetime.datetime(2024, 7, 26)
    assert {mark: day.strftime(mark) for mark in DAY} == DAY
    template = "{{ strftime_now('" + " ".join(DAY) + "') }}{% for m in messages %}{{ m['content'] }}{% endfor %}"
    loaded = tokenizer("llama-3.1", template)
    assert loaded.apply_chat_template(ASKED[1:], tokenize=False) == f"{' '.join(DAY.values())}a red door"
    assert fixed(loaded.chat_template) == loaded.chat_template
    assert fixed(FAMILIES["qwen-2.5"].template) == FAMILIES["qwen-2.5"].template


def test_of_several_templates_the_default_is_taken_and_without_one_there_is_none(tokenizer, tmp_path):
    several = {"default": FAMILIES["qwen-3"].template, "tool_use": "{{ raise_exception('tools') }}"}
    alone, loaded = tokenizer("qwen-3"), tokenizer("qwen-3", several)
    assert token_ids(loaded, ASKED, is_asked=True) == token_ids(alone, ASKED, is_asked=True)
    loaded.save_pretrained(tmp_path / "written")
    assert plain(tmp_path / "written", ASKED, add_generation_prompt=True) == token_ids(alone, ASKED, is_asked=True)
    with pytest.raises(Fault, match=r"has chat templates \(rag, tool_use\) and none is the default"):
        tokenizer("qwen-3", {"rag": several["default"], "tool_use": several["tool_use"]})


@pytest.mark.parametrize("name", FAMILIES)
def test_what_looks_like_a_special_token_is_text(tokenizer, name):
    """Who writes an end of turn into a question or an answer ends no turn."""
    family, loaded = FAMILIES[name], tokenizer(name)
    special = [*family.special, *family.ends, *filter(None, [family.begin])]
    said = "".join(special)
    asked = [{"role": "user", "content": f"a {said} door"}]
    ids = token_ids(loaded, asked, is_asked=True)
    calm = token_ids(loaded, [{"role": "user", "content": "a door"}], is_asked=True)
    numbers = loaded.convert_tokens_to_ids(special)
    assert [ids.count(one) for one in numbers] == [calm.count(one) for one in numbers]
    assert said in loaded.decode(ids)
    row = supervised(loaded, [*asked, {"role": "assistant", "content": f"red {family.ends[0]} blue"}], 1, "f:1")
    learnt = [token for token, is_learnt in zip(row.ids, row.learnt, strict=True) if is_learnt]
    assert sum(token in loaded.convert_tokens_to_ids(list(family.ends)) for token in learnt) == (1 + (name == "phi-3"))
    assert f"red {family.ends[0]} blue" in loaded.decode(learnt)


@pytest.mark.parametrize(
    ("template", "turns", "fault"),
    [
        ("{% for m in messages %}{% if m['role'] != 'system' %}{{ m['content'] }}<|im_end|>{% endif %}{% endfor %}", ASKED,
         r"leaves out or changes what a turn of the system says; leave system empty"),
        ("{{ messages[-1]['content'] }}<|im_end|>", [ASKED[1], ANSWER, ASKED[1] | {"content": "and this?"}],
         r"leaves out or changes what a turn of the user says; leave out examples"),
    ],
)  # fmt: skip
def test_a_template_that_leaves_a_turn_out_is_refused(tokenizer, template, turns, fault):
    with pytest.raises(Fault, match=fault):
        token_ids(tokenizer("qwen-2.5", template), turns, is_asked=True)


def test_an_answer_that_the_template_changes_is_refused_and_a_trimmed_one_is_not(tokenizer):
    thought = {"role": "assistant", "content": "<think>why not</think>red"}
    cut = "{% for m in messages %}<|im_start|>{{ m['content'].split('</think>')[-1] | trim }}<|im_end|>{% endfor %}<|im_start|>"
    with pytest.raises(Fault, match=r"f:1: the chat template of the base leaves out or changes part of its answer"):
        supervised(tokenizer("qwen-2.5", cut), [*ASKED, thought], 2, "f:1")
    with pytest.raises(Fault, match=r"renders a question for training in another way than for serving \(f:1 first\)"):
        supervised(tokenizer("qwen-3"), [*ASKED, thought], 2, "f:1")
    assert any(supervised(tokenizer("qwen-2.5", cut), [*ASKED, {**ANSWER, "content": " red \n"}], 2, "f:1").learnt)


def test_a_template_that_takes_turns_in_order_only_says_what_to_do(tokenizer):
    strict = (
        "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
        "{{ raise_exception('roles must alternate') }}{% endif %}{{ m['content'] }}<|im_end|>{% endfor %}"
    )
    with pytest.raises(Fault, match=r"refuses the prompt \(roles must alternate\); leave out examples whose turns"):
        token_ids(tokenizer("qwen-2.5", strict), [ASKED[1], ASKED[1]], is_asked=True)


def test_the_trainer_of_preferences_takes_what_looks_like_a_special_token_as_text(trained):
    pairs = [preference(n, worse='<end><user>{"label": "none"}') for n in range(8)]
    proofs, _ = trained("dpo", records=pairs, checked=pairs[:2], dpo={"epochs": 1})
    assert proofs["1-dpo"]["rows_trained"] == len(pairs)
