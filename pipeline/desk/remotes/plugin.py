"""DVC's plugin for the scheme of a remote: installed where it is missing, in the version that requirements/ pins."""

import re
import subprocess
import sys
from importlib import metadata

from pipeline.desk.remotes.setting import Setting
from pipeline.stage import Fault


def install(setting: Setting) -> None:
    """Install what the remote needs into the environment that runs this. Raises Fault where that fails."""
    scheme = setting.scheme
    if scheme is None or is_there(setting):
        return
    print(f"remote: installing {scheme.plugin} ({scheme.requirements})", flush=True)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--disable-pip-version-check",
        "--quiet",
        "-r",
        str(scheme.requirements),
    ]
    if subprocess.run(command, check=False).returncode:
        raise Fault(
            scheme.requirements, "could not be installed, pip's reason stands above", "mend it, and run this again"
        )


def is_there(setting: Setting) -> bool:
    """Whether the plugin of the remote is installed as pinned."""
    scheme = setting.scheme
    if scheme is None:
        return True
    try:
        version = metadata.version(scheme.plugin)
    except metadata.PackageNotFoundError:
        return False
    text = scheme.requirements.read_text(encoding="utf-8") if scheme.requirements.is_file() else ""
    pinned = re.search(rf"(?m)^{re.escape(scheme.plugin)}==(\S+)", text)
    return pinned is None or pinned[1] == version
