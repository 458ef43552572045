"""A hosted model as a file: where it is asked, and what that costs."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from pipeline.data.records import digest
from pipeline.model.adapter import PHASES, served
from pipeline.remote.service import Endpoint, Service
from pipeline.stage import Fault, checked

HOSTED = "hosted.json"


class Hosted(Endpoint):
    """Content of `hosted.json`, and of the file that an arm of another hosted model names.

    `job` is what made the model, "" where that is not known: a service may give a name again. Prices are US dollars a million tokens;
    `temperature` null sends none.
    """

    job: str
    temperature: Annotated[float, Field(ge=0)] | None
    price_in: Annotated[float, Field(ge=0)]
    price_out: Annotated[float, Field(ge=0)]

    @property
    def identity(self) -> str:
        """Digest of which model it is."""
        return digest([self.base_url, self.model, self.job])

    def decoding(self, max_tokens: int) -> dict[str, Any]:
        """How it is asked to answer."""
        return {"greedy": self.temperature == 0, "temperature": self.temperature, "max_new_tokens": max_tokens}

    def service(self, max_tokens: int) -> Service:
        """The service that answers, with at most so many tokens an answer."""
        return Service(**self.model_dump(exclude={"job"}), max_tokens=max_tokens, structured_output=False)


def hosted_file(path: Path) -> Path | None:
    """The file of the hosted model that an arm's model is, or None where it is one of this machine."""
    if path.is_dir():
        if not (path / PHASES).is_file():
            return None
        made = served(path)
        return path / made.folder / HOSTED if made.kind == "hosted" else None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return path if isinstance(value, dict) and "base_url" in value else None


def load_hosted(path: Path) -> Hosted:
    """Read a hosted model's file. Raises Fault where it is wrong."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Fault(path, f"is not JSON ({error})", "write it as docs/hosted.md says") from None
    return checked(Hosted, value, str(path))
