"""The whole turn of the wheel: served, recorded, killed, watched, reviewed, learnt, in production again, and then quiet.

Each fixture is a chapter that goes on from the one before; a test looks at what a chapter left. The template's own tiny base learns no
topics, so the wheel turns on a model that learns its task in seconds.
"""

import json
import re
import time
from collections import Counter
from datetime import UTC, datetime

import pytest

from tests import wheel

pytestmark = pytest.mark.rehearsal


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return wheel.project(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def trouble(desk):
    """What was asked and answered before the server was killed without a warning."""
    with wheel.served(desk) as (address, server):
        done = wheel.traffic(address, wheel.troubled())
        time.sleep(1)  # what was answered last may be lost; tests of the recorder hold it to less
        server.kill()
    return done


@pytest.fixture(scope="module")
def watched(desk, trouble):
    """What make monitor says, and its report."""
    said = desk.make("monitor", "SINCE=1d", status=2)
    return said, json.loads((desk.folder / "build/monitor/report.json").read_text())


@pytest.fixture(scope="module")
def proposed(desk, watched):
    """What make feedback says, twice, and its page."""
    first, page = desk.make("feedback", "SINCE=1d"), (desk.folder / "build/feedback.md").read_text()
    return first, desk.make("feedback", "SINCE=1d"), page


@pytest.fixture(scope="module")
def decided(desk, proposed):
    """What the reviewer says, and what make feedback makes of it; merged."""
    reviewed = wheel.review(desk)
    wheel.keep(desk, "Asha has read what waits")
    said = desk.make("feedback", "LOGS=no")
    message = desk.git("log", "-1", "--format=%B")
    branch = desk.git("branch", "--show-current")
    desk.git("checkout", "--quiet", "main")
    before = desk.git("rev-parse", "HEAD")
    desk.git("merge", "--quiet", "--no-ff", "-m", "Merge what production taught", branch)
    return reviewed, said, message, before


@pytest.fixture(scope="module")
def learnt(desk, decided):
    """The report of the change, after the pipeline ran."""
    desk.make("run")
    desk.make("gate")
    wheel.keep(desk, "What production taught is learnt")
    desk.make("report", f"BASE={decided[-1]}")
    return (desk.folder / "build/report/comment.md").read_text()


@pytest.fixture(scope="module")
def calm(desk, learnt):
    """The new model in production, and what make monitor says of ordinary days."""
    wheel.into_production(desk, "it knows shades")
    began = datetime.now(UTC).isoformat(timespec="seconds")
    with wheel.served(desk) as (address, _):
        done = wheel.traffic(address, wheel.calm())
    return done, desk.make("monitor", f"SINCE={began}")


def test_the_model_answers_what_it_knows_and_not_what_is_new(trouble):
    right = Counter()
    for ask, _, said in trouble:
        if ask.user.startswith(("customer", "buyer")):
            right[ask.user.partition("-")[0], said == ask.said.get("correction", said)] += 1
    assert right["buyer", False] > 60
    old = [said for ask, _, said in trouble if ask.user.startswith("customer")]
    assert len(old) == 160
    assert all(json.loads(said)["label"] in ask.text for ask, _, said in trouble if ask.user.startswith("customer"))


def test_nothing_that_was_answered_is_lost_though_the_server_was_killed(desk, trouble):
    written = {line["id"]: line for line in wheel.lines(desk, "requests")}
    assert written.keys() == {name for _, name, _ in trouble}
    assert {name: line["answer"] for name, line in written.items()} == {name: said for _, name, said in trouble}
    assert len(wheel.lines(desk, "feedback")) == sum(bool(ask.said) for ask, _, _ in trouble)
    assert "customer-" not in json.dumps(list(written.values()))


def test_the_alert_fires_for_the_right_reason(watched):
    said, report = watched
    assert "ALERT thumbs_down" in said, said
    assert "ALERT drift of distance" in said, said
    assert "ALERT format" not in said
    assert any(name in json.dumps(report["drift"]) for name in wheel.SHADES), report["drift"]


def test_a_flood_an_injection_and_repetitions_are_kept_out(desk, proposed):
    first, again, page = proposed
    ledger = [
        line
        for path in (desk.folder / "data/ledgers/candidates").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    texts = [json.loads(line)["messages"][0]["content"] for line in ledger]
    assert sum(any(name in text for name in wheel.SHADES) for text in texts) >= 60
    assert sum("red" in text.split() for text in texts) <= 5
    assert not [text for text in texts if "ignore all previous" in text]
    assert "ignore_previous" in page
    assert len(ledger) == len(set(ledger))
    assert "no commit" in again, again
    assert "candidates to review" in first, first


def test_what_was_approved_is_a_data_commit_that_says_what_it_is(desk, decided):
    reviewed, _, message, _ = decided
    assert re.search(r"approved \d\d", reviewed), reviewed
    assert wheel.INCIDENT in message
    (rows,) = (desk.folder / "data/feedback").glob("*.jsonl")
    learnt = rows.read_text()
    cases = [json.loads(line) for line in (desk.folder / "task/cases/incidents.jsonl").read_text().splitlines()]
    assert {case["incident"] for case in cases} == {wheel.INCIDENT}
    assert not [case for case in cases if case["messages"][-1]["content"] in learnt]
    assert "black" not in {
        json.loads(line)["messages"][-1]["content"] for line in learnt.splitlines() if " red " in line
    }


def test_the_report_shows_the_new_kind_fixed_the_old_whole_and_the_incident_by_name(desk, learnt):
    compared = json.loads((desk.folder / "reports/comparison.json").read_text())
    new = compared["new"]["pairs"]["tuned against accepted"]["exact_label"]
    assert new["difference"] > 0.5, new
    assert compared["arms"]["tuned"]["exact_label"]["mean"] == 1.0
    shown = learnt.partition("Slice `new`")[2].partition("\n\n**")[0]
    assert re.search(r"`exact_label` \| \d+\.\d% \| 100\.0%", shown), learnt
    assert re.search(rf"{wheel.INCIDENT}.*fixed", learnt), learnt


def test_ordinary_days_raise_no_alarm(calm):
    done, said = calm
    assert all(json.loads(answer)["label"] in wheel.COLOURS for _, _, answer in done)
    assert "ALERT" not in said, said
