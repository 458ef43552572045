"""With what the work tree is compared: revisions of a real repository, and files that DVC keeps; nothing is written to it."""

import hashlib
import json
import re

import pytest
import yaml

from pipeline.pull_request.revision import revision_of
from pipeline.stage import Fault
from tests.data_repository import RAW, Repository, row, ten_rows, verdict_of
from tests.examples import source_entry
from tests.project import git

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path):
    return ten_rows(tmp_path)


def keep_in_dvc(project, name, rows, is_cached):
    """A source that DVC keeps: the pointer in git, the file in the cache or nowhere."""
    content = "".join(json.dumps(one) + "\n" for one in rows).encode()
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    pointer = {"outs": [{"md5": md5, "size": len(content), "hash": "md5", "path": name}]}
    project.write(f"{RAW}/{name}.dvc", yaml.safe_dump(pointer))
    project.write(f"{RAW}/.gitignore", f"/{name}\n")
    project.write(".dvc/config", "[core]\n    analytics = false\n")
    project.write(".dvc/.gitignore", "/cache\n")
    place = project.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    if is_cached:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (project.folder / RAW / name).write_bytes(content)


@pytest.fixture
def kept(project):
    """The project with a second source in DVC, of three rows; the work tree has a fourth."""

    def make(is_cached):
        project.sources(source_entry("a.jsonl"), source_entry("big.jsonl"))
        keep_in_dvc(project, "big.jsonl", [row(n) for n in (30, 31, 32)], is_cached)
        project.commit("a source in DVC")
        keep_in_dvc(project, "big.jsonl", [row(n) for n in (30, 31, 32, 33)], is_cached)
        project.rows(*map(row, range(11)))
        return project

    return make


def test_a_source_that_dvc_keeps_is_taken_from_its_cache(kept):
    project = kept(is_cached=True)
    report, _ = project.diff("HEAD")
    assert report["parts"]["rows"]["added"]["count"] == 2
    assert report["missing"] == []


def test_the_cache_is_where_dvc_says_it_is(kept):
    project = kept(is_cached=True)
    (project.folder / ".dvc/cache").rename(project.folder / ".dvc/elsewhere")
    assert project.diff("HEAD")[0]["missing"]
    project.write(".dvc/config.local", "[cache]\n    dir = elsewhere\n")
    assert project.diff("HEAD")[0]["missing"] == []


def test_a_source_that_is_not_in_the_cache_is_named_and_compared_on_neither_side(kept):
    project = kept(is_cached=False)
    report, page = project.diff("HEAD")
    assert report["parts"]["rows"]["added"]["count"] == 1
    assert "rows" in report["parts"]
    assert "removed" not in report["parts"]["rows"]
    assert len(report["missing"]) == 1
    assert f"`dvc fetch --all-commits {RAW}/big.jsonl.dvc`" in page


def test_what_could_not_be_compared_is_not_called_unchanged(kept):
    project = kept(is_cached=False)
    project.rows(*map(row, range(10)))
    _, page = project.diff("HEAD")
    assert verdict_of(page) == "No change in the data that could be compared."
    (project.folder / RAW / "big.jsonl").unlink()
    report, page = project.diff("HEAD")
    assert len(report["missing"]) == 2
    assert f"`dvc fetch {RAW}/big.jsonl.dvc`" in page


@pytest.mark.parametrize("md5", ["../../../../params.yaml", "0" * 31, "g" * 32])
def test_a_pointer_that_is_no_digest_leads_nowhere(kept, md5):
    project = kept(is_cached=True)
    (project.folder / RAW / "big.jsonl").unlink()
    project.write(f"{RAW}/big.jsonl.dvc", yaml.safe_dump({"outs": [{"md5": md5, "path": "big.jsonl"}]}))
    with pytest.raises(Fault, match=r"big\.jsonl"):
        project.diff("HEAD")


def test_the_usual_base_is_where_the_branch_left_main(project):
    git(project.folder, "checkout", "-q", "-b", "change")
    project.rows(*map(row, range(11)))
    project.commit()
    git(project.folder, "checkout", "-q", "main")
    project.rows(*map(row, range(1, 10)))
    project.commit("meanwhile on main")
    git(project.folder, "checkout", "-q", "change")
    report, _ = project.diff()
    assert report["base"]["name"] == "main"
    assert report["parts"]["rows"]["added"]["count"] == 1
    assert "removed" not in report["parts"]["rows"]
    assert project.counts("main") == (2, 0, 0)
    assert project.counts("main...") == (1, 0, 0)
    assert revision_of("main...", project.folder) == revision_of("", project.folder)


def test_the_branch_main_of_the_origin_comes_before_that_of_the_clone(project):
    git(project.folder, "update-ref", "refs/remotes/origin/main", "HEAD")
    project.rows(*map(row, range(11)))
    project.commit("on main, not pushed")
    assert revision_of("", project.folder).name == "origin/main"
    assert project.counts() == (1, 0, 0)


def test_without_a_branch_main_the_base_is_the_commit_before_and_before_the_first_there_is_nothing(tmp_path):
    repository = Repository(tmp_path)
    git(tmp_path, "checkout", "-q", "-b", "trunk")
    repository.rows(*map(row, range(3)))
    assert repository.counts() == (3, 0, 0)
    repository.commit("the first")
    report, page = repository.diff()
    assert (report["base"]["commit"], report["parts"]["rows"]["added"]["count"]) == (None, 3)
    assert "there is no commit before this one" in page
    repository.rows(*map(row, range(4)))
    repository.commit("the second")
    assert revision_of("", tmp_path).name == "HEAD~1"
    assert repository.counts() == (1, 0, 0)


def test_a_detached_head_is_compared_like_any_other(project):
    project.rows(*map(row, range(11)))
    project.commit()
    git(project.folder, "checkout", "-q", "--detach", "HEAD~1")
    assert project.counts("main") == (0, 1, 0)
    assert project.counts() == (0, 0, 0)


@pytest.mark.parametrize(
    "base", ["-x", "--output=x", "nowhere", "HEAD~7", "a\nb", "HEAD:params.yaml", "...", "nowhere...", "-x..."]
)
def test_a_base_that_is_no_revision_is_a_fault(project, base):
    with pytest.raises(Fault, match=r"^BASE=.*is no revision"):
        revision_of(base, project.folder)


def test_the_command_says_so_in_a_line(project):
    done = project.run("--output=x")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"data-diff: BASE=.*; .*\n", done.stderr)
    assert not (project.folder / "x").exists()


def test_outside_of_git_it_says_so_in_a_line(tmp_path):
    with pytest.raises(Fault, match="no git repository"):
        revision_of("", tmp_path)


def test_branches_without_a_common_commit_are_a_fault(project):
    git(project.folder, "checkout", "-q", "--orphan", "other")
    git(project.folder, "commit", "-q", "-m", "another beginning")
    with pytest.raises(Fault, match="no commit in common"):
        revision_of("", project.folder)


def test_a_fault_names_the_file_as_the_user_knows_it(project):
    project.write(f"{RAW}/sources.yaml", "sources: [\n")
    project.commit("broken")
    project.sources(source_entry("a.jsonl"))
    done = project.run("HEAD")
    assert done.stderr.splitlines()[-1].startswith(f"data-diff: HEAD:{RAW}/sources.yaml:")
    project.write(f"{RAW}/sources.yaml", "sources: [\n")
    done = project.run("HEAD~1")
    assert done.stderr.splitlines()[-1].startswith(f"data-diff: {RAW}/sources.yaml:")


def test_a_link_that_leads_out_of_the_revision_is_not_followed(project):
    (project.folder / "outside.jsonl").write_text(json.dumps(row(60)) + "\n")
    (project.folder / RAW / "b.jsonl").symlink_to("/etc/passwd")
    project.commit("a link")
    done = project.run("HEAD")
    assert (done.returncode, done.stdout) == (1, "")
    assert "link" in done.stderr.splitlines()[-1]


def test_what_git_does_not_hand_out_is_named(project):
    project.write(".gitattributes", "*.jsonl export-ignore\n")
    project.commit("attributes")
    report, page = project.diff("HEAD")
    assert f"`{RAW}/a.jsonl`" in page
    assert "could be compared" in verdict_of(page)
    assert report["parts"] == {}


def state_of(folder):
    """Every file but those of the cache and of git, with content and time of change."""
    found = [path for path in folder.rglob("*") if path.is_file() and not {".cache", ".git"} & set(path.parts)]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def test_nothing_is_written_but_the_two_files_of_the_cache(kept):
    project = kept(is_cached=True)
    (project.folder / RAW / "big.jsonl").unlink()
    before, status = state_of(project.folder), git(project.folder, "status", "--porcelain")
    done = project.run("HEAD")
    assert done.returncode == 0, done.stderr
    assert state_of(project.folder) == before
    assert git(project.folder, "status", "--porcelain") == status
    assert sorted(path.name for path in (project.folder / ".cache").iterdir()) == ["data-diff.json", "data-diff.md"]
    report = json.loads((project.folder / ".cache/data-diff.json").read_text())
    assert list(report) == sorted(report)
    again = project.run("HEAD")
    assert again.stdout == done.stdout
