"""The model hub: pin a revision, fetch its files, and say in a line what is in the way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.stage import Fault

NEEDED = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "tokenizer.model", "*.txt")
T = TypeVar("T")


def pin(model: str) -> tuple[str, str, list[str]]:
    """Commit, licence and needed files of a model on the hub."""
    from fnmatch import fnmatch

    from huggingface_hub import HfApi

    info: Any = _asked(model, lambda: HfApi().model_info(model))
    names = [sibling.rfilename for sibling in info.siblings or []]
    needed = sorted(
        name
        for name in names
        if "/" not in name and not name.startswith("consolidated") and any(fnmatch(name, pattern) for pattern in NEEDED)
    )
    if not any(name.endswith(".safetensors") for name in needed):
        raise Fault(
            model, "has no safetensors weights", "take a model that has; other formats can run code when they are read"
        )
    licence = (info.card_data or {}).get("license") or "unknown"
    return info.sha, str(licence), needed


def snapshot(model: str, revision: str, files: list[str], place: Path | str) -> Path:
    """The folder of a model's files at a revision: from the cache, or downloaded into it."""
    from huggingface_hub import snapshot_download

    folder = _asked(model, lambda: snapshot_download(model, revision=revision, allow_patterns=files), place)
    return Path(folder)


def _asked(model: str, ask: Callable[[], T], place: Path | str = "") -> T:
    """The hub's answer, or a Fault that says what to do."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    where = place or model
    try:
        return ask()
    except GatedRepoError:
        raise Fault(
            where,
            f"{model} is gated",
            f"accept its licence at https://huggingface.co/{model} and set HF_TOKEN in the environment",
        ) from None
    except HFValidationError:
        raise Fault(where, f"{model} is no id of the hub", "write owner/name, or the path of a folder") from None
    except RepositoryNotFoundError:
        remedy = "mend the id, or set HF_TOKEN in the environment if it is private"
        raise Fault(where, f"{model} is neither a folder nor a model on the hub", remedy) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, HTTPError, ConnectionError) as error:
        if (
            isinstance(error, HfHubHTTPError)
            and error.response is not None
            and error.response.status_code in (401, 403)
        ):
            raise Fault(
                where,
                f"the hub refuses {model}",
                f"accept its licence at https://huggingface.co/{model} and set HF_TOKEN",
            ) from None
        remedy = "connect, or fill the cache (HF_HOME) on a machine that is connected and copy it here"
        raise Fault(where, f"the hub cannot be reached and {model} is not in the cache", remedy) from None
