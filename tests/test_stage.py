"""What every stage shares: strict parameters in, one line on failure out."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated, ClassVar

import pytest
from pydantic import Field

from pipeline.stage import ENVIRONMENT, TIMES, Fault, Params, checked, load_params, progress, read_yaml, write_report
from tests.examples import SCHEMA, answer, source_entry, turns, write_json, write_lines

ROOT = Path(__file__).resolve().parent.parent


class Knobs(Params):
    section: ClassVar[str] = "knobs"
    learning_rate: float
    steps: Annotated[int, Field(ge=1)]


def params_file(folder, text):
    path = folder / "params.yaml"
    path.write_bytes(text.encode())
    return path


def fault_of(folder, text):
    with pytest.raises(Fault) as caught:
        load_params(Knobs, params_file(folder, text))
    line = str(caught.value)
    assert len(line.splitlines()) == 1
    return line


def test_values_are_read_as_they_stand(tmp_path):
    knobs = load_params(
        Knobs, params_file(tmp_path, "other: {a: 1}\nknobs:\n  learning_rate: 3.0e-4  # a remark\n  steps: 1\n")
    )
    assert (knobs.learning_rate, knobs.steps) == (0.0003, 1)


@pytest.mark.parametrize("text", ["", "other: {}", "knobs:", "knobs: 3", "- knobs"])
def test_a_missing_section_is_named(tmp_path, text):
    assert "section knobs is missing" in fault_of(tmp_path, text)


@pytest.mark.parametrize(
    ("section", "key", "fault"),
    [
        ("{learning_rate: 0.1}", "knobs.steps", "is missing"),
        ("{learning_rate: 0.1, steps: 1, step: 2}", "knobs.step:", "is not a known key"),
        ("{learning_rate: 0.1, steps: 0}", "knobs.steps", "is 0"),
        ('{learning_rate: 0.1, steps: "1"}', "knobs.steps", "is '1'"),
        ("{learning_rate: 0.1, steps: 1.0}", "knobs.steps", "is 1.0"),
        ("{learning_rate: 0.1, steps: true}", "knobs.steps", "is True"),
        ("{learning_rate: yes, steps: 1}", "knobs.learning_rate", "is True"),
        ("{learning_rate: fast, steps: 1}", "knobs.learning_rate", "is 'fast'"),
        ("{learning_rate: .nan, steps: 1}", "knobs.learning_rate", "is nan"),
        ("{learning_rate: .inf, steps: 1}", "knobs.learning_rate", "is inf"),
        ("{learning_rate: , steps: 1}", "knobs.learning_rate", "is None"),
    ],
)
def test_a_wrong_key_is_named_with_its_fault(tmp_path, section, key, fault):
    line = fault_of(tmp_path, f"knobs: {section}")
    assert line.startswith(f"{tmp_path / 'params.yaml'}: ")
    assert key in line
    assert fault in line


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("3e-4", "0.0003"),
        ("1e5", "100000.0"),
        ("-2E3", "-2000.0"),
        ("1e-5", "1.0e-05"),
        ("25e-7", "2.5e-06"),
        ("1e22", "1.0e+22"),
    ],
)
def test_a_number_that_yaml_reads_as_text_is_given_back_in_a_form_that_works(tmp_path, written, form):
    line = fault_of(tmp_path, f"knobs: {{learning_rate: {written}, steps: 1}}")
    assert line.startswith(f"{tmp_path / 'params.yaml'}: knobs.learning_rate: ")
    assert f"write it with a point, {form} (" in line
    mended = load_params(Knobs, params_file(tmp_path, f"knobs: {{learning_rate: {form}, steps: 1}}"))
    assert mended.learning_rate == float(written)


def test_a_long_value_is_shown_in_part(tmp_path):
    line = fault_of(tmp_path, f"knobs: {{learning_rate: {'x' * 5000}, steps: 1}}")
    assert len(line) < 400 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\nb: [1, 2\nc: 3\n", 3), ("a: 1\n\tb: 2\n", 2), ("a: 1\nb: 'open\n", 3), ("a: b: c\n", 1)]
)
def test_broken_yaml_gives_the_line(tmp_path, text, line):
    with pytest.raises(Fault) as caught:
        read_yaml(params_file(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / 'params.yaml'}:{line}: is not YAML")
    assert len(str(caught.value).splitlines()) == 1


def test_yaml_that_is_no_text_or_not_there_is_a_fault(tmp_path):
    with pytest.raises(Fault, match="no such file"):
        read_yaml(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_bytes(b"a: \xff")
    with pytest.raises(Fault, match="UTF-8"):
        read_yaml(tmp_path / "params.yaml")
    with pytest.raises(Fault, match="not YAML"):
        read_yaml(params_file(tmp_path, "a: \0"))


@pytest.mark.parametrize(
    ("text", "lines"), [("a: 1\nb: 2\na: 3\n", "13"), ("a:\n  b: 1\n  b: 1\n", "23"), ("a: [{b: 1, b: 2}]\n", "1")]
)
def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path, text, lines):
    with pytest.raises(Fault, match=rf"params\.yaml:[{lines}]: is not YAML \(the key [ab] stands twice\)"):
        read_yaml(params_file(tmp_path, text))


def test_a_merged_key_may_be_given_another_value(tmp_path):
    text = "a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {x: 4}\n"
    assert read_yaml(params_file(tmp_path, text)) == {"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"x": 4}}


@pytest.mark.parametrize("value", ["2031-02-30", "2031-13-01 10:00:00", "1" * 5000])
def test_a_value_that_python_cannot_hold_is_a_fault(tmp_path, value):
    with pytest.raises(Fault, match="holds a value that cannot be read") as caught:
        read_yaml(params_file(tmp_path, f"a: {value}\n"))
    assert str(caught.value).startswith(f"{tmp_path / 'params.yaml'}: ")


def test_values_of_any_place_are_checked_by_their_key(tmp_path):
    assert checked(Knobs, {"learning_rate": 0.5, "steps": 2}, tmp_path).steps == 2
    for section, key in (("", "steps"), ("knobs", "knobs.steps")):
        with pytest.raises(Fault) as caught:
            checked(Knobs, {"learning_rate": 0.5, "steps": 0}, "a.jsonl:3", section)
        assert str(caught.value).startswith(f"a.jsonl:3: {key}: is 0: ")
    with pytest.raises(Fault, match=r"^a\.jsonl:3: is a list: "):
        checked(Knobs, [], "a.jsonl:3")


def test_yaml_runs_no_code(tmp_path):
    with pytest.raises(Fault, match="not YAML"):
        read_yaml(params_file(tmp_path, "a: !!python/object/apply:os.getcwd []"))


def test_a_fault_is_one_line_of_place_fault_and_remedy():
    assert str(Fault("a.csv:3", "is\nbroken", "mend\nit")) == "a.csv:3: is broken; mend it"


def test_a_report_has_the_same_bytes_whatever_the_order_of_its_keys(tmp_path):
    write_report(tmp_path / "new/one.json", {"b": 1, "a": {"d": "हाँ", "c": 2}})
    write_report(tmp_path / "two.json", {"a": {"c": 2, "d": "हाँ"}, "b": 1})
    assert (tmp_path / "new/one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert "हाँ" in (tmp_path / "two.json").read_text(encoding="utf-8")


def test_progress_always_tells_the_end(capsys):
    show = progress("train")
    for done in range(1, 101):
        show(done, 100, "steps")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "train: 100/100 steps"
    assert len(lines) <= 3


RULES = ("email", "phone", "card", "iban", "aadhaar", "pan", "upi", "ip", "api_key", "private_key", "jwt")
POLICY = ", ".join(f"{rule}: redact" for rule in RULES)
INGEST = (
    f"ingest: {{{{max_rejects: {{}}, near_duplicates: drop, similarity: 0.6, personal_data: {{{{{POLICY}}}}}}}}}\n"
    "review: {{origins: [production]}}"
)


def ingest_from_the_command_line(folder, params):
    params_file(folder, params)
    write_json(folder / "schema.json", SCHEMA)
    write_json(folder / "raw/sources.yaml", {"sources": [source_entry("a.jsonl")]})
    write_lines(folder / "raw/a.jsonl", {"messages": turns("hello", answer())}, "{broken")
    (folder / "feedback").mkdir()
    (folder / "test_set.txt").touch()
    inputs = (
        "--sources raw/sources.yaml --feedback feedback --schema schema.json --test-set test_set.txt --reviews reviews"
    )
    options = f"{inputs} --out out --report report.json"
    return subprocess.run(
        [sys.executable, "-m", "pipeline.ingest", *options.split()],
        cwd=folder,
        env={**{key: value for key, value in os.environ.items() if key not in ENVIRONMENT}, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_stage_stops_with_one_line_and_exit_1(tmp_path):
    done = ingest_from_the_command_line(tmp_path, INGEST.format(0))
    assert done.returncode == 1
    assert done.stderr.startswith("ingest: raw/a.jsonl:2: not JSON")
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["rejects.jsonl"]


def test_a_stage_that_ends_well_leaves_its_time(tmp_path):
    done = ingest_from_the_command_line(tmp_path, INGEST.format(1))
    assert (done.returncode, done.stderr) == (0, "")
    noted = json.loads((tmp_path / TIMES / "ingest.json").read_text())
    assert noted["peak_mib"] > 0


def test_the_memory_of_a_stage_that_launches_others_is_that_of_the_largest(tmp_path):
    """In a process of its own, since the peak of a process never falls."""
    code = (
        "import subprocess, sys; from pipeline.stage import _note_time;"
        "subprocess.run([sys.executable, '-c', 'bytearray(b\"x\") * (300 << 20)'], check=True); _note_time('t', 1.0)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    assert json.loads((tmp_path / TIMES / "t.json").read_text())["peak_mib"] >= 300
