"""make verify: silent on an honest tree, and for each kind of tampering and rot a line with the file's name."""

import json
import shutil

import pytest

from pipeline.desk.seeds import spread
from pipeline.pull_request.verify import main, verify
from pipeline.pull_request.verifying.differences import differences
from pipeline.pull_request.verifying.hashes import Hashes, read_listing
from pipeline.stage import Fault
from tests.locked_project import remote_at
from tests.project import git
from tests.verified_project import (
    KEPT,
    ODD,
    ROWS,
    build,
    commit,
    copied,
    dvc,
    edit_lock,
    lines,
    object_of,
    relink,
    rewrite,
    state_of,
)

pytestmark = pytest.mark.slow
COUNT, SCORE, ANSWERS = "reports/count.json", "reports/score.json", "data/predictions/tuned/answers.txt"


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    return build(tmp_path_factory.mktemp("honest") / "project")


@pytest.fixture
def project(honest, tmp_path):
    return copied(honest, tmp_path / "project")


def edit_report(folder, **values):
    path = folder / COUNT
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}, indent=2, ensure_ascii=False) + "\n")


def only(found):
    """The one line that there is."""
    assert len(found) == 1, found
    return found[0]


def test_an_honest_tree_passes_and_nothing_is_touched(project, capsys):
    before = state_of(project)
    assert verify(project) == []
    assert state_of(project) == before
    said = capsys.readouterr().out
    assert f"recomputed byte for byte: data/counted, {COUNT}, {SCORE}" in said
    assert "held to its digest alone, not recomputed: " in said
    for name in ("models/adapter", "data/predictions/tuned", "data/predictions/other", KEPT):
        assert name in said.split("held to its digest alone")[1]


def test_a_changed_value_is_named_with_both_values(project):
    edit_report(project, words=5, first="\x1b[31mother")
    found = lines(project)
    assert f"wrong: {COUNT}: words: stands 5, recomputed 4;" in found[0]
    assert f'wrong: {COUNT}: first: stands "\\u001b[31mother", recomputed "some";' in found[1]
    assert "\x1b" not in "".join(found)


def test_a_report_edited_together_with_the_lock_is_recomputed(project):
    edit_report(project, words=5)
    edit_lock(project, "count", COUNT, md5=Hashes(print).file(project / COUNT), size=(project / COUNT).stat().st_size)
    assert f"{COUNT}: words: stands 5, recomputed 4" in only(lines(project))


def test_the_last_digit_of_a_fraction_may_differ_and_that_is_said(project, capsys):
    def stand(**values):
        edit_report(project, **values)
        path = project / COUNT
        edit_lock(project, "count", COUNT, md5=Hashes(print).file(path), size=path.stat().st_size)

    mean = json.loads((project / COUNT).read_text())["mean"]
    stand(mean=mean + 0.0001)
    assert lines(project) == []
    assert f"{COUNT}: recomputed within 0.0001 in 1 fractions" in capsys.readouterr().out
    stand(mean=mean + 0.0002)
    assert f"{COUNT}: mean: stands {mean + 0.0002}, recomputed {mean}" in only(lines(project))
    stand(mean=mean, words=4.00001)
    assert f"{COUNT}: words: stands 4.00001, recomputed 4" in only(lines(project))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"words": 4', "is not what dvc.lock names (its digest is "),
        ("[" * 100_000, "is not what dvc.lock names (its digest is "),
        ("[]", "as a whole: stands [], recomputed {"),
        (None, "is not there"),
    ],
)
def test_a_report_that_is_none_any_more(project, content, said):
    (project / COUNT).unlink() if content is None else (project / COUNT).write_text(content)
    assert said in only(lines(project))


def test_a_report_in_other_bytes_and_a_report_of_no_stage(project):
    (project / COUNT).write_text(json.dumps(json.loads((project / COUNT).read_text())))
    (project / "reports/more.json").write_text("{}")
    first, second = lines(project)
    assert f"{COUNT}: is not what dvc.lock names: the same values in other bytes" in first
    assert "reports/more.json: is written by no stage" in second


def test_lines_about_one_report_are_capped(project):
    edit_report(project, **{f"key{n}": n for n in range(100)})
    found = lines(project)
    assert len(found) == 21
    assert f"{COUNT}: differs in 80 more values" in found[-1]


def test_a_digest_of_the_lock_that_was_edited(project):
    edit_lock(project, "count", COUNT, md5="0" * 32)
    edit_lock(project, "score", SCORE, size=7)
    first, second = lines(project)
    assert f"dvc.lock: says that {COUNT} has the digest {'0' * 32}; what stands and what is recomputed" in first
    assert f"dvc.lock: says that {SCORE} has 7 bytes, and it has " in second


def test_a_lock_that_cannot_be_read_is_one_line(project):
    (project / "dvc.lock").write_text("stages: [")
    with pytest.raises(Fault, match=r"dvc\.lock"):
        verify(project)


def test_a_digest_that_is_none(project):
    edit_lock(project, "train", "models/adapter", md5="../../etc/passwd")
    with pytest.raises(Fault, match=r"names '\.\./\.\./etc/passwd' as the digest of models/adapter"):
        verify(project)


def test_predictions_edited_in_the_workspace_and_the_report_still_recomputed(project, capsys):
    rewrite(project / ANSWERS, b"better\n")
    assert f"wrong: {ANSWERS}: is not what dvc.lock names; restore it with dvc checkout" in only(lines(project))
    assert f"{SCORE}" in capsys.readouterr().out.split("recomputed byte for byte")[1].split("\n")[0]


def test_a_folder_with_a_file_too_many_and_one_too_few(project):
    (project / "data/counted" / ODD).unlink()
    (project / "data/counted/extra\x1b.txt").write_text("x")
    first, second = lines(project)
    assert "data/counted/extra<U+001B>.txt: does not belong there" in first
    assert "data/counted/two words␤and ü.txt: is missing" in second


def test_parameters_changed_since_are_stale_and_not_wrong(project, capsys):
    (project / "params.yaml").write_text((project / "params.yaml").read_text().replace("0.1", "0.3"))
    line = only(lines(project))
    assert line.startswith(
        "stale: params.yaml: count.least: is 0.3 and was 0.1 when count ran; the pipeline must be run again"
    )
    assert "not recomputed: count has changed since it ran" in capsys.readouterr().out


def test_code_sources_and_commands_changed_since_are_stale(project):
    (project / "code/step.py").write_text((project / "code/step.py").read_text() + "\n")
    (project / ROWS).write_text("other words")
    (project / "dvc.yaml").write_text(
        (project / "dvc.yaml")
        .read_text()
        .replace("cmd: python code/step.py train", "cmd: python -B code/step.py train")
    )
    command, code, rows = lines(project)
    assert command.startswith("stale: dvc.yaml: the command of train has changed since it ran")
    assert code.startswith(
        "stale: code/step.py: is not what dvc.lock names: changed since it was read by count, train, predict@other"
    )
    assert rows.startswith(f"stale: {ROWS}: ")


def test_a_stage_that_never_ran_and_one_that_is_gone(project, capsys):
    text = (
        (project / "params.yaml")
        .read_text()
        .replace("other: {model: models/adapter}", "third: {model: models/adapter}")
    )
    (project / "params.yaml").write_text(text)
    assert only(lines(project)).startswith("stale: dvc.lock: has no entry for predict@third; the pipeline must be run")
    assert "has an entry for predict@other, which dvc.yaml does not know" in capsys.readouterr().out


def flipped(content):
    return bytes([content[0] ^ 1]) + content[1:]


@pytest.mark.parametrize("spoil", [flipped, lambda content: content[:-1], lambda _: b""])
def test_a_rotten_object_though_it_is_read_only(project, spoil):
    path = object_of(project, "train", "models/adapter", "weights.bin")
    assert path.stat().st_mode & 0o777 == 0o444  # what DVC takes for whole
    rewrite(path, spoil(path.read_bytes()))
    line = only(lines(project))
    name = f"{path.parent.name}/{path.name}"
    assert f"wrong: models/adapter/weights.bin: in the cache its object, {name}, is rotten" in line
    assert "delete it, then dvc commit --force train" in line


def test_a_missing_object(project):
    object_of(project, "predict@tuned", "data/predictions/tuned", "answers.txt").unlink()
    assert f"{ANSWERS}: in the cache its object, " in only(lines(project))
    assert "is missing; dvc commit --force predict@tuned" in only(lines(project))


def test_the_remedies_of_the_cache_mend_it(project):
    rotten = object_of(project, "train", "models/adapter", "weights.bin")
    rotten.unlink()
    object_of(project, "predict@tuned", "data/predictions/tuned", "answers.txt").unlink()
    commit(project, "train", "predict@tuned")
    assert lines(project) == []


def test_a_rotten_list_of_a_folder(project):
    path = object_of(project, "train", "models/adapter")
    rewrite(path, path.read_bytes().replace(b"weights.bin", b"../weights"))
    line = only(lines(project))
    assert "models/adapter: in the cache the list of its files, " in line
    assert "is rotten" in line


def test_a_rotten_list_and_a_changed_workspace(project):
    path = object_of(project, "predict@tuned", "data/predictions/tuned")
    rewrite(path, b"[]")
    rewrite(project / ANSWERS, b"better\n")
    first, second = lines(project)
    assert "wrong: data/predictions/tuned: is not what dvc.lock names (its digest is " in first
    assert "the list of its files" in second


def test_a_list_that_leads_out_of_its_folder_is_none(tmp_path):
    for name in ("../x", "/x", "a/../../x", ""):
        (tmp_path / "list").write_text(json.dumps([{"relpath": name, "md5": "0" * 32}]))
        assert read_listing(tmp_path / "list") is None


def test_a_kept_source_changed_in_the_workspace_and_rotten_in_the_cache(project):
    pointer = (project / f"{KEPT}.dvc").read_text()
    digest = pointer.split("md5: ")[1].split("\n")[0]
    rewrite(project / ".dvc/cache/files/md5" / digest[:2] / digest[2:], b"rot")
    rewrite(project / KEPT, b"other")
    changed, rotten = lines(project)
    assert f"wrong: {KEPT}: is not what dvc.lock names (its digest is " in changed
    assert f"wrong: {KEPT}: in the cache its object, {digest[:2]}/{digest[2:]}, is rotten" in rotten


def test_what_is_not_checked_out_is_read_from_the_cache(project):
    for name in ("data/counted", "data/predictions/tuned", "models"):
        shutil.rmtree(project / name)
    assert lines(project) == []


def test_a_clone_without_a_cache_says_what_lacks_and_verifies_the_rest(project, tmp_path, capsys):
    git(project, "rm", "-q", "--cached", f"{KEPT}.dvc", "data/raw/.gitignore")
    git(project, "add", "-f", KEPT)
    git(project, "commit", "-q", "-m", "the source in git")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(project), str(clone))
    found = lines(clone)
    assert [line.split(": ")[:2] for line in found] == [
        ["absent", name] for name in ("models/adapter", "data/predictions/other", "data/predictions/tuned")
    ]
    assert "make run, or dvc pull once a remote is configured" in found[0]
    said = capsys.readouterr().out
    assert f"recomputed byte for byte: data/counted, {COUNT}\n" in said
    assert "not recomputed: score needs data/predictions" in said
    edit_report(clone, words=5)
    assert any(f"{COUNT}: words: stands 5, recomputed 4" in line for line in lines(clone))
    shutil.rmtree(tmp_path / "clone/.dvc/tmp", ignore_errors=True)
    assert git(clone, "status", "--short") == f" M {COUNT}\n"


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "copy"])
def test_an_external_cache_and_every_type_of_link(project, tmp_path, kind):
    shutil.move(project / ".dvc/cache", tmp_path / "outer")
    (project / ".dvc/config").write_text(f"[cache]\n    dir = ../../outer\n    type = {kind}\n")
    relink(project)
    assert (project / ANSWERS).is_symlink() == (kind == "symlink")
    before = state_of(tmp_path)
    assert lines(project) == []
    assert state_of(tmp_path) == before
    place = next(
        path
        for path in (tmp_path / "outer").rglob("*")
        if path.is_file() and path.read_bytes() == (project / ANSWERS).read_bytes()
    )
    rewrite(place, b"rot")
    found = lines(project)
    assert any(f"{ANSWERS}: in the cache its object" in line and "is rotten" in line for line in found)
    assert any(f"{ANSWERS}: is not what dvc.lock names" in line for line in found) == (kind != "copy")


def test_a_cache_that_is_itself_a_link(project, tmp_path):
    shutil.move(project / ".dvc/cache", tmp_path / "outer")
    (project / ".dvc/cache").symlink_to(tmp_path / "outer")
    assert lines(project) == []


def test_a_file_of_dvc_2_is_hashed_as_dvc_2_did(project):
    old = project / "data/raw/old.csv"
    old.write_bytes(b"a,b\r\n1,2\r\n")
    digest = Hashes(print).file(old, "md5-dos2unix")
    assert digest != Hashes(print).file(old)
    place = project / ".dvc/cache" / digest[:2] / digest[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(old, place)
    (project / "data/raw/old.csv.dvc").write_text(f"outs:\n- md5: {digest}\n  size: 10\n  path: old.csv\n")
    assert lines(project) == []
    rewrite(place, b"a,b\r\n1,3\r\n")
    assert "data/raw/old.csv: in the cache its object" in only(lines(project))


def test_a_stage_that_spoils_what_it_reads_spoils_a_copy(project):
    step = project / "code/step.py"
    step.write_text(
        step.read_text()
        + '\nfor path in (p for p in Path("data").rglob("*") if p.is_file()):\n    path.write_bytes(b"spoilt")\n'
    )
    commit(project)
    before = state_of(project)
    found = lines(project)
    assert state_of(project) == before
    assert any("data/counted/words.txt: is not what count writes" in line for line in found)


def test_a_stage_that_cannot_run_again(project):
    step = project / "code/step.py"
    step.write_text('raise SystemExit("no \x1b[31m room")\n' + step.read_text())
    commit(project)
    found = lines(project)
    assert any(line.startswith("wrong: count: could not be run again (no <U+001B>[31m room)") for line in found)
    assert any(line.startswith("wrong: score: could not be run again") for line in found)


def test_a_stage_that_reads_what_dvc_yaml_does_not_list(project):
    (project / "unlisted.txt").write_text("x")
    step = project / "code/step.py"
    step.write_text(step.read_text() + '\nif sys.argv[1] == "count":\n    Path("unlisted.txt").read_text()\n')
    commit(project)
    assert "count: could not be run again (FileNotFoundError" in only(lines(project))


def test_an_output_that_is_not_here_and_comes_out_otherwise(project):
    edit_lock(project, "count", "data/counted", md5=f"{'0' * 32}.dir")
    edit_lock(project, "train", "data/counted/words.txt", md5="0" * 32)
    shutil.rmtree(project / "data/counted")
    found = [line for line in lines(project) if line.startswith("wrong: data/counted: has the digest ")]
    assert "when count runs, and dvc.lock names another; make run" in only(found)


def said_by(command, folder, monkeypatch, *arguments):
    """What the command exits with, where it does."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.argv", ["verify", *arguments])
    with pytest.raises(SystemExit) as exit_:
        command()
    return exit_.value.code


def test_the_command_exits_1_with_a_line_each_and_lets_pass_only_what_is_not_here(project, monkeypatch, capsys):
    for place in (".dvc/cache", "models", "data/predictions/tuned"):
        shutil.rmtree(project / place)
    (project / ".dvc/cache").mkdir()
    shutil.rmtree(project / "data/counted")
    shutil.rmtree(project / "data/predictions/other")
    commit(project, f"{KEPT}.dvc")
    code = said_by(main, project, monkeypatch, "")
    assert code == "verify: 0 wrong, 0 changed since the run, 3 not here; ALLOW_MISSING=yes lets pass what is not here"
    monkeypatch.setattr("sys.argv", ["verify", "yes"])
    main()
    assert capsys.readouterr().out.endswith("verify: what is here is what it says\n")
    edit_report(project, words=5)
    assert said_by(main, project, monkeypatch, "yes") == "verify: 1 wrong, 0 changed since the run, 3 not here"
    (project / "dvc.yaml").write_text("stages: {count: 1}")
    assert said_by(main, project, monkeypatch).startswith("verify: dvc.yaml, dvc.lock: cannot be read (")


def test_each_file_is_hashed_once(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 10)
    (tmp_path / "link").hardlink_to(tmp_path / "file")
    (tmp_path / "other").symlink_to(tmp_path / "file")
    hashes = Hashes(print)
    assert len({hashes.file(tmp_path / name) for name in ("file", "link", "other")}) == 1
    assert (hashes.files, hashes.read) == (1, 10)


def test_values_that_python_takes_for_equal_are_told_apart():
    found = differences(
        {"a": 1, "b": True, "c": [1, {"d": None}], "e": float("nan")}, {"a": 1.0, "b": 1, "c": [1], "e": float("nan")}
    )
    assert [one.path for one in found] == ["a", "b", "c[1]"]


def test_the_spread_of_seeds_is_recomputed_from_its_values(project):
    report = project / "reports/seeds.json"
    honest = spread({17: {"exact": 0.5, "probes": 0.75}, 18: {"exact": 0.7, "probes": 0.75}}) | {"shaped_by": "x"}
    report.write_text(json.dumps(honest))
    assert lines(project) == []
    honest["metrics"]["exact"]["mean"] = 0.7
    report.write_text(json.dumps(honest))
    assert "reports/seeds.json: metrics.exact.mean: stands 0.7, recomputed 0.6" in only(lines(project))
    honest["metrics"]["exact"] = {"values": [0.5]}
    report.write_text(json.dumps(honest))
    assert "reports/seeds.json: is no report of make seeds" in only(lines(project))


def test_an_object_that_rots_on_the_remote_is_named_where_it_is_looked_at(project, tmp_path):
    remote_at(project, str(tmp_path / "remote"))
    (tmp_path / "remote").mkdir()
    with dvc(project) as repo:
        repo.push()
    assert verify(project, with_remote=True) == []
    held = object_of(project, "predict@tuned", "data/predictions/tuned", "answers.txt")
    name = f"{held.parent.name}/{held.name}"
    there = tmp_path / "remote/files/md5" / name
    there.chmod(0o644)
    there.write_bytes(b"others " + there.read_bytes())
    assert lines(project) == []
    found = [str(one) for one in verify(project, with_remote=True)]
    assert f"{ANSWERS}: its object {name} on storage" in only(found)
    shutil.rmtree(tmp_path / "remote")
    (gone,) = verify(project, with_remote=True)
    assert gone.kind == "absent"
    assert "is not there" in str(gone)


def test_a_remote_that_is_not_set_cannot_be_looked_at(project):
    (found,) = verify(project, with_remote=True)
    assert (found.kind, "no remote is set" in str(found)) == ("absent", True)
