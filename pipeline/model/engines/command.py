"""The command that starts a server: written by a person, checked before anything is loaded."""

import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from pipeline.data.records import digest
from pipeline.model.base import sha256
from pipeline.stage import Fault

PLACE = "params.yaml: predict.vllm"
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
READ = {".py", ".sh", ".jinja", ".json", ".yaml", ".yml", ".toml"}
KNOWN, NEEDED = ("model", "port", "served_name", "dtype"), ("model", "port")


class EngineParams(BaseModel):
    """Part `predict.vllm`: how a server is started and asked.

    `command` has the places {model} (a folder), {port}, {served_name} and {dtype}; `port` 0 takes any free one. `concurrency` questions
    are under way at a time, `start_s` seconds it may take to start, `timeout_s` to answer one of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    command: str
    port: Annotated[int, Field(ge=0, le=65535)]
    concurrency: Annotated[int, Field(ge=1)]
    start_s: Annotated[float, Field(gt=0)]
    timeout_s: Annotated[float, Field(gt=0)]

    def check(self) -> None:
        """Raises Fault where the command cannot start a server that can be asked."""
        place, words = f"{PLACE}.command", self._words()
        named = PLACEHOLDER.findall(self.command)
        for name in NEEDED:
            if name not in named:
                remedy = "write it where the server takes it (docs/engines.md has commands)"
                raise Fault(place, f"has no {{{name}}}", remedy)
        for name in named:
            if name not in KNOWN:
                remedy = f"take one of {', '.join(f'{{{one}}}' for one in KNOWN)}"
                raise Fault(place, f"has the place {{{name}}}, which nobody fills", remedy)
        if shutil.which(words[0]) is None:
            remedy = "run make vllm, or name a server that is installed"
            raise Fault(place, f"names {words[0]}, and there is no such program", remedy)

    def words(self, **places: str) -> list[str]:
        """The command, word by word, its places filled. No shell reads it."""
        return [PLACEHOLDER.sub(lambda found: places.get(found[1], found[0]), word) for word in self._words()]

    def installed(self) -> str:
        """Digest of what the command would run: programs and files of settings; of a virtual environment its packages count."""
        first, *others = self._words()
        program = shutil.which(first)
        return digest([_content(Path(word)) for word in ([program] if program else []) + others if _shapes(word)])

    def _words(self) -> list[str]:
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise Fault(f"{PLACE}.command", f"cannot be read ({error})", "mend the quotes") from None
        if not words:
            raise Fault(f"{PLACE}.command", "is empty", "restore it from git")
        return words


def _shapes(word: str) -> bool:
    """Whether a word is a program, or a file that tells one what to do; another file may be one that the server writes."""
    path = Path(word)
    try:
        return path.is_file() and (path.suffix in READ or os.access(path, os.X_OK))
    except OSError:  # a word longer than any name
        return False


def _content(path: Path) -> list[str]:
    home = path.parent.parent
    if (home / "pyvenv.cfg").is_file():
        return sorted(one.name for one in home.glob("lib*/python*/site-packages/*.dist-info"))
    return [sha256(path)]
