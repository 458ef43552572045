"""Every key of section `train.api` is read: what the service is sent, what is written down, or what is refused changes with it."""

import json
import time
from typing import Any

import pytest

from pipeline.stage import Fault
from tests.knobs import keys_of
from tests.lessons import mixed
from tests.project import record
from tests.tuning_service import asked

pytestmark = pytest.mark.slow
NUMBERS = ("job", "method", "supervised", "hyperparameters")
CASES: dict[str, tuple[Any, tuple[str, ...], Any]] = {  # to what it is changed, where that shows, and as what
    "base_url": ("http://127.0.0.1:1/v1", ("fault",), "cannot be reached"),
    "api_key_env": ("NO_SUCH_KEY_HERE", ("fault",), "NO_SUCH_KEY_HERE: is not set"),
    "model": ("other-1", ("job", "model"), "other-1"),
    "method": ("dpo", ("job", "method", "type"), "dpo"),
    "epochs": (5, (*NUMBERS, "n_epochs"), 5),
    "batch_size": (4, (*NUMBERS, "batch_size"), 4),
    "learning_rate_multiplier": (0.5, (*NUMBERS, "learning_rate_multiplier"), 0.5),
    "beta": (0.7, ("job", "method", "dpo", "hyperparameters", "beta"), 0.7),
    "more": ({"rank": 8}, (*NUMBERS, "rank"), 8),
    "suffix": ("other", ("job", "suffix"), "other"),
    "price": (6000.0, ("fault",), "max_cost"),
    "max_cost": (1e-6, ("fault",), "and the job can cost"),
    "poll_s": (0.3, ("is_slow",), True),
    "wait_h": (1e-9, ("fault",), "wait_h"),
    "served_as": ("mine", ("hosted", "model"), "mine"),
    "temperature": (0.7, ("hosted", "temperature"), 0.7),
    "price_in": (0.3, ("hosted", "price_in"), 0.3),
    "price_out": (0.4, ("hosted", "price_out"), 0.4),
}
BESIDE = {"beta": {"method": "dpo"}}


def test_each_key_has_a_case_and_is_one():
    assert {f"api.{key}" for key in CASES} == {key for key in keys_of() if key.startswith("api.")}


@pytest.fixture
def seen(service, hosted):
    """What is to be seen of a run with other parameters."""

    def run(method="supervised", **changes):
        began, before = time.monotonic(), len(asked(service, "job"))
        records, checked = (mixed(), mixed(20)) if method == "dpo" else ([record(n) for n in range(8)], [record(20)])
        try:
            out = hosted(records=records, checked=checked, method=method, **changes)
        except Fault as fault:
            return {"fault": str(fault)}
        return {
            "is_slow": time.monotonic() - began >= 0.3 * service.looks,
            "job": next(iter(asked(service, "job")[before:]), {}),
            "hosted": json.loads((out / "1-api/hosted.json").read_text()),
        }

    return run


@pytest.mark.parametrize("key", CASES)
def test_a_key_changes_what_is_asked_for_or_written_down(seen, key):
    value, place, wanted = CASES[key]
    found, plain = (seen(**BESIDE.get(key, {}) | changes) for changes in ({key: value}, {}))
    for step in place:
        found, plain = ((one or {}).get(step) for one in (found, plain))
    if place == ("fault",):
        assert wanted in (found or "")
        assert not plain
    else:
        assert found == wanted != plain
