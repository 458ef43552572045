"""The few calls of GitHub's REST API that a workflow needs, with the standard library alone, so that a job need install nothing."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, NoReturn

TIMEOUT_S = 30


def fail(command: str, fault: str, remedy: str) -> NoReturn:
    """Say in one line what is wrong and what to do, and exit 1."""
    sys.exit(f"{command}: {fault}; {remedy}")


def setting(command: str, name: str) -> str:
    """A variable of the environment that the workflow has to give."""
    value = os.environ.get(name, "")
    if not value:
        fail(command, f"{name} is not set", "the workflow gives it; it is not run at a desk")
    return value


class Api:
    """A repository at GitHub; `command` names in an error who asked."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._root = f"{os.environ.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{setting(command, 'GITHUB_REPOSITORY')}"
        self._token = setting(command, "GITHUB_TOKEN")

    def get(self, path: str, **query: str) -> Any:
        """What stands at a path below the repository."""
        return self._ask("GET", f"{path}?{urllib.parse.urlencode(query)}", None)

    def send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        """Create or change what stands at a path."""
        return self._ask(method, path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, body: bytes | None) -> Any:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/vnd.github+json",
            "X-GitHub-Api-Version": "2022-11-28",
            "Content-Type": "application/json",
            "User-Agent": "gitune",
        }
        asked = urllib.request.Request(f"{self._root}/{path}", data=body, headers=headers, method=method)  # noqa: S310  # the address is GitHub's own
        try:
            with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            remedy = (
                "give the job the right pull-requests: write"
                if error.code in (401, 403)
                else "look at the workflow's run"
            )
            fail(self._command, f"{method} {path.partition('?')[0]} was answered with {error.code}", remedy)
        except (urllib.error.URLError, TimeoutError, ValueError) as error:
            fail(self._command, f"{method} {path.partition('?')[0]} failed ({error})", "run the workflow again")
