"""The environment of a past run beside today's: packages, Python, machine. Only what is recorded can be compared."""

import re
from importlib import metadata
from pathlib import Path
from typing import Any

from pipeline.desk.machine import UNKNOWN

REQUIREMENTS = ("requirements/data.txt", "requirements/model.txt")  # what stages import (tests/test_wiring.py)
PIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;]+)\s*(?:;\s*(.+))?$")


def machine_differences(then: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What is recorded of both and differs."""
    return {key: (then[key], now[key]) for key in then if key in now and then[key] != now[key]}


def is_same_machine(then: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether all that shapes a result is recorded and the same; the number of cores does not, since threads are set."""
    wanted = ("system", "processor", "model", "python")
    return all(key in then and then[key] == now.get(key) != UNKNOWN for key in wanted)


def pins(root: Path) -> dict[str, str]:
    """The pinned version of each package that stages import, for this Python and this system."""
    found: dict[str, str] = {}
    for name in REQUIREMENTS:
        text = (root / name).read_text(encoding="utf-8") if (root / name).is_file() else ""
        for line in text.splitlines():
            if (pin := PIN.match(line.strip())) and _holds_here(pin[3]):
                found[_named(pin[1])] = pin[2]
    return found


def _named(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _holds_here(marker: str | None) -> bool:
    from packaging.markers import InvalidMarker, Marker

    try:
        return not marker or Marker(marker).evaluate()
    except InvalidMarker:
        return True


def installed() -> dict[str, str]:
    """The version of each package that is installed here, without the name of its build."""
    return {
        _named(one.metadata["Name"]): one.version.partition("+")[0]
        for one in metadata.distributions()
        if one.metadata["Name"]
    }


def packages_that_differ(wanted: dict[str, str], here: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Pinned and installed version, where they are two; '' where it is not installed."""
    plain = {name: version.partition("+")[0] for name, version in wanted.items()}
    return {name: (version, here.get(name, "")) for name, version in plain.items() if here.get(name) != version}
