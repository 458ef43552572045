"""A real S3 server on this machine, a process of its own: what the tests of remotes push to and pull from."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUCKET = "gitune"
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
OTHERS = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")
STARTED_S = 60


@dataclass
class S3:
    """A server that runs, with one bucket. `nobody` is an environment without any account, `environment` has the server's keys."""

    endpoint: str
    nobody: dict[str, str]
    url: str = f"s3://{BUCKET}/objects"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs that talks to it; none of it is a secret."""
        return self.nobody | KEYS

    def client(self) -> Any:
        """boto3's client of it, for a test that looks into the bucket or tampers with it."""
        import boto3

        names = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
        keys = {name: KEYS[key] for key, name in names.items()}
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=KEYS["AWS_DEFAULT_REGION"], **keys)

    def names(self) -> list[str]:
        """The names of all that is in the bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]


def without_accounts(settings: Path) -> dict[str, str]:
    """The environment without any account of whoever runs the tests; `settings` is an empty file for the servers' client to read."""
    settings.touch()
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), str(settings))
    kept = {key: value for key, value in os.environ.items() if key not in (*KEYS, *OTHERS)}
    return kept | files | {"AWS_EC2_METADATA_DISABLED": "true"}


@contextmanager
def running_s3(log: Path, **settings: str) -> Iterator[S3]:
    """Start the server, wait until it answers, make the bucket; `settings` are moto's own, from the environment."""
    port, nobody = free_port(), without_accounts(log.with_name("aws-settings"))
    command = [str(Path(sys.executable).parent / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    with (
        log.open("wb") as said,
        subprocess.Popen(command, stdout=said, stderr=said, env=nobody | settings) as process,
    ):
        try:
            wait_for(port, process, log)
            server = S3(f"http://127.0.0.1:{port}", nobody)
            server.client().create_bucket(Bucket=BUCKET)
            yield server
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until the port is open. An error with what the server said, where it does not open."""
    until = time.monotonic() + STARTED_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"no S3 server on port {port}\n{log.read_text(errors='replace')[-2000:]}")
