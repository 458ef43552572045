"""The arm `accepted` in `params.yaml`: entered once, by text, so that every remark and value stays."""

import re
from pathlib import Path

from pipeline.desk.accepted import ARM, ENTRY
from pipeline.stage import Fault, read_yaml

SECTION = re.compile(r"(?ms)^arms:[ \t]*(?:#[^\n]*)?\n(?:(?:[ \t]+[^\n]*|[ \t]*|#[^\n]*)\n)*?(?=^\S|\Z)")
LINES = "".join(f"    {key}: {value}\n" for key, value in ENTRY.items())
BLOCK = f"  {ARM}:                 # the model in production, as it is asked there; make promote and make rollback set which\n{LINES}"


def enter_arm(params: Path) -> None:
    """Write the arm after the others, where it is not there. Raises Fault where the section is in a form that nothing can be added to."""
    before = read_yaml(params)
    if ARM in before["arms"]:
        return
    text = params.read_text(encoding="utf-8")
    found = SECTION.search(text if text.endswith("\n") else f"{text}\n")
    written = text
    if found:
        body = found[0].rstrip("\n") + "\n"
        rest = found[0][len(body) :]
        written = f"{text[: found.start()]}{body}{BLOCK}{rest}{text[found.end() :]}"
    params.write_text(written, encoding="utf-8")
    wanted = {**before, "arms": {**before["arms"], ARM: ENTRY}}
    try:
        is_entered = read_yaml(params) == wanted
    except Fault:
        is_entered = False
    if not is_entered:
        params.write_text(text, encoding="utf-8")
        fault = f"has no section arms to which the arm {ARM} could be added"
        raise Fault(params, fault, f"write {ARM}: {{{', '.join(f'{k}: {v}' for k, v in ENTRY.items())}}} there by hand")
