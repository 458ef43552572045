"""An example in a person's own editor: the turns as JSON that reads well, and what came back, checked."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from pipeline.data.answers import Contract
from pipeline.data.personal.finding import Masker, PersonalDataParams, mask_turns
from pipeline.data.plain_text import escaped
from pipeline.data.records import Turn, parse_json
from pipeline.data.reviews import complaint_of_turns


class Unusable(Exception):
    """Why there are no turns to take over, in words for the reviewer."""


def write_turns(path: Path, turns: Sequence[Turn]) -> None:
    """Write turns for an editor. An assistant's text that is a JSON object or list stands there as such, and not as a text."""
    shown = [{**turn, "content": opened(turn)} for turn in turns]
    path.write_text(escaped(json.dumps(shown, indent=2, ensure_ascii=False)) + "\n", encoding="utf-8")


def opened(turn: Turn) -> Any:
    """What an assistant's turn says as a JSON object or list, where it is one that can be laid out; else its text."""
    if turn["role"] == "assistant" and turn["content"].lstrip()[:1] in ("{", "["):
        try:
            value = parse_json(turn["content"])
            json.dumps(value, indent=2)
        except (ValueError, RecursionError):
            return turn["content"]
        return value
    return turn["content"]


def read_turns(path: Path, before: Sequence[Turn], contract: Contract) -> list[Turn]:
    """The turns that a person left. Raises Unusable where they are none that an example can have.

    An answer that says the same as `before` keeps its text, blanks and order of keys included.
    """
    try:
        turns = parse_json(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except (OSError, ValueError) as error:
        raise Unusable(f"the file is not JSON ({error})") from None
    if isinstance(turns, list):
        turns = [_closed(turn, [*before][at : at + 1]) for at, turn in enumerate(turns)]
    if complaint := complaint_of_turns(turns):
        raise Unusable(f"the file {complaint}")
    if complaint := complaint_of_answer(turns[-1], contract):
        raise Unusable(f"the answer does not meet the schema: {complaint}")
    return cast("list[Turn]", turns)


def _closed(turn: Any, before: Sequence[Turn]) -> Any:
    """The turn with its content as text again."""
    if not isinstance(turn, dict) or not isinstance(turn.get("content"), dict | list):
        return turn
    if turn.get("role") != "assistant":
        return turn
    content = turn["content"]
    if before and _canonical(opened(before[0])) == _canonical(content):
        return {**turn, "content": before[0]["content"]}
    return {**turn, "content": json.dumps(content, ensure_ascii=False)}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def complaint_of_answer(turn: Turn, contract: Contract) -> str | None:
    """Why a last turn does not meet the contract, or None; one that calls tools instead of answering has no answer to check."""
    if turn.get("tool_calls") and not turn["content"].strip():
        return None
    return contract.complaint(turn["content"])


def check_personal_data(turns: Sequence[Turn], policy: PersonalDataParams) -> None:
    """An edit goes past `ingest`, so its policy is kept here. Raises Unusable that names what was found by its kind alone."""
    masker = Masker(policy)
    mask_turns(tuple(turns), masker)
    kinds = sorted(kind for kind in masker.counts if getattr(policy, kind) != "allow")
    if kinds:
        raise Unusable(
            f"the file holds what ingest.personal_data keeps out ({', '.join(kinds)}); write a made-up word for it"
        )


def open_editor(path: Path) -> None:
    """Let the person edit a file. Raises Unusable where that cannot be done."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        words = shlex.split(command)
    except ValueError:
        words = []
    if not words:
        raise Unusable("no editor is set; quit, and start with EDITOR=<your editor> make review")
    try:
        ended = subprocess.run(
            [*words, str(path)], check=False, stdin=None if sys.stdin.isatty() else subprocess.DEVNULL
        ).returncode
    except OSError as error:
        raise Unusable(f"the editor {words[0]} does not start ({error.strerror})") from None
    if ended:
        raise Unusable(f"the editor ended with status {ended}")
