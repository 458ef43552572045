"""A fine-tuning service of the OpenAI protocol: models, files, jobs, their events and checkpoints, each call one method.

What can be asked again is tried several times. A job is asked for once: a service that broke off may have begun it, and what may
have been begun is looked for before it is asked for again.
"""

import json
from collections.abc import Iterator
from typing import Any

from pipeline.remote.failures import fault_of, masked
from pipeline.remote.service import Endpoint
from pipeline.stage import Fault

TIMEOUT_S, RETRIES, PAGE = 180.0, 5, 100
Json = dict[str, Any]


class Tuning:
    """The service, ready to be asked; a context, which closes the connection."""

    def __init__(self, endpoint: Endpoint, key: str, timeout_s: float = TIMEOUT_S, retries: int = RETRIES) -> None:
        from openai import OpenAI, omit

        headers: Any = {"OpenAI-Organization": omit, "OpenAI-Project": omit}
        self._endpoint, self._key = endpoint, key
        self._client = OpenAI(
            base_url=endpoint.base_url, api_key=key, timeout=timeout_s, max_retries=retries, default_headers=headers
        )

    def __enter__(self) -> "Tuning":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def models(self) -> list[Json] | None:
        """The models that the service names, or None where it names none."""
        try:
            return list(self._listed("/models"))
        except Fault:
            return None

    def files(self) -> Iterator[Json]:
        """The files that were uploaded for fine-tuning."""
        return self._listed("/files", purpose="fine-tune")

    def file(self, name: str) -> Json:
        """A file by its id."""
        return self._get(f"/files/{name}")

    def upload(self, name: str, content: bytes) -> Json:
        """Upload a file for fine-tuning; the second one of the same content does no harm."""
        return self._raw(
            lambda: self._client.files.with_raw_response.create(file=(name, content), purpose="fine-tune").content
        )

    def jobs(self) -> Iterator[Json]:
        """The jobs, newest first."""
        return self._listed("/fine_tuning/jobs")

    def job(self, name: str) -> Json:
        """A job by its id."""
        return self._get(f"/fine_tuning/jobs/{name}")

    def create(self, body: Json) -> Json:
        """Ask for a job, once."""
        import httpx2

        once = self._client.with_options(max_retries=0)
        return self._raw(lambda: once.post("/fine_tuning/jobs", cast_to=httpx2.Response, body=body).content)

    def events(self, job: str) -> list[Json]:
        """What the service says of a job, the oldest first."""
        return list(self._listed(f"/fine_tuning/jobs/{job}/events"))[::-1]

    def checkpoints(self, job: str) -> list[Json]:
        """The checkpoints of a job, the oldest first; none where the service knows no such thing."""
        try:
            return list(self._listed(f"/fine_tuning/jobs/{job}/checkpoints"))[::-1]
        except Fault:
            return []

    def _listed(self, path: str, **query: str) -> Iterator[Json]:
        after: str | None = None
        while True:
            page = self._get(path, **query, limit=str(PAGE), **({"after": after} if after else {}))
            rows = page.get("data")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self._odd(json.dumps(page))
            yield from rows
            after = str(rows[-1].get("id")) if rows and page.get("has_more") is True else None
            if after is None:
                return

    def _get(self, path: str, **query: str) -> Json:
        import httpx2

        return self._raw(lambda: self._client.get(path, cast_to=httpx2.Response, options={"params": query}).content)

    def _raw(self, call: Any) -> Json:
        from openai import OpenAIError

        endpoint = self._endpoint
        try:
            body: bytes = call()
        except OpenAIError as error:
            raise self._fault(error) or fault_of(
                error, endpoint.model, endpoint.api_key_env, self._key, endpoint.base_url
            ) from None
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise self._odd(body[:1000].decode("utf-8", "replace")) from None
        if not isinstance(value, dict):
            raise self._odd(body[:1000].decode("utf-8", "replace"))
        return value

    def _fault(self, error: Any) -> Fault | None:
        """A fault that means something else here than where a model is asked."""
        status = getattr(error, "status_code", None)
        if status == 403:
            fault = f"lets this organisation fine-tune nothing (403: {self.masked(str(error.message))})"
            remedy = "ask the service who still may, or name another one; OpenAI has taken no new organisations since 2026-05-07"
            return Fault(self._endpoint.base_url, fault, f"{remedy}, and no jobs after 2027-01-06 (docs/hosted.md)")
        if status in (400, 422):
            fault = f"refuses the request ({status}: {self.masked(str(error.message))})"
            return Fault(self._endpoint.base_url, fault, "mend train.api in params.yaml")
        return None

    def masked(self, text: str) -> str:
        """The service's own words, fit to be shown."""
        return masked(text, self._key)

    def _odd(self, said: str) -> Fault:
        fault = f"answers with something else than was asked for ({self.masked(said)})"
        return Fault(self._endpoint.base_url, fault, "mend base_url in params.yaml; it mostly ends with /v1")
