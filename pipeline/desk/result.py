"""The result for people: a table of arms and metrics, the verdict in a sentence, and where to look next."""

import json
import shutil
from pathlib import Path
from typing import Any

from pipeline.desk.accepted import ARM as ACCEPTED
from pipeline.desk.judged import candidates
from pipeline.model.training.telling import proved
from pipeline.scoring.answers import PARTS

BASELINES = ("base", "prompted")
TUNED = "tuned"
IN_PRODUCTION = f"tuned is the model in production ({ACCEPTED})"


def show(reports: Path, adapter: Path) -> None:
    """Print the result from the reports, and what was proved of the training."""
    comparison = json.loads((reports / "comparison.json").read_text(encoding="utf-8"))
    regression = json.loads((reports / "regression.json").read_text(encoding="utf-8"))
    forgetting = json.loads((reports / "forgetting.json").read_text(encoding="utf-8"))
    print(table(comparison, regression, forgetting))
    print()
    print(verdict(comparison, forgetting))
    for line in worst(comparison):
        print(line)
    for line in advice(comparison):
        print(line)
    for line in [*people(comparison), *judge(comparison)]:
        print(line)
    if (count := candidates(reports.parent)) > 1:
        print(
            f"This test set has judged {count} candidates; the best of many is partly the luckiest (docs/evaluation.md)."
        )
    for name, proof in json.loads((adapter / "proofs.json").read_text(encoding="utf-8")).items():
        print(f"Proved of {proved(name, proof)}")
    print(
        "Look next: reports/comparison.json (pairs, slices, intervals), data/evaluated/examples.html (what was fixed and broken), "
        "reports/forgetting.json (what was forgotten), data/predictions (answers), models/adapter/proofs.json (what was trained)."
    )


def table(comparison: dict[str, Any], regression: dict[str, Any], forgetting: dict[str, Any]) -> str:
    """Arms as rows, metrics as columns: mean, 95 % interval; a star where a target is reached."""
    arms = comparison["arms"]
    metrics = sorted({metric for values in arms.values() for metric in values} - set(PARTS), key=_rank)
    targets, has_probes = comparison["targets"], bool(forgetting.get("n_probes"))
    heads = ["arm", *metrics, *(["probes"] if has_probes else [])]
    rows = []
    for arm, values in arms.items():
        cells = [
            _cell(values[metric]) + ("*" if targets.get(metric, {}).get(arm) else "") if metric in values else "-"
            for metric in metrics
        ]
        probes = f"{regression[arm]['probes']:.1%}" if arm in regression else "-"  # a guess answers no probe
        rows.append([arm, *cells, *([probes] if has_probes else [])])
    wanted = [
        "target",
        *(f"{targets[metric]['wanted']:.0%}" if metric in targets else "" for metric in metrics),
        *([""] if has_probes else []),
    ]
    counts = [
        "n",
        *(str(max(values[metric]["n"] for values in arms.values() if metric in values)) for metric in metrics),
        *([str(forgetting["n_probes"])] if has_probes else []),
    ]
    return _aligned([heads, *rows, wanted, counts])


def _rank(metric: str) -> tuple[bool, bool, str]:
    """Order of metrics for people: the format first, then exact fields, then free text (JSON files are sorted by name)."""
    return not metric.startswith("format"), not metric.startswith("exact"), metric


def _cell(value: dict[str, float]) -> str:
    return f"{value['mean']:.1%} [{value['low'] * 100:.0f}-{value['high'] * 100:.0f}]"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    if sum(widths) + 2 * len(widths) > shutil.get_terminal_size((120, 24)).columns:
        return _stacked(rows)
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _stacked(rows: list[list[str]]) -> str:
    """The table turned round, for a narrow terminal: metrics as rows."""
    turned = [list(column) for column in zip(*rows, strict=True)]
    widths = [max(len(row[n]) for row in turned) for n in range(len(turned[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in turned
    )


def verdict(comparison: dict[str, Any], forgetting: dict[str, Any]) -> str:
    """One sentence: where tuned is better or worse than each other arm, whether it reaches the targets, what it forgot."""
    pairs = {_other(name): given for name, given in comparison["pairs"].items() if not _guessed(name, comparison)}
    first = sorted(pairs, key=lambda name: name != ACCEPTED)
    clauses = [
        IN_PRODUCTION if name == ACCEPTED and is_in_production(comparison) else _against(name, pairs[name])
        for name in first
    ]
    targets = comparison["targets"]
    missed = [name for name, target in targets.items() if not target.get(TUNED)]
    if targets:
        clauses.append(f"it misses the target of {', '.join(missed)}" if missed else "it reaches every target")
    lost = forgetting.get("tuned against base", {}).get("probes")
    if lost:
        unseen = f"{lost['n']} probes cannot see a drop of less than {lost['detectable'] * 100:.1f}"
        clauses.append(f"on general skills it is {_WORDS[lost['verdict']]} the base ({_points(lost)}; {unseen})")
    if told := forgetting.get("tuned against base", {}).get("texts"):
        clauses.append(f"on general texts {_WORDS[told['verdict']]} the base ({_points(told)} of a token's chance)")
    for task, metrics in forgetting.get("tuned against base", {}).get("harness", {}).items():
        said = ", ".join(
            f"{_WORDS[row['verdict']]} the base by {name} ({_points(row)})" for name, row in metrics.items()
        )
        clauses.append(f"on {task} {said}")
    return f"Verdict: {'; '.join(clauses)}."


def is_in_production(comparison: dict[str, Any]) -> bool:
    """Whether the tuned model is the accepted one, asked the same."""
    facts = comparison.get("yardstick", {})
    return ACCEPTED in facts and all(facts[ACCEPTED][key] == facts[TUNED][key] for key in ("model", "prompt"))


def _guessed(pair: str, comparison: dict[str, Any]) -> bool:
    """Whether the other one of a pair is no arm, but a guess without a language model."""
    return _other(pair) not in comparison.get("yardstick", comparison["arms"])


def _other(pair: str) -> str:
    return pair.rsplit(" ", 1)[-1]


def worst(comparison: dict[str, Any]) -> list[str]:
    """The worst slice of each pair of arms where one is worse beyond doubt."""
    lines = []
    for pair, rows in comparison.get("worst_slices", {}).items():
        if rows and rows[0]["verdict"] == "worse" and not _guessed(pair, comparison):
            first, more = rows[0], _worse(pair, comparison) - 1
            others = f"; {more} more {'is' if more == 1 else 'are'} worse" if more else ""
            lines.append(
                f"Worst slice against {_other(pair)}: {first['slice']}, {first['metric']} {_points(first)}, "
                f"{first['n']} examples{others} (worst_slices in reports/comparison.json)."
            )
    return lines


def _worse(pair: str, comparison: dict[str, Any]) -> int:
    """How many rows of all slices, what waits among them, are worse; `worst_slices` has the first of them alone."""
    tables = [*comparison["slices"].get(pair, {}).values(), comparison["new"].get("pairs", {}).get(pair, {})]
    return sum(row["verdict"] == "worse" for table in tables for row in table.values())


def advice(comparison: dict[str, Any]) -> list[str]:
    """Whether the fine-tune pays, and where a language model may be the wrong tool."""
    found = comparison.get("worth")
    if not found:
        return []
    tokens = comparison["tokens"]
    reads = ", ".join(f"{arm} {one['read']:,.0f}" for arm, one in tokens.items())
    lines = [
        f"Does the fine-tune pay? {found['because'][0].upper()}{found['because'][1:]}. Tokens read a request: {reads}."
    ]
    if found["words_alone_are_better_on"]:
        names = found["words_alone_are_better_on"]
        lines.append(
            f"A classifier over words is better than tuned on {names}: a language model may be the wrong tool there."
        )
    return lines


def people(comparison: dict[str, Any]) -> list[str]:
    """What people's votes say, a line a pair of arms that has any."""
    lines = []
    for name, pair in comparison.get("people", {}).get("pairs", {}).items():
        one, _, other = name.partition(" against ")
        told = "; ".join(
            f"{dimension} {_cell({'mean': row['win_rate']['rate'], **row['win_rate']})}, {row['n']} votes on "
            f"{row['examples']} of {pair['n_differ']} examples"
            for dimension, row in pair["dimensions"].items()
        )
        lines.append(f"People's votes won by {one} against {other}: {told}.")
    return lines


def judge(comparison: dict[str, Any]) -> list[str]:
    """What the judge says, and whether that may count, a line a pair of arms and dimension."""
    lines = []
    for name, pair in comparison.get("judge", {}).get("pairs", {}).items():
        one, _, other = name.partition(" against ")
        for dimension, row in pair["dimensions"].items():
            won = row["win_rate"]
            told = (
                f"{_cell({'mean': won['rate'], **won})} won by {one} against {other}" if won else f"{name}, no verdict"
            )
            counts = "this counts" if row["may_count"] else "this does not count"
            shown = f"{dimension} {told}, {row['n']} of {pair['n_differ']} examples"
            lines.append(f"The judge on {shown}; {counts}: {row['because']}.")
    return lines


_NONE = {"mean": 0.0}  # of an arm that has no value of a metric

_WORDS = {
    "better": "better than",
    "worse": "worse than",
    "no worse": "no worse than",
    "cannot tell": "not to be told from",
}


def _against(other: str, metrics: dict[str, Any]) -> str:
    """Every metric of a pair under its verdict, the differences beside the two that decide."""
    said = []
    for word in _WORDS:
        names = [
            f"{name} ({_points(pair)})" if word in ("better", "worse") else name
            for name, pair in sorted(metrics.items(), key=lambda item: _rank(item[0]))
            if pair["verdict"] == word
        ]
        if names:
            called = f"{other} (in production)" if other == ACCEPTED else other
            said.append(f"{_WORDS[word]} {called} on {_listed(names)}")
    return f"tuned is {', '.join(said)}"


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _points(pair: dict[str, float]) -> str:
    return f"{pair['difference'] * 100:+.1f} points [{pair['low'] * 100:+.0f}, {pair['high'] * 100:+.0f}]"


def _reaches(values: dict[str, Any], targets: dict[str, Any]) -> str:
    """In what words an arm reaches every target: surely, or as far as the examples go."""
    unsure = [metric for metric, target in targets.items() if values[metric]["low"] < target["wanted"]]
    if not unsure:
        return "reaches every target: do not fine-tune."
    lows = ", ".join(f"{metric} may be {values[metric]['low']:.1%}" for metric in unsure)
    return (
        f"reaches every target on these examples, which are too few to be sure ({lows}): add some before you fine-tune."
    )


def baseline(comparison: dict[str, Any]) -> str:
    """What the prompt alone reaches against the targets."""
    targets = comparison["targets"]
    if not targets:
        return "No target is set: write what the task needs under evaluate.targets in params.yaml."
    lines, is_enough = [], False
    for arm, values in comparison["arms"].items():
        missed = [
            f"{metric} {values.get(metric, _NONE)['mean']:.1%} of {target['wanted']:.1%}"
            for metric, target in targets.items()
            if not target[arm]
        ]
        is_enough = is_enough or not missed
        lines.append(f"{arm} misses {', '.join(missed)}." if missed else f"{arm} {_reaches(values, targets)}")
    if not is_enough:
        lines.append(
            "Exhaust the prompt first (task/prompts/engineered.yaml); what is missing then is what a fine-tune has to bring."
        )
    return "\n".join(lines)
