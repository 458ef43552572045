"""What a remote of each scheme needs: DVC's plugin, and variables of the environment with the account."""

import os
from dataclasses import dataclass
from pathlib import Path

REQUIREMENTS = Path("requirements")


@dataclass(frozen=True)
class Scheme:
    """A kind of remote. Any one group of `accounts` gives access, all variables of it together; `otherwise` is what else does."""

    name: str
    plugin: str
    accounts: tuple[tuple[str, ...], ...]
    otherwise: str
    has_endpoint: bool = False
    has_user: bool = False

    @property
    def requirements(self) -> Path:
        """The pinned requirements of the plugin."""
        return REQUIREMENTS / f"remote-{self.name}.txt"

    @property
    def is_given(self) -> bool:
        """Whether the environment has an account of any kind."""
        return any(all(os.environ.get(name) for name in group) for group in self.accounts)

    @property
    def variables(self) -> str:
        """The usual variables in words."""
        return " and ".join(self.accounts[0])


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="s3",
            plugin="dvc-s3",
            accounts=(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), ("AWS_PROFILE",)),
            otherwise="a login of the aws command, or the role of the machine",
            has_endpoint=True,
        ),
        Scheme(
            name="gs",
            plugin="dvc-gs",
            accounts=(("GOOGLE_APPLICATION_CREDENTIALS",),),
            otherwise="gcloud auth application-default login, or the account of the machine",
            has_endpoint=True,
        ),
        Scheme(
            name="azure",
            plugin="dvc-azure",
            accounts=(
                ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY"),
                ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_SAS_TOKEN"),
                ("AZURE_STORAGE_CONNECTION_STRING",),
            ),
            otherwise="AZURE_STORAGE_ACCOUNT and az login, or the identity of the machine",
        ),
        Scheme(
            name="ssh",
            plugin="dvc-ssh",
            accounts=(("SSH_AUTH_SOCK",),),
            otherwise="a key below ~/.ssh that ssh takes without a password",
            has_user=True,
        ),
    )
}
