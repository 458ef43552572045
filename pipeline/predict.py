"""Ask one arm everything: the test set, the general probes, the must-pass cases.

Reads   test, new   pipeline.data.records.Record; `new` is what waits on the held-out side
        few_shot    records that the prompt shows
        probes, cases   folders of JSON Lines with id, messages, check (pipeline.scoring.checks)
        texts       folder of general texts (pipeline.data.texts)
        harness     folder of tasks of lm-evaluation-harness (pipeline.data.harness), of which `predict.harness` names some or none
        model       base.json, the folder of what was trained, or the file of a hosted model
        prompt      the arm's prompt, or own.yaml: that of the model's folder; the probes, of general skill, are asked without it
Writes  out/answers.jsonl   set (test, new, probe, case), id, answer, finish, prompt_tokens, answer_tokens; of a preference
                            also chosen and rejected, the log-likelihoods of its two answers
        out/texts.jsonl     id, log_likelihood (nats), tokens of each general text, where the model is of this machine
        out/harness.jsonl   task, doc, metric, value, where tasks are named and the model is of this machine
        out/arm.json        what shaped the answers: model, prompt and decoding by digest
An answer that was given before, by the same model to the same tokens under the same decoding, is taken from `.cache`. What asking took
goes there, too, and into no output, since it is never twice the same.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from pipeline.data.harness import HarnessParams, check_tasks
from pipeline.data.meter import Meter
from pipeline.data.prompts import Prompt, rendered
from pipeline.data.questions import Question, read_questions
from pipeline.data.records import Record, Turn, digest, read_records, write_jsonl
from pipeline.data.texts import Text, read_texts
from pipeline.model.base import chosen_device, chosen_dtype
from pipeline.model.carried import wording
from pipeline.model.engines.asking import Engine, answer_arm
from pipeline.model.engines.command import EngineParams
from pipeline.model.generation import Answer, Show
from pipeline.model.hosted.asking import Limits, ask_all
from pipeline.model.hosted.hosted import hosted_file, load_hosted
from pipeline.model.rendering import Row, plain
from pipeline.stage import Params, progress, run, write_report

CACHE, ENGINES, MEASURED = Path(".cache/generations"), Path(".cache/engines"), Path(".cache/harness")
LONGEST = 512  # tokens of a general text


class PredictParams(Params):
    """Section `predict`.

    `engine` answers with models of this machine, `vllm` is its server. `max_new_tokens` an answer; `max_cost` US dollars for an arm whose
    model a service has, and `concurrency` questions under way there. `threads` 0 leaves their number to torch.
    """

    section: ClassVar[str] = "predict"
    engine: Literal["transformers", "vllm"]
    max_new_tokens: Annotated[int, Field(ge=1)]
    max_cost: Annotated[float, Field(ge=0)]
    concurrency: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    device: str
    threads: Annotated[int, Field(ge=0)]
    harness: HarnessParams
    vllm: EngineParams

    def check(self) -> None:
        """Raises Fault where the engine cannot be started."""
        if self.engine == "vllm":
            self.vllm.check()


Asked = tuple[str, str, list[Turn]]
Key = tuple[str, str]  # set and id
Side = tuple[Key, str, Row]  # chosen or rejected, and how it is rendered


@dataclass(frozen=True)
class Found:
    """What an arm said. Of a model of this machine also how likely it holds both sides of each preference and each text, and its tasks."""

    answers: list[Answer]
    identity: str
    decoding: dict[str, Any]
    sides: dict[Key, dict[str, float]] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    measured: list[dict[str, Any]] = field(default_factory=list)


def conversations(
    prompt: Prompt,
    shown: list[Record],
    test: list[Record],
    new: list[Record],
    probes: list[Question],
    cases: list[Question],
) -> list[Asked]:
    """Set, id and turns of everything that the arm is asked: the task with the arm's prompt, the probes bare."""
    task = [
        (name, record.id, rendered(prompt, shown, record.asked))
        for name, records in (("test", test), ("new", new))
        for record in records
    ]
    must_pass = [("case", case.id, rendered(prompt, shown, case.messages)) for case in cases]
    return task + must_pass + [("probe", probe.id, list(probe.messages)) for probe in probes]


def main(
    params: PredictParams,
    arm: str,
    test: Path,
    new: Path,
    few_shot: Path,
    probes: Path,
    cases: Path,
    texts: Path,
    harness: Path,
    model: Path,
    prompt: Path,
    out: Path,
) -> None:
    worded, shown = wording(prompt, few_shot, model)
    tests, waiting = read_records(test), read_records(new)
    asked = conversations(worded, shown, tests, waiting, read_questions(probes), read_questions(cases))
    turns, show = [one for *_, one in asked], progress(f"predict@{arm}")
    if place := hosted_file(model):
        found = _hosted(params, arm, place, turns, show)
    else:
        pairs = partial(preferences, worded, shown, [("test", tests), ("new", waiting)])
        leading = rendered(worded, shown, ())
        found = _local(params, arm, model, turns, leading, pairs, read_texts(texts), harness, show)
    rows = (
        {"set": name, "id": key, **vars(answer), **found.sides.get((name, key), {})}
        for (name, key, _), answer in zip(asked, found.answers, strict=True)
    )
    write_jsonl(out / "answers.jsonl", ({"answer": row.pop("text"), **row} for row in rows))
    write_jsonl(out / "texts.jsonl", found.told)
    if found.measured:
        write_jsonl(out / "harness.jsonl", found.measured)
    facts = {"arm": arm, "model": found.identity, "prompt": digest([worded.system, [one.id for one in shown]])}
    write_report(out / "arm.json", {**facts, "decoding": found.decoding})
    print(f"predict@{arm}: {len(found.answers)} answers")


def _hosted(params: PredictParams, arm: str, place: Path, turns: list[list[Turn]], show: Show) -> Found:
    """What the model of a service answers."""
    if params.harness.tasks:
        print("predict: a service does not say how likely it holds a text; its arm is left out of the harness's tasks")
    hosted, limits = load_hosted(place), Limits(params.max_new_tokens, params.max_cost, params.concurrency)
    with Meter("service").writing(arm) as meter:
        answers = ask_all(hosted, place, turns, limits, CACHE, meter, show)
    return Found(answers, hosted.identity, hosted.decoding(params.max_new_tokens))


def _local(
    params: PredictParams,
    arm: str,
    path: Path,
    turns: list[list[Turn]],
    leading: list[Turn],
    preferences_for: Callable[[Any], list[Side]],
    texts: list[Text],
    tasks: Path,
    show: Show,
) -> Found:
    """What a model of this machine answers by the engine, and, by transformers whatever the engine, what it holds likely."""
    from pipeline.model.adapter import identity_of, load_any, tokenizer_of
    from pipeline.model.generation import Cache, Decoding, answer_all
    from pipeline.model.harness import measure
    from pipeline.model.likelihood import likelihoods
    from pipeline.model.machine import steady

    check_tasks(params.harness.tasks, tasks)
    params.check()
    steady(params.threads, seed=0)
    decoding = Decoding(params.max_new_tokens, params.batch_size, params.dtype, params.device)
    identity, tokenizer = identity_of(path), tokenizer_of(path)
    load = cache(lambda: load_any(path, params.dtype, params.device))
    with Meter(params.engine).writing(arm) as meter:
        if params.engine == "vllm":
            engine = Engine.of(params.vllm, params.max_new_tokens, params.dtype, params.device)
            answers = answer_arm(engine, path, identity, tokenizer, turns, (CACHE, ENGINES, arm), meter, show)
            said = engine.decoding
        else:
            given = Cache(CACHE, identity, decoding, Answer)
            answers = answer_all(
                meter.after(load),
                tokenizer,
                turns,
                decoding,
                given,
                meter.watching(given.found, given.took, show),
                leading,
            )
            said = {"greedy": True, "engine": params.engine, **asdict(decoding), **in_full(params.dtype, params.device)}
            said |= given.facts
    pairs, prose = preferences_for(tokenizer), [text_row(tokenizer, one) for one in texts]
    held = Cache(CACHE, identity, decoding, float)
    likely = likelihoods(load, [*(row for *_, row in pairs), *prose], decoding, held, show)
    sides: dict[Key, dict[str, float]] = defaultdict(dict)
    for (key, side, _), value in zip(pairs, likely, strict=False):
        sides[key][side] = value
    told = [
        {"id": row.source, "log_likelihood": value, "tokens": row.size - 1}
        for row, value in zip(prose, likely[len(pairs) :], strict=True)
    ]
    measured = measure(load, identity, tasks, params.harness, decoding, MEASURED) if params.harness.tasks else []
    return Found(answers, identity, said, sides, told, measured)


def in_full(dtype: str, device: str) -> dict[str, str]:
    """The type and the kind of device that a model is asked with here, whatever `auto` stands for."""
    return {
        "dtype": str(chosen_dtype(dtype, device)).removeprefix("torch."),
        "device": chosen_device(device).split(":")[0],
    }


def text_row(tokenizer: Any, text: Text) -> Row:
    """At most LONGEST tokens of a text."""
    row = plain(tokenizer, text.text, text.id)
    return Row(row.source, row.ids[:LONGEST], row.learnt[:LONGEST])


def preferences(
    prompt: Prompt, shown: list[Record], sets: list[tuple[str, list[Record]]], tokenizer: Any
) -> list[Side]:
    """Both answers of each preference, as they would stand after its question: set and id, side, row."""
    from pipeline.model.rendering import supervised

    found = []
    for name, records in sets:
        for record in (one for one in records if one.rejected):
            asked = rendered(prompt, shown, record.asked)
            for side, said in (("chosen", [record.messages[-1]]), ("rejected", list(record.rejected))):
                row = supervised(tokenizer, [*asked, *said], len(asked), record.source)
                found.append(((name, record.id), side, row))
    return found


if __name__ == "__main__":
    run(main)
