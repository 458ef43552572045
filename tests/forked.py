"""A command that a test starts again and again, to kill it: each start is a fork of a process that has imported it already.

    python -m tests.forked <module> <folder of stdout and stderr>

Takes commands from stdin, a line of JSON each: the folder to run in, and the arguments. Runs the module's `main` in a process of its
own, prints its id, and once it has ended its exit, negative where it was killed.
"""

import contextlib
import importlib
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.project import ROOT

NAMES = ("stdout", "stderr")


class Forked:
    """The other end: one command at a time."""

    def __init__(self, server, folder):
        self.server, self.folder, self.pid = server, folder, 0

    def start(self, *arguments, at):
        self.server.stdin.write(json.dumps([str(at), *arguments]).encode() + b"\n")
        self.pid = int(self.server.stdout.readline())
        return self

    def has_ended(self):
        return bool(select.select([self.server.stdout], [], [], 0)[0])

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self):
        """Its exit, and what it wrote to stdout and to stderr."""
        return int(self.server.stdout.readline()), *((self.folder / name).read_text() for name in NAMES)


@contextlib.contextmanager
def forked(module, folder, environment):
    """A process that has imported the module."""
    folder.mkdir()
    command = [sys.executable, "-m", "tests.forked", module, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, bufsize=0) as server:
        yield Forked(server, folder)
        server.stdin.close()


def main(name, folder):
    command = importlib.import_module(name).main
    for line in sys.stdin.buffer.raw:
        child = os.fork()
        if not child:
            return run(command, folder, *json.loads(line))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    return None


def run(command, folder, at, *arguments):
    """In the new process, which ends as a command of its own would."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    for number, stream in enumerate(NAMES, 1):
        os.dup2(os.open(folder / stream, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.chdir(at)
    sys.argv[1:] = arguments
    return command()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
