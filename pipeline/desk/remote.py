"""Set the project's remote: where DVC keeps the objects that dvc.lock names, for every clone.

    python -m pipeline.desk.remote URL ENDPOINT

URL is a folder, or s3://, gs://, azure:// or ssh://; where it is '' and no remote is set, a folder beside the project, which needs no
account. ENDPOINT is the address of another server of that protocol, '' for the usual one.
Both go into `.dvc/config`, which git holds, with `verify` on: DVC hashes what it pulls. What is secret comes from the environment,
so an address with a secret in it is refused. The plugin that DVC needs is installed, in the pinned version.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.data.plain_text import plain
from pipeline.desk.remotes.plugin import install
from pipeline.desk.remotes.schemes import SCHEMES
from pipeline.desk.remotes.setting import CONFIG, HOW, Setting, check_config, default_remote, secret_in, without_secrets
from pipeline.stage import Fault

NAME = "storage"


def set_remote(root: Path, url: str, endpoint: str) -> Setting:
    """Write the default remote into `.dvc/config`; one that is there gets the new address. Raises Fault at what cannot be meant."""
    check_config(root)
    before = default_remote(root)
    if before and not url.strip():
        raise Fault("URL", f"is not set (the remote is {before.shown})", HOW)
    address = checked(url.strip() or beside(root), endpoint.strip(), root)
    name = before.name if before else NAME
    install(Setting(name, address, endpoint.strip(), is_verified=True))
    write(root, name, address, endpoint.strip())
    setting = default_remote(root)
    assert setting
    return setting


def beside(root: Path) -> str:
    """The folder that is taken where none is named: beside the project, so that a clone beside it finds it too."""
    return f"../{root.resolve().name}-objects"


def checked(url: str, endpoint: str, root: Path) -> str:
    """The address as it is to be written. Raises Fault where it carries a secret, or is of a scheme that is not set up here."""
    for name, value in (("URL", url), ("ENDPOINT", endpoint)):
        if fault := secret_in(value):
            raise Fault(
                f"{name}={plain(without_secrets(value))}",
                fault,
                "leave it out and set it in the environment (docs/remotes.md)",
            )
    if "://" not in url:
        if endpoint:
            raise Fault("ENDPOINT", "is for s3:// and gs://, and URL is a folder", "leave it out")
        return _folder(url, root)
    scheme = SCHEMES.get(urlsplit(url).scheme)
    if scheme is None:
        raise Fault(f"URL={plain(url)}", f"is none of {', '.join(f'{one}://' for one in SCHEMES)}", HOW)
    if not urlsplit(url).netloc:
        raise Fault(f"URL={plain(url)}", "names no bucket, container or host", HOW)
    if endpoint and not scheme.has_endpoint:
        raise Fault("ENDPOINT", f"is for s3:// and gs://, and URL is {scheme.name}://", "leave it out")
    if endpoint and urlsplit(endpoint).scheme not in ("http", "https"):
        raise Fault(f"ENDPOINT={plain(endpoint)}", "is no address of a server", "write it with http:// or https://")
    return url


def _folder(url: str, root: Path) -> str:
    """A folder outside the project; made where it is not there."""
    place = Path(url).expanduser()
    if (root / place).resolve().is_relative_to(root.resolve()):
        raise Fault(
            f"URL={plain(url)}", "lies in the project, where git would take its objects", "name a folder outside"
        )
    try:
        (root / place).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(
            f"URL={plain(url)}", f"cannot be created ({error.strerror})", "mend its rights, or name another one"
        ) from None
    return str(place)


def write(root: Path, name: str, url: str, endpoint: str) -> None:
    """The remote as the default one. A relative folder is written relative to `.dvc`, as DVC reads it."""
    from dvc.config import Config, ConfigError

    values: dict[str, object] = {"url": url, "verify": True}
    if endpoint:
        values["endpointurl"] = endpoint
    try:
        with Config(str(root / ".dvc")).edit("repo") as config:
            config["remote"][name] = values
            config["core"]["remote"] = name
    except ConfigError as error:
        raise Fault(
            CONFIG, f"could not be written ({plain(str(error))[:200]})", "mend it, or restore it from git"
        ) from None


def main() -> None:
    url, endpoint = [*sys.argv[1:], "", ""][:2]
    try:
        setting = set_remote(Path.cwd(), url, endpoint)
    except Fault as fault:
        sys.exit(f"remote: {fault}")
    print(f"remote: {setting.shown} is the default remote, and what is pulled from it is hashed")
    if scheme := setting.scheme:
        held = (
            "found in the environment" if scheme.is_given else f"not found: {scheme.variables}; else {scheme.otherwise}"
        )
        print(f"remote: an account is {held}")
    print(f"remote: commit {CONFIG}, then make push")


if __name__ == "__main__":
    main()
