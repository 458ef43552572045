"""The tuned arm's predictions as those of the arm accepted: the same model, asked the same with the same prompt, so nobody asks again.

What is written is what `predict@accepted` would write, byte for byte; only the arm's name differs, in `arm.json`.
"""

import shutil
from pathlib import Path

from pipeline.data.records import digest, parse_json
from pipeline.desk.accepted import ARM
from pipeline.desk.run import ADAPTER, PREDICTIONS, dvc, repro
from pipeline.model.carried import carried
from pipeline.stage import Fault, write_report

FACTS = "arm.json"
FOLLOWING = ("classify", "evaluate", "regress")


def check_prompt(root: Path) -> None:
    """Raises Fault where the tuned arm was asked with another prompt than its folder carries."""
    prompt, shown = carried(root / ADAPTER)
    place = root / PREDICTIONS / "tuned" / FACTS
    facts = parse_json(place.read_bytes())
    if not isinstance(facts, dict) or facts.get("prompt") != digest([prompt.system, [one.id for one in shown]]):
        raise Fault(PREDICTIONS / "tuned", f"was asked with another prompt than {ADAPTER} carries", "make run")


def copy_predictions(predictions: Path) -> None:
    """Copy the folder of the tuned arm under the other name."""
    out = predictions / ARM
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    for file in sorted((predictions / "tuned").iterdir()):
        if file.name == FACTS:
            facts = parse_json(file.read_bytes())
            assert isinstance(facts, dict)
            write_report(out / FACTS, {**facts, "arm": ARM})
        else:
            shutil.copyfile(file, out / file.name)


def take_over() -> None:
    """Write the folder, its entry in dvc.lock, and the reports that follow. Raises Fault where DVC cannot.

    The accepted model has to stand in the work tree: DVC writes its digest into the entry.
    """
    copy_predictions(PREDICTIONS)
    if dvc("commit", "--quiet", "--force", f"predict@{ARM}"):
        raise Fault(f"predict@{ARM}", "could not be entered into dvc.lock, the reason stands above", "mend it")
    repro("--single-item", *FOLLOWING)
