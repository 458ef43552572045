"""What of this machine can shape a result, as `reports/run.json` records it."""

import os
import platform
import re
from pathlib import Path
from typing import Any

CPU_INFO = Path("/proc/cpuinfo")
UNKNOWN = "unknown"


def machine() -> dict[str, Any]:
    """What of this machine can shape a result. No name of a host, and nothing that is different tomorrow."""
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "model": _model(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _model() -> str:
    """The processor by the name that its maker gave it; 'unknown' where the system does not say."""
    text = CPU_INFO.read_text(encoding="utf-8", errors="replace") if CPU_INFO.is_file() else ""
    found = re.search(r"(?m)^model name\s*:\s*(.+)$", text)
    return found[1].strip() if found else platform.processor() or UNKNOWN
