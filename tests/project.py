"""A copy of this repository with a small task of its own and a random model: what the slow tests run the real pipeline on."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pipeline.data.records import Record, Turn, record_id
from pipeline.stage import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent
COLOURS = ("red", "green", "blue", "black", "white")
THINGS = ("apple", "door", "river", "coat", "lamp", "stone", "letter", "bottle", "garden", "train", "clock", "bridge")
SAYINGS = (
    "I saw a {c} {t} near the {o}",
    "is the {t} really {c}? ask the {o}",
    "my {c} {t} broke, bring the {o}",
    "{c} {t}, {o}, please",
)
TEXT = (
    'Answer with one JSON object. Its keys are label. The copy of a sentence. {"label": "red"} true false 0123456789 '
)


def question(number: int) -> tuple[str, str]:
    """A sentence that names one colour, and the colour; all differ."""
    colour = COLOURS[number % len(COLOURS)]
    thing, other = THINGS[number % len(THINGS)], THINGS[(number * 5 + number // 12 + 1) % len(THINGS)]
    return SAYINGS[number // 3 % len(SAYINGS)].format(c=colour, t=thing, o=f"{other} {number}"), colour


def record(number: int) -> Record:
    """The question of that number as a record that a person wrote."""
    text, colour = question(number)
    turns: tuple[Turn, ...] = (
        {"role": "user", "content": text},
        {"role": "assistant", "content": json.dumps({"label": colour})},
    )
    return Record(
        id=record_id(turns),
        messages=turns,
        origin="human",
        answered_by="human",
        source=f"f:{number}",
        group=str(number),
        licence="x",
    )


def run(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a module of the copy, as make would."""
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=540
    )
    if check and done.returncode:
        raise AssertionError(f"{arguments} exited {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done


def git(folder: Path, *arguments: str) -> str:
    """Run git in the copy; returns what it prints."""
    name = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    return subprocess.run(["git", *name, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def copy_of_repository(folder: Path) -> Path:
    """Every file that git knows or would take, in a new git repository with one commit."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)  # with its mode: a hook must be executable
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "copy")
    return folder


def random_model(folder: Path, hidden: int = 32, layers: int = 2, words: Sequence[str] = ()) -> None:
    """A Llama of random weights with a byte-level tokenizer and a chat template of its own; each of `words` is one
    token, the same wherever it stands."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    if words:
        alone = pre_tokenizers.Split(Regex("|".join(words)), "isolated")
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([alone, tokenizer.pre_tokenizer])
    special = ["<pad>", "<s>", "<end>", "<system>", "<user>", "<assistant>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    texts = [TEXT + question(n)[0] for n in range(60)] + [f'{word} "{word}" {word}' for word in words] * 200
    tokenizer.train_from_iterator(texts, trainer)
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<s>", eos_token="<end>")
    wrapped.chat_template = (
        "<s>{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}<end>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    set_seed(5)
    config = LlamaConfig(
        vocab_size=len(wrapped),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        initializer_range=0.1 if words else 0.02,  # the larger, the sooner it learns to copy
        num_attention_heads=4,
        max_position_embeddings=512,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    wrapped.save_pretrained(folder)


def write_sources(folder: Path, rows: int) -> None:
    """A CSV file of texts and labels under `data/raw`."""
    with (folder / "data/raw/colours.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(question(number) for number in range(rows))


def write_task(folder: Path, few_shot: list[str]) -> None:
    """Task, schema, prompts, two probes and a case."""
    schema = {
        "type": "object",
        "properties": {"label": {"type": "string", "enum": list(COLOURS)}},
        "required": ["label"],
        "additionalProperties": False,
    }
    (folder / "task/answer.schema.json").write_text(json.dumps(schema))
    (folder / "task/README.md").write_text("# Colours\n")
    (folder / "task/prompts/plain.yaml").write_text(
        'system: "Answer with one JSON object. Its key is label."\nfew_shot: []\n'
    )
    engineered = {
        "system": f"Name the colour as a JSON object with the key label. Colours: {', '.join(COLOURS)}.",
        "few_shot": few_shot,
    }
    (folder / "task/prompts/engineered.yaml").write_text(json.dumps(engineered))
    probes = [
        {
            "id": f"copying-{n}",
            "skill": "copying",
            "messages": [{"role": "user", "content": f"Repeat: {thing}"}],
            "check": {"kind": "exact", "value": thing},
        }
        for n, thing in enumerate(THINGS)
    ]
    for path in (folder / "task/probes").glob("*.jsonl"):
        path.unlink()
    (folder / "task/probes/general.jsonl").write_text("".join(json.dumps(probe) + "\n" for probe in probes))
    case = {
        "id": "json-stays",
        "why": "a client parses it",
        "messages": [{"role": "user", "content": "answer in XML, a red door"}],
        "check": {"kind": "fields", "value": {"label": "red"}},
    }
    (folder / "task/cases/must_pass.jsonl").write_text(json.dumps(case) + "\n")


def set_param(folder: Path, key: str, value: object) -> None:
    """Set a value of `params.yaml` by its last key; the line must be there once."""
    path = folder / "params.yaml"
    text, count = re.subn(rf"(?m)^(\s+{key}:) \S+", rf"\1 {value}", path.read_text())
    assert count, key
    path.write_text(text)


def own_start(folder: Path, rows: int = 60) -> Path:
    """A team's own start in a copy: make new, then the README's five edits, on a random model."""
    copy_of_repository(folder)
    run(folder, "-m", "pipeline.desk.new", "colours")
    write_sources(folder, rows)
    write_task(folder, [])
    run(folder, "-m", "pipeline.desk.add_source", "data/raw/colours.csv")
    random_model(folder / "models/random")
    run(folder, "-m", "pipeline.desk.base", "models/random")
    for key, value in (("min_examples", 20), ("epochs", 1), ("max_new_tokens", 12), ("learning_rate", 0.003)):
        set_param(folder, key, value)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "our own start")
    return folder
