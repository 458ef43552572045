"""A small project under git and the real DVC with all its reports, as if it had been run, for the tests of make report."""

import copy
import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import yaml

from pipeline.data.questions import read_questions
from pipeline.data.splitting.test_set import TestSet
from pipeline.data.yardstick import of_questions, of_test_set
from pipeline.pull_request.report import OUT, parts_of, write
from pipeline.pull_request.revision import revision_of
from pipeline.scoring.many_comparisons import row
from pipeline.scoring.paired import compare
from pipeline.scoring.rates import estimate
from tests.compared_project import PIPELINE, Compared
from tests.project import ROOT

TODAY = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
OF_DATA = ("ingest", "review", "validate", "synthesize", "split")  # sections that the data diff reads
RULES = [
    {
        "rule": "comparison",
        "metric": "exact_label",
        "against": "base",
        "needs": "better",
        "margin": 0.0,
        "on_cannot_tell": "fail",
    },
    {"rule": "cases"},
]
STAGES = {
    "evaluate": {
        "cmd": "false",
        "deps": ["data/predictions"],
        "params": ["evaluate"],
        "metrics": [{"reports/evaluation.json": {"cache": False}}],
        "plots": [{f"reports/{name}": {"cache": False}} for name in ("comparison.json", "examples.jsonl")],
    },
    "regress": {
        "cmd": "false",
        "deps": ["data/predictions", "task/cases"],
        "metrics": [{"reports/regression.json": {"cache": False}}],
        "plots": [{"reports/forgetting.json": {"cache": False}}],
    },
}
ARM = {
    "answers": 20,
    "prompt_tokens": 400,
    "answer_tokens": 100,
    "latency_s": {"median": 0.1, "p95": 0.2},
    "cost": None,
}
RUN = {"arms": {"base": ARM, "tuned": ARM}, "stages": {"train": {"seconds": 12.5, "peak_mib": 900}}, "machine": {}}


def mean(right, n):
    found = estimate([1.0] * right + [0.0] * (n - right), [str(at) for at in range(n)])
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in vars(found).items()}


def difference(fixed, broken, n):
    after = [1.0] * fixed + [0.0] * broken + [1.0] * (n - fixed - broken)
    before = [0.0] * fixed + [1.0] * broken + [1.0] * (n - fixed - broken)
    found = compare(after, before, [str(at) for at in range(n)], 0.05)
    return row(found, found.p)


class Reported(Compared):
    """`right` of the test set are right by the reports, of the arms `base` and `tuned`; `flips` are the examples of the reports.

    `since`: how many of twelve rows of the slice `new` are right; none where there is no such slice.
    """

    right: ClassVar = {"base": 2, "tuned": 18}
    since: ClassVar[dict[str, int]] = {}
    failed: tuple[str, ...] = ()
    rules = RULES
    flips: list | None = None
    curve = "step\tphase\tloss\tvalidation_loss\n1\t1-lora\t2.0\t\n2\t1-lora\t1.0\t1.5\n4\t1-lora\t0.5\t1.2\n"

    def run(self):
        self.params |= {"gate": {"rules": self.rules}, **{name: TODAY[name] for name in OF_DATA}}
        self.write("dvc.yaml", yaml.safe_dump({"stages": {**PIPELINE["stages"], **STAGES}}))
        self.write("models/adapter/loss.tsv", self.curve)
        self.write(".gitignore", ".cache/\n/build/\n/data/\n/models/adapter\n")
        return super().run()

    def write(self, name, text):
        """The last file that a run writes before it is committed to DVC is the comparison: the other reports come with it."""
        if name != "reports/comparison.json":
            super().write(name, text)
            return
        n, other = len(self.tests), {name: right for name, right in self.right.items() if name != "tuned"}
        facts = json.loads(text)["yardstick"]
        pairs = {f"tuned against {arm}": {"exact_label": self.pair(right, n)} for arm, right in other.items()}
        arms = {arm: {"exact_label": mean(right, n)} for arm, right in self.right.items()}
        wanted = self.params["evaluate"]["targets"]
        new = {name: {"exact_label": mean(right, 12)} for name, right in self.since.items()}
        against = {
            f"tuned against {arm}": {"exact_label": difference(self.since["tuned"] - right, 0, 12)}
            for arm, right in self.since.items()
            if arm != "tuned"
        }
        comparison = {
            "new": {"arms": new, "pairs": against} if new else {},
            "arms": arms,
            "pairs": pairs,
            "yardstick": facts,
            "targets": {name: {"wanted": level} for name, level in wanted.items()},
            "test_set": of_test_set(TestSet.load(self.folder / "task/test_set.txt")),
            "judge": {"pairs": {}},
        }
        asked = [*read_questions(self.folder / "task/probes"), *read_questions(self.folder / "task/cases")]
        forgetting = {
            "cases_failed": {arm: list(self.failed) for arm in self.right},
            "n_cases": len(self.cases),
            "questions": of_questions(asked),
            "tuned against base": {"probes": difference(1, 1, 8), "skills": {"s": difference(1, 1, 8)}},
        }
        super().write(name, json.dumps(comparison))
        means = {arm: {name: one["mean"] for name, one in given.items()} for arm, given in arms.items()}
        for file, content in (
            ("evaluation", means),
            ("forgetting", forgetting),
            ("regression", {arm: {"probes": 0.5} for arm in self.right}),
            ("run", RUN),
        ):
            super().write(f"reports/{file}.json", json.dumps(content))
        super().write("reports/examples.jsonl", "".join(json.dumps(one) + "\n" for one in self.flips or [flip("base")]))

    def pair(self, right, n):
        step = self.right["tuned"] - right
        return difference(max(step, 0), max(-step, 0), n)

    def report(self, base="HEAD", images=""):
        """The comment, and below `build/report` all that the command writes."""
        (self.folder / ".cache").mkdir(exist_ok=True)
        with TemporaryDirectory(dir=self.folder / ".cache") as folder:
            write(parts_of(revision_of(base, self.folder), self.folder, Path(folder)), self.folder / OUT, images)
        return (self.folder / OUT / "comment.md").read_text(encoding="utf-8")

    @property
    def page(self):
        return (self.folder / OUT / "report.html").read_text(encoding="utf-8")

    def clone(self, folder):
        """A clone without a cache, as of who can reach no remote."""
        subprocess.run(["git", "clone", "-q", self.folder, folder], check=True)
        other = copy.deepcopy(self)
        other.folder = folder
        return other


def flip(against, number=1, change="fixed", **texts):
    words = {"question": "which?", "reference": "red", "before": "blue", "after": "red", **texts}
    before = 0.0 if change == "fixed" else 1.0
    metrics = {"exact_label": [before, 1.0 - before]}
    return {"against": against, "change": change, "id": f"{number:016x}", "metrics": metrics, "source": "f:1", **words}


def run_once(folder):
    project = Reported(folder)
    project.run()
    project.commit("the first run")
    return project
