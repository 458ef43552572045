"""Forgetting a person, in a real repository of git and DVC with a remote: nothing of them stays, nothing of others goes."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline.data.ledgers import Reply
from pipeline.data.records import Record, digest, read_records, write_records
from pipeline.data.synthetic.candidates import candidate, draft_of
from pipeline.desk import forget
from pipeline.desk.forgetting.rows import Rows
from pipeline.desk.forgetting.terms import Needles, Terms, leaves
from pipeline.stage import Fault
from tests.desk_project import OPINION, RATING, make
from tests.forked import forked
from tests.project import ROOT, git

KEY, EMAIL = "customer-4711", "Asha.Rao@example.org"
OTHER = "customer-12"
QUIET = {"DVC_NO_ANALYTICS": "1", "DVC_GLOBAL_CONFIG_DIR": "/nonexistent", "DVC_SYSTEM_CONFIG_DIR": "/nonexistent"}
LISTING = """sources:
  - {file: first.jsonl, origin: human, answered_by: human, licence: own, rights: own}
  - {file: kept.csv, origin: human, answered_by: human, licence: own, rights: own}
  - {file: more.json, origin: human, answered_by: human, licence: own, rights: own}
"""
DVC = """stages:
  ingest:
    cmd: "true"
    deps: [data/raw/first.jsonl, data/raw/kept.csv, data/raw/more.json]
    outs: [data/records, data/synthetic, data/split]
  train:
    cmd: "true"
    deps: [data/split/train.jsonl]
    outs: [models/adapter]
"""
REPLY = {
    **{"axis": "tone", "model": "m", "date": "2031-01-02", "request": "b"},
    **{"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.0},
}
ANSWER = {"label": "red"}


def row(text, group="", **more):
    value = {"prompt": text, "completion": json.dumps(ANSWER), **({"group": group} if group else {}), **more}
    return json.dumps(value, ensure_ascii=False) + "\n"


MAILED, LOST, DOOR = f"a red door, write to {EMAIL}", "my red coat got lost in the train", "a red door, thanks"
FIRST = [row(MAILED, KEY), row(DOOR, OTHER), "{ no row \n", row(LOST, f" {KEY}", tags=["late"])]
TABLE = ["text,label,group\r\n", f'"the red lamp\nof the kitchen",red,{KEY}\r\n', '"a ""red"" stone",red,\r\n']


def dvc(folder, *arguments):
    environment = {**os.environ, **QUIET, "DVC_SITE_CACHE_DIR": str(folder.parent / "site")}
    subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, env=environment, check=True, capture_output=True
    )


def lines(path, *entries):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


def records_here():
    """The records of the sources by what was asked, as ingest would write them."""
    rows = Rows(Terms())
    found = [made[-1] for name, source in rows.sources.items() for _, _, made in rows._rows(Path(name), source) if made]
    return {record.question: record for record in found}, rows.demands


def reply_to(seed: Record, text: str) -> dict:
    return {**REPLY, "seed": seed.id, "reply": json.dumps({"message": text, "answer": ANSWER})}


def review_of(record: str, decision="approve", **more) -> dict:
    return {"record": record, "decision": decision, "reviewer": "mira", "date": "2031-01-02", "reason": "x", **more}


def build(name):
    """What the stages would write of the sources; the adapter is other bytes each time."""
    records, demands = records_here()
    replies = [
        Reply.model_validate_json(line) for line in Path("data/ledgers/teacher/t.jsonl").read_text().splitlines()
    ]
    seeds = {record.id: record for record in records.values()}
    made = [
        candidate(
            f"data/ledgers/teacher/t.jsonl:{number}", draft_of(reply, demands.contract), seeds[reply.seed], demands
        )
        for number, reply in enumerate(replies, 1)
    ]
    write_records(Path("data/records/records.jsonl"), records.values())
    write_records(Path("data/synthetic/candidates.jsonl"), made)
    write_records(Path("data/split/train.jsonl"), [*records.values(), *made])
    Path("data/split/sizes.json").write_text(f'"{name}"')
    Path("models/adapter").mkdir(parents=True, exist_ok=True)
    Path("models/adapter/weights.bin").write_bytes(name.encode() * 100)


def commit(folder, subject):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", subject)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """Two commits with sources in git and in DVC, ledgers, built files and models, all pushed to a remote."""
    folder = tmp_path_factory.mktemp("template") / "project"
    make(folder)
    here = Path.cwd()
    os.chdir(folder)
    try:
        _fill(folder)
    finally:
        os.chdir(here)
    return folder.parent


def _fill(folder):
    for name in ("data/feedback/one.jsonl", "data/ledgers/teacher/t.jsonl", "data/ledgers/reviews/r.jsonl"):
        (folder / name).write_text("")
    (folder / "params.yaml").write_text(
        (folder / "params.yaml").read_text().replace("max_rejects: 0", "max_rejects: 9")
    )
    (folder / "data/raw/sources.yaml").write_text(LISTING)
    (folder / "data/raw/first.jsonl").write_text("".join(FIRST))
    (folder / "data/raw/kept.csv").write_bytes("".join(TABLE).encode())
    (folder / "data/raw/more.json").write_text(f"[{row('a red hat, please')}, {row(LOST)}]")
    (folder / "data/feedback/one.jsonl").write_text(row("no answer yet, and it was red", KEY))
    (folder / "data/feedback/two.jsonl").write_text(row("it was a red one", OTHER))
    (folder / "dvc.yaml").write_text(DVC)
    (folder / ".gitignore").write_text(".cache/\n")
    records, _ = records_here()
    lost, door = records[LOST], records[DOOR]
    lines(folder / "data/ledgers/teacher/t.jsonl", reply_to(door, "a red gate"), reply_to(lost, "the red cap is gone"))
    build("first")
    made = {record.question: record.id for record in read_records(Path("data/synthetic/candidates.jsonl"))}
    edit = [{"role": "user", "content": "my coat, a red one"}, {"role": "assistant", "content": json.dumps(ANSWER)}]
    lines(
        folder / "data/ledgers/reviews/r.jsonl",
        review_of(made["the red cap is gone"]),
        review_of(made["a red gate"]),
        review_of(lost.id, "edit", messages=edit),
    )
    votes = [json.loads(RATING) | {"example": record.id} for record in (lost, door)]
    lines(folder / "data/ledgers/ratings/v.jsonl", *votes)
    said = [json.loads(OPINION) | {"example": record.id} for record in (lost, door)]
    lines(folder / "data/ledgers/judge/j.jsonl", *said)
    ids = [records[text].id for text in (MAILED.replace(EMAIL, "[EMAIL_1]"), DOOR)]
    text = "\n".join(["# frozen", *ids, f"train-group {KEY}", f"train-group {OTHER}", ""])
    (folder / "task/test_set.txt").write_text(text)
    git(folder, "init", "-q")
    dvc(folder, "init", "-q")
    dvc(folder, "remote", "add", "-q", "-d", "backup", "../backup")
    dvc(folder, "add", "-q", "data/raw/kept.csv")
    for name in ("first", "second"):
        build(name)
        dvc(folder, "commit", "-q", "-f")
        commit(folder, f"the {name} model \x1b[31m")
        dvc(folder, "push", "-q", "--run-cache")


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    """A copy of it, its remote beside it, and the current folder in it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True, symlinks=True)
    for name, value in {**QUIET, "DVC_SITE_CACHE_DIR": str(tmp_path / "site")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CONFIRM", raising=False)
    monkeypatch.chdir(tmp_path / "project")
    git(tmp_path / "project", "update-index", "-q", "--refresh")
    return tmp_path / "project"


def run(asked, monkeypatch, confirm="yes"):
    """The command, as make would call it; returns its exit."""
    monkeypatch.setenv("CONFIRM", confirm)
    monkeypatch.setattr("sys.argv", ["forget", asked])
    try:
        forget.main()
    except SystemExit as end:
        return end.code
    return 0


def tree(folder):
    """Every file below the folder with its bytes and its rights, but for DVC's own notes."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"tmp", "site"} & set(path.relative_to(folder).parts)
    }


def objects(folder):
    """The bytes of all objects of the local cache and of the remote."""
    caches = (folder / ".dvc/cache/files", folder.parent / "backup/files")
    return [{path.name: path.read_bytes() for path in cache.rglob("*") if path.is_file()} for cache in caches]


@pytest.mark.slow
def test_a_group_goes_from_everywhere_and_nothing_else_does(project, monkeypatch, capsys):
    before, (cached, _) = tree(project), objects(project)
    ids = {record.id for record in read_records(Path("data/records/records.jsonl")) if record.group == KEY}
    assert run(KEY, monkeypatch) == 0
    after = tree(project)
    assert after["data/raw/first.jsonl"][0].decode() == FIRST[1] + FIRST[2]
    assert after["data/raw/kept.csv"][0].decode() == TABLE[0] + TABLE[2]
    assert after["data/raw/more.json"][0].decode() == f"[{row('a red hat, please')}]"
    assert "data/feedback/one.jsonl" not in after
    assert after["data/feedback/two.jsonl"] == before["data/feedback/two.jsonl"]
    for name, numbers in (
        ("teacher/t.jsonl", [0]),
        ("reviews/r.jsonl", [1]),
        ("ratings/v.jsonl", [1]),
        ("judge/j.jsonl", [1]),
    ):
        old = before[f"data/ledgers/{name}"][0].splitlines(keepends=True)
        assert after[f"data/ledgers/{name}"][0] == b"".join(old[number] for number in numbers)
    assert after["task/test_set.txt"][0].decode().splitlines()[2:] == [f"train-group {OTHER}"]
    for place in objects(project):
        for content in place.values():
            assert not [word for word in (KEY, "the red cap", LOST, *ids) if word.encode() in content]
    gone = cached.keys() - objects(project)[0].keys()
    kinds = [content for name, content in cached.items() if name not in gone and not name.endswith(".dir")]
    assert {b"first" * 100, b"second" * 100, b'"first"', b'"second"'} <= set(kinds)
    told = capsys.readouterr().out
    assert told.count(": trained on it") == 2
    assert "lower synthesize.replies in params.yaml" in told
    assert "data/ledgers/judge has fewer replies: make ask" in told
    for number, name in enumerate(git(project, "log", "--format=%H", "--reverse").split()):
        lock = yaml.safe_load(git(project, "show", f"{name}:dvc.lock"))
        adapter = lock["stages"]["train"]["outs"][0]["md5"]
        assert f"{name[:10]} " in told
        assert adapter in told
        assert f"the {('first', 'second')[number]} model <U+001B>[31m" in told
    assert not [word for word in (KEY, EMAIL, "\x1b", LOST) if word in told]


@pytest.mark.slow
def test_the_pipeline_goes_on_and_a_second_run_finds_nothing(project, monkeypatch, capsys):
    assert run(KEY, monkeypatch) == 0
    assert not list(Path("data/records").glob("*"))
    dvc(project, "push", "-q", "data/raw/kept.csv.dvc")
    left = tree(project)
    commit(project, "forget somebody")
    for place in objects(project):
        assert b"".join([TABLE[0].encode(), TABLE[2].encode()]) in place.values()
    capsys.readouterr()
    said = str(run(KEY, monkeypatch))
    assert said.startswith("forget: ID: is found in git's history alone (")
    assert git(project, "log", "--format=%H", "--reverse").split()[0][:10] in said
    assert {name: value for name, value in tree(project).items() if not name.startswith(".git/")} == {
        name: value for name, value in left.items() if not name.startswith(".git/")
    }


@pytest.mark.slow
def test_a_record_goes_with_its_duplicate_and_its_children(project, monkeypatch, capsys):
    before = tree(project)
    lost = records_here()[0][LOST].id
    assert run(lost, monkeypatch) == 0
    after = tree(project)
    assert after["data/raw/first.jsonl"][0].decode() == "".join(FIRST[:3])
    assert after["data/raw/more.json"][0].decode() == f"[{row('a red hat, please')}]"
    assert after["data/raw/kept.csv"] == before["data/raw/kept.csv"]
    assert after["data/raw/kept.csv.dvc"] == before["data/raw/kept.csv.dvc"]
    assert [len(after[f"data/ledgers/{name}"][0].splitlines()) for name in ("teacher/t.jsonl", "reviews/r.jsonl")] == [
        1,
        1,
    ]
    assert after["task/test_set.txt"] == before["task/test_set.txt"]
    assert after["data/feedback/one.jsonl"] == before["data/feedback/one.jsonl"]
    for place in objects(project):
        assert not [1 for content in place.values() if lost.encode() in content]
        assert "".join(TABLE).encode() in place.values()
    assert "data/raw/first.jsonl: 1 row of 4" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("spelling", [EMAIL, EMAIL.upper(), "asha.rao@EXAMPLE"])
def test_a_text_is_found_where_ingest_hides_it(spelling, project, monkeypatch, capsys):
    mailed = next(record for record in records_here()[0].values() if "[EMAIL_1]" in record.question)
    ledger = Path("data/ledgers/judge/j.jsonl")
    said = ledger.read_text()
    quote = json.dumps({"reason": f"it names {EMAIL}", "winner": "first"})
    lines(ledger, *map(json.loads, said.splitlines()), json.loads(OPINION) | {"reply": quote})
    commit(project, "a judge that quotes")
    assert run(f"text:{spelling}", monkeypatch) == 0
    assert Path("data/raw/first.jsonl").read_text() == "".join(FIRST[1:])
    assert mailed.id not in Path("task/test_set.txt").read_text()
    assert ledger.read_text() == said
    for place in objects(project):
        assert not [1 for content in place.values() if mailed.id.encode() in content]
        assert "".join(TABLE).encode() in place.values()
    assert "example" not in capsys.readouterr().out.lower()


@pytest.mark.slow
def test_a_group_that_is_personal_data_is_found_by_its_digest_too(project, monkeypatch, capsys):
    mail = "mira@example.com"
    Path("data/raw/first.jsonl").write_text(FIRST[1] + row("a red boat, and soon", mail))
    lines(
        Path("task/cases/must_pass.jsonl"),
        {"id": "a", "messages": [{"role": "user", "content": "a red boat, and soon"}]},
    )
    commit(project, "another person")
    assert run(f"person-{digest(mail)}", monkeypatch) == 0
    assert Path("data/raw/first.jsonl").read_text() == FIRST[1]
    told = capsys.readouterr().out
    assert "- task/cases/must_pass.jsonl: holds something of it; mend it" in told
    assert "another person" in told


@pytest.mark.slow
def test_an_earlier_version_of_a_row_is_found_by_what_history_tells(project, monkeypatch):
    """The record was masked, so that no object has the text; the row has been edited, so that no source makes its id."""
    old = next(record for record in records_here()[0].values() if "[EMAIL_1]" in record.question)
    Path("data/raw/first.jsonl").write_text("".join(FIRST[1:]))
    Path("task/test_set.txt").write_text("# frozen\n")
    build("third")
    dvc(project, "commit", "-q", "-f")
    commit(project, "a row less")
    kept = [
        name
        for name, content in objects(project)[0].items()
        if old.id.encode() not in content and not name.endswith(".dir")
    ]
    assert run(f"text:{EMAIL}", monkeypatch) == 0
    for place in objects(project):
        assert not [1 for content in place.values() if old.id.encode() in content]
    assert set(kept) <= set(objects(project)[0])
    assert git(project, "status", "--porcelain").strip() == ""


@pytest.mark.slow
def test_an_edited_row_of_a_kept_source_goes_from_the_cache_by_what_was_asked(project, monkeypatch):
    Path("data/raw/kept.csv").write_bytes("".join(TABLE).replace("red,c", "blue,c").encode())
    dvc(project, "add", "-q", "data/raw/kept.csv")
    commit(project, "another label")
    lamp = next(record for question, record in records_here()[0].items() if "lamp" in question)
    assert run(lamp.id, monkeypatch) == 0
    for place in objects(project):
        assert not [1 for content in place.values() if b"the red lamp" in content]


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["nobody", "0123456789abcdef", "text:nobody", "person-0123456789abcdef"])
def test_nothing_found_is_said_and_nothing_changes(asked, project, monkeypatch):
    before = tree(project.parent)
    assert run(asked, monkeypatch) == "forget: ID: is found nowhere; check the spelling; a text needs text: before it"
    assert tree(project.parent) == before


REFUSED = [("", "is missing"), ("  ", "is missing"), ("text:", "fewer than 4"), ("text: abc ", "fewer than 4")]


@pytest.mark.parametrize(("asked", "said"), REFUSED)
def test_what_is_nobodys_own_is_refused(asked, said):
    with pytest.raises(Fault, match=rf"^ID: .*{said}"):
        Terms.of(asked)


@pytest.mark.slow
@pytest.mark.parametrize("confirm", ["", "no", "YES"])
def test_not_confirmed_shows_the_plan_and_changes_nothing(confirm, project, monkeypatch, capsys):
    before = tree(project.parent)
    assert str(run(KEY, monkeypatch, confirm)).startswith("forget: nothing was changed")
    assert tree(project.parent) == before
    told = capsys.readouterr().out
    for line in ("data/raw/first.jsonl: 2 rows of 4", "reviews/r.jsonl: lines 1, 3", "backup: ", "the local cache: "):
        assert line in told


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data/raw/first.jsonl", "task/README.md", "data/feedback/new.jsonl"])
def test_changes_that_git_could_not_bring_back_stop_it(name, project, monkeypatch):
    with Path(name).open("a") as file:
        file.write(row("a red bird", OTHER))
    before = tree(project.parent)
    assert str(run(KEY, monkeypatch)).startswith(f"forget: {name}: is changed and not committed; commit or stash it")
    assert tree(project.parent) == before


@pytest.mark.slow
def test_changes_lie_about_while_only_the_cache_is_touched(project, monkeypatch):
    old = records_here()[0][LOST].id
    Path("data/raw/first.jsonl").write_text("".join(FIRST[:3]))
    Path("data/raw/more.json").write_text("[" + row("a red hat, please") + "]")
    for name in ("judge/j.jsonl", "ratings/v.jsonl", "teacher/t.jsonl", "reviews/r.jsonl"):
        path = Path("data/ledgers") / name
        path.write_text("".join(line for line in path.read_text().splitlines(keepends=True) if old not in line))
    path.write_text("")
    commit(project, "by hand")
    Path("task/README.md").write_text("changed")
    assert run(old, monkeypatch) == 0
    assert not [1 for place in objects(project) for content in place.values() if old.encode() in content]
    assert Path("task/README.md").read_text() == "changed"


@pytest.mark.rehearsal
def test_killed_anywhere_it_finishes_on_the_next_run(project, tmp_path, monkeypatch, capsys):
    """A process that kills itself before its next step, each time one step later than the time before."""
    environment = {**os.environ, "CONFIRM": "yes"}
    kept = tmp_path / "kept"
    shutil.copytree(project.parent, kept, symlinks=True, ignore=shutil.ignore_patterns("kept"))
    assert run(KEY, monkeypatch) == 0
    wanted, kills = state(project), 0
    with forked("tests.forget_killed", tmp_path / "said", environment) as command:
        for steps in range(0, 99, 3):
            os.chdir(tmp_path)
            for name in ("project", "backup"):
                shutil.rmtree(tmp_path / name)
                shutil.copytree(kept / name, tmp_path / name, symlinks=True)
            os.chdir(project)
            status, *said = command.start(KEY, str(steps), at=project).wait()
            if status == 0:
                break
            assert status == -9, said
            kills += 1
            assert run(KEY, monkeypatch) == 0
            assert state(project) == wanted
            assert capsys.readouterr().out.count(": trained on it") == 2 + 2 * (kills == 1)
    assert kills > 3


def state(project):
    """What forgetting leaves, without what git and DVC note for themselves."""
    names = {
        name: value
        for name, value in tree(project.parent).items()
        if name.startswith(("project/data", "project/task", "project/.dvc/cache", "backup/"))
        and "/.gitignore" not in name
    }
    memory = json.loads((project / ".cache/forget.json").read_text())[digest(KEY)]
    return names, memory["is_done"], memory["ids"], memory["trained"]


@pytest.mark.slow
@pytest.mark.parametrize("link", ["symlink", "hardlink"])
def test_a_source_that_is_a_link_into_the_cache_survives(link, project, monkeypatch):
    dvc(project, "config", "cache.type", link)
    dvc(project, "checkout", "-q", "-f", "--relink")
    commit(project, "links")
    assert run(KEY, monkeypatch) == 0
    assert Path("data/raw/kept.csv").read_bytes().decode() == TABLE[0] + TABLE[2]
    assert not [1 for place in objects(project) for content in place.values() if KEY.encode() in content]


@pytest.mark.slow
def test_what_only_the_remote_has_is_searched_there(project, monkeypatch):
    shutil.rmtree(project / ".dvc/cache")
    assert run(KEY, monkeypatch) == 0
    left = objects(project)[1]
    assert not [1 for content in left.values() if KEY.encode() in content]
    assert b"first" * 100 in left.values()


@pytest.mark.slow
def test_a_model_of_data_that_is_in_no_cache_is_called_unknown(project, monkeypatch, capsys):
    lock = yaml.safe_load(git(project, "show", "HEAD:dvc.lock"))
    (md5,) = [dep["md5"] for dep in lock["stages"]["train"]["deps"]]
    for place in (project / ".dvc/cache", project.parent / "backup"):
        (place / "files/md5" / md5[:2] / md5[2:]).unlink()
    assert run(KEY, monkeypatch) == 0
    told = capsys.readouterr().out
    assert told.count(": unknown: not in cache") == 2
    assert {
        entry["verdict"] for entry in json.loads(Path(".cache/forget.json").read_text())[digest(KEY)]["trained"]
    } == {"unknown: not in cache"}


@pytest.mark.slow
def test_objects_of_nobody_are_kept_on_a_remote_and_counted(project, monkeypatch, capsys):
    strange = project.parent / "backup/files/md5/ab" / ("c" * 30)
    strange.parent.mkdir(exist_ok=True)
    strange.write_text(f'{{"group":"{KEY}"}}')
    assert run(KEY, monkeypatch) == 0
    assert strange.exists()
    assert "- remote backup: 1 object that no commit here names; not searched" in capsys.readouterr().out


@pytest.mark.slow
def test_an_object_of_the_local_cache_that_no_commit_names_goes_too(project, monkeypatch):
    Path("data/raw/kept.csv").write_text(TABLE[0].strip() + "\n" + f"a red tram,red,{KEY}\n")
    dvc(project, "add", "-q", "data/raw/kept.csv")
    git(project, "checkout", "-q", "data/raw/kept.csv.dvc")
    dvc(project, "checkout", "-q", "-f", "data/raw/kept.csv")
    assert [1 for content in objects(project)[0].values() if b"a red tram" in content]
    assert run(KEY, monkeypatch) == 0
    assert not [1 for content in objects(project)[0].values() if b"a red tram" in content]


@pytest.mark.slow
@pytest.mark.usefixtures("project")
def test_kept_answers_and_caches_that_hold_it_go(monkeypatch):
    for name, text in (("generations/a.jsonl", "{}\n"), ("page.html", f"<td>{LOST}"), ("times/split.json", "{}")):
        path = Path(".cache") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert run(f"text:{LOST}", monkeypatch) == 0
    left = {path.as_posix() for path in Path(".cache").rglob("*") if path.is_file()}
    assert left == {".cache/times/split.json", ".cache/forget.json"}


@pytest.mark.slow
def test_a_remote_that_cannot_be_reached_stops_it_before_anything_changes(project, monkeypatch):
    dvc(project, "remote", "add", "-q", "far", "s3://nowhere/at-all")
    before = tree(project.parent)
    said = str(run(KEY, monkeypatch))
    assert said.startswith("forget: dvc: far: cannot be reached (")
    assert len(said.splitlines()) == 1
    assert tree(project.parent) == before


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "is_done"), [(b"yes\n", True), (b"y\n", False)])
def test_a_person_at_a_terminal_types_yes(typed, is_done, project):
    outer, inner = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pipeline.desk.forget", KEY]
    with subprocess.Popen(command, cwd=project, env=environment, stdin=inner, stdout=subprocess.PIPE) as process:
        os.write(outer, typed)
        told, _ = process.communicate(timeout=300)
    os.close(inner)
    os.close(outer)
    assert (process.returncode == 0) == is_done
    assert (b"forget: done." in told) == is_done
    assert (KEY in Path("data/raw/first.jsonl").read_text()) != is_done


SPELT = 'Ærø "kiosk" & Söhne'


@pytest.mark.parametrize(
    "text",
    [
        SPELT,
        SPELT.upper(),
        json.dumps(SPELT),
        json.dumps(SPELT, ensure_ascii=False),
        json.dumps({"a": json.dumps({"b": SPELT})}),
        SPELT.replace('"', '""'),
        "A\u0308".join(["S\u00d6HNE", ""]) + 'Ærø "kiosk" & So\u0308hne',
        "Ærø &quot;kiosk&quot; &amp; Söhne",
    ],
)
@pytest.mark.parametrize("cut", [0, 3, 9])
def test_a_text_is_found_however_a_file_spells_it(text, cut):
    whole = b"x" * 40 + text.encode() + b"y" * 40
    needles = Needles(Terms.of(f"text:{SPELT.lower()}"))
    assert needles.in_stream([whole[: 40 + cut], whole[40 + cut :]])
    assert not needles.in_stream([whole.replace(b"S", b"T").replace(b"s", b"t")])


@pytest.mark.parametrize("number", [1, 32, 33, 5000])
def test_ids_are_found_whether_few_or_many(number):
    terms = Terms(ids={f"{n:016x}" for n in range(number)})
    last = f"{number - 1:016x}".encode()
    assert Needles(terms).in_stream([b'{"id":"' + last[:5], last[5:] + b'"}'])
    assert not Needles(terms).in_stream([b'{"id":"' + f"{number:016x}".encode() + b'"}'])


def test_a_short_key_is_looked_for_under_group_alone():
    needles = Needles(Terms.of("7"))
    assert needles.in_bytes(b'{"group":"7"}')
    assert needles.in_bytes(b'{"group": "7"}')
    assert not needles.in_bytes(b'{"group":"17","label":"7"}')
    assert Terms.of("7").in_row({"Group": 7, "text": ""}, {"group"})
    assert not Terms.of("7").in_row({"group": "17", "rating": 7}, {"group"})


def test_texts_in_json_in_a_text_are_texts():
    assert {"b", "é", "5"} <= set(leaves([{"a": json.dumps({"b": ["é", 5, None]})}]))
    deep = "[" * 500 + "]" * 500
    assert list(leaves(deep))


def test_asking_the_same_in_few_words_is_nobodys_own():
    for text, is_own in (("hi", False), ("a" * 19, False), ("a" * 20, True)):
        terms = Terms()
        messages = ({"role": "user", "content": text}, {"role": "assistant", "content": "x"})
        record = Record(
            answered_by="human", group="g", id="0" * 16, licence="own", messages=messages, origin="human", source="a:1"
        )
        terms.learn({"prompt": text, "completion": "x"}, [record])
        assert terms.is_known({"completion": "x", "prompt": text})
        assert terms.asks_the_same({"prompt": text, "completion": "y"}) == is_own
