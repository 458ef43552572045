"""The story of the rehearsal, a function a chapter: what people type, and what the workflows then do. Tests read what comes back."""

import hashlib
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.data.splitting.sides import unit_hash
from tests.desk import Desk, at_desk, clone
from tests.forge import Forge, running_forge
from tests.project import question, record
from tests.s3_server import BUCKET, KEYS, S3, running_s3
from tests.team import LATER, ROWS, SOURCE, add_source, read_rows, start, write_rows
from tests.workflow_player import Job

REPORT, GATE = ("pull-request.yml", "report"), ("pull-request.yml", "gate")
SALT, TEST_SHARE = "colours", 0.185
REVIEWS, WEIGHTS = "data/ledgers/reviews", "1-full/model.safetensors"


@dataclass
class World:
    """Forge, remote, and the author's clone."""

    forge: Forge
    remote: S3
    author: Desk
    folder: Path

    def clone(self, name: str) -> Desk:
        """A clone on another machine."""
        return clone(self.forge.repository, self.folder / name, self.remote.environment)

    def file(self, name: str, revision: str = "main") -> str:
        """A file as the forge has it."""
        return self.author.git("--git-dir", str(self.forge.repository), "show", f"{revision}:{name}")


@dataclass
class Chapter:
    """A pull request: what its plan, its training and its checks were, and the comment at the end."""

    number: int
    branch: str
    planned: dict[str, Job]
    plan: str
    trained: Job | None
    checked: dict[str, Job]
    comment: str
    commit: str = ""


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A team's start on main, with the remote set and no run yet."""
    with running_s3(folder / "s3.log") as remote:
        secrets = {name: KEYS[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
        secrets |= {"PUSH_TOKEN": "t0ken", "TUNING_API_KEY": "", "HF_TOKEN": ""}
        with running_forge(folder, remote.nobody, secrets) as forge:
            (folder / "author").mkdir()
            author = at_desk(start(folder / "author"), remote.environment)
            author.make("remote", f"URL={remote.url}", f"ENDPOINT={remote.endpoint}")
            author.git("remote", "add", "origin", str(forge.repository))
            author.git("checkout", "--quiet", "-B", "main")
            author.commit("Objects are kept in the team's bucket")
            yield World(forge, remote, author, folder)


def propose(here: World, branch: str, train: bool, before: tuple[tuple[str, str], ...] = (REPORT,)) -> Chapter:
    """Open a pull request for a branch that is pushed, train it where that is wanted, and check it."""
    forge = here.forge
    number = forge.open(branch)
    planned = forge.pushed(number, before) if before else {}
    plan = (planned["report"].folder / "build/plan.md").read_text() if before else ""
    trained = forge.label(number) if train else None
    checked = forge.pushed(number)
    return Chapter(number, branch, planned, plan, trained, checked, forge.comment(number))


def first_data(here: World) -> Chapter:
    """The first examples, in two files."""
    here.author.branch("first-data")
    add_source(here.author.folder, SOURCE, [question(number) for number in range(ROWS)])
    add_source(here.author.folder, LATER, [question(number) for number in range(ROWS, ROWS + 24)])
    checked = {
        "date": "2026-01-01",
        "record": record(1).id,
        "decision": "approve",
        "reviewer": "Asha",
        "reason": "read",
    }
    (here.author.folder / REVIEWS / "2026-01-01-asha.jsonl").write_text(json.dumps(checked) + "\n")
    here.author.commit("The first examples")
    told = propose(here, "first-data", train=True)
    told.commit = here.forge.merge(told.number)
    return told


def shuffled_labels(here: World) -> Chapter:
    """The labels of what is learnt fall into disorder, as when a column was sorted alone."""
    here.author.branch("new-export")
    tested = set(here.file("task/test_set.txt").splitlines())
    numbers = [number for number in range(ROWS) if record(number).id not in tested]
    labels = [question(number)[1] for number in numbers]
    random.Random(3).shuffle(labels)
    wrong = dict(zip(numbers, labels, strict=True))
    rows = [(question(number)[0], wrong.get(number, question(number)[1])) for number in range(ROWS)]
    write_rows(here.author.folder / SOURCE, rows)
    here.author.commit("A new export of the examples")
    return propose(here, "new-export", train=True, before=())


def promotion(here: World, branch: str, why: str) -> Chapter:
    """The tuned model of main becomes the accepted one; after the merge the workflow proves and tags it."""
    here.author.branch(branch)
    here.author.make("pull")
    here.author.make("promote", WHY=why)
    here.author.commit(f"Promote: {why}")
    here.author.make("push")
    told = propose(here, branch, train=False, before=())
    told.commit = here.forge.merge(told.number)
    return told


def more_examples(here: World) -> Chapter:
    """Forty more examples to learn from."""
    here.author.branch("more-examples")
    rows = read_rows(here.author.folder / SOURCE) + [question(number) for number in range(600, 640)]
    write_rows(here.author.folder / SOURCE, rows)
    here.author.commit("Forty more examples")
    return propose(here, "more-examples", train=True)


def held_out_examples(here: World) -> Chapter:
    """Examples that all fall on the held-out side, so that nothing else is learnt; opened beside `more_examples`."""
    here.author.branch("held-out-examples")
    waiting = [n for n in range(700, 900) if unit_hash(SALT, record(n).id) < TEST_SHARE][:6]
    rows = read_rows(here.author.folder / LATER) + [question(number) for number in waiting]
    write_rows(here.author.folder / LATER, rows)
    here.author.commit("Six examples that wait for the next test set")
    return propose(here, "held-out-examples", train=True, before=())


def settled(here: World, told: Chapter) -> tuple[str, Job, dict[str, Job]]:
    """The second of two data pull requests takes main in; what merge-lock said, what was then trained, and the checks."""
    author = here.author
    author.git("fetch", "--quiet", "origin")
    author.git("checkout", "--quiet", "-B", told.branch, f"origin/{told.branch}")
    try:
        author.git("merge", "--quiet", "origin/main")
    except AssertionError:
        said = author.make("merge-lock")
    else:
        said = "no conflict"
    author.git("add", "-A")
    author.git("commit", "--quiet", "--no-edit")
    author.make("push")
    author.git("push", "--quiet", "origin", "HEAD")
    trained = here.forge.label(told.number)
    return said, trained, here.forge.pushed(told.number)


def rollback(here: World) -> Chapter:
    """The model before is in production again."""
    here.author.branch("roll-back")
    here.author.make("rollback", WHY="it calls white things black")
    here.author.commit("Roll back")
    told = propose(here, "roll-back", train=False)
    told.commit = here.forge.merge(told.number)
    return told


def tamper(folder: Path) -> list[str]:
    """Change a number of a report, a line of a ledger, a byte of the adapter and one of an object in the cache; how each is named."""
    report, ledger, adapter = "reports/evaluation.json", f"{REVIEWS}/2026-01-01-asha.jsonl", f"models/adapter/{WEIGHTS}"
    values = json.loads((folder / report).read_text())
    values["tuned"]["exact_label"] = 0.5
    (folder / report).write_text(json.dumps(values))
    line = (folder / ledger).read_text()
    assert "approve" in line
    (folder / ledger).write_text(line.replace("approve", "reject"))
    flip(folder / adapter)
    page = "data/evaluated/examples.html"
    digest = hashlib.md5((folder / page).read_bytes(), usedforsecurity=False).hexdigest()
    kept = folder / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    flip(kept)
    return [report, REVIEWS, adapter, f"{digest[:2]}/{digest[2:]}"]


def flip(path: Path) -> None:
    """Another last byte, in a file of its own and with the mode that it had."""
    content, mode = path.read_bytes(), path.stat().st_mode
    path.unlink()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    path.chmod(mode)


def rot(here: World, path: Path) -> None:
    """Change a byte of the remote's object of a file that the forge's main names; `path` is the tampered copy of it."""
    flip(path)  # once more: as it was
    content = path.read_bytes()
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    (key,) = [name for name in here.remote.names() if name.endswith(f"{digest[:2]}/{digest[2:]}")]
    body = content[:-1] + bytes([content[-1] ^ 1])
    here.remote.client().put_object(Bucket=BUCKET, Key=key, Body=body)
