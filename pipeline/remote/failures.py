"""What went wrong between us and a service, in one line that names the remedy and never the key."""

from typing import TYPE_CHECKING, Any

from pipeline.stage import Fault

if TYPE_CHECKING:
    from openai import OpenAIError

MOST_SHOWN = 200


class Away(Fault):
    """A service that cannot be reached now, or has no time: it may answer later."""


class Busy(Away):
    """A service that is there, and turns away or fails."""


class Missing(Fault):
    """A service that knows no such model, path or thing: it may never have known it, not know it yet, or not know it any more."""


def masked(text: str, key: str) -> str:
    """A service's own words, fit to be shown: without the key, without control characters, not too long."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text.replace(key, "***"))
    return plain if len(plain) <= MOST_SHOWN else f"{plain[:MOST_SHOWN]}..."


def code_of(error: Any) -> str:
    """The name that the service gives the error, or nothing."""
    return str(getattr(error, "code", None) or "")


def fault_of(error: "OpenAIError", model: str, key_name: str, key: str, address: str) -> Fault:
    """The Fault that an error of the client is, by the status that the service answered with."""
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    if isinstance(error, APITimeoutError):
        return Away(address, "did not answer in time", "try again later; what was answered is written down")
    if isinstance(error, APIConnectionError):
        why = type(error.__cause__).__name__
        return Away(address, f"cannot be reached ({why})", "mend base_url in params.yaml, or start the service")
    if isinstance(error, APIStatusError):
        return _of_status(error.status_code, masked(words(error), key), model, key_name, address)
    return Fault(address, f"cannot be asked ({type(error).__name__})", "mend the service's part of params.yaml")


def _of_status(status: int, said: str, model: str, key_name: str, address: str) -> Fault:
    if status in (401, 403):
        return Fault(address, f"does not take the key in {key_name} ({status})", f"mend {key_name} in .env")
    if status == 404:
        fault = f"knows no model {model} or no such path (404: {said})"
        return Missing(address, fault, "mend model or base_url in params.yaml")
    if status == 429:
        remedy = "wait, or raise the limit there; what was answered is written down"
        return Busy(address, f"still turns requests away after several tries (429: {said})", remedy)
    if status >= 500:
        remedy = "try again later; what was answered is written down"
        return Busy(address, f"fails after several tries ({status}: {said})", remedy)
    remedy = "mend the service's part of params.yaml (temperature: null and structured_output: false ask for less)"
    return Fault(address, f"refuses the request ({status}: {said})", remedy)


def words(error: Any) -> str:
    """What the service says itself."""
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else None
    return str(said or error)
