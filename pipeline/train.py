"""Train the base model, phase after phase, and prove what was trained.

Reads   train, validation   pipeline.data.records.Record
        few_shot            records that the prompt shows
        prompt              the prompt that the tuned arm is asked with
        schema              the contract of an answer, where answers are rewarded for it
        replay              general examples (pipeline.data.replay), of which train.replay says how many are mixed in
        launch              how many processes train (accelerate's configuration)
        start               base.json, or the folder of what was trained before
Writes  out/<number>-<phase>/   what each phase made: an adapter, or a whole model; the last one is served
        out/phases.json, base.json, prompt.yaml, few_shot.jsonl: with what it is asked, wherever it is
        out/loss.tsv        step, phase, loss, validation_loss, reward, validation_reward
        out/proofs.json     by phase: rows in = rows trained + rows dropped, and which tokens were learnt
        out/metrics.json    by phase: the numbers of it, for `dvc metrics diff`
        out/README.md       the card
The recipe: render each record as it will be asked, prove which tokens are learnt, train, keep the proofs beside the weights.
Checkpoints stand in `.cache/training`, since DVC deletes the outputs of a stage before it runs: a run that was killed goes on.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.data import answers as contracts
from pipeline.data import prompts
from pipeline.data.answers import Contract
from pipeline.data.disk import naming_full_disk
from pipeline.data.prompts import Prompt, few_shot_records, load_prompt, rendered
from pipeline.data.records import Record, read_records
from pipeline.data.replay import drawn, read_replay
from pipeline.model.adapter import BASE, PROMPT, card_header
from pipeline.model.base import Base, load_base
from pipeline.model.carried import FEW_SHOT
from pipeline.model.hosted.phase import hosted_phase
from pipeline.model.rendering import Example
from pipeline.model.training.beginning import Begun, begin, check_adapter
from pipeline.model.training.devices import check_device, naming_full_memory
from pipeline.model.training.learning import Lesson, learn
from pipeline.model.training.phases import Done, forget, loss_table, publish, run_phases
from pipeline.model.training.policy import Scorer
from pipeline.model.training.ranks import is_main, is_worker, relaunch, wait
from pipeline.model.training.recipe import PAIRS, POLICY, Phase, TrainParams
from pipeline.model.training.telling import numbers, proved, summary
from pipeline.scoring import answers as scoring
from pipeline.scoring.answers import exactness, formats
from pipeline.stage import Fault, progress, run, write_report

Inputs = Callable[[Phase], list[Path]]  # the files that shape a phase
RUNS = Path(".cache/training")
JOBS = Path(".cache/jobs")  # what is known of what was paid for
CODE = (Path(__file__), Path(prompts.__file__))  # what renders; the rest stands in pipeline/model
REWARDS = (Path(contracts.__file__), Path(scoring.__file__))  # what rewards


def examples(records: Sequence[Record], shown: list[Record], prompt: Prompt, turns: str) -> list[Example]:
    """Records as they will be asked, with what is to be learnt: the last answer, or `all` of the record's own."""
    found = []
    for record in records:
        asked = rendered(prompt, shown, record.asked)
        first = len(asked) - len(record.asked) if turns == "all" else len(asked)
        found.append(Example(record.source, [*asked, record.messages[-1]], first, list(record.rejected)))
    return found


def replayed(params: TrainParams, folder: Path, beside: int) -> list[Example]:
    """The general examples that are mixed in beside so many of the task, where right answers are learnt. They stand as they are."""
    if not params.replay or not params.learns_answers:
        return []
    rows = [row for row in read_replay(folder) if row.messages or not params.is_hosted]  # a service takes talks alone
    chosen = drawn(rows, params.replay, beside, params.seed, folder)
    return [Example(row.source, row.messages, len(row.messages) - 1, [], row.text) for row in chosen]


def check_records(records: list[Record], params: TrainParams, place: Path) -> None:
    """Raises Fault for records that no phase can learn, or phases that find nothing to learn."""
    if not records:
        raise Fault(place, "holds no example", "add sources, or lower the shares of split")
    calling = [record for record in records if record.tools or any("tool_calls" in turn for turn in record.messages)]
    if calling:
        fault = f"{len(calling)} examples call tools ({calling[0].source} first), and train renders plain turns only"
        raise Fault(place, fault, "leave them out of the sources")
    preferences = [record for record in records if record.rejected]
    if preferences and not params.learns_pairs:
        fault = f"{len(preferences)} examples are preferences ({preferences[0].source} first), and no phase learns what is worse"
        raise Fault(place, fault, "add dpo to train.phases, or reward and grpo")
    if params.learns_pairs and not preferences:
        name = next((phase for phase in params.phases if phase in PAIRS), "api with the method dpo")
        fault = f"holds no preference, and train.phases lists {name}"
        raise Fault(place, fault, f"add pairs to the sources, or take {name} out")
    odd = [record for record in preferences if [turn["role"] for turn in record.rejected] != ["assistant"]]
    if odd:
        raise Fault(odd[0].source, "the worse answer is more than one turn of the assistant", "leave the example out")


def scorers(contract: Contract) -> dict[str, Scorer]:
    """What answers are worth by the task itself, as `evaluate` scores them. Exact fields count where the contract has some."""
    found: dict[str, Scorer] = {"format": lambda answers, _references: formats(answers, contract)}
    if contract.exact_fields:
        found["exact"] = lambda answers, references: exactness(answers, references, contract)
    return found


def main(
    params: TrainParams,
    train: Path,
    validation: Path,
    few_shot: Path,
    prompt: Path,
    schema: Path,
    replay: Path,
    launch: Path,
    start: Path,
    out: Path,
) -> None:
    if params.launch != "single" and not params.is_hosted and not is_worker():
        relaunch(launch, params.device == "cpu")
        return
    wording = load_prompt(prompt)
    shown = few_shot_records(wording, read_records(few_shot), prompt)
    records = {path: read_records(path) for path in (train, validation)}
    check_records(records[train], params, train)
    learnt, checked = (examples(found, shown, wording, params.turns) for found in records.values())
    general = replayed(params, replay, len(learnt))
    general_files = sorted(replay.glob("*.jsonl")) if general else []
    base = start if start.is_file() else start / BASE

    def inputs(phase: Phase) -> list[Path]:
        return [
            train,
            validation,
            few_shot,
            prompt,
            launch,
            *CODE,
            *general_files,
            *([schema, *REWARDS] if phase in POLICY else []),
        ]

    if params.is_hosted:
        done = hosted_phase(params, learnt + general, checked, RUNS, JOBS)
    else:
        rewards, shows = scorers(Contract.load(schema)), partial(progress, "train")
        lesson = partial(
            Lesson, learnt=learnt, general=general, checked=checked, params=params, shows=shows, scorers=rewards
        )
        with naming_full_memory():
            done = _trained(params, start, lesson, inputs)
    if is_main():
        with naming_full_disk(out, "make room; what is trained is kept, and is not done again"):
            _publish(done, base, prompt, few_shot, out)
    wait()


def _publish(done: list[Done], base: Path, prompt: Path, few_shot: Path, out: Path) -> None:
    """Everything that is kept, beside each other; what is not needed any more goes."""
    out.mkdir(parents=True, exist_ok=True)
    publish(done, out)
    (out / BASE).write_bytes(base.read_bytes())
    (out / PROMPT).write_bytes(prompt.read_bytes())
    (out / FEW_SHOT).write_bytes(few_shot.read_bytes())
    (out / "loss.tsv").write_text(loss_table(done))
    proofs = {one.made.folder: one.proofs for one in done if one.proofs}
    write_report(out / "proofs.json", proofs)
    write_report(out / "metrics.json", numbers(proofs))
    text = card(load_base(base), done[-1].made.kind, proofs)
    (out / "README.md").write_text(text, encoding="utf-8")
    forget(done)
    print(f"train: {'; '.join(summary(name, proof) for name, proof in proofs.items())}")


def _trained(params: TrainParams, start: Path, lesson: Callable[[Begun], Lesson], inputs: Inputs) -> list[Done]:
    """Every phase, on this machine."""
    from pipeline.model.machine import check_devices, steady

    check_devices()
    check_device(params)
    steady(params.threads, params.seed)
    begun = begin(start)
    check_adapter(begun.start, params)
    taught = lesson(begun)
    return run_phases(params, begun, inputs, RUNS, partial(learn, taught), taught.keeper())


def card(base: Base, kind: str, proofs: dict[str, dict[str, Any]]) -> str:
    """The card of what was trained, in the hub's form."""
    phases = "".join(f"- {proved(name, proof)}\n" for name, proof in proofs.items())
    return (
        f"{card_header(base, 'peft' if kind == 'adapter' else 'transformers')}{phases}\n"
        "The last phase is the one to serve. The curve is in `loss.tsv`, what was proved in `proofs.json`, the prompt to ask it with "
        "in `prompt.yaml`.\n"
    )


if __name__ == "__main__":
    run(main)
