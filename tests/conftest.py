"""Settings that all tests share."""

import gc
import json
import os
import random
import shutil
import signal
from functools import partial

import hypothesis
import pytest

# One thread, since two processes may share two cores
os.environ.update(
    {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"), "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
)

# What a script runs in its background ignores interrupts, and so would all that the tests start and interrupt
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run; no bound on time, since machines are shared.
hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")

LONGEST = tuple(  # about a minute each, or more
    f"test_{name}.py"
    for name in (
        "methods",
        "rehearsal_of_a_team",
        "turn_of_the_wheel",
        "crash",
        "pipeline",
        "families",
        "promote",
        "learning",
        "forget",
        "engines",
    )
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """A rehearsal is slow, whether it says so or not. The longest files come first, so that no process is left alone with one."""
    for item in items:
        if item.get_closest_marker("rehearsal"):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def rng(request):
    """Random numbers of a seed of its own in each run, which a failure shows; GITUNE_SEED=<number> draws the same again."""
    seed = int(os.environ.get("GITUNE_SEED") or random.SystemRandom().randrange(2**32))
    print(f"{request.node.name}: GITUNE_SEED={seed} draws the same moments again")
    return random.Random(seed)


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A random model on the disk."""
    from tests.lessons import make_base

    return make_base(tmp_path_factory.mktemp("random"))


@pytest.fixture(scope="session")
def settled():
    """Everything that trains is imported, and Python no longer looks through it for garbage: half of the time of a tiny run."""
    from trl import DPOTrainer, GRPOTrainer, RewardTrainer, SFTTrainer  # noqa: F401  # TRL imports on demand

    gc.collect()
    gc.freeze()


@pytest.fixture
def hub():
    """A hub that runs; `hub.stop()` takes it down."""
    from tests.hub import running_hub

    with running_hub() as server:
        yield server


@pytest.fixture(scope="session")
def locked_project(tmp_path_factory):
    """A small project that has run, with an accepted model; a test works on a copy."""
    from tests.locked_project import build_locked

    return build_locked(tmp_path_factory.mktemp("locked") / "project")


@pytest.fixture(scope="session")
def s3_process(tmp_path_factory):
    """An S3 server that runs, a process of its own; started when the first test asks for it."""
    from tests.s3_server import running_s3

    with running_s3(tmp_path_factory.mktemp("s3") / "log") as server:
        yield server


@pytest.fixture
def s3(s3_process, tmp_path):
    """The same server with a folder of its own in the bucket, so that tests do not see each other's objects."""
    from dataclasses import replace

    return replace(s3_process, url=f"{s3_process.url}/{tmp_path.name}")


@pytest.fixture
def trained(base, settled, tmp_path, monkeypatch):  # noqa: ARG001  # it is there for what it does
    """Trains a random model in a folder of its own; gives the proofs and the folder of what was made."""
    from pipeline.train import main
    from tests.lessons import params, paths, project

    monkeypatch.chdir(tmp_path)

    def run(*phases, records=(), checked=(), out="out", **changes):
        project(tmp_path, base, records, checked)
        shutil.rmtree(tmp_path / out, ignore_errors=True)
        main(params(*phases, **changes), *paths(out))
        return json.loads((tmp_path / out / "proofs.json").read_text()), tmp_path / out

    return run


@pytest.fixture
def service(monkeypatch):
    """A fine-tuning service on this machine; it has nothing to complain of at the end."""
    from pipeline.model.hosted import job as jobs
    from tests.tuning_service import KEY, OWN, tuning_service

    monkeypatch.setenv(OWN["api_key_env"], KEY)
    monkeypatch.setattr(jobs, "Tuning", partial(jobs.Tuning, retries=0))
    with tuning_service() as found:
        yield found
    assert found.complaints == []


@pytest.fixture
def hosted(service, tmp_path, monkeypatch):
    """Trains at the service, in a folder without a model of its own."""
    from pipeline.data.records import write_records
    from pipeline.train import main
    from tests.lessons import params, paths
    from tests.project import record
    from tests.tuning_service import OWN

    monkeypatch.chdir(tmp_path)
    write_records(tmp_path / "few_shot.jsonl", [])
    (tmp_path / "answer.schema.json").write_text('{"type": "string"}')
    (tmp_path / "single.yaml").write_text("")
    (tmp_path / "prompt.yaml").write_text("system: Answer.\nfew_shot: []\n")
    (tmp_path / "base.json").write_text(json.dumps({"model": "local", "revision": "", "licence": "x", "files": {}}))

    def run(records=(), checked=(), turns="last", **changes):
        write_records(tmp_path / "train.jsonl", records or [record(n) for n in range(8)])
        write_records(tmp_path / "validation.jsonl", checked or [record(20)])
        own = OWN | {"base_url": service.address} | changes
        main(params("api", api=own, turns=turns), *paths())
        return tmp_path / "out"

    return run
