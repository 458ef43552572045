"""The remote that `.dvc/config` names: read, checked for secrets, and told to a person."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pipeline.data.plain_text import plain
from pipeline.desk.remotes.schemes import SCHEMES, Scheme
from pipeline.stage import Fault

CONFIG = Path(".dvc/config")
HOW = "make remote URL=<folder, s3://..., gs://..., azure://... or ssh://...>"
NOT_SET = f"no remote is set: {HOW} sets one, and make remote alone a folder beside the project"
# Names of DVC's settings whose values are secrets. In .dvc/config they would go into git.
SECRETS = {
    "access_key_id", "secret_access_key", "session_token", "sse_customer_key", "password", "passphrase", "token", "custom_auth_header",
    "connection_string", "sas_token", "account_key", "client_secret", "oss_key_id", "oss_key_secret", "gdrive_client_secret",
}  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """A remote. `url` is an address, or the path of a folder as it stands in the configuration."""

    name: str
    url: str
    endpoint: str
    is_verified: bool

    @property
    def scheme(self) -> Scheme | None:
        """What it needs; None for a folder, and for a scheme that only DVC knows."""
        return SCHEMES.get(urlsplit(self.url).scheme)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of this machine."""
        return "://" not in self.url

    @property
    def shown(self) -> str:
        """Name and address as one may print them."""
        return f"{plain(self.name)} ({plain(without_secrets(self.url))})"


def without_secrets(url: str) -> str:
    """An address without user, password, query and fragment."""
    parts = urlsplit(url)
    return (
        parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl() if parts.scheme else url
    )


def remotes_of(root: Path) -> dict[str, Setting]:
    """Every remote that is configured for the project. Raises Fault where the configuration cannot be read."""
    remotes = _config(root, None)["remote"]
    return {
        str(name): Setting(
            name=str(name),
            url=str(values.get("url", "")),
            endpoint=str(values.get("endpointurl", "")),
            is_verified=bool(values.get("verify")),
        )
        for name, values in remotes.items()
    }


def default_remote(root: Path) -> Setting | None:
    """The default remote; None where none is set. Raises Fault where `.dvc/config` names one that it does not describe."""
    name = _config(root, None)["core"].get("remote")
    if not name:
        return None
    found = remotes_of(root).get(str(name))
    if found is None:
        raise Fault(f"{CONFIG}: core.remote", f"names {plain(str(name))!r}, which is no remote", HOW)
    return found


def check_config(root: Path) -> None:
    """Raises Fault where the configuration that git holds has a secret in it."""
    for name, values in _config(root, "repo")["remote"].items():
        place = f"{CONFIG}: remote {plain(str(name))}"
        for key in sorted(SECRETS & values.keys()):
            raise Fault(
                place,
                f"holds {key}, which git would hand to everybody",
                "take it out, and set it in the environment (docs/remotes.md)",
            )
        if fault := secret_in(str(values.get("url", ""))) or secret_in(str(values.get("endpointurl", ""))):
            raise Fault(place, fault, f"take it out: {HOW}")


def secret_in(url: str) -> str:
    """Why an address may carry a secret, '' where it does not."""
    parts = urlsplit(url) if "://" in url else None
    if parts is None:
        return ""
    user, has_user, _ = parts.netloc.rpartition("@")
    if ":" in user:
        return "carries a password"
    scheme = SCHEMES.get(parts.scheme)
    if has_user and not (scheme and scheme.has_user):
        return "carries a name or a key before the @"
    return "carries a query, as addresses with keys do" if parts.query or parts.fragment else ""


def _config(root: Path, level: str | None) -> Any:
    """DVC's configuration: of everywhere together, or of one level."""
    from dvc.config import Config, ConfigError

    folder = root / ".dvc"
    try:
        config = Config(str(folder))
        found = config if level is None else config.load_one(level)
    except ConfigError as error:
        raise Fault(
            CONFIG, f"cannot be read ({' '.join(str(error).split())[:200]})", "mend it, or restore it from git"
        ) from None
    return {"core": found.get("core", {}), "remote": found.get("remote", {})}
