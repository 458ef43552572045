"""What changed in params.yaml, key by key: what stages read, and what only a gate or a command reads, told apart."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.desk.reviewing.shown import LONGEST, code
from pipeline.desk.unchanged import PIPELINE
from pipeline.pull_request.render import table
from pipeline.pull_request.reporting.blocks import Block, Part
from pipeline.pull_request.reporting.scene import Scene, or_told
from pipeline.stage import PARAMS_FILE, read_yaml

USED = re.compile(r"\$\{(\w+)")
NONE = "(none)"
Values = dict[str, str]


def part(scene: Scene) -> Part | None:
    """None where there is no base to compare with."""
    before = scene.before
    if before is None:
        return None
    blocks = or_told(lambda: list(_blocks(before, scene.root)), scene.root)
    return Part("Parameters", 60, lambda _: blocks, "the parameters", is_quiet=not blocks)


def _blocks(before: Path, root: Path) -> Iterator[Block]:
    old, new = values(before), values(root)
    sections = _sections_of_stages(root)
    changed = [key for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    for title, is_read in (("", True), ("Read by no stage, so nothing reruns for these:", False)):
        keys = [key for key in changed if (key.partition(".")[0] in sections) is is_read]
        if keys:
            yield from ([title] if title else [])
            yield table(("key", "before", "now"), [(code(key, LONGEST), _of(old, key), _of(new, key)) for key in keys])


def _of(found: Values, key: str) -> str:
    return code(found[key], LONGEST) if key in found else NONE


def values(root: Path) -> Values:
    """Each key of the parameters with its value as text; a list is one value. Nothing where there are none."""
    path = root / PARAMS_FILE
    return dict(flat(read_yaml(path))) if path.is_file() else {}


def flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Dotted keys and values; an empty mapping is a value."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, _text(value)


def _text(value: Any) -> str:
    """A value as YAML would have it on a line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(inner)}" for key, inner in value.items()) + "}"
    return str(value) or '""'


def _sections_of_stages(root: Path) -> set[str]:
    """The sections that dvc.yaml names: as parameters of a stage, or in its own text."""
    content = read_yaml(root / PIPELINE)
    stages = content.get("stages") if isinstance(content, dict) else None
    found = set(USED.findall((root / PIPELINE).read_text(encoding="utf-8")))
    for stage in (stages or {}).values():
        inner = stage.get("do", stage) if isinstance(stage, dict) else {}
        found |= {str(key).partition(".")[0] for key in inner.get("params", [])}
    return found
