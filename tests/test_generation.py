"""Answers that do not depend on their neighbours, and models that answer alike, on random models."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.project import ROOT, question, random_model

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    from pipeline.model.adapter import Loaded
    from pipeline.model.base import load_model, load_tokenizer

    folder = tmp_path_factory.mktemp("random")
    random_model(folder)
    return Loaded(load_model(folder, "auto", "cpu"), load_tokenizer(folder), "random")


def answers(loaded, numbers, cache, calls=None, **changes):
    from pipeline.model.generation import Answer, Cache, Decoding, answer_all

    decoding = Decoding(**{"max_new_tokens": 12, "batch_size": 4, "dtype": "auto", "device": "cpu", **changes})
    turns = [[{"role": "user", "content": question(n)[0] * (1 + n % 3)}] for n in numbers]

    def load():
        if calls is not None:
            calls.append(1)
        return loaded

    return answer_all(
        load, loaded.tokenizer, turns, decoding, Cache(cache, "random", decoding, Answer), lambda *_: None
    )


def test_an_answer_is_the_same_alone_and_among_others(loaded, tmp_path):
    together = answers(loaded, range(11), tmp_path / "a")
    alone = [answers(loaded, [n], tmp_path / f"b{n}")[0] for n in range(11)]
    backwards = answers(loaded, range(10, -1, -1), tmp_path / "c")
    assert together == alone == backwards[::-1]


def test_what_begins_alike_is_read_once_and_changes_no_answer(loaded, tmp_path):
    """A long beginning, slots that take another row, prompts of several lengths, and more rows than slots."""
    from pipeline.model.generation import Answer, Cache, Decoding, answer_all, beginning

    leading = [{"role": "system", "content": " ".join(question(n)[0] for n in range(40))}]
    turns = [[*leading, {"role": "user", "content": question(n)[0] * (1 + n % 3)}] for n in range(9)]
    turns += [[{"role": "user", "content": question(n)[0]}] for n in range(5)]
    assert len(beginning(loaded.tokenizer, leading)) >= 256
    decoding, found = Decoding(12, 4, "auto", "cpu"), []
    for name, given in (("a", leading), ("b", ())):
        cache = Cache(tmp_path / name, "random", decoding, Answer)
        found.append(answer_all(lambda: loaded, loaded.tokenizer, turns, decoding, cache, lambda *_: None, given))
    assert found[0] == found[1]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_processes_that_share_the_rows_answer_as_one_does(loaded, tmp_path, threads):
    import torch

    numbers, before = range(13), torch.get_num_threads()
    alone = [answers(loaded, [n], tmp_path / f"alone{n}")[0] for n in numbers]
    torch.set_num_threads(threads)
    try:
        assert answers(loaded, numbers, tmp_path / "shared") == alone
    finally:
        torch.set_num_threads(before)


def test_a_process_that_is_killed_is_a_line():
    import os
    import signal

    from pipeline.model.forked import shared_out
    from pipeline.stage import Fault

    def work(number):
        yield number
        if number:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(Fault, match=r"a process that answered questions was ended by something else; make room"):
        list(shared_out(2, work))


def test_a_process_that_is_killed_is_told_at_once_though_others_go_on_and_within_an_answer():
    import os
    import signal
    import threading
    import time

    from pipeline.model.forked import shared_out
    from pipeline.stage import Fault

    def work(number):
        yield ""
        if number:
            threading.Timer(1, os.kill, (os.getpid(), signal.SIGKILL)).start()
            yield "x" * 30_000_000
        time.sleep(60)

    began, found = time.monotonic(), shared_out(2, work)
    next(found), next(found)
    time.sleep(3)  # the long answer stands half in the pipe
    with pytest.raises(Fault, match="was ended by something else"):
        list(found)
    assert time.monotonic() - began < 30


def test_processes_end_when_the_one_that_they_answer_to_is_killed(tmp_path):
    import os
    import signal
    import subprocess
    import sys
    import time

    (tmp_path / "asks.py").write_text(
        """
import os, sys, time
from pipeline.model.forked import shared_out

def work(number):
    yield os.getpid()
    while True:
        time.sleep(0.01)
        yield "x" * 9999

for found in shared_out(2, work):
    if isinstance(found, int):
        print(found, flush=True)
"""
    )
    code = [sys.executable, str(tmp_path / "asks.py")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True) as asking:
        children = [int(asking.stdout.readline()) for _ in range(2)]
        asking.send_signal(signal.SIGKILL)
        until = time.monotonic() + 30
        while (left := [one for one in children if is_running(one)]) and time.monotonic() < until:
            time.sleep(0.1)
        for one in left:
            os.kill(one, signal.SIGKILL)
    assert left == []


def is_running(process):
    try:
        state = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_a_model_that_answers_otherwise_in_slots_is_asked_in_batches(loaded, tmp_path, monkeypatch):
    from pipeline.model import alike, trial

    plain = answers(loaded, range(6), tmp_path / "a")
    monkeypatch.setattr(trial, "EXACT", {2: -1.0, 4: -1.0})
    with alike.in_slots(loaded.model) as is_alike:
        assert not is_alike
    assert answers(loaded, range(6), tmp_path / "b") == plain
    assert loaded.model.config._attn_implementation == "sdpa"


def test_where_leaving_out_moves_a_bit_nothing_is_left_out_and_answers_are_the_same(loaded, tmp_path, monkeypatch):
    from pipeline.model import decoding

    plain = answers(loaded, range(9), tmp_path / "a")
    monkeypatch.setattr(decoding, "enough", lambda *_: [])
    assert answers(loaded, range(9), tmp_path / "b") == plain


@pytest.mark.parametrize(("heads", "kept", "width"), [(8, 2, 64), (4, 4, 8), (6, 2, 16)])
def test_no_bit_of_a_row_moves_with_the_length_of_its_neighbours(heads, kept, width):
    """Sums of some lengths are added up in another order, of the first shape beyond a hundred columns only."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, set_seed

    from pipeline.model.alike import enough, in_slots
    from pipeline.model.slots import Slots

    set_seed(5)
    shape = {"num_attention_heads": heads, "num_key_value_heads": kept, "head_dim": width}
    sizes = {"vocab_size": 300, "hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 1}
    model = LlamaForCausalLM(LlamaConfig(**shape, **sizes, pad_token_id=0)).eval()

    def step(own, other):
        slots = Slots(model, 0, 4, 544, (), tried)
        for slot, length in ((0, own), (1, other)):
            slots.read([slot], [[(3 + 7 * place) % 300 for place in range(length)]])
        return slots.step(2)[0]

    with in_slots(model) as is_alike, torch.inference_mode():
        assert is_alike
        tried = enough(model, 4, 544, 0)
        assert tried[-1] == 544
        assert len(tried) > 8
        for own in (20, 123, 155, 187):
            assert all(torch.equal(step(own, 1), step(own, other)) for other in (30, 100, 220, 250, 280, 500))


def test_what_keeps_more_than_tokens_or_looks_back_less_far_is_asked_in_batches():
    from transformers import Lfm2Config, Lfm2ForCausalLM, Llama4TextConfig

    from pipeline.model.alike import can_take, in_slots

    sizes = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2}
    kinds = ["conv", "full_attention"]
    model = Lfm2ForCausalLM(Lfm2Config(**sizes, **heads, layer_types=kinds, block_ff_dim=64)).eval()
    with in_slots(model) as is_alike:
        assert not is_alike
    assert model.config._attn_implementation == "sdpa"
    chunked = SimpleNamespace(config=Llama4TextConfig(attention_chunk_size=256))
    assert (can_take(chunked, 256), can_take(chunked, 257)) == (True, False)


def test_it_is_what_plain_generate_answers(loaded, tmp_path):
    [answer] = answers(loaded, [3], tmp_path)
    turns = [{"role": "user", "content": question(3)[0]}]
    ids = loaded.tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")["input_ids"]
    plain = loaded.model.generate(ids, max_new_tokens=12, do_sample=False, attention_mask=ids.new_ones(ids.shape))[
        0, ids.shape[1] :
    ]
    assert answer.text == loaded.tokenizer.decode(plain, skip_special_tokens=True)
    assert answer.prompt_tokens == ids.shape[1]


def test_each_answer_that_is_really_asked_has_its_seconds(loaded, tmp_path):
    from pipeline.model.generation import Answer, Cache, Decoding, answer_all

    decoding = Decoding(12, 4, "auto", "cpu")
    turns = [[{"role": "user", "content": question(n)[0]}] for n in range(9)]
    for asked in (9, 0):
        cache = Cache(tmp_path, "random", decoding, Answer)
        answer_all(lambda: loaded, loaded.tokenizer, turns, decoding, cache, lambda *_: None)
        assert len(cache.took) == asked
        assert cache.facts == {"attention": "sdpa", "rows": "slots"}
        assert all(0 < seconds < 600 for seconds in cache.took.values())


def test_a_known_answer_is_not_asked_again_and_a_half_written_one_is(loaded, tmp_path):
    calls = []
    first = answers(loaded, [1, 2], tmp_path, calls)
    assert answers(loaded, [2, 1], tmp_path, calls) == first[::-1]
    assert len(calls) == 1
    [file] = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-9])
    assert answers(loaded, [1, 2], tmp_path, calls) == first
    assert len(calls) == 2


def test_other_decoding_is_another_answer(loaded, tmp_path):
    answers(loaded, [1], tmp_path)
    calls = []
    [short] = answers(loaded, [1], tmp_path, calls, max_new_tokens=2)
    assert len(calls) == 1
    assert short.answer_tokens <= 2


def test_a_prompt_longer_than_the_context_is_a_failure_with_a_reason(loaded, tmp_path):
    from pipeline.model.generation import Answer, Cache, Decoding, answer_all

    decoding = Decoding(4, 2, "auto", "cpu")
    turns = [[{"role": "user", "content": "stone " * 900}], [{"role": "user", "content": "stone"}]]
    long, short = answer_all(
        lambda: loaded, loaded.tokenizer, turns, decoding, Cache(tmp_path, "x", decoding, Answer), lambda *_: None
    )
    assert (long.text, long.finish) == ("", "too_long")
    assert short.finish in ("stop", "length")


def test_a_merged_adapter_answers_as_the_adapter_does(tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model

    from pipeline.desk.base import pinned
    from pipeline.model.adapter import load_any, save_adapter
    from pipeline.model.base import Base, load_model, load_tokenizer

    random_model(tmp_path / "base")
    base = Base.model_validate(pinned(str(tmp_path / "base")))
    (tmp_path / "base.json").write_text(base.model_dump_json())
    torch.manual_seed(0)
    model = get_peft_model(
        load_model(tmp_path / "base", "auto", "cpu"),
        LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.1)
    made = {"name": "lora", "folder": "1-lora", "kind": "adapter", "on": ""}
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter/phases.json").write_text(json.dumps({"phases": [made]}))
    shutil.copy(tmp_path / "base.json", tmp_path / "adapter")
    save_adapter(model, base, "", tmp_path / "adapter/1-lora")
    ids = load_tokenizer(tmp_path / "base")("I saw a red apple", return_tensors="pt")["input_ids"]
    merged = load_any(tmp_path / "adapter", "auto", "cpu").model
    assert torch.allclose(model.eval()(ids).logits, merged(ids).logits, atol=1e-4)
    assert (
        json.loads((tmp_path / "adapter/1-lora/adapter_config.json").read_text())["base_model_name_or_path"]
        == base.model
    )


def test_what_a_base_brings_of_settings_changes_no_answer_but_where_it_ends(loaded, tmp_path):
    """A penalty on what was said before would count the padding, and end no answer where the pad is the end of a turn."""
    from transformers import GenerationConfig

    plain, own, tokenizer = answers(loaded, range(6), tmp_path / "a"), loaded.model.generation_config, loaded.tokenizer
    ends = [tokenizer.convert_tokens_to_ids(one) for one in ("<user>", "<end>")]
    loaded.model.generation_config = GenerationConfig(
        eos_token_id=ends[0],
        do_sample=True,
        temperature=0.5,
        repetition_penalty=3.0,
        suppress_tokens=[5],
    )
    try:
        assert answers(loaded, range(6), tmp_path / "b") == plain
        assert loaded.model.generation_config.eos_token_id == sorted(ends)
    finally:
        loaded.model.generation_config = own
