"""The phases of a training run, each on a random model, in process: what is trained, what is served, and what is refused."""

import json
import shutil

import msgspec
import pytest
import torch
from safetensors import SafetensorError

from pipeline.data.records import record_id, write_records
from pipeline.model.adapter import load_any, served
from pipeline.model.base import load_tokenizer
from pipeline.model.training.weights import Start, trainable
from pipeline.stage import Fault
from pipeline.train import RUNS, main
from tests.lessons import files_of, mixed, params, paths, preference, project, weights
from tests.project import record

pytestmark = pytest.mark.slow
TALK = (
    {"role": "user", "content": "hello"},
    {"role": "assistant", "content": "which colour?"},
    {"role": "user", "content": "a red door"},
    {"role": "assistant", "content": '{"label": "red"}'},
)


@pytest.mark.parametrize(
    ("phases", "kind", "folders"),
    [
        (["lora"], "adapter", ["1-lora"]),
        (["qlora"], "adapter", ["1-qlora"]),
        (["full"], "model", ["1-full"]),
        (["dpo"], "adapter", ["1-dpo"]),
        (["lora", "dpo"], "adapter", ["1-lora", "2-dpo"]),
        (["full", "dpo"], "adapter", ["1-full", "2-dpo"]),
    ],
)
def test_each_phase_trains_is_proved_and_the_last_one_is_served(trained, phases, kind, folders):
    records, checked = ([record(n) for n in range(16)], [record(n) for n in range(20, 24)])
    if "dpo" in phases:
        records, checked = mixed(), mixed(20)[6:10]
    proofs, out = trained(*phases, records=records, checked=checked)
    assert list(proofs) == folders == [path.name for path in sorted(out.iterdir()) if path.is_dir()]
    assert (served(out).kind, served(out).folder) == (kind, folders[-1])
    for name, proof in proofs.items():
        singles = [f"f:{n}" for n in range(8)] if name.endswith("dpo") else []
        assert (proof["rows_in"], proof["rows_trained"]) == (16, 16 - len(singles))
        assert proof["dropped"] == [{"source": source, "reason": "has no worse answer"} for source in singles]
        alone = ["f:26", "f:27"] if name.endswith("dpo") else []
        assert (proof["validation"]["rows_in"], proof["validation"]["rows_checked"]) == (4, 4 - len(alone))
        assert [one["source"] for one in proof["validation"]["dropped"]] == alone
        assert proof["end_of_turn"] == ["<end>"]
        assert proof["beginnings"] == {"1": proof["rows_trained"]}
        assert all(span.startswith('{"label": "') and span.endswith('"}<end>') for span in proof["first_spans"])
        assert 0 < proof["trainable_parameters"] <= proof["parameters"]
        assert proof["validation_loss"] is not None
        assert (proof["preference_accuracy"] is not None) == name.endswith("dpo")
    assert not list(out.rglob("*.bin"))
    assert not list(out.rglob("*.pt"))
    assert str(out.parent) not in "".join(path.read_text(errors="ignore") for path in out.rglob("*.json"))
    assert load_any(out, "auto", "cpu").model.config.model_type == "llama"


def test_the_loss_falls_in_every_phase(trained):
    _, out = trained("lora", "dpo", records=mixed(), checked=mixed()[6:10], lora={"epochs": 6}, dpo={"epochs": 6})
    rows = [line.split("\t") for line in (out / "loss.tsv").read_text().splitlines()[1:]]
    for phase in ("lora", "dpo"):
        checked = [float(row[3]) for row in rows if row[1] == phase and row[3]]
        assert checked[-1] < checked[0]
    steps = [int(row[0]) for row in rows]
    assert steps == sorted(steps)
    assert steps[-1] == 24 + 12


def test_dpo_goes_on_with_the_adapter_of_the_phase_before(trained):
    _, out = trained("lora", "dpo", records=mixed(), dpo={"learning_rate": 1e-9})
    from safetensors.torch import load_file

    first, second = (load_file(out / name / "adapter_model.safetensors") for name in ("1-lora", "2-dpo"))
    assert first.keys() == second.keys()
    assert all((first[name] - second[name]).abs().max() < 1e-5 for name in first)
    assert not (out / "2-dpo/ref").exists()


CHANGES = [
    {"seed": 2},
    {"turns": "all"},
    {"schedule": "constant"},
    {"warmup_share": 0.5},
    {"weight_decay": 0.5},
    {"dtype": "bfloat16"},
    {"attention": "eager"},
    {"packing": True},
    *({"lora": change} for change in ({"epochs": 1}, {"learning_rate": 0.02}, {"batch_size": 2}, {"accumulate": 2})),
    *(
        {"adapter": change}
        for change in (
            {"r": 2},
            {"alpha": 20},
            {"dropout": 0.5},
            {"targets": ["q_proj"]},
            {"rslora": True},
            {"dora": True},
        )
    ),
]


@pytest.mark.rehearsal
def test_every_knob_changes_the_run_and_the_same_knobs_give_the_same_bytes(trained):
    """The others change when and where it is trained, or what is kept, and have tests of their own, as have other phases."""
    talks = [msgspec.structs.replace(record(n), messages=TALK, id=record_id(TALK), source=f"t:{n}") for n in range(2)]
    records = [*(record(n) for n in range(10)), *talks]
    _, out = trained(records=records)
    first = files_of(out)
    _, again = trained(records=records)
    assert files_of(again) == first
    seen = [weights(out)]
    for change in CHANGES:
        _, out = trained(records=records, **change)
        assert weights(out) not in seen, change
        seen.append(weights(out))


@pytest.mark.parametrize("change", [{"beta": 5.0}, {"quantise": True}, {"learning_rate": 0.02}])
def test_every_knob_of_dpo_changes_the_run(trained, change):
    _, out = trained("dpo", records=mixed())
    first = weights(out)
    _, out = trained("dpo", records=mixed(), dpo=change)
    assert weights(out) != first


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_all_weights_are_held_in_float32_whatever_is_computed_in(base, dtype):
    model = trainable(Start(base), params("full", dtype=dtype), is_quantised=False, is_whole=True)
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}


def test_a_checkpoint_is_written_as_often_as_the_knob_says(trained, monkeypatch):
    from pipeline.model.training import trainer

    saved = []
    monkeypatch.setattr(trainer, "seal", lambda place: saved.append(place.name))
    trained(save_every=3, keep="last")
    assert saved == ["checkpoint-3", "checkpoint-6", "checkpoint-8"]


def test_a_talk_teaches_its_last_answer_or_every_one(trained):
    talk = msgspec.structs.replace(record(1), messages=TALK, id=record_id(TALK))
    last, _ = trained(records=[talk, record(2)])
    every, _ = trained(records=[talk, record(2)], turns="all")
    assert last["1-lora"]["first_spans"][0] == '{"label": "red"}<end>'
    assert every["1-lora"]["first_spans"][0] == 'which colour?<end>{"label": "red"}<end>'
    assert every["1-lora"]["supervised_tokens"] > last["1-lora"]["supervised_tokens"]


def test_an_example_that_does_not_fit_stops_the_run_or_is_dropped_and_counted(trained):
    records = [*(record(n) for n in range(8)), record(100_000_000)]
    longest = trained(records=records)[0]["1-lora"]["longest"]
    assert trained(records=records, max_length=longest)[0]["1-lora"]["dropped"] == []
    with pytest.raises(
        Fault, match=r"train\.max_length: 1 of 9 examples do not fit \(f:100000000 first: .*raise it, or"
    ):
        trained(records=records, max_length=longest - 1)
    proofs, _ = trained(records=records, max_length=longest - 1, too_long="drop")
    found = proofs["1-lora"]
    assert (found["rows_in"], found["rows_trained"]) == (9, 8)
    assert found["dropped"] == [
        {"source": "f:100000000", "reason": f"{longest} tokens, and train.max_length is {longest - 1}"}
    ]
    with pytest.raises(Fault, match="leaves no example"):
        trained(records=records, max_length=8, too_long="drop")


@pytest.mark.parametrize("phase", ["lora", "dpo", "grpo"])
def test_validation_that_does_not_fit_is_told_and_counted(trained, capsys, phase):
    records, long = ([preference(n) for n in range(8)], preference(10**40)) if phase == "dpo" else ((), record(10**40))
    checked = [preference(20) if phase == "dpo" else record(20), long]
    quick = {} if phase != "grpo" else {"grpo": {"epochs": 1, "max_new_tokens": 4}}
    proofs, _ = trained(phase, records=records, checked=checked, max_length=64, **quick)
    found = proofs[f"1-{phase}"]["validation"]
    assert (found["rows_in"], found["rows_checked"], found["dropped"][0]["source"]) == (2, 1, long.source)
    said = f"train: {phase}: 1 of 2 validation rows are left out, the first {long.source} ("
    assert f"{said}{found['dropped'][0]['reason']})" in capsys.readouterr().out


@pytest.mark.parametrize("phase", ["dpo", "reward"])
def test_a_validation_row_that_is_no_pair_is_told_and_counted(trained, capsys, phase):
    phases = [phase] if phase == "dpo" else [phase, "grpo"]
    quick = {"grpo": {"max_new_tokens": 2, "generations": 2}}
    proofs, _ = trained(*phases, records=[preference(n) for n in range(4)], checked=mixed(20)[7:10], **quick)
    dropped = [{"source": "f:27", "reason": "has no worse answer"}]
    assert proofs[f"1-{phase}"]["validation"] == {"rows_in": 3, "rows_checked": 2, "dropped": dropped}
    said = f"train: {phase}: 1 of 3 validation rows are left out, the first f:27 (has no worse answer)"
    assert said in capsys.readouterr().out


def test_targets_that_match_nothing_are_named(trained):
    for phases, records in ((["lora"], ()), (["dpo"], mixed())):
        with pytest.raises(Fault, match=r"train\.adapter\.targets: \['no_such_layer'\] match no module"):
            trained(*phases, records=records, adapter={"targets": ["no_such_layer"]})


@pytest.mark.parametrize("phases", [["lora"], ["qlora"], ["dpo"], ["reward", "grpo"]])
def test_a_target_that_takes_no_adapter_is_named(trained, phases):
    records = mixed() if "lora" not in phases and "qlora" not in phases else ()
    with pytest.raises(Fault, match=r"train\.adapter\.targets: \['zzz'\] match no module of the base; mend the names"):
        trained(*phases, records=records, adapter={"targets": ["q_proj", "zzz"]})
    with pytest.raises(Fault, match=r"\['norm'\] name a module that is no linear layer \(LlamaRMSNorm\); leave it out"):
        trained(*phases, records=records, adapter={"targets": ["norm"]})


def test_an_attention_that_is_not_installed_is_named(trained):
    for phase in ("lora", "qlora"):
        with pytest.raises(Fault, match=r"train\.attention: flash_attention_2 cannot be used .*; set it to auto"):
            trained(phase, attention="flash_attention_2")


def test_an_attention_that_is_for_gpus_is_refused_on_a_cpu(trained):
    with pytest.raises(Fault, match=r"train\.attention: flex_attention does not train on a CPU; set it to auto"):
        trained(attention="flex_attention")


@pytest.mark.skipif(torch.cuda.is_available(), reason="refused is a GPU that is not there, and here is one")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_device_that_is_not_there_is_said_in_a_line(trained, device):
    with pytest.raises(Fault, match=rf"train\.device: is {device}, and no GPU with CUDA is to be seen; set it to auto"):
        trained(device=device)


@pytest.mark.parametrize(
    "place",
    [
        "pipeline.model.training.supervised.trainable",
        "pipeline.model.training.supervised.by_example",
        "pipeline.model.training.keeping.told",
    ],
)
def test_a_full_memory_is_said_in_a_line_wherever_it_is_filled(trained, monkeypatch, place):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(place, full)
    with pytest.raises(Fault, match=r"params\.yaml: train: does not fit the memory of the GPU; lower batch_size"):
        trained()


def test_a_full_memory_in_a_step_names_the_knob_of_its_phase(trained, monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr("transformers.Trainer.training_step", full)
    with pytest.raises(Fault, match=r"train\.lora\.batch_size: 4 rows a step do not fit the memory"):
        trained()


@pytest.mark.rehearsal
@pytest.mark.filterwarnings("ignore")  # torch's compiler looks at every tensor it meets, and warns of what it sees
def test_a_compiled_model_learns_the_same(trained):
    plain, _ = trained(attention="sdpa")  # a compiled model is given padded rows, in their own order
    compiled, _ = trained(attention="sdpa", compile=True)
    assert compiled["1-lora"]["validation_loss"] == pytest.approx(plain["1-lora"]["validation_loss"], rel=1e-4)


def test_a_loss_that_is_no_number_stops_the_run(trained):
    with pytest.raises(
        Fault, match=r"^params\.yaml: train\.lora\.learning_rate: the loss is (nan|inf) at step \d+; lower it"
    ):
        trained(lora={"learning_rate": 1e38, "epochs": 10})


def test_a_loss_that_is_no_number_stops_the_run_where_no_validation_would_show_it(trained, tmp_path, monkeypatch):
    import transformers

    step, calls = transformers.Trainer.training_step, []

    def spoilt(*values):
        calls.append(1)
        return step(*values) * (float("nan") if len(calls) == 3 else 1.0)

    trained(lora={"epochs": 1})
    write_records(tmp_path / "validation.jsonl", [])
    monkeypatch.setattr(transformers.Trainer, "training_step", spoilt)
    with pytest.raises(Fault, match=r"train\.lora\.learning_rate: the loss is nan at step 4"):
        main(params(lora={"epochs": 1, "learning_rate": 0.02}), *paths())


def test_a_template_without_an_end_of_turn_is_refused(base, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tokenizer = load_tokenizer(base)
    with_end = tokenizer.chat_template
    tokenizer.chat_template = with_end.replace("<end>", "")
    broken = tmp_path / "broken"
    shutil.copytree(base, broken)
    tokenizer.save_pretrained(broken)
    with pytest.raises(
        Fault, match=r"the chat template of the base: has no end of turn after an answer \(f:0\).*'<end>'"
    ):
        _train_on(broken, tmp_path)
    tokenizer.chat_template = with_end.replace(
        "<{{ m['role'] }}>", "<{{ m['role'] }}>{% if add_generation_prompt %} {% endif %}"
    )
    tokenizer.save_pretrained(broken)
    with pytest.raises(Fault, match="renders a question for training in another way than for serving"):
        _train_on(broken, tmp_path)


def test_a_template_that_forgets_how_a_text_begins_is_told_before_training(base, tmp_path, monkeypatch, capsys):
    from tokenizers.processors import TemplateProcessing

    monkeypatch.chdir(tmp_path)
    begins = load_tokenizer(base)
    begins.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    forgets = tmp_path / "forgets"
    shutil.copytree(base, forgets)
    said = "train: lora: the chat template of the base leaves '<s>' out of 16 of 16 rows"
    for template, is_told in ((begins.chat_template, False), (begins.chat_template.removeprefix("<s>"), True)):
        begins.chat_template = template
        begins.save_pretrained(forgets)
        _train_on(forgets, tmp_path)
        assert (said in capsys.readouterr().out.partition("steps, loss")[0]) == is_told
        proofs = json.loads((tmp_path / "out/proofs.json").read_text())["1-lora"]
        assert (proofs["without_beginning"] is not None) == is_told


def _train_on(model, folder):
    shutil.rmtree(folder / "model", ignore_errors=True)
    project(folder, model)
    main(params(), *paths())


WEIGHTS = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
OPTIMIZER = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 4608 vs 4502")
COPIES = shutil.Error([("run/a", "out/a", "[Errno 28] No space left on device: 'out/a'")])


@pytest.mark.parametrize(
    ("place", "error"),
    [
        ("peft.PeftModel.save_pretrained", WEIGHTS),
        ("torch.save", OPTIMIZER),
        ("pipeline.model.training.keeping.save_adapter", WEIGHTS),
        ("pipeline.train.publish", COPIES),
    ],
)
def test_a_full_disk_is_said_in_a_line(trained, monkeypatch, place, error):
    """In a checkpoint, in what is kept, and in what is published."""

    def full(*_, **__):
        raise error

    monkeypatch.setattr(place, full)
    with pytest.raises(Fault, match="the disk is full; make room"):
        trained()


def test_an_adapter_on_an_embedding_that_is_the_head_too_is_refused(trained):
    with pytest.raises(Fault, match=r"train\.adapter\.targets: name the embedding, which is the head of this base too"):
        trained(adapter={"targets": ["embed_tokens", "q_proj"]})


def test_another_setting_never_goes_on_from_an_old_run(trained, tmp_path, capsys):
    trained("lora", "dpo", records=mixed())
    assert "was done before" not in capsys.readouterr().out
    trained("lora", "dpo", records=mixed(), dpo={"beta": 0.5})
    assert "lora was done before" in capsys.readouterr().out  # nothing that shapes it has changed
    trained("lora", "dpo", records=mixed(), lora={"learning_rate": 0.02})
    assert "was done before" not in capsys.readouterr().out
    assert list((tmp_path / RUNS).iterdir())
    write_records(tmp_path / "train.jsonl", mixed()[1:])
    main(params("lora", "dpo"), *paths())
    assert "was done before" not in capsys.readouterr().out


def test_what_was_trained_before_is_not_left_beside_it(trained, base, tmp_path):
    _, out = trained("lora", "dpo", records=mixed())
    project(tmp_path, base)
    main(params("full"), *paths())
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["1-full"]
