"""Section `serve` of `params.yaml`: where the server listens, whom it lets in, and what it puts before a question."""

import ipaddress
import os
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.stage import PARAMS_FILE, Fault, Params


class ServeParams(Params):
    """Section `serve`. Seconds, mebibytes (2^20 bytes), requests a second.

    `engine` is what answers with a model of this machine. `rate` and `burst` are of a token, or of an address where none is asked for.
    """

    section: ClassVar[str] = "serve"
    host: str
    port: Annotated[int, Field(ge=0, le=65535)]
    engine: Literal["transformers", "vllm"]
    start_s: Annotated[float, Field(gt=0)]
    timeout_s: Annotated[float, Field(gt=0)]
    adds_prompt: bool
    constrained: bool
    token_env: str
    max_body_mb: Annotated[float, Field(gt=0)]
    rate: Annotated[float, Field(ge=0)]
    burst: Annotated[int, Field(ge=1)]
    origins: list[str]

    def token(self) -> str:
        """The bearer token out of the environment, "" where none is asked for.

        Raises Fault where somebody else could reach the server without one, or where it could not stand in a header.
        """
        token = os.environ.get(self.token_env, "").strip() if self.token_env else ""
        if not token and not is_loopback(self.host):
            named = self.token_env or "a name"
            remedy = f"write {named}=<a long random word> into .env" + ("" if self.token_env else " and name it there")
            raise Fault(f"{PARAMS_FILE}: serve.token_env", f"gives no token, and {self.host} can be reached", remedy)
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise Fault(self.token_env, "holds a character that no token has", "take letters and digits")
        return token

    def check_engine(self) -> None:
        """Raises Fault where a model of this machine cannot be served as is asked."""
        if self.constrained and self.engine == "transformers":
            fault = "is true, and transformers serve answers without regard to a schema"
            raise Fault(f"{PARAMS_FILE}: serve.constrained", fault, "set it to false, or serve.engine to vllm")

    def check(self) -> None:
        """Raises Fault where an origin is none."""
        for origin in self.origins:
            if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
                fault = f"has {origin}, which is no origin"
                raise Fault(f"{PARAMS_FILE}: serve.origins", fault, "write it like https://shop.example")


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
