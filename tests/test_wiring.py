"""The wiring: what a stage imports is what `dvc.yaml` lists, arrows between folders run one way, documents name what exists."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from pipeline.desk.new import BUILT
from tests.project import ROOT

PIPELINE = ROOT / "pipeline"
DVC = yaml.safe_load((ROOT / "dvc.yaml").read_text())
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
STAGES = {name: stage.get("do", stage) for name, stage in DVC["stages"].items()}
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "huggingface_hub", "lm_eval"}
# Who may use whom. Stages are the modules of the root; `stage` is what everybody may use.
ARROWS = {
    "stages": {"data", "model", "scoring", "remote", "stage"},
    "desk": {"desk", "stages", "data", "model", "scoring", "remote", "stage"},
    "pull_request": {"pull_request", "desk", "stages", "data", "model", "scoring", "stage"},
    "production": {"production", "pull_request", "desk", "stages", "data", "model", "scoring", "remote", "stage"},
    "model": {"model", "data", "remote", "stage"},
    "data": {"data", "remote", "stage"},
    "remote": {"remote", "stage"},
    "scoring": {"scoring"},
    "stage": set(),
}


@cache
def imports(path: Path) -> frozenset[str]:
    """Names of all modules that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def own_files(names: frozenset[str]) -> set[Path]:
    return {
        file
        for name in names
        if (file := ROOT / f"{name.replace('.', '/')}.py").is_file() and name.startswith("pipeline.")
    }


def closure(path: Path) -> set[Path]:
    """The file and every module of ours that it imports, directly or not."""
    found, todo = set(), {path}
    while todo:
        one = todo.pop()
        found.add(one)
        todo |= own_files(imports(one)) - found
    return found


def kind(path: Path) -> str:
    parts = path.relative_to(PIPELINE).with_suffix("").parts
    return parts[0] if len(parts) > 1 or parts == ("stage",) else "stages"


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_every_module_that_it_imports_and_no_other(name):
    listed = {ROOT / dep for dep in STAGES[name]["deps"] if dep.startswith("pipeline/")}
    assert listed == closure(PIPELINE / f"{name}.py")


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_requirements_that_it_imports(name):
    roots = {module.split(".")[0] for file in closure(PIPELINE / f"{name}.py") for module in imports(file)}
    wanted = ["requirements/model.txt" if roots & HEAVY else "requirements/data.txt"]
    wanted += ["requirements/harness.txt"] if "lm_eval" in roots else []
    assert [dep for dep in STAGES[name]["deps"] if dep.startswith("requirements/")] == wanted


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_lists_every_path_that_its_command_reads(name):
    stage = STAGES[name]
    outs = [
        out if isinstance(out, str) else next(iter(out))
        for key in ("outs", "metrics", "plots")
        for out in stage.get(key, [])
    ]
    words = re.findall(r"(?:data|task|models|reports)/\S+|\$\{item\.model\}", stage["cmd"])
    for word in words:
        known = [*stage["deps"], *outs]
        assert any(word == path or path.startswith(word + "/") or word.startswith(path + "/") for path in known), word


def test_make_new_deletes_all_that_the_stages_build():
    built = {
        out.replace("/${key}", "") for stage in STAGES.values() for out in stage.get("outs", []) if isinstance(out, str)
    }
    assert built <= set(BUILT)
    assert len(built) > 5


def test_sections_of_the_parameters_are_the_stages_the_arms_and_what_judges():
    desk = {"arms", "review", "rate", "judge", "plan", "checklist"}
    pull_request = {"gate", "lifecycle", "publish"}
    production = {"serve", "record", "monitor", "feedback"}
    assert set(PARAMS) == {*STAGES, *desk, *pull_request, *production}


def test_every_parameter_is_read_by_a_stage_that_declares_its_section():
    for name, stage in STAGES.items():
        declared = {key.split(".")[0] for key in stage["params"]}
        read = {
            section
            for file in closure(PIPELINE / f"{name}.py")
            for section in re.findall(r'section: ClassVar\[str\] = "(\w+)"', file.read_text())
        }
        assert read == declared, name


def test_each_stage_has_a_module_and_a_test_file():
    modules = {path.stem for path in PIPELINE.glob("*.py")} - {"__init__", "stage"}
    assert modules == set(STAGES)
    named = {re.sub(r"^test_", "", path.stem) for path in (ROOT / "tests").glob("test_*.py")}
    assert set(STAGES) - named == set()


@pytest.mark.parametrize("path", sorted(PIPELINE.rglob("*.py")), ids=lambda path: str(path.relative_to(PIPELINE)))
def test_arrows_between_folders_run_one_way(path):
    if path.name == "__init__.py":
        assert not imports(path)
        return
    used = {kind(file) for file in own_files(imports(path))}
    assert used <= ARROWS[kind(path)], used - ARROWS[kind(path)]


@pytest.mark.parametrize("path", sorted(PIPELINE.glob("*.py")), ids=lambda path: path.stem)
def test_no_stage_names_a_path_of_the_data(path):
    code = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
    assert "data/" not in code


def tops(path: Path) -> frozenset[str]:
    """Names of all modules that a file imports at its top: what it costs to import it."""
    body = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = [[alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module] for node in body]
    return frozenset(name for found in names for name in found if name)


# They extend what transformers has, and run at every token: imported where a model is at hand, and at no other top
AT_HAND = frozenset(f"pipeline.model.{name}" for name in ("slots", "alike", "decoding"))


def test_only_the_model_folder_and_no_module_top_imports_torch():
    for path in PIPELINE.rglob("*.py"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        heavy = {module for module in tops(path) if module.split(".")[0] in HEAVY or module in AT_HAND}
        assert name in AT_HAND or not heavy, path
        if {module.split(".")[0] for module in imports(path)} & HEAVY:
            assert kind(path) == "model", path


def test_the_readme_lists_the_stages():
    readme = (ROOT / "README.md").read_text()
    rows = re.findall(r"(?m)^\| `(\w+)(?:@\S+)?` \|", readme)
    assert rows == list(STAGES)


def test_every_path_of_the_readme_map_exists():
    readme = (ROOT / "README.md").read_text()
    block = re.search(r"## The map\n.*?```\n(.*?)```", readme, re.DOTALL)
    assert block
    folder = ""
    for line in block[1].splitlines():
        names, indent = re.split(r"\s{2,}", line.strip())[0].split(), len(line) - len(line.lstrip())
        for name in names:
            place = f"{folder}{name}" if indent else name
            assert (ROOT / place).exists(), place
        if not indent and names and names[0].endswith("/"):
            folder = names[0]


def test_every_make_target_of_a_document_exists():
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
    tracked = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in tracked:
        text = (ROOT / name).read_text()
        named = set(re.findall(r"`make ([a-z-]+)", text)) | set(re.findall(r"(?m)^\s*\$? ?make ([a-z-]+)", text))
        assert named <= targets, (name, named - targets)
