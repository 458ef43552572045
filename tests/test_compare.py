"""Old and new model: what is paired where the yardstick is one, and what is shown where it moved."""

import inspect
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipeline import predict
from pipeline.pull_request.comparing.lock import Lock
from pipeline.pull_request.comparing.yardstick import JUDGES
from pipeline.pull_request.verifying.hashes import Hashes
from pipeline.stage import Fault
from tests.compared_project import SCHEMA, check, copied, example, right, run_once, wrong
from tests.examples import record
from tests.project import ROOT, git
from tests.test_data_diff_page import HOSTILE, outside_of_code
from tests.test_wiring import closure
from tests.verified_project import commit, object_of, rewrite

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return run_once(tmp_path_factory.mktemp("compared"))


@pytest.fixture
def project(first, tmp_path):
    return copied(first, tmp_path / "project")


def number_of(one):
    return int(re.search(r"number (\d+)", one.question)[1])


def two_of_three(one):
    return right(one) if number_of(one) % 3 else wrong(one)


def section(page, arm="tuned"):
    """What the page says of an arm."""
    return page.split(f"\n## `{arm}`\n", 1)[1].split("\n## ", 1)[0]


def row(page, *starts):
    """The cells of the one line of a table that begins so, without these."""
    head = "| " + " | ".join(starts) + " | "
    (line,) = [line for line in page.splitlines() if line.startswith(head)]
    return line.removeprefix(head).removesuffix(" |").split(" | ")


def grid(page, metric="exact_label", arm="tuned"):
    """Old and new model, each on the old and the new yardstick."""
    return [row(section(page, arm), f"`{metric}`", f"{model} model") for model in ("old", "new")]


def verdict(page):
    return page.splitlines()[2]


def cell(mean, n, of=None):
    return re.compile(rf"{re.escape(mean)} \[[\d.]+%, [\d.]+%\], n {n}{f' of {of}' if of else ''}$")


def test_on_the_same_yardstick_models_are_paired_and_what_broke_is_shown(project):
    project.model("m2", two_of_three)
    page = project.run().page()
    assert verdict(page).startswith("The yardstick is the same. ")
    assert "`tuned` is worse than it was on `exact_label` (-35.0 points" in verdict(page)
    assert "Nothing that measures" in page
    old, new, difference, n, fixed, broken, p, *_, word = row(section(page), "`exact_label`")
    assert (old, new, n, fixed, broken, p, word) == ("100.0%", "65.0%", "20", "0", "7", "0.0156", "worse")
    assert difference.startswith("-35.0 points [")
    assert "old yardstick" not in page
    assert "7 examples broken, 0 fixed, 13 the same" in page
    assert page.count('  old: {"label": "red"}\n  new: {"label": "blue"}') == 7
    assert "What is missing" not in page


def test_what_is_equal_is_said_in_a_line(project):
    page = project.page()
    assert (
        "`tuned`: the same model, and equal on `format_accuracy`, `exact_label`, `probes`, `token_chance`"
        in verdict(page)
    )
    assert "| " not in section(page)


def test_answers_that_differ_under_the_same_names_are_seen(project):
    """Nothing says that the model is another one, and it answers otherwise: an edited file, or code that answers."""
    project.write("pipeline/predict.py", "# asks otherwise\n")
    project.model("m1", two_of_three)
    page = project.run().page()
    assert row(section(page), "`exact_label`")[-1] == "worse"
    assert "answers of `tuned`, `base` were made with differ (`pipeline/predict.py`)" in page


def test_old_answers_are_scored_by_a_new_schema_and_new_ones_by_the_old(project):
    project.schema({**SCHEMA, "properties": {"label": {"type": "string", "enum": ["red", "blue", "green"]}}})
    project.model("m2", lambda one: '{"label": "green"}' if number_of(one) < 10 else right(one))
    page = project.run().page()
    assert row(page, "schema") == ["fields: changed `label`"]
    (old_then, old_now), (new_then, new_now) = grid(page, "format_accuracy")
    for text in (old_then, old_now, new_now):
        assert cell("100.0%", 20).match(text)
    assert cell("50.0%", 20).match(new_then)
    assert "### On the old yardstick" in page
    assert "### On the new yardstick" in page
    of_same = section(page).split("### On what is the same on both sides")[1].split("###")[0]
    assert "label" not in of_same


def test_patterns_that_are_prohibited_now_count_against_the_old_model_too(project):
    project.params["evaluate"]["prohibited"] = ["red"]
    page = project.run().page()
    assert row(page, "prohibited patterns") == ["came `red`"]
    (cells,) = [row(section(page), "`format_accuracy`", "the one model")]
    assert cell("100.0%", 20).match(cells[0])
    assert cell("0.0%", 20).match(cells[1])


def test_parameters_from_before_there_were_patterns_have_none(project):
    old = yaml.safe_load((project.folder / "params.yaml").read_text())
    del old["evaluate"]["prohibited"]
    project.write("params.yaml", yaml.safe_dump(old))
    project.commit()
    project.params["evaluate"]["prohibited"] = ["blue"]
    assert row(project.run().page(), "prohibited patterns") == ["came `blue`"]


def test_what_waited_in_new_is_known_of_the_old_model_when_it_joins_the_test_set(project):
    project.waiting = [example(number, "blue") for number in range(30, 34)]
    project.run().commit("rows that wait")
    project.tests, project.waiting = [*project.tests, *project.waiting], []
    project.model("m2", two_of_three)
    page = project.run().page()
    assert row(page, "test set") == ["20 ids then, 24 now: 4 came, 0 went"]
    (old_then, old_now), (new_then, new_now) = grid(page)
    assert cell("100.0%", 20).match(old_then)
    assert cell("100.0%", 24).match(old_now)
    assert cell("65.0%", 20).match(new_then)
    assert cell("62.5%", 24).match(new_now)
    tables = re.findall(r"### On (.*)\n", section(page))
    assert tables[:2] == ["what is the same on both sides", "the new yardstick"]
    assert "What is missing" not in page


def test_examples_that_the_old_model_was_never_asked_are_counted_with_what_would_fill_them(project):
    project.tests = [*project.tests[5:], *(example(number) for number in range(40, 44))]
    page = project.run().page()
    assert row(page, "test set") == ["20 ids then, 19 now: 4 came, 5 went"]
    project.model("m2", right)
    page = project.run().page()
    (old_then, old_now), (new_then, new_now) = grid(page)
    assert cell("100.0%", 20).match(old_then)
    assert cell("100.0%", 15, 19).match(old_now)
    assert cell("100.0%", 15, 20).match(new_then)
    assert cell("100.0%", 19).match(new_now)
    assert "`tuned`, old model on the new yardstick: 4 of 19 not answered" in page


def test_test_sets_without_a_common_example_pair_nothing_and_say_so(project):
    project.tests = [example(number) for number in range(50, 60)]
    project.model("m2", two_of_three)
    page = project.run().page()
    (_, old_now), (new_then, _) = grid(page)
    assert old_now == "missing: the old model answered none of these"
    assert new_then == "missing: the new model answered none of these"
    assert "Of the task's own metrics nothing can be paired: cannot tell." in verdict(page)


def test_a_corrected_reference_is_held_against_the_answer_to_the_same_question(project):
    project.tests = [example(0, "blue"), *project.tests[1:]]
    project.model("m2", right)
    page = project.run().page()
    assert row(page, "content of examples") == ["1 example with the same question and another reference answer"]
    (old_then, old_now), (new_then, new_now) = grid(page)
    assert [cell("100.0%", 20).match(text) is not None for text in (old_then, old_now, new_then, new_now)] == [
        True,
        False,
        False,
        True,
    ]
    assert cell("95.0%", 20).match(old_now)
    assert "### On what is the same on both sides\n\nAll values are equal, of up to 19 examples" in section(page)


def commands_of(page, title):
    """The lines of the block after a paragraph that begins so."""
    after = page.split(f"\n{title}", 1)[1]
    return re.search(r"```text\n(.*?)\n```", after, re.DOTALL)[1].splitlines()


def carry_out(project, lines):
    """Run what the page says in a shell, as far as no model is needed; returns the options of the prediction."""
    *before, last = lines
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-ec", "set -o pipefail\n" + "\n".join(before)],
        cwd=project.folder,
        env={"PATH": path, "HOME": str(project.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = shlex.split(last)
    assert words[:3] == ["python", "-m", "pipeline.predict"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    taken = [key for key in inspect.signature(predict.main).parameters if key != "params"]
    assert sorted(options) == sorted(f"--{key.replace('_', '-')}" for key in taken)
    for key in ("--test", "--new", "--few-shot", "--probes", "--cases", "--texts", "--model", "--prompt"):
        assert (project.folder / options[key]).exists(), key
    return options


def test_a_changed_prompt_leaves_two_corners_open_and_the_printed_commands_fill_them(project):
    then = project.system
    project.prompt("Say the colour, and nothing else.")
    project.model("m2", two_of_three)
    page = project.run().page()
    assert row(page, "prompt of `tuned`") == ["`plain` has other words or examples"]
    (old_then, old_now), (new_then, new_now) = grid(page)
    assert cell("100.0%", 20).match(old_then)
    assert old_now == "missing: the old model was not asked with the new prompt"
    assert new_then == "missing: the new model was not asked with the old prompt"
    assert cell("65.0%", 20).match(new_now)
    assert "Of the task's own metrics nothing can be paired: cannot tell." in verdict(page)

    options = carry_out(project, commands_of(page, "`tuned`, old model on the new yardstick"))
    assert (project.folder / options["--model"] / "weights").read_text() == "m1"
    project.predict(project.folder / options["--out"], "m1", right)
    page = project.page()
    assert cell("100.0%", 20).match(grid(page)[0][1])
    assert row(section(page).split("### On the new yardstick")[1], "`exact_label`")[-1] == "worse"

    options = carry_out(project, commands_of(page, "`tuned`, new model on the old yardstick"))
    assert then in (project.folder / options["--prompt"]).read_text()
    assert (project.folder / options["--model"] / "weights").read_text() == "m2"
    now, project.system = project.system, then
    project.predict(project.folder / options["--out"], "m2", wrong)
    project.system = now
    page = project.page()
    assert cell("0.0%", 20).match(grid(page)[1][0])
    assert "What is missing" not in page


def test_a_model_that_is_the_same_fills_its_corners_with_what_the_other_side_asked(project):
    project.prompt("Say the colour, and nothing else.")
    project.model("m0", two_of_three, "base")
    page = project.run().page()
    cells = row(section(page, "base"), "`exact_label`", "the one model")
    assert cell("0.0%", 20).match(cells[0])
    assert cell("65.0%", 20).match(cells[1])


def test_a_changed_decoding_pairs_nothing_and_says_which_parameters_would(project):
    project.decoding = {"greedy": True, "max_new_tokens": 9}
    project.model("m2", right)
    page = project.run().page()
    assert row(page, "decoding of `tuned`") == ["`max_new_tokens` `8` to `9`"]
    assert grid(page, "probes")[0][1] == "missing: the old model was not asked with the new decoding"
    assert "Give section `predict` of `params.yaml` the values of `git show" in page
    assert "nothing can be paired: cannot tell" in verdict(page)


def test_another_scorer_is_named_and_never_run(project, tmp_path):
    marker = tmp_path / "was-run"
    project.write("pipeline/scoring/own.py", f"open({str(marker)!r}, 'w')\nraise SystemExit(7)\n")
    project.commit("another scorer")
    git(project.folder, "checkout", "-q", "HEAD~1", "--", "pipeline/scoring/own.py")
    done = project.command("HEAD")
    assert done.returncode == 0, done.stderr
    assert row(done.stdout, "scorer code") == ["`pipeline/scoring/own.py`"]
    assert not marker.exists()
    assert "no code of the other commit is run" in done.stdout
    assert row(done.stdout, "`tuned`", "`exact_label`")[0] == "50.0% [40.0%, 60.0%], n 20"
    assert "**not paired**" in done.stdout


def test_every_module_that_decides_a_value_is_among_those_that_are_compared():
    scored = {ROOT / "pipeline/scoring/answers.py", ROOT / "pipeline/scoring/checks.py"}
    needed = {file for one in scored for file in closure(one)}
    assert {str(file.relative_to(ROOT)) for file in needed} <= {*JUDGES}


@pytest.mark.parametrize("path", ["data/predictions/tuned", "data/split"])
def test_what_the_cache_lacks_is_named_with_both_ways_to_get_it(project, path):
    project.model("m2", two_of_three)
    project.run().forget_objects(path)
    page = project.page()
    head = git(project.folder, "rev-parse", "HEAD")[:12]
    (line,) = [line for line in page.splitlines() if line.startswith(f"- `{path}` of `HEAD` is not in DVC's cache")]
    assert f"`dvc fetch --all-commits {path}`" in line
    assert f"`git checkout {head} && make run && git checkout -`" in line
    if path == "data/split":  # ids are digests of examples, and this tree has them all
        assert row(section(page), "`exact_label`")[-1] == "worse"
    else:
        assert "`tuned` nothing can be paired: cannot tell" in verdict(page)
        assert row(page, "`tuned`", "`exact_label`") == ["50.0% [40.0%, 60.0%], n 20"] * 2
        assert "`base`" not in page.split("## As reported")[1].split("##")[0]


def test_a_rotten_object_is_not_believed(project):
    answers = object_of(project.folder, "predict@tuned", "data/predictions/tuned", "answers.jsonl")
    rewrite(answers, answers.read_bytes().replace(b"red", b"rid"))
    project.model("m2", right)
    page = project.run().page()
    assert "lacks answers.jsonl, which is rotten in DVC's cache" in page
    assert "nothing can be paired" in verdict(page)


def test_a_work_tree_that_was_not_run_shows_what_git_holds(project):
    shutil.rmtree(project.folder / "data/predictions")
    project.prompt("Another one, which was never run.")
    (project.folder / "data/split/test.jsonl").unlink()
    page = project.page()
    assert "`task/prompts/plain.yaml` changed since" in page
    assert "test.jsonl` changed since" not in page
    assert "- `data/predictions/tuned` of the work tree is not there: run `dvc pull` or `make run`" in page
    assert row(page, "`tuned`", "`exact_label`") == ["50.0% [40.0%, 60.0%], n 20"] * 2


def test_a_prompt_that_moved_is_told_also_where_no_answer_can_be_had(project):
    project.prompt("Say the colour, and nothing else.")
    project.run()
    for arm in ("tuned", "base"):
        project.forget_objects(f"data/predictions/{arm}")
    shutil.rmtree(project.folder / "data/predictions")
    page = project.page()
    assert row(page, "prompt of `tuned`") == ["`plain` has other words or examples"]
    assert verdict(page).startswith("The yardstick moved: prompt of `tuned`, prompt of `base`. ")


@pytest.mark.parametrize(("today", "changed"), [("0.000005", []), ("0.00001", ["params.yaml: train.dpo"])])
def test_a_number_that_dvc_writes_short_is_the_same_number(tmp_path, today, changed):
    lock = "stages: {train: {params: {params.yaml: {train.dpo: {learning_rate: 5e-06, epochs: 1}}}}}"
    (tmp_path / "dvc.lock").write_text(lock)
    (tmp_path / "params.yaml").write_text(f"train: {{dpo: {{learning_rate: {today}, epochs: 1}}}}")
    assert Lock(tmp_path / "dvc.lock").changed_since(["train"], tmp_path, Hashes(lambda _: None)) == changed


def test_what_changed_since_the_run_is_a_note(project):
    project.prompt("Not run yet.")
    assert "- `task/prompts/plain.yaml` changed since `make run`: run it before you believe this page" in project.page()


def test_a_commit_that_nobody_ran_has_nothing_to_compare_with(project):
    git(project.folder, "rm", "-q", "-r", "--cached", "dvc.lock", "reports")
    git(project.folder, "commit", "-q", "-m", "before the first run")
    page = project.page()
    assert "`HEAD` has no `dvc.lock`: nobody has run it" in page
    assert verdict(page).startswith("The yardstick is the same, as far as it is known. ")
    assert "cannot tell" in verdict(page)


def test_before_the_first_commit_there_is_nothing(project):
    git(project.folder, "branch", "-m", "trunk")
    done = project.command("")
    assert (done.returncode, done.stdout[:24]) == (0, "Nothing to compare with:")


def test_a_shallow_clone_says_how_to_get_the_rest(project, tmp_path):
    project.commit("another")
    git(project.folder, "branch", "-m", "trunk")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{project.folder}", "shallow")
    git(tmp_path / "shallow", "remote", "remove", "origin")
    project.folder = tmp_path / "shallow"
    done = project.command("")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"compare: .*shallow.*git fetch --unshallow\n", done.stderr)


def test_a_base_that_is_none_is_one_line(project):
    done = project.command("--output=x")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"compare: BASE=.*is no revision.*\n", done.stderr)


def test_an_id_that_comes_twice_is_a_fault_here_and_a_note_of_another_commit(project):
    answers = project.folder / "data/predictions/tuned/answers.jsonl"
    once = answers.read_text()
    answers.chmod(0o644)
    answers.write_text(once + once.splitlines(keepends=True)[0])
    done = project.command("HEAD")
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"compare: data/predictions/tuned/answers\.jsonl:\d+: answers \w+ twice; .*\n", done.stderr)
    with pytest.raises(Fault):
        project.page()
    commit(project.folder)
    project.commit("twice")
    page = project.run().page()
    assert "- not read: `HEAD:data/predictions/tuned/answers.jsonl:" in page


def test_one_example_tells_nothing(project):
    project.tests = project.tests[:1]
    project.run().commit("one example")
    project.model("m2", wrong)
    page = project.run().page()
    assert row(section(page), "`exact_label`")[-1].startswith("cannot tell")
    assert "`tuned` is not to be told from what it was" in verdict(page)


def test_probes_pair_where_they_are_the_same_and_cases_that_fail_now_are_named(project):
    project.probes = [*project.probes[1:], {**project.probes[0], "check": check("another")}]
    project.cases = [{**project.cases[0], "check": check("blue")}, *project.cases[1:]]
    project.model("m2", right)
    page = project.run().page()
    assert row(page, "probes") == ["8 then, 8 now: 1 changed"]
    assert row(page, "cases") == ["1 then, 1 now: 1 changed"]
    (old_then, old_now), _ = grid(page, "probes")
    assert cell("100.0%", 8).match(old_then)
    assert cell("87.5%", 8).match(old_now)
    assert "case" not in section(page).split("### On what is the same")[1].split("### On the new")[0]
    assert "1 pass now and failed (`stays`)" in section(page).split("### On the new yardstick")[1]


def test_no_answer_gets_out_of_its_place(project):
    project.tests = [record(f"colour {n}? {text}", '{"label": "red"}') for n, text in enumerate(HOSTILE)]
    project.run().commit("hostile questions")
    project.model("m2 | `x`\n# y", lambda one: HOSTILE[int(one.question.split("?")[0].split()[1])])
    project.arms["@octocat | <b>"] = project.arms["tuned"]
    project.params["arms"]["@octocat | <b>"] = project.params["arms"]["tuned"]
    (project.folder / "data/predictions/@octocat | <b>").mkdir()
    project.predict(project.folder / "data/predictions/@octocat | <b>", *project.arms.pop("@octocat | <b>"))
    project.params["arms"].pop("@octocat | <b>")
    page = project.run().page()
    rest = outside_of_code(page)
    assert "broken" in page
    assert not re.search(r"@|<|http|!\[|onerror|evil|octocat|gnirts", rest)
    assert "@" not in page
    assert not [letter for letter in page if letter != "\n" and not letter.isprintable()]
    assert all(re.fullmatch(r"#{1,3} [A-Z][\w ,:-]*|## ", line) for line in rest.splitlines() if line.startswith("#"))


def state_of(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}


def test_nothing_is_written(project):
    project.model("m2", two_of_three)
    project.run()
    before, status = state_of(project.folder), git(project.folder, "status", "--porcelain")
    done = project.command("HEAD")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Old and new model\n")
    assert state_of(project.folder) == before
    assert git(project.folder, "status", "--porcelain") == status
    assert project.page() == done.stdout


def test_an_older_report_that_today_cannot_read_is_a_note(project):
    project.write("reports/comparison.json", json.dumps({"arms": {"tuned": {"exact_label": 0.5}}}))
    project.commit("an older form")
    page = project.run().page()
    assert "not read: `HEAD:reports/comparison.json" in page
    assert "equal on" in verdict(page)
