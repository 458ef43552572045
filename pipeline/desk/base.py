"""Pin a base model: its revision and the SHA-256 of each of its files go into `models/base.json`.

python -m pipeline.desk.base MODEL      a hub id, or a folder of the repo
"""

import json
import sys
from pathlib import Path

from pipeline.desk.inputs import BASE
from pipeline.model.base import sha256
from pipeline.model.hub import NEEDED, pin, snapshot
from pipeline.stage import Fault

EMBEDDED = "models/tiny-base"


def pinned(model: str) -> dict[str, object]:
    """The content of `base.json` for a model. Raises Fault where it cannot be had."""
    folder = Path(model)
    if folder.is_dir():
        if folder.resolve().is_relative_to(Path.cwd()):
            folder = folder.resolve().relative_to(Path.cwd())
        return {
            "model": folder.as_posix(),
            "revision": "",
            "licence": _licence(folder),
            "files": _digests(folder, _files(folder)),
        }
    if model.startswith((".", "/", "~")) or model.count("/") != 1:
        raise Fault(model, "is neither a folder nor a hub id like owner/name", "mend it")
    revision, licence, files = pin(model)
    return {
        "model": model,
        "revision": revision,
        "licence": licence,
        "files": _digests(snapshot(model, revision, files, model), files),
    }


def _files(folder: Path) -> list[str]:
    files = sorted(
        {path.name for pattern in NEEDED for path in folder.glob(pattern)} - {"training.json", "adapter_config.json"}
    )
    if not any(name.endswith(".safetensors") for name in files) or "config.json" not in files:
        raise Fault(
            folder,
            "holds no model (config.json and *.safetensors)",
            "name a folder that was written by save_pretrained",
        )
    return files


def _digests(folder: Path, files: list[str]) -> dict[str, str]:
    return {name: sha256(folder / name) for name in files}


def _licence(folder: Path) -> str:
    """The licence that the folder's card names, if it has one."""
    card = folder / "README.md"
    lines = card.read_text(encoding="utf-8").splitlines() if card.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("license:")), "unknown")


def main() -> None:
    try:
        if len(sys.argv) != 2 or not sys.argv[1]:
            raise Fault("MODEL", "is missing", "write make base MODEL=<hub id or folder>")
        base = pinned(sys.argv[1])
    except Fault as fault:
        sys.exit(f"base: {fault}")
    BASE.parent.mkdir(parents=True, exist_ok=True)
    BASE.write_text(json.dumps(base, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"base: pinned {base['model']} {base['revision']} ({base['licence']}) in {BASE}")
    if base["model"] != EMBEDDED:
        print(
            "base: task/replay, task/texts and task/probes hold what the embedded base could do; put talks and texts like those that "
            "this one is to stay good at there, or set train.replay to 0.0"
        )


if __name__ == "__main__":
    main()
