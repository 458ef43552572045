"""The look at the data before it is committed: what fails, what does not, and that no value is ever said."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.desk import check_data
from tests.desk_project import PARAMS, ROW, make
from tests.examples import write_lines
from tests.project import ROOT

MAIL, KEY = "asha.rao@example.com", "AKIA" + "2345672345672345"
RAW, TEACHER, REVIEWS = (
    Path("data/raw/first.jsonl"),
    Path("data/ledgers/teacher/t.jsonl"),
    Path("data/ledgers/reviews/r.jsonl"),
)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, and the current folder in it."""
    folder = make(tmp_path / "project")
    monkeypatch.chdir(folder)
    return folder


pytestmark = pytest.mark.usefixtures("project")


def row(asked, **more):
    return {"prompt": asked, "completion": '{"label": "red"}', **more}


def run(monkeypatch, capsys, *files):
    """Lines on stdout, and the fault ("" where there is none)."""
    monkeypatch.setattr(sys, "argv", ["check_data", *map(str, files)])
    fault = ""
    try:
        check_data.main()
    except SystemExit as stop:
        fault = str(stop.code)
    said = capsys.readouterr().out.splitlines()
    assert not any(secret in line for line in [*said, fault] for secret in (MAIL, KEY, "98765"))
    return said, fault


def look(monkeypatch, capsys, *files):
    """Run it; the places that it names, and whether it failed."""
    said, fault = run(monkeypatch, capsys, *files)
    return [line for line in said if not line.startswith("check-data")], bool(fault)


def test_clean_data_passes(monkeypatch, capsys):
    assert run(monkeypatch, capsys) == (["check-data: 7 files looked at, nothing that git should not take"], "")


def test_a_place_is_named_with_rule_and_count_and_the_remedy_is_said(monkeypatch, capsys):
    write_lines(RAW, row("clean"), row(f"write to {MAIL} or {MAIL}, or call 98765 43210"))
    said, fault = run(monkeypatch, capsys)
    assert said == ["data/raw/first.jsonl:2: email, 2 times; phone, 1 time"]
    assert fault.startswith("check-data: 1 place with personal data or secrets; mask the values in the file")
    assert "dvc add" in fault


def test_the_whole_row_is_looked_at_since_git_takes_it(monkeypatch, capsys):
    write_lines(RAW, row("clean", customer={"mail": [MAIL]}), row("clean", order_id="9876543210"))
    assert look(monkeypatch, capsys) == (["data/raw/first.jsonl:1: email, 1 time"], True)


def test_what_is_allowed_does_not_fail(monkeypatch, capsys):
    write_lines(RAW, row(f"write to {MAIL}"))
    Path("params.yaml").write_text(PARAMS.replace("email: redact", "email: allow"))
    assert look(monkeypatch, capsys) == (["data/raw/first.jsonl:1: email, 1 time (may be committed)"], False)
    write_lines(RAW, row(f"write to {MAIL}, the key is {KEY}"))
    assert look(monkeypatch, capsys) == (["data/raw/first.jsonl:1: api_key, 1 time; email, 1 time"], True)


def test_a_file_that_dvc_keeps_fails_on_what_is_rejected_only(monkeypatch, capsys):
    Path(f"{RAW}.dvc").write_text("outs: []\n")
    write_lines(RAW, row(f"write to {MAIL}"))
    assert look(monkeypatch, capsys) == (["data/raw/first.jsonl:1: email, 1 time (may be committed)"], False)
    write_lines(RAW, row(f"the key is {KEY}"))
    assert look(monkeypatch, capsys) == (["data/raw/first.jsonl:1: api_key, 1 time"], True)


def test_reviews_fail_on_both_and_replies_of_the_teacher_on_secrets_only(monkeypatch, capsys):
    write_lines(TEACHER, {"reply": json.dumps({"message": f"call me\n9876543210 or {MAIL}"})})
    assert look(monkeypatch, capsys) == (
        ["data/ledgers/teacher/t.jsonl:1: email, 1 time; phone, 1 time (may be committed)"],
        False,
    )
    write_lines(TEACHER, {"reply": f"use {KEY}"}, "{torn " + MAIL)
    assert look(monkeypatch, capsys)[1]
    write_lines(TEACHER, {"reply": "clean"})
    write_lines(REVIEWS, {"reason": f"ask {MAIL}"})
    assert look(monkeypatch, capsys) == (["data/ledgers/reviews/r.jsonl:1: email, 1 time"], True)


def test_replies_of_the_judge_fail_on_secrets_only(monkeypatch, capsys):
    place = Path("data/ledgers/judge/j.jsonl")
    write_lines(place, {"reply": f"the first one says to write to {MAIL}"})
    assert look(monkeypatch, capsys) == ([f"{place}:1: email, 1 time (may be committed)"], False)
    write_lines(place, {"reply": f"use {KEY}"})
    assert look(monkeypatch, capsys)[1]


def test_feedback_is_looked_at(monkeypatch, capsys):
    turns = [{"role": "user", "content": f"I am {MAIL}"}, {"role": "assistant", "content": "red"}]
    write_lines(Path("data/feedback/two.jsonl"), {"messages": turns})
    assert look(monkeypatch, capsys) == (["data/feedback/two.jsonl:1: email, 1 time"], True)


def test_a_file_that_is_not_listed_yet_is_looked_at(monkeypatch, capsys):
    Path("data/raw/more.csv").write_text(f'input,label\n"two\nlines",red\nwrite to {MAIL},red\n')
    assert look(monkeypatch, capsys) == (["data/raw/more.csv:4: email, 1 time"], True)


def test_a_packed_file_is_looked_into(monkeypatch, capsys):
    Path("data/raw/more.jsonl.gz").write_bytes(gzip.compress(json.dumps(row(MAIL)).encode()))
    assert look(monkeypatch, capsys) == (["data/raw/more.jsonl.gz:1: email, 1 time"], True)


def test_only_the_files_that_are_named_are_looked_at(monkeypatch, capsys):
    write_lines(RAW, row(MAIL))
    other = write_lines(Path("data/raw/other name.jsonl"), row("clean"))
    assert look(monkeypatch, capsys, other) == ([], False)
    assert look(monkeypatch, capsys, other, RAW) == (["data/raw/first.jsonl:1: email, 1 time"], True)


def test_a_list_without_a_source_is_no_fault(monkeypatch, capsys):
    Path("data/raw/sources.yaml").write_text("sources: []\n")
    write_lines(RAW, row(MAIL))
    assert look(monkeypatch, capsys) == (["data/raw/first.jsonl:1: email, 1 time"], True)


def test_rows_that_are_no_examples_fail_where_there_are_too_many(monkeypatch, capsys):
    write_lines(RAW, row("clean"), {"prompt": "a"}, "no JSON, " + MAIL)
    said, fault = run(monkeypatch, capsys)
    assert [line.partition(": ")[0] for line in said] == [
        "data/raw/first.jsonl:3",
        "data/raw/first.jsonl:2",
        "data/raw/first.jsonl:3",
    ]
    assert "2 rows no example, more than ingest.max_rejects (0)" in fault
    write_lines(RAW, row("clean"), {"prompt": "a"}, "no JSON")
    Path("params.yaml").write_text(PARAMS.replace("max_rejects: 0", "max_rejects: 2"))
    assert look(monkeypatch, capsys) == ([], False)


def test_a_reason_does_not_say_a_value_and_steers_no_terminal(monkeypatch, capsys):
    write_lines(RAW, {"messages": [{"role": f"{MAIL}\x1b[2J", "content": "x"}]})
    said, fault = run(monkeypatch, capsys)
    assert fault
    assert "\x1b" not in "".join(said)


def test_a_file_that_is_not_there_or_not_readable_is_a_fault(monkeypatch, capsys):
    assert run(monkeypatch, capsys, "data/raw/none.jsonl")[1]
    RAW.write_bytes(b"PK\x03\x04 a zip")
    said, fault = run(monkeypatch, capsys)
    assert said == [
        "data/raw/first.jsonl: is a ZIP archive or an Excel file; save it as UTF-8 text (JSON Lines, JSON, CSV) or as Parquet"
    ]
    assert fault.startswith("check-data: 1 file not readable")


@pytest.fixture
def repository(project):
    """The project under git, with the hook, everything committed."""
    (project / ".venv/bin").mkdir(parents=True)
    (project / ".venv/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (project / ".venv/bin/python").chmod(0o755)
    (project / "pipeline").symlink_to(ROOT / "pipeline")
    (project / ".gitignore").write_text(".venv\npipeline\n")
    git("init", "--quiet", "--initial-branch=main")
    git("add", "-A")
    git("commit", "--quiet", "-m", "first")
    git("config", "core.hooksPath", str(ROOT / "tools/hooks"))
    return project


def git(*arguments):
    identity = {f"GIT_{who}_{what}": "a@b.invalid" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | identity
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_the_hook_looks_at_what_is_staged(repository):
    odd = repository / "data/raw/an odd $(name).jsonl"
    write_lines(odd, row(MAIL))
    git("add", "-A")
    write_lines(odd, row("clean"))  # the folder is clean, what is staged is not
    code, said = git("commit", "-m", "bad")
    assert code == 1
    assert f"data/raw/{odd.name}:1: email, 1 time" in said
    assert "pre-commit: nothing was committed" in said
    assert MAIL not in said
    git("add", "-A")
    write_lines(odd, row(MAIL))  # and the other way round
    assert git("commit", "-m", "good")[0] == 0


@pytest.mark.slow
def test_the_hook_does_not_trust_a_pointer_beside_a_file_that_is_staged(repository):
    (repository / "data/raw/first.jsonl.dvc").write_text("outs: []\n")
    write_lines(repository / RAW, row(MAIL))
    git("add", "-A")
    assert git("commit", "-m", "bad")[0] == 1


def test_the_hook_leaves_other_commits_alone(repository):
    (repository / ".venv/bin/python").unlink()
    (repository / "README.md").write_text("# other\n")
    git("add", "-A")
    assert git("commit", "-m", "other")[0] == 0
    write_lines(repository / RAW, ROW.strip(), row("more"))
    git("add", "-A")
    code, said = git("commit", "-m", "data")
    assert code == 1
    assert "run make setup" in said
