"""A fine-tuning service of the OpenAI protocol: models, files, jobs, their events and checkpoints, each call one method.

What can be asked again is tried several times. A job is asked for once: a service that broke off may have begun it, and what may
have been begun is looked for before it is asked for again.
"""

import json
import re
from collections.abc import Callable, Container, Iterator
from typing import Any

from pipeline.remote.failures import Away, Missing, fault_of, masked, words
from pipeline.remote.service import Endpoint
from pipeline.stage import Fault

TIMEOUT_S, RETRIES, PAGE = 180.0, 5, 100
IDENTITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,199}")  # it becomes part of an address, and is shown
UNKNOWN = (404, 405, 501)
BASE_URL = "mend base_url in params.yaml; it mostly ends with /v1"
Json = dict[str, Any]
Tell = Callable[[str, Any], Fault]  # what an error of the client means, by the path that was asked


def mapping(value: Any) -> Json:
    """What a service sent where a mapping belongs; anything else counts as an empty one."""
    return value if isinstance(value, dict) else {}


def name_of(event: Json) -> str:
    """What tells an event from the others: its id, or where a service gives none all of it."""
    identity = event.get("id")
    return identity if isinstance(identity, str) and identity else json.dumps(event, sort_keys=True)


class Tuning:
    """The service, ready to be asked; a context, which closes the connection.

    Raises Away where a service may answer later, Missing where it has no such thing, else Fault.
    """

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

    def models(self) -> list[Json]:
        """The models that the service names."""
        return self._all("/models")

    def files(self) -> list[Json]:
        """The files that were uploaded for fine-tuning."""
        return self._all("/files", purpose="fine-tune")

    def file(self, name: str) -> Json:
        """A file by its id."""
        return self._get(f"/files/{name}")

    def upload(self, name: str, content: bytes) -> Json:
        """Upload a file for fine-tuning; the second one of the same content does no harm."""
        files = self._client.files.with_raw_response
        return self._raw("/files", lambda: files.create(file=(name, content), purpose="fine-tune").content, self._fault)

    def jobs(self) -> list[Json]:
        """The jobs, newest first."""
        return self._all("/fine_tuning/jobs")

    def job(self, name: str) -> Json:
        """A job by its id. Raises Fault where the service says no state of it."""
        found = self._get(f"/fine_tuning/jobs/{name}")
        if not isinstance(found.get("status"), str):
            raise self._odd(json.dumps(found))
        return found

    def create(self, body: Json) -> Json:
        """Ask for a job, once."""
        once = self._client.with_options(max_retries=0)
        return self._post(once, "/fine_tuning/jobs", body, self._unsure)

    def cancel(self, name: str) -> Json:
        """Stop a job."""
        return self._post(self._client, f"/fine_tuning/jobs/{name}/cancel", {}, self._fault)

    def events(self, job: str, known: Container[str] = ()) -> list[Json]:
        """What the service says of a job, the oldest first; none where it has no such thing.

        It is read, the newest first, until a page is `known` by name; then what comes before is left out.
        """
        found: list[Json] = []
        try:
            for page in self._pages(f"/fine_tuning/jobs/{job}/events"):
                found += page
                if all(name_of(event) in known for event in page):
                    break
        except Missing:
            return []
        found.reverse()
        return sorted(found, key=_moment)

    def checkpoints(self, job: str) -> list[Json]:
        """The checkpoints of a job, the oldest first; none where the service knows no such thing."""
        try:
            return self._all(f"/fine_tuning/jobs/{job}/checkpoints")[::-1]
        except Missing:
            return []

    def identity(self, answer: Json) -> str:
        """The id of what the service answered with. Raises Fault where it has none that can be used."""
        found = answer.get("id")
        if not isinstance(found, str) or not IDENTITY.fullmatch(found):
            raise Fault(self._endpoint.base_url, f"gave no id ({self.masked(json.dumps(answer))})", BASE_URL)
        return found

    def masked(self, text: str) -> str:
        """The service's own words, fit to be shown."""
        return masked(text, self._key)

    def _all(self, path: str, **query: str) -> list[Json]:
        return [row for page in self._pages(path, **query) for row in page]

    def _pages(self, path: str, **query: str) -> Iterator[list[Json]]:
        """Page by page, to the end. A service that knows no pages and sends the first one for ever is read once."""
        read: list[Any] = []
        while True:
            page = self._get(path, **query, limit=str(PAGE), **({"after": read[-1]} if read else {}))
            rows = page.get("data")
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise self._odd(json.dumps(page))
            last = rows[-1].get("id") if rows else None
            if last in read:
                return
            yield rows
            if page.get("has_more") is not True or not isinstance(last, str):
                return
            read.append(last)

    def _get(self, path: str, **query: str) -> Json:
        import httpx2

        client = self._client
        return self._raw(
            path, lambda: client.get(path, cast_to=httpx2.Response, options={"params": query}).content, self._fault
        )

    def _post(self, client: Any, path: str, body: Json, fault_of_error: Tell) -> Json:
        import httpx2

        return self._raw(path, lambda: client.post(path, cast_to=httpx2.Response, body=body).content, fault_of_error)

    def _raw(self, path: str, call: Callable[[], bytes], fault_of_error: Tell) -> Json:
        from openai import OpenAIError

        try:
            body = call()
        except OpenAIError as error:
            raise fault_of_error(path, error) from None
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise self._odd(body[:1000].decode("utf-8", "replace")) from None
        if not isinstance(value, dict):
            raise self._odd(body[:1000].decode("utf-8", "replace"))
        return value

    def _fault(self, path: str, error: Any) -> Fault:
        """What an error of the client means where a service is to train, and not to answer."""
        endpoint, status = self._endpoint, getattr(error, "status_code", None)
        said = f"({status}: {self.masked(words(error))})" if status else ""
        if status == 403:
            remedy = "ask the service who still may, or name another one; OpenAI has taken no new organisations since 2026-05-07"
            return Fault(
                endpoint.base_url,
                f"lets this organisation fine-tune nothing {said}",
                f"{remedy}, and no jobs after 2027-01-06 (docs/hosted.md)",
            )
        if status in UNKNOWN:
            return Missing(endpoint.base_url, f"has no {path} {said}", "mend model or base_url in params.yaml")
        if status in (400, 413, 422):
            return Fault(endpoint.base_url, f"refuses the request {said}", "mend train.api in params.yaml")
        return fault_of(error, endpoint.model, endpoint.api_key_env, self._key, endpoint.base_url)

    def _unsure(self, path: str, error: Any) -> Fault:
        """What an error means where a job was asked for: only a service that says no has certainly begun none."""
        fault, address = self._fault(path, error), self._endpoint.base_url
        if not isinstance(fault, Away):
            return fault
        said = self.masked(words(error))
        if getattr(error, "status_code", None) == 429:
            return Fault(address, f"takes no job now (429: {said})", "wait, or raise the limit there; none was begun")
        remedy = "run again: the job is looked for before another one is asked for"
        return Fault(address, f"does not say whether it began the job ({said})", remedy)

    def _odd(self, said: str) -> Fault:
        fault = f"answers with something else than was asked for ({self.masked(said)})"
        return Fault(self._endpoint.base_url, fault, BASE_URL)


def _moment(event: Json) -> int:
    created = event.get("created_at")
    return created if isinstance(created, int) else 0
