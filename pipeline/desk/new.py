"""Empty the sample and rename the project: a team's own start.

    python -m pipeline.desk.new NAME

What goes: sources, feedback, ledgers, test set, cases, reports, lock, what was built, and the accepted model. What stays: code,
tests, docs, base model and general probes. Asks for a clean work tree, so that git can bring everything back.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from pipeline.desk.accepted import ARM
from pipeline.desk.inputs import (
    FEEDBACK,
    JUDGE,
    PROMPTS,
    PROPOSED,
    RATINGS,
    REVIEWS,
    RUBRIC,
    SCHEMA,
    SOURCES,
    TEACHER,
    TEST_SET,
)
from pipeline.desk.test_set import HEAD
from pipeline.desk.unchanged import PIPELINE
from pipeline.model.carried import OWN
from pipeline.stage import Fault

NAME = re.compile(r"[a-z][a-z0-9-]{1,40}")
TASK, PARAMS, PROJECT, README = Path("task/README.md"), Path("params.yaml"), Path("pyproject.toml"), Path("README.md")
EMPTIED = (
    SOURCES.parent,
    FEEDBACK,
    TEACHER,
    REVIEWS,
    RATINGS,
    JUDGE,
    PROPOSED,
    Path("task/cases"),
    Path("task/canaries"),
    Path("reports"),
)
BUILT = (
    "data/records",
    "data/validated",
    "data/synthetic",
    "data/split",
    "data/predictions",
    "data/evaluated",
    "data/classified",
    "models/adapter",
    "models/accepted",
    "models/accepted.dvc",
    "models/accepted.json",
    ".cache",
    "dvc.lock",
)
SCHEMA_SKELETON = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"label": {"description": "Replace me", "type": "string", "enum": ["first", "second"]}},
    "required": ["label"],
    "additionalProperties": False,
}
SOURCES_SKELETON = (
    "# Every file of examples in this folder. Add one with make add-source FILE=data/raw/<name>.\nsources: []\n"
)
PROMPT_SKELETON = "system: |\n  Answer with one JSON object. Its keys are ...\nfew_shot: []\n"
RUBRIC_SKELETON = """# What the judge goes by: a text for each dimension of rate.dimensions in params.yaml.
about: What the assistant is for, and whom it answers.
dimensions:
  correct: What makes an answer right here, and what makes it wrong.
  helpful: What helps the one who asks, and what does not.
"""
TASK_SKELETON = (
    "# The task: {name}\n\nWhat the model is for. The success metrics and why; their targets stand in params.yaml.\n"
)


def check(name: str) -> None:
    """Raises Fault for a name that is none, or a work tree that git could not bring back."""
    if not NAME.fullmatch(name):
        raise Fault(f"NAME={name}", "is no project name", "take lower-case letters, digits and dashes, 2 to 41 of them")
    status = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=False)
    if status.returncode:
        raise Fault(Path.cwd(), "is no git repository", "clone the template, so that git can bring the sample back")
    if status.stdout.strip():
        place = status.stdout.splitlines()[0][3:]
        raise Fault(place, "is changed and not committed", "commit or stash it first: make new deletes the sample")


def empty(name: str) -> None:
    """Delete the sample, and put a skeleton in the place of each file that a team writes."""
    for folder in EMPTIED:
        folder.mkdir(parents=True, exist_ok=True)  # a team may have deleted one that it has no use for
        for path in folder.iterdir():
            if path.name not in (".gitkeep", ".gitignore"):
                path.unlink() if path.is_file() else shutil.rmtree(path)
        (folder / ".gitkeep").touch()
    for place in map(Path, BUILT):
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    SOURCES.write_text(SOURCES_SKELETON, encoding="utf-8")
    TEST_SET.write_text(HEAD, encoding="utf-8")
    SCHEMA.write_text(json.dumps(SCHEMA_SKELETON, indent=2) + "\n", encoding="utf-8")
    for path in (one for one in PROMPTS.glob("*.yaml") if one.stem != OWN):
        path.write_text(PROMPT_SKELETON, encoding="utf-8")
    RUBRIC.write_text(RUBRIC_SKELETON, encoding="utf-8")
    TASK.write_text(TASK_SKELETON.format(name=name), encoding="utf-8")


def rename(name: str) -> None:
    """The project's name, its targets and rules, and the list of its sources."""
    lines = [
        line
        for line in PIPELINE.read_text(encoding="utf-8").splitlines(keepends=True)
        if not line.strip().startswith(f"- {SOURCES.parent}/") or line.strip() == f"- {SOURCES}"
    ]
    PIPELINE.write_text("".join(lines), encoding="utf-8")
    params = PARAMS.read_text(encoding="utf-8")
    params = re.sub(r"(  targets:\n)(    \S+: .*\n)+", r"\1    format_accuracy: 0.9\n", params)
    params = re.sub(r"    - \{rule: (comparison|target), metric: (?!format_accuracy).*\n", "", params)
    params = re.sub(r"(  salt: )\S+", rf"\g<1>{name}", params)
    params = re.sub(r"(  required_slices:)[^\n]*\n(    \S+: .*\n)+", r"\1 {}\n", params)
    params = re.sub(r"(  rules:)[^\n]*\n(    \w+: .*\n)+", r"\1 {}\n", params)
    params = re.sub(r"(  escalation_field:) \S+", r'\1 ""', params)
    params = re.sub(r"(  languages:) \[[^\]]*\]", r"\1 [en]", params)
    params = re.sub(r"(  replay:) \S+ ", r"\1 0.0 ", params)  # what is there fits the embedded base
    params = re.sub(r"(  replies:) \d+", r"\1 0", params)
    params = re.sub(r"(  max_label_share:) \S+", r"\1 0.7", params)  # two labels may share the records evenly
    params = re.sub(r"(model:) \"?written by hand[^\n,\"]*\"?", r'\1 ""', params)
    params = re.sub(rf"(?m)^  {ARM}:[^\n]*\n(    [^\n]*\n)+", "", params)
    params = re.sub(r"(?m)^(publish:[^\n]*\n  name:) \S+", rf"\1 {name}", params)
    PARAMS.write_text(params, encoding="utf-8")
    PROJECT.write_text(
        re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', PROJECT.read_text(encoding="utf-8"), count=1), encoding="utf-8"
    )
    README.write_text(re.sub(r"\A# .*", f"# {name}", README.read_text(encoding="utf-8")), encoding="utf-8")


def main() -> None:
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    try:
        check(name)
        empty(name)
        rename(name)
    except Fault as fault:
        sys.exit(f"new: {fault}")
    print(
        f"new: this is {name} now. Next, as the README says under Make it yours: task, schema, sources, prompts, base."
    )


if __name__ == "__main__":
    main()
