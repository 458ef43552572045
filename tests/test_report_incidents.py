"""The report says which incidents of production a change fixes, breaks again and leaves."""

import pytest

from tests.reported_project import run_once


def case(name, incident, number):
    asked = [{"role": "user", "content": f"a door of kind {number}"}]
    return {"id": name, "incident": incident, "messages": asked, "check": {"kind": "exact", "value": "red"}}


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A base with five incidents of which two fail, and a change after which others do, with two new ones."""
    project = run_once(tmp_path_factory.mktemp("incidents"))
    before = project.report()
    names = ("MENDED-1", "STILL-2", "BROKEN-3", "KEPT-4")
    project.cases += [case(f"{name}-x", name, at) for at, name in enumerate(names)]
    project.failed = ("MENDED-1-x", "STILL-2-x")
    project.run()
    project.commit("incidents")
    project.cases += [case("NEW-5-x", "NEW-5", 5), case("BAD-6-x", "BAD-6|<b>", 6)]
    project.failed = ("STILL-2-x", "BROKEN-3-x", "BAD-6-x")
    project.run()
    return before, project.report(), project


def rows(comment):
    text = comment.split("\n### Incidents\n", 1)[1].split("\n### ", 1)[0]
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return text, {row[0].strip("`"): row[2:] for row in cells}


@pytest.mark.slow
def test_each_incident_is_told_with_what_the_change_does_to_it(told):
    text, found = rows(told[1])
    assert found["MENDED-1"] == ["fails", "passes", "✅ fixed"]
    assert found["STILL-2"] == ["fails", "fails", "❌ still failing"]
    assert found["BROKEN-3"] == ["passes", "fails", "❌ broken again"]
    assert found["KEPT-4"] == ["passes", "passes", "✅ stays fixed"]
    assert found["NEW-5"] == ["not there", "passes", "✅ fixed, new here"]
    assert "**1 broken again, 1 still failing, 1 new, and failing, 1 fixed, 1 fixed, new here, 1 stays fixed**." in text
    assert "BAD-6" in text
    assert "<b>" not in text.replace("`BAD-6\u00a6<b>`", "")
    assert "\n### Incidents\n" not in told[0]


@pytest.mark.slow
def test_a_report_of_other_cases_measures_nothing(told):
    project = told[2]
    project.write("task/cases/incidents.jsonl", '{"id":"L-7","incident":"L-7","messages":[{"role":"user","content":"x"}],'
                  '"check":{"kind":"exact","value":"x"}}\n')  # fmt: skip
    text, found = rows(project.report())
    assert "stage `regress` has no result of these" in text
    assert found["L-7"] == ["not there", "-", "⚠️ not measured"]
