"""A service that speaks the OpenAI protocol: where it is, what it is asked for, and what that costs."""

import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from pipeline.stage import Fault

ENVIRONMENT_NAME = re.compile(r"[A-Z_][A-Z0-9_]*")  # as make reads them from .env
BYTES_A_TOKEN = 3  # fewer than in the prose of any tokenizer in use, so that more tokens are reckoned with than come


class Endpoint(BaseModel):
    """Where a model is, and the environment variable that holds the key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())
    base_url: str
    model: str
    api_key_env: str

    def key(self, place: str) -> str:
        """The key out of the environment. Raises Fault where the service cannot be asked; the key is in none of them."""
        self.check(place)
        if not ENVIRONMENT_NAME.fullmatch(self.api_key_env):
            remedy = "write a name in capital letters there, and the key behind that name into .env"
            raise Fault(f"{place}.api_key_env", "is no name of an environment variable", remedy)
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            remedy = f"write {self.api_key_env}=<key> into .env (any word, where the service wants no key)"
            raise Fault(self.api_key_env, "is not set", remedy)
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise Fault(self.api_key_env, "holds a character that no key has", "copy the key again")
        return key

    def check(self, place: str) -> None:
        """Raises Fault where address or model are not written as they must be."""
        if not self.model.strip():
            raise Fault(f"{place}.model", "is empty", "name the model that the service is to answer with")
        if not self.base_url.strip():
            raise Fault(f"{place}.base_url", "is empty", "write the address of a service, up to /v1")
        try:
            parts = urlsplit(self.base_url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise Fault(f"{place}.base_url", "is no address", "write it like https://host/v1")
        if "@" in self.base_url or "?" in self.base_url:
            remedy = "write scheme, host and path only; the key stands in the environment"
            raise Fault(f"{place}.base_url", "holds more than an address", remedy)


class Service(Endpoint):
    """A part of a section of `params.yaml`. Prices are US dollars a million tokens; `temperature: null` sends none."""

    temperature: Annotated[float, Field(ge=0)] | None
    max_tokens: Annotated[int, Field(ge=1)]
    structured_output: bool
    price_in: Annotated[float, Field(ge=0)]
    price_out: Annotated[float, Field(ge=0)]

    def content(self, turns: list[dict[str, str]], schema: dict[str, Any]) -> dict[str, Any]:
        """Everything that an answer depends on. `schema` is what goes along where the service knows structured output."""
        content: dict[str, Any] = {"model": self.model, "messages": turns, "max_tokens": self.max_tokens}
        if self.temperature is not None:
            content["temperature"] = self.temperature
        if self.structured_output:
            content["response_format"] = {"type": "json_schema", "json_schema": schema}
        return content

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float:
        """US dollars."""
        return (prompt_tokens * self.price_in + completion_tokens * self.price_out) / 1e6


@dataclass(frozen=True)
class Request:
    """One call: `name` is the digest of `content`, which is `Service.content`."""

    name: str
    content: dict[str, Any]

    @property
    def most_prompt_tokens(self) -> int:
        """An upper bound: every byte of the request counts, instructions and schema too."""
        return math.ceil(len(json.dumps(self.content, ensure_ascii=False).encode("utf-8", "replace")) / BYTES_A_TOKEN)

    @property
    def most_completion_tokens(self) -> int:
        tokens: int = self.content["max_tokens"]
        return tokens


@dataclass(frozen=True)
class Answer:
    """What the service wrote, and what it took for it.

    `finish` is `stop`, `length` (cut at the most tokens), `declined` (by the service's filter) or `too_long` (no room to answer).
    """

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    cost: float


def most(service: Service, request: Request) -> float:
    """The most that a request can cost, in US dollars."""
    return service.cost(request.most_prompt_tokens, request.most_completion_tokens)


def price(service: Service, requests: Iterable[Request]) -> float:
    """The most that requests can cost together."""
    return math.fsum(most(service, request) for request in requests)


def dollars(amount: float) -> str:
    """An amount, rounded up to a hundredth of a cent: who may spend it may spend the amount."""
    return f"{math.ceil(round(amount * 1e4, 4)) / 1e4:.4f}".rstrip("0").rstrip(".")
