"""The monitor from end to end: a folder of logs in, alerts, report, page and lines for a channel out."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from random import Random

import pytest
import yaml

from pipeline.data.records import Record, record_id, write_records
from pipeline.production.logs.entry import Canary, Counts
from pipeline.production.monitoring.looking import look
from pipeline.production.monitoring.taking import take
from pipeline.production.monitoring.telling import TITLE, chat, markdown_of, parts_of
from pipeline.production.monitoring.written import report_of
from pipeline.pull_request.reporting.page import page
from tests.monitored import GREEN, RED, SCHEMA, WINDOW, asking, entry, said, write
from tests.project import ROOT, THINGS, git, run

SIZES = ("large", "small", "old", "new", "broken", "second", "last", "heavy")
FORMAT = [{"measure": "format", "min": 0.9, "on_cannot_tell": "warn"}]


@pytest.fixture
def project(tmp_path):
    """A repository whose training data are questions about colours."""
    git(tmp_path, "init", "-q")
    (tmp_path / "data/split").mkdir(parents=True)
    write_records(tmp_path / "data/split/train.jsonl", [learnt(number) for number in range(120)])
    return tmp_path


def question(seed):
    """One of many questions of the same kind."""
    chance = Random(seed)
    return f"what colour is the {chance.choice(SIZES)} {chance.choice(THINGS)} by the {chance.choice(THINGS)}"


def learnt(number):
    answer = RED if number % 2 else GREEN
    turns = (
        {"role": "user", "content": question(f"learnt {number}")},
        {"role": "assistant", "content": answer},
    )
    return Record(
        id=record_id(turns),
        messages=turns,
        origin="human",
        answered_by="human",
        source=f"f:{number}",
        group=str(number),
        licence="x",
    )


def usual(number, **more):
    """A request like the training data."""
    content = more.pop("content", question(number))
    answer = RED if number % 2 else GREEN
    return entry(number, **{"answer": answer, "messages": ({"role": "user", "content": content},), **more})


def seen(project, lines, **more):
    """A look at such logs."""
    asked = asking(project, **more)
    write(project / "logs", lines)
    return look(asked, take(asked, WINDOW), take(asked, WINDOW.before), project, project / "data/split/train.jsonl")


def told(found):
    """Report, page, Markdown and lines."""
    parts = parts_of(found)
    report = json.loads(json.dumps(report_of(found, "logs", "own")))
    return report, page(parts, TITLE), markdown_of(parts), chat(found)


def broken(number, **more):
    return usual(number, valid=False, failed=("not_json",), answer="red", **more)


def test_traffic_like_the_training_data_raises_no_alert(project):
    found = seen(project, [usual(number) for number in range(300)], bounds=FORMAT)
    assert found.alerts == []
    report, *_, lines = told(found)
    assert report["slices"]["all"]["measures"]["format"]["value"] == 1.0
    assert report["drift"]["told"]
    assert lines.startswith("No alert")


def test_a_format_surely_below_its_bound_is_an_alert_with_its_evidence(project):
    lines = [broken(number) if number % 8 in (0, 3) else usual(number) for number in range(300)]
    found = seen(project, lines, bounds=FORMAT)
    (alert,) = found.alerts
    assert alert.startswith("format is 74.7 % (69.3 % to 79.5 %, n 300)")
    report, html, markdown, channel = told(found)
    assert report["alerts"] == [alert]
    assert alert in markdown
    assert "ALERT format is 74.7 %" in channel
    assert "74.7 %" in html


def test_the_window_before_is_another_one(project):
    day = timedelta(days=1)
    before = [usual(number, time=entry(number).time - day) for number in range(1000, 1300)]
    found = seen(project, [*before, *(broken(n) if n % 3 == 0 else usual(n) for n in range(300))], bounds=[])
    assert found.earlier.slices["all"].requests == 300
    beside = found.slices["all"].before["format"]
    assert beside.verdict == "worse"
    assert beside.difference == pytest.approx(-1 / 3)
    assert found.slices["label:red"].before["format"].verdict != "worse"  # what is broken has no label


def test_an_empty_window_and_one_of_one_request_are_told_and_no_alert(project):
    for lines in ([], [broken(1)]):
        found = seen(
            project, lines, bounds=[*FORMAT, {"measure": "total_p95_s", "max": 1.0, "on_cannot_tell": "quiet"}]
        )
        assert found.alerts == []
        assert any("cannot tell: format" in one for one in found.warnings)
        assert "cannot tell" in told(found)[2]


def test_canaries_that_fail_and_records_that_were_dropped_are_alerts(project):
    earlier, later = WINDOW.since + timedelta(hours=1), WINDOW.since + timedelta(hours=2)
    lines = [
        Canary(id="one", time=earlier, passed=False),
        Canary(id="one", time=later, passed=True),
        Canary(id="two", time=later, passed=False, answer="no"),
        Counts(time=earlier, seen=600, written=590, dropped={"disk_full": 10}),
        Counts(time=later, seen=400, written=400),
    ]
    bounds = [
        {"measure": "canaries_failed", "max": 0.0, "on_cannot_tell": "quiet"},
        {"measure": "dropped", "max": 0.009, "on_cannot_tell": "quiet"},
    ]
    found = seen(project, lines, bounds=bounds)
    assert [one.split(" is ")[0] for one in found.alerts] == ["canaries_failed", "dropped"]
    assert "dropped is 1 % (n 1000)" in found.alerts[1]
    assert told(found)[0]["canaries"] == {"one": True, "two": False}


def test_requests_of_canaries_are_left_out(project):
    found = seen(project, [usual(1), broken(2, tags=("canary",))])
    assert found.slices["all"].measured.requests == 1
    assert told(found)[0]["window"]["canary_requests"] == 1


def test_inputs_of_a_new_kind_are_an_alert_by_name_with_examples(project):
    new = [usual(n, content=f"my scooter {n} has a flat tyre, call 98765 4321{n % 10}") for n in range(300, 400)]
    found = seen(project, [*(usual(n) for n in range(100)), *new])
    assert {re.split(r"[ :]", one)[2] for one in found.alerts} >= {"vocabulary", "distance"}
    kind = told(found)[0]["drift"]["unlike"][0]
    assert kind["word"] in ("scooter", "tyre", "flat", "my", "has", "call")
    assert kind["n"] >= 80
    assert "scooter" in kind["examples"][0]


def test_a_flood_from_one_user_is_no_drift_and_one_vote(project):
    flood = [broken(n, content=f"zzyx {n} quom", user="u-loud") for n in range(300, 900)]
    found = seen(project, [*(usual(n, user=f"u{n}") for n in range(200)), *flood], bounds=FORMAT)
    assert found.alerts == []
    assert found.slices["all"].measured.values["format"].value == pytest.approx(0.25)
    assert found.slices["all"].measured.values["format"].effective_n < 10


def test_without_training_data_it_is_said_how_to_get_them(project):
    (project / "data/split/train.jsonl").unlink()
    found = seen(project, [usual(n) for n in range(100)])
    assert "make pull" in found.drift
    assert not told(found)[0]["drift"]["told"]


def test_a_revision_that_is_gone_is_survived_and_said(project):
    found = seen(project, [usual(n, revision="f" * 40) for n in range(50)])
    assert any("git has no such revision" in one for one in found.warnings)


def test_feedback_of_no_request_and_lines_that_cannot_be_read_are_counted(project):
    write(project / "logs", [usual(1), said(1, thumb="up"), said(77, thumb="down")])
    with next((project / "logs").rglob("requests-*")).open("ab") as file:
        file.write(b'{"id": "r2", "time": "2026-')
    report = told(seen(project, []))[0]
    assert report["feedback_of_no_request"] == 1
    assert report["slices"]["all"]["measures"]["thumbs_up"]["n"] == 1
    assert report["problems"]["cut_line"]["count"] == 1


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        self.found |= {
            tag,
            *(name for name, _ in attrs if name.startswith("on")),
            *(v for k, v in attrs if k in ("src", "href")),
        }


def test_hostile_texts_stay_texts(project):
    bad = "<script>alert(1)</script> @everyone [x](https://evil.example) | `a` \n\n# h \x1b[31m"
    lines = [usual(n, content=f"{bad} zzyx{n}", tags=(bad,), revision=bad, model=bad, failed=(bad,)) for n in range(60)]
    lines += [Canary(id=bad, time=WINDOW.since, passed=False, answer=bad)]
    _, html, markdown, channel = told(seen(project, lines))
    tags = Tags()
    tags.feed(html)
    assert not tags.found & {"script", "img", "a", "link", "iframe"}
    assert "\x1b" not in html + markdown + channel
    assert "@everyone" not in channel + markdown
    assert "<script>" not in channel


def test_the_page_loads_nothing(project):
    _, html, _, _ = told(seen(project, [usual(n, total_s=0.1 * (n % 9)) for n in range(100)]))
    assert html.count("<svg") >= 2
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=", html)


def test_other_people_s_lines_without_tokens_times_or_users_are_measured(project):
    bare = [replace_known(usual(n)) for n in range(60)]
    found = seen(project, bare)
    values = found.slices["all"].measured.values
    assert values["format"].value == 1.0
    assert values["tokens_in"].value is values["total_p50_s"].value is None
    assert told(found)[0]["slices"]["all"]["measures"]["cost"]["value"] is None


def replace_known(one):
    from msgspec.structs import replace as replaced

    return replaced(one, valid=None, revision="", model="")


@pytest.mark.slow
def test_the_verb_writes_four_files_and_exits_by_what_it_found(project):
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["monitor"] |= {"escalation_field": "", "bounds": FORMAT}
    (project / "params.yaml").write_text(yaml.safe_dump(params))
    (project / "task").mkdir()
    (project / "task/answer.schema.json").write_text(json.dumps(SCHEMA))
    (project / "pipeline").symlink_to(ROOT / "pipeline")
    arguments = ("-m", "pipeline.production.monitor", "1d", WINDOW.until.isoformat(), "logs")
    write(project / "logs", [usual(n) for n in range(100)])
    assert run(project, *arguments).stdout.startswith("No alert")
    names = ["chat.txt", "page.html", "report.json", "report.md"]
    assert sorted(path.name for path in (project / "build/monitor").iterdir()) == names
    write(project / "logs", [broken(n) for n in range(100, 200)])
    failed = run(project, *arguments, check=False)
    assert failed.returncode == 1
    assert "ALERT format" in failed.stdout
    wrong = run(project, "-m", "pipeline.production.monitor", "soon", check=False)
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "SINCE=soon: is no time" in wrong.stderr


def test_a_name_that_a_client_gave_is_told_without_personal_data(project):
    given = {
        "revision": "asha@example.com",
        "tags": ("call 9876543210", "asha@example.com"),
        "model": "ravi@example.com",
    }
    for text in map(str, told(seen(project, [usual(number, **given) for number in range(60)]))):
        for name in ("asha", "ravi", "9876543210"):
            assert name not in text


def test_what_was_spoken_of_and_is_not_there_is_counted_by_id(project):
    days = [usual(1, time=WINDOW.since), usual(1, time=WINDOW.until - timedelta(minutes=1))]  # one id on two days
    assert seen(project, [*days, said(1, thumb="up")]).taken.lost == 0
    assert seen(project, [said(2, thumb="up")]).taken.lost == 1
