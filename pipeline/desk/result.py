"""The result for people: a table of arms and metrics, the verdict in a sentence, and where to look next."""

import json
import shutil
from pathlib import Path
from typing import Any

BASELINES = ("base", "prompted")
TUNED = "tuned"


def show(reports: Path) -> None:
    """Print the result from the reports alone."""
    comparison = json.loads((reports / "comparison.json").read_text(encoding="utf-8"))
    regression = json.loads((reports / "regression.json").read_text(encoding="utf-8"))
    forgetting = json.loads((reports / "forgetting.json").read_text(encoding="utf-8"))
    print(table(comparison, regression, forgetting))
    print()
    print(verdict(comparison, forgetting))
    print(
        "Look next: reports/comparison.json (pairs, intervals), reports/forgetting.json (what was forgotten), data/predictions (answers)."
    )


def table(comparison: dict[str, Any], regression: dict[str, Any], forgetting: dict[str, Any]) -> str:
    """Arms as rows, metrics as columns: mean, 95 % interval; a star where a target is reached."""
    arms = comparison["arms"]
    metrics = list(next(iter(arms.values())))
    targets = comparison["targets"]
    heads = ["arm", *metrics, *(["probes"] if regression else [])]
    rows = []
    for arm, values in arms.items():
        cells = [_cell(values[metric]) + ("*" if targets.get(metric, {}).get(arm) else "") for metric in metrics]
        rows.append([arm, *cells, *([f"{regression[arm]['probes']:.1%}"] if regression else [])])
    wanted = [
        "target",
        *(f"{targets[metric]['wanted']:.0%}" if metric in targets else "" for metric in metrics),
        *([""] if regression else []),
    ]
    counts = [
        "n",
        *(str(next(iter(arms.values()))[metric]["n"]) for metric in metrics),
        *([str(forgetting["n_probes"])] if regression else []),
    ]
    return _aligned([heads, *rows, wanted, counts])


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
    """One sentence: is the tuned arm better than each other one, does it reach the targets, what did it forget."""
    metric = next(iter(next(iter(comparison["arms"].values()))))
    words = []
    for name, given in comparison["pairs"].items():
        other = name.rsplit(" ", 1)[-1]
        pair = given[metric]
        words.append(
            f"{pair['verdict']} than {other} ({pair['difference'] * 100:+.1f} points [{pair['low'] * 100:+.0f}, {pair['high'] * 100:+.0f}])"
        )
    missed = [name for name, target in comparison["targets"].items() if not target.get(TUNED)]
    reached = "it reaches every target" if not missed else f"it misses the target of {', '.join(missed)}"
    lost = forgetting.get("tuned against base", {}).get("probes")
    kept = (
        f"; on general skills it is {lost['verdict']} than the base ({lost['difference'] * 100:+.1f} points)"
        if lost
        else ""
    )
    return f"Verdict: on {metric}, tuned is {' and '.join(words)}; {reached}{kept}."


def baseline(comparison: dict[str, Any]) -> str:
    """What the prompt alone reaches against the targets."""
    targets = comparison["targets"]
    lines = []
    for arm, values in comparison["arms"].items():
        missed = [
            f"{metric} {values[metric]['mean']:.0%} of {target['wanted']:.0%}"
            for metric, target in targets.items()
            if not target[arm]
        ]
        said = "reaches every target: do not fine-tune" if not missed else f"misses {', '.join(missed)}"
        lines.append(f"{arm} {said}.")
    best = max(comparison["arms"], key=lambda arm: sum(value["mean"] for value in comparison["arms"][arm].values()))
    if all(target[best] for target in targets.values()):
        return "\n".join(lines)
    return "\n".join(
        [
            *lines,
            "Exhaust the prompt first (task/prompts/engineered.yaml); what is still missing then is what a fine-tune has to bring.",
        ]
    )
