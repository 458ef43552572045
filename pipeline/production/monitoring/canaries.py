"""Canaries: questions with fixed expectations that are asked of what is served, on a schedule, and what came of each.

A server that is there and gives no answer has failed the canary; one that is not there is said before anything is written.
"""

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from pipeline.data.questions import Question
from pipeline.production.logs.entry import Canary
from pipeline.production.monitoring.settings import Canaries
from pipeline.production.monitoring.taking import CANARY
from pipeline.scoring.checks import passes
from pipeline.stage import Fault


class Server:
    """What is served at an address of the OpenAI protocol; a context, which closes the connection."""

    def __init__(self, url: str, params: Canaries) -> None:
        import httpx2

        token = os.environ.get(params.token_env, "").strip() if params.token_env else ""
        headers = {"x-tags": CANARY, "x-user": CANARY} | ({"authorization": f"Bearer {token}"} if token else {})
        self._url = url.rstrip("/")
        self._client = httpx2.Client(timeout=params.timeout_s, headers=headers)

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def model(self) -> str:
        """The name of the model that is served. Raises Fault where nobody answers there."""
        import httpx2

        try:
            response = self._client.get(f"{self._url}/models")
            response.raise_for_status()
            return str(response.json()["data"][0]["id"])
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            remedy = "start it with make serve, and write its address like http://127.0.0.1:8080/v1"
            raise Fault(f"URL={self._url}", f"does not answer ({type(error).__name__})", remedy) from None
        except (ValueError, LookupError, TypeError):
            raise Fault(f"URL={self._url}", "serves no model", "write the address up to /v1") from None

    def ask(self, model: str, turns: Sequence[Any]) -> str | None:
        """The answer, None where there is none."""
        import httpx2

        try:
            body = {"model": model, "messages": turns, "temperature": 0.0}
            response = self._client.post(f"{self._url}/chat/completions", json=body)
            response.raise_for_status()
            answer = response.json()["choices"][0]["message"]["content"]
        except (httpx2.HTTPError, ValueError, LookupError, TypeError):
            return None
        return answer if isinstance(answer, str) else None


def asked(server: Server, questions: Iterable[Question]) -> Iterator[Canary]:
    """Ask each, one after the other."""
    model = server.model()
    for question in questions:
        began, now = time.monotonic(), datetime.now(UTC)
        answer = server.ask(model, [dict(turn) for turn in question.messages])
        passed = answer is not None and passes(answer, question.check.kind, question.check.value)
        taken = round(time.monotonic() - began, 3)
        yield Canary(id=question.id, time=now, model=model, answer=answer or "", passed=passed, total_s=taken)


def record(folder: Path, canaries: Sequence[Canary]) -> Path:
    """Append them to the log, in a file of this process."""
    now = canaries[0].time
    path = folder / f"{now:%Y-%m-%d}" / f"canaries-{now:%H%M%S}-{os.getpid()}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(b"".join(msgspec.json.encode(one) + b"\n" for one in canaries))
    return path


def told(canary: Canary, question: Question) -> str:
    """A line for a terminal."""
    if canary.passed:
        return f"ok      {canary.id} ({canary.total_s} s)"
    answer = json.dumps(canary.answer, ensure_ascii=False) if canary.answer else "nothing"
    return f"FAILED  {canary.id}: wanted {question.check.kind} {json.dumps(question.check.value, ensure_ascii=False)}, got {answer}"
