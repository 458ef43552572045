"""Put a folder on the model hub in one commit, with a tag that names it: all of it is there, or nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.stage import Fault


def has_tag(repo: str, tag: str) -> bool:
    """Whether the repository on the hub has the tag. Raises Fault where it cannot be asked."""
    from huggingface_hub import HfApi

    with _saying(repo):
        return any(ref.name == tag for ref in HfApi().list_repo_refs(repo).tags)


def push(repo: str, folder: Path, names: list[str], extra: dict[str, bytes], message: str, tag: str) -> None:
    """Commit the files and what stands in `extra`, then the tag. The token is HF_TOKEN of the environment. Raises Fault."""
    from huggingface_hub import CommitOperationAdd, HfApi

    added = [CommitOperationAdd(name, str(folder / name)) for name in names]
    added += [CommitOperationAdd(name, content) for name, content in extra.items()]
    with _saying(repo):
        done = HfApi().create_commit(repo, added, commit_message=message)
        HfApi().create_tag(repo, tag=tag, revision=done.oid)


@contextmanager
def _saying(repo: str) -> Iterator[None]:
    """Turns what the hub's client raises into a line."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        yield
    except (HTTPError, HfHubHTTPError, HFValidationError, ConnectionError) as error:
        words = " ".join(str(error).split())[:200]
        remedy = "make the repository on the hub, set HF_TOKEN with the right to write, and run make publish again"
        raise Fault(f"hf://{repo}", f"cannot be read or written ({words})", remedy) from None
