"""Train an adapter on the base model.

Reads   train, validation   pipeline.data.records.Record
        few_shot            records that the prompt shows
        prompt              the prompt that the tuned arm is asked with
        base                base.json
Writes  out/adapter_model.safetensors, adapter_config.json, base.json, prompt.yaml
        out/loss.tsv        step, loss, validation_loss
        out/proofs.json     rows in = rows trained, and which tokens were learnt
        out/README.md       the adapter's card
The recipe: render each record as it will be asked, learn the answer and nothing else, keep what was proved beside the weights.
"""

from pathlib import Path

from pipeline.data.prompts import Prompt, few_shot_records, load_prompt, rendered
from pipeline.data.records import Record, Turn, read_records
from pipeline.model.recipe import TrainParams
from pipeline.stage import Fault, progress, run, write_report

Example = dict[str, list[Turn]]


def examples(records: list[Record], shown: list[Record], prompt: Prompt) -> list[Example]:
    """Records as conversational prompt and completion: the loss falls on the completion alone."""
    return [
        {"prompt": rendered(prompt, shown, record.asked), "completion": [record.messages[-1]]} for record in records
    ]


def check_plain(records: list[Record], place: Path) -> None:
    """Raises Fault for examples that call tools: rendered without care they would teach calls of tools that nobody defined."""
    calling = [record for record in records if record.tools or any("tool_calls" in turn for turn in record.messages)]
    if calling:
        fault = f"{len(calling)} examples call tools ({calling[0].source} first), and train renders plain turns only"
        raise Fault(place, fault, "leave them out of the sources")


def main(
    params: TrainParams, train: Path, validation: Path, few_shot: Path, prompt: Path, base: Path, out: Path
) -> None:
    from pipeline.model.adapter import save_adapter
    from pipeline.model.base import base_folder, load_base, load_tokenizer
    from pipeline.model.machine import steady
    from pipeline.model.tuning import prove, tune

    steady(params.threads, params.seed)
    wording = load_prompt(prompt)
    shown = few_shot_records(wording, read_records(few_shot), prompt)
    records = {path: read_records(path) for path in (train, validation)}
    for path, found in records.items():
        check_plain(found, path)
    if preferences := sum(bool(record.rejected) for record in records[train]):
        print(f"train: {preferences} preferences: the preferred answer is learnt, what it is preferred to is not used")
    learnt, checked = (examples(found, shown, wording) for found in records.values())
    pinned = load_base(base)
    folder = base_folder(pinned, base)
    tokenizer = load_tokenizer(folder)
    tuned = tune(folder, tokenizer, learnt, checked, params, progress("train"))
    proofs = prove(tuned, tokenizer, learnt)
    save_adapter(tuned.model, pinned, base, prompt, out)
    (out / "loss.tsv").write_text(tuned.loss_table())
    write_report(out / "proofs.json", proofs)
    (out / "README.md").write_text(
        tuned.card(pinned.model, pinned.revision, pinned.licence, len(learnt)), encoding="utf-8"
    )
    print(
        f"train: {len(learnt)} examples, {proofs['supervised_tokens']} tokens learnt, validation loss {tuned.validation_loss():.3f}"
    )


if __name__ == "__main__":
    run(main)
