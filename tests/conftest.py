"""Settings that all tests share."""

import json
import os
import shutil

import hypothesis
import pytest

os.environ.update(
    {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"), "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
)

# The same examples in every run; no bound on time, since machines are shared.
hypothesis.settings.register_profile(
    "steady", derandomize=True, deadline=None, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A random model on the disk."""
    from tests.lessons import make_base

    return make_base(tmp_path_factory.mktemp("random"))


@pytest.fixture
def trained(base, tmp_path, monkeypatch):
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
