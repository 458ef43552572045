"""The accepted model, which is the one in production: where it stands, which it is, and how it comes into the work tree.

`models/accepted.dvc` names it by digest; deployment reads that file and nothing else. `models/accepted.json` beside it says for people
whose decision it was, and why. Both are written by make promote and make rollback alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipeline.data.records import parse_json
from pipeline.model.carried import OWN
from pipeline.stage import PARAMS_FILE, Fault, checked, read_yaml, write_report

ARM = "accepted"
FOLDER = Path("models/accepted")
POINTER, RECORD = Path("models/accepted.dvc"), Path("models/accepted.json")
ENTRY: dict[str, str] = {"model": FOLDER.as_posix(), "prompt": OWN}
DIGEST = re.compile(r"[0-9a-f]{32}\.dir")
RESTORE = f"restore {POINTER} and {RECORD} from git"


@dataclass(frozen=True)
class Pointer:
    """What `models/accepted.dvc` names: the digest of a folder as DVC writes it, its bytes, and how many files it has."""

    digest: str
    size: int
    files: int

    def text(self) -> str:
        """The file as DVC writes it."""
        return f"outs:\n- md5: {self.digest}\n  size: {self.size}\n  nfiles: {self.files}\n  hash: md5\n  path: {FOLDER.name}\n"


class Record(BaseModel):
    """Content of `models/accepted.json`.

    `revision` is the commit whose tuned model it is, `model` its digest, `data` that of the split that it learnt from, `metrics` what the
    tuned arm reached there with interval and n, `gate` what the rules said. `rolled_back_from` is the digest of the model that was
    taken out of production, null where this one was promoted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    revision: str
    model: str
    data: str
    base: dict[str, str]
    metrics: dict[str, dict[str, float | int]]
    gate: list[dict[str, str]]
    who: str
    why: str
    date: str
    rolled_back_from: str | None


def pointer_of(text: str, place: object = POINTER) -> Pointer:
    """The pointer as a file says it. Raises Fault where it names no folder that DVC keeps."""
    import yaml

    try:
        content = yaml.safe_load(text)
        (out,) = content["outs"]
        found = Pointer(str(out["md5"]), int(out["size"]), int(out["nfiles"]))
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        raise Fault(place, "names no folder that DVC keeps", RESTORE) from None
    if not DIGEST.fullmatch(found.digest) or out.get("path") != FOLDER.name:
        raise Fault(place, "names no folder that DVC keeps", RESTORE)
    return found


def record_of(text: str, place: object = RECORD) -> Record:
    """The record as a file says it. Raises Fault where it is none."""
    try:
        content: Any = parse_json(text.encode())
    except ValueError as error:
        raise Fault(place, f"is not JSON ({error})", RESTORE) from None
    return checked(Record, content, place)


def accepted(root: Path = Path()) -> tuple[Pointer, Record] | None:
    """The accepted model of a tree, None before the first promotion. Raises Fault where its two files are not of one model.

    DVC rewrites a pointer when a folder that it names was changed by hand and `dvc repro` ran: the record tells.
    """
    if not (root / POINTER).is_file():
        if (root / RECORD).is_file():
            raise Fault(POINTER, f"is not there, and {RECORD} is", RESTORE)
        return None
    if not (root / RECORD).is_file():
        raise Fault(RECORD, f"is not there, and {POINTER} is", RESTORE)
    pointer = pointer_of((root / POINTER).read_text(encoding="utf-8"))
    record = record_of((root / RECORD).read_text(encoding="utf-8"))
    if record.model != pointer.digest:
        raise Fault(POINTER, f"names {pointer.digest[:12]}, and {RECORD} is of {record.model[:12]}", RESTORE)
    return pointer, record


def write(root: Path, pointer: Pointer, record: Record) -> None:
    """Write both files."""
    (root / POINTER).write_text(pointer.text(), encoding="utf-8")
    write_report(root / RECORD, record.model_dump())


def has_arm(params: Path = PARAMS_FILE) -> bool:
    """Whether the parameters have the arm."""
    arms = (read_yaml(params) or {}).get("arms")
    return isinstance(arms, dict) and ARM in arms


def check_arm(name: str, arm: dict[str, Any]) -> None:
    """Raises Fault for an arm that takes its model's own prompt and cannot, and for an arm `accepted` that is of no accepted model."""
    place = f"{PARAMS_FILE}: arms.{name}"
    if name == ARM and arm != ENTRY:
        raise Fault(
            place, f"is not {ENTRY['model']} with the prompt {OWN}", "restore it from git; make promote writes it"
        )
    if name == ARM and not POINTER.is_file():
        raise Fault(place, f"is there without {POINTER}", f"take the arm out, or {RESTORE}")
    if arm["prompt"] == OWN and (name == "tuned" or str(arm["model"]).endswith(".json")):
        raise Fault(
            f"{place}.prompt", f"is {OWN}, and its model carries no prompt before it is trained", "name another"
        )


def bring() -> None:
    """Put the accepted model into the work tree, before DVC looks there: what it finds instead it would take for the accepted one.

    Raises Fault where the model cannot be had.
    """
    from pipeline.desk.run import dvc

    if accepted() is None:
        return
    if dvc("checkout", "--quiet", "--force", str(POINTER), quiet=True):
        remedy = "make pull; where no remote is configured, the machine that promoted it alone has it"
        raise Fault(POINTER, "names a model that is not in DVC's cache here", remedy)
