"""The client: one request, one answer. It tries again by itself where a service is busy or failing.

An attempt that the service broke off, or that took too long, may be on its bill all the same; no client can know.
"""

import json
from typing import Any

from pipeline.remote.failures import code_of, fault_of, masked
from pipeline.remote.service import Answer, Request, Service
from pipeline.stage import Fault

TIMEOUT_S, RETRIES = 180.0, 5
LIMIT, OLD_LIMIT = "max_completion_tokens", "max_tokens"
# A service that says one of these will say it again: that is its answer to the request
DECLINED = {
    "content_filter": "declined",
    "content_policy_violation": "declined",
    "context_length_exceeded": "too_long",
}
FINISHES = {"length": "length", "content_filter": "declined"}


class Chat:
    """A service, ready to be asked; a context, which closes the connection. `key` goes into the requests' header and nowhere else."""

    def __init__(self, service: Service, key: str, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> None:
        from openai import OpenAI, omit

        # What stands in the environment for another service is none of this one's business
        headers: Any = {"OpenAI-Organization": omit, "OpenAI-Project": omit}
        self._service, self._key, self._limit = service, key, LIMIT
        self._client = OpenAI(
            base_url=service.base_url, api_key=key, timeout=timeout_s, max_retries=retries, default_headers=headers
        )

    def __enter__(self) -> "Chat":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def ask(self, request: Request) -> Answer:
        """The service's answer, an empty or refusing one too. Raises Fault where there is none."""
        from openai import OpenAIError

        try:
            body = self._send(request)
        except OpenAIError as error:
            if finish := DECLINED.get(code_of(error)):
                return Answer("", finish, 0, 0, 0.0)
            service = self._service
            raise fault_of(error, service.model, service.api_key_env, self._key, service.base_url) from None
        return self._answer(request, body)

    def _send(self, request: Request) -> bytes:
        from openai import APIStatusError

        try:
            return self._post(request)
        except APIStatusError as error:
            if self._limit == OLD_LIMIT or error.status_code not in (400, 422) or LIMIT not in error.response.text:
                raise
        self._limit = OLD_LIMIT  # an older service; it is remembered for the rest of the run
        return self._post(request)

    def _post(self, request: Request) -> bytes:
        import httpx2

        body = {self._limit if key == "max_tokens" else key: value for key, value in request.content.items()}
        response: httpx2.Response = self._client.post("/chat/completions", cast_to=httpx2.Response, body=body)
        return response.content

    def _answer(self, request: Request, body: bytes) -> Answer:
        try:
            value = json.loads(body.decode("utf-8", "replace"))
            text, finish = _text(value["choices"]), _finish(value["choices"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            said = masked(body[:1000].decode("utf-8", "replace"), self._key)
            remedy = "mend base_url in params.yaml; it mostly ends with /v1"
            raise Fault(self._service.base_url, f"answers with no chat completion ({said})", remedy) from None
        prompt_tokens, completion_tokens = _used(value.get("usage"), request)
        cost = round(self._service.cost(prompt_tokens, completion_tokens), 9)
        return Answer(text, finish, prompt_tokens, completion_tokens, cost)


def _text(choices: list[dict[str, Any]]) -> str:
    """What the service wrote; a refusal is what it wrote too. Half a surrogate pair becomes a question mark."""
    message = choices[0].get("message") if len(choices) else None
    said = message.get("content") or message.get("refusal") or "" if message else ""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode()


def _finish(choices: list[dict[str, Any]]) -> str:
    """Why it ended there. A service that gives no choice has declined; one that gives no reason has come to its end."""
    return FINISHES.get(str(choices[0].get("finish_reason")), "stop") if choices else "declined"


def _used(usage: Any, request: Request) -> tuple[int, int]:
    """Tokens as the service counts them; where it does not, as many as there can be."""
    counted = usage if isinstance(usage, dict) else {}
    found = counted.get("prompt_tokens"), counted.get("completion_tokens")
    bounds = request.most_prompt_tokens, request.most_completion_tokens
    prompt, completion = (
        count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else bound
        for count, bound in zip(found, bounds, strict=True)
    )
    return prompt, completion
