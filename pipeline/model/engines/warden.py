"""Starts a command, and ends it with whoever started the warden, be it killed: the command must not outlive what it serves.

    python warden.py WORD...

The command has a group of processes of its own. It gets SIGTERM when the warden's input closes, as it does when the process at its
other end is gone, and SIGKILL `GRACE_S` later. Knows no module of ours, so that it starts at once.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

GRACE_S, LOOK_S = 10.0, 0.1


def main() -> int:
    for one in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, lambda number, _: sys.exit(128 + number))
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, process_group=0)
    try:
        while command.poll() is None:
            readable, _, _ = select.select([0], [], [], LOOK_S)
            if readable and not os.read(0, 1):
                break
    finally:
        _end(command)
    return command.wait()


def _end(command: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, and then end it, with what it has left behind."""
    _send(command, signal.SIGTERM)
    end = time.monotonic() + GRACE_S
    while command.poll() is None and time.monotonic() < end:
        time.sleep(LOOK_S)
    _send(command, signal.SIGKILL)


def _send(command: "subprocess.Popen[bytes]", what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(command.pid, what)


if __name__ == "__main__":
    sys.exit(main() % 256)
