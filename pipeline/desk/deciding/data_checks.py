"""The checks of task and data, which need no run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.desk.deciding.check import Check, Status, counted, listed
from pipeline.desk.deciding.churn import Churn
from pipeline.scoring.rates import wilson

WORDS = {
    "format": "to change format and style",
    "domain": "to learn a domain",
    "behaviour": "to change behaviour",
}


@dataclass(frozen=True)
class Supply:
    """Examples that may be learnt: how many, by value of the label (None where the answer has none), and the slices that are short.

    `synthetic`: how many of them a teacher wrote and a person approved.
    """

    total: int
    labels: Mapping[str, int] | None
    short: Sequence[str] = ()
    synthetic: int = 0


@dataclass(frozen=True)
class Reviewed:
    """What people said: examples that may be learnt, those of them that a person approved, and those that wait or are disputed."""

    usable: int
    approved: int
    waiting: int
    disputed: int


@dataclass(frozen=True)
class Facts:
    """How many examples were looked at, how many state facts that their prompt lacks, and the first of these in words.

    `blind`: why nothing can be seen in these answers, in words.
    """

    looked_at: int
    stating: int
    shown: Sequence[str] = field(default=())
    blind: str = ""


def targets(wanted: Mapping[str, float], described: str) -> Check:
    """Whether targets are set, and `described`, the task in words, names their metrics."""
    claim = "What is wanted is said: metrics, and targets for them"
    if not wanted:
        return Check("targets", claim, "no", ("evaluate.targets in params.yaml is empty",))
    evidence = [", ".join(f"{name} {level:.0%}" for name, level in wanted.items())]
    missing = [name for name in wanted if name not in described]
    if missing:
        evidence.append(f"task/README.md does not name {listed(missing)}: say there why it counts")
    return Check("targets", claim, "no" if missing else "yes", tuple(evidence))


def examples(supply: Supply, needed: Mapping[str, int]) -> Check:
    """Whether there are enough examples for each wanted change; `needed` of each label for a classification."""
    found = [_enough(change, least, supply) for change, least in needed.items()]
    if supply.total:
        found += [("no", f"slice {words}") for words in supply.short]
    status = _worst([one for one, _ in found])
    made = (f"{supply.synthetic:,} of them are synthetic, approved by a person",) if supply.synthetic else ()
    evidence = (*(words for _, words in found), *made)
    return Check("examples", "There are enough examples for the change", status, evidence)


def _enough(change: str, least: int, supply: Supply) -> tuple[Status, str]:
    if change != "classification":
        said = f"{counted(supply.total, 'example')}, where {least:,} are wanted {WORDS[change]}"
        return "yes" if supply.total >= least else "no", said
    if supply.labels is None:
        return "not known yet", "no field of the answer has a closed list of values: is it a classification?"
    short = [f"{name} {count:,}" for name, count in sorted(supply.labels.items(), key=_rarest) if count < least]
    if short:
        return "no", f"fewer than {least:,} of a label: {listed(short)}"
    return "yes", f"each of {counted(len(supply.labels), 'label')} has {least:,} and more"


def _rarest(label: tuple[str, int]) -> tuple[int, str]:
    return label[1], label[0]


def _worst(found: Sequence[Status]) -> Status:
    order: tuple[Status, ...] = ("no", "not known yet", "yes")
    return next(status for status in order if status in found)


def reviewed(found: Reviewed, origins: Sequence[str], most: float) -> Check:
    """Whether few enough examples wait for a person; `most` as a share of those that may be used or wait."""
    claim, waits = "People have looked at the data", found.waiting + found.disputed
    everything = found.usable + waits
    if not everything:
        return Check("reviewed", claim, "not known yet", ("there is no example yet: make add-source",))
    asked = f"those that are {' or '.join(origins)} need a person's approval" if origins else "none needs an approval"
    share = waits / everything
    evidence = (
        f"{found.approved:,} of {everything:,} approved or edited by a person; {asked}",
        f"waiting {found.waiting:,}, disputed {found.disputed:,}, {share:.0%} of all; {most:.0%} are tolerated",
        *(("run make review",) if share > most else ()),
    )
    return Check("reviewed", claim, "yes" if share <= most else "no", evidence)


def facts(found: Facts, most: float) -> Check:
    """Whether few enough answers state what their prompt lacks; a share that may lie on either side of `most` is not known."""
    claim = "The answers need no facts that the prompt lacks"
    if found.blind or not found.looked_at:
        return Check("facts", claim, "not known yet", (found.blind or "there is no example with a free text yet",))
    share = found.stating / found.looked_at
    low, high = wilson(share, found.looked_at)
    status: Status = "yes" if high <= most else "no" if low > most else "not known yet"
    evidence = (
        f"{found.stating:,} of {found.looked_at:,} state figures, names, addresses or words of their own, "
        f"{share:.0%} [{low:.0%}, {high:.0%}]; a guess without a model, bound {most:.0%}",
        *found.shown,
    )
    return Check("facts", claim, status, evidence)


def steady(found: Churn | str, most: float) -> Check:
    """Whether the wanted behaviour holds still; `most` changed lines as a share of those that are there."""
    claim = "The wanted behaviour holds still"
    if isinstance(found, str):
        return Check("steady", claim, "not known yet", (found,))
    said = (
        f"in {counted(found.days, 'day')} {counted(found.commits, 'commit')} changed {counted(found.changed, 'line')} of "
        f"README, schema, prompts and cases, {found.share:.0%} of {found.lines:,}; tolerated are {most:.0%}"
    )
    return Check("steady", claim, "yes" if found.share <= most else "no", (said,))
