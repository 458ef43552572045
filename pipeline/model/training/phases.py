"""The phases of a training run, one after the other: each goes on where the one before it ended, and what is done is not done again."""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.data.disk import naming_full_disk
from pipeline.model.adapter import PHASES, Kind, Made
from pipeline.model.training.beginning import Begun
from pipeline.model.training.checkpoints import complaint, fingerprint, seal, tidy
from pipeline.model.training.curve import Log
from pipeline.model.training.keeping import Keeper
from pipeline.model.training.ranks import is_main, say, wait
from pipeline.model.training.recipe import Phase, TrainParams
from pipeline.model.training.weights import Start

Trained = tuple[Any, Log, dict[str, Any]]  # the model, what was logged, what was proved
Learn = Callable[[Phase, Start, Path], Trained]
LOG, PROOFS = "log.json", "proofs.json"
KINDS: dict[Phase, Kind] = {"full": "model", "reward": "reward"}  # of phases that make no adapter to answer with
COLUMNS = {"loss": "loss", "validation_loss": "eval_loss", "reward": "reward", "validation_reward": "eval_reward"}


@dataclass(frozen=True)
class Done:
    """A phase that is done, with the folder of what it made, what was logged, and what was proved."""

    made: Made
    place: Path
    log: Log
    proofs: dict[str, Any]


def run_phases(
    params: TrainParams,
    begun: Begun,
    inputs: Callable[[Phase], Iterable[Path]],
    runs: Path,
    learn: Learn,
    keeper: Keeper,
) -> list[Done]:
    """Every phase of the recipe, and before them the whole model that they stand on where that is not the base.

    `inputs` are the files that shape a phase; `runs` takes checkpoints and what is done. `learn` trains from a start, with a
    folder for checkpoints; `keeper` writes what was made into a folder and proves it.
    """
    before = ""
    done = [] if begun.is_base else [Done(Made("start", "0-start", "model", ""), begun.start.folder, [], {})]
    start = begun.start
    for number, phase in enumerate(params.phases, 1):
        before = fingerprint({"before": before, **params.shaping(phase)}, [*inputs(phase), *begun.files])
        kind = KINDS.get(phase, "adapter")
        on = next((one.made.folder for one in reversed(done) if one.made.kind == "model"), "")
        made = Made(phase, f"{number}-{phase}", kind, "" if kind == "model" else on)
        folder = runs / before
        is_done = complaint(folder / "done") is None
        wait()
        if is_done:
            say(f"train: {phase} was done before, and is not done again")
        else:
            _run(folder, phase, made, start, learn, keeper)
        done.append(_read(folder / "done", made))
        start = _next(start, kind, folder / "done")
    return [one for one in done if one.proofs or one.made.folder in {other.made.on for other in done}]


def _next(start: Start, kind: Kind, made: Path) -> Start:
    """What the phase after one that began at `start` begins with."""
    if kind == "model":
        return Start(made)
    return replace(start, reward=made) if kind == "reward" else Start(start.folder, made)


def _run(
    folder: Path,
    phase: Phase,
    made: Made,
    start: Start,
    learn: Learn,
    keeper: Keeper,
) -> None:
    if is_main():
        tidy(folder.parent, folder.name)
        folder.mkdir(parents=True, exist_ok=True)
    wait()
    model, log, proofs = learn(phase, start, folder / "run")
    part = folder / "done.part"
    if is_main():
        for leftover in (part, folder / "done"):
            shutil.rmtree(leftover, ignore_errors=True)
        part.mkdir()
    wait()
    with naming_full_disk(part, "make room; the phase goes on from its last checkpoint"):
        keeper.save(model, made, part)
    said, is_quantised = keeper.told(model, made), bool(getattr(model, "is_loaded_in_4bit", False))
    del model
    if is_main():
        proofs |= keeper.parity(said, is_quantised, start, made, part)
        for name, value in ((LOG, log), (PROOFS, proofs)):
            (part / name).write_text(json.dumps(value), encoding="utf-8")
        seal(part)
        part.rename(folder / "done")
        shutil.rmtree(folder / "run", ignore_errors=True)
    wait()


def _read(place: Path, made: Made) -> Done:
    log, proofs = (json.loads((place / name).read_text(encoding="utf-8")) for name in (LOG, PROOFS))
    return Done(made, place, log, proofs)


def publish(done: list[Done], out: Path) -> None:
    """Copy what the phases made into `out`, each into its folder; the last one is the one that is served. Older phases go."""
    for older in out.glob("[0-9]*-*"):
        shutil.rmtree(older)
    for one in done:
        hidden = shutil.ignore_patterns(LOG, PROOFS, "MANIFEST.json")
        shutil.copytree(one.place, out / one.made.folder, ignore=hidden, dirs_exist_ok=True)
    text = json.dumps({"phases": [asdict(one.made) for one in done]}, indent=2, sort_keys=True)
    (out / PHASES).write_text(text + "\n", encoding="utf-8")


def forget(done: list[Done]) -> None:
    """Delete what is not needed once it is published: the last phase; the others are there for a run that changes only later ones."""
    shutil.rmtree(done[-1].place.parent)


def loss_table(done: list[Done]) -> str:
    """Tab-separated: step (counted over all phases), phase and COLUMNS, each empty where there is none."""
    lines, first = ["\t".join(["step", "phase", *COLUMNS])], 0
    for one in done:
        for entry in one.log:
            if COLUMNS["loss"] in entry or COLUMNS["validation_loss"] in entry:
                cells = [str(first + entry["step"]), one.made.name, *(_cell(entry, key) for key in COLUMNS.values())]
                lines.append("\t".join(cells))
        first += max((entry["step"] for entry in one.log), default=0)
    return "\n".join(lines) + "\n"


def _cell(entry: Mapping[str, Any], key: str) -> str:
    return f"{entry[key]:.6g}" if key in entry else ""
