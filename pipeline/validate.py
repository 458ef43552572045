"""Check the records against the suite of expectations, and stop where one is broken.

Reads   records     pipeline.data.records.Record
        suite       Great Expectations suite as plain JSON; `$PARAMETER` takes its value from section `validate`
        schema      the contract of an answer
Writes  out/records.jsonl   the same records
        out/page.html       the result for people; opens offline
        report              each expectation, whether it holds, and how many rows break it
The heavy work is done once, row by row, into a small table of features; that table is what Great Expectations sees.
"""

import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from pipeline.data.answers import Contract
from pipeline.data.records import Record, parse_json, read_records, write_records
from pipeline.stage import Fault, Params, run, write_report


class ValidateParams(Params):
    """Section `validate`: the values that the suite's `$PARAMETER`s take.

    `min_examples` is a number of records, `max_label_share` the share of the most frequent label, `max_*_chars` are characters.
    """

    section: ClassVar[str] = "validate"
    min_examples: Annotated[int, Field(ge=1)]
    max_label_share: Annotated[float, Field(gt=0, le=1)]
    max_question_chars: Annotated[int, Field(ge=1)]
    max_answer_chars: Annotated[int, Field(ge=1)]


Feature = dict[str, Any]
FAILED_PAGE = Path(".cache/validation.html")  # outside the outputs, which DVC deletes where the stage fails


def features(records: Iterable[Record], contract: Contract) -> list[Feature]:
    """One row a record: what the expectations look at. `complaint` says why an answer does not meet the schema."""
    rows = [_features(record, contract) for record in records]
    labels = Counter(row["label"] for row in rows)
    return [{**row, "label_share": labels[row["label"]] / len(rows)} for row in rows]


def _features(record: Record, contract: Contract) -> Feature:
    roles = [turn["role"] for turn in record.messages]
    complaint = contract.complaint(record.answer)
    return {
        "id": record.id,
        "source": record.source,
        "turns": len(roles),
        "licence": record.licence,
        "roles_alternate": all(role == ("user", "assistant")[n % 2] for n, role in enumerate(roles)),
        "ends_with_assistant": roles[-1] == "assistant",
        "empty_turns": sum(not turn["content"].strip() for turn in record.messages),
        "question_chars": sum(len(turn["content"]) for turn in record.asked),
        "answer_chars": len(record.answer),
        "answer_meets_schema": complaint is None,
        "complaint": complaint or "",
        "label": contract.label(record.answer) or "",
    }


def validate(rows: list[Feature], suite: dict[str, Any], params: ValidateParams) -> list[dict[str, Any]]:
    """Run the suite; for each expectation whether it holds, its severity, and the numbers of the rows that break it."""
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("features").add_dataframe_asset("records")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.DataFrame(rows)})
    outcome = batch.validate(
        gx.ExpectationSuite(**suite), expectation_parameters=params.model_dump(), result_format="COMPLETE"
    )
    if len(outcome.results) != len(suite["expectations"]):  # GX leaves out what it does not know, with a log line
        known = {result.expectation_config.type for result in outcome.results}
        odd = next((one["type"] for one in suite["expectations"] if one["type"] not in known), "one of several alike")
        fault = f"{odd} is not known to Great Expectations, or its severity or another of its keys is not"
        raise Fault(f"the suite {suite['name']}", fault, "mend the spelling")
    return [_finding(result.to_json_dict()) for result in outcome.results]


def _finding(result: dict[str, Any]) -> dict[str, Any]:
    config = result["expectation_config"]
    raised = [info["exception_message"] for info in _exceptions(result["exception_info"]) if info["raised_exception"]]
    kwargs = {key: value for key, value in config["kwargs"].items() if key != "batch_id"}
    return {
        "expectation": config["type"],
        "of": kwargs,
        "severity": config.get("severity", "critical"),
        "holds": bool(result["success"]) and not raised,
        "observed": result["result"].get("observed_value"),
        "rows": sorted(result["result"].get("unexpected_index_list") or []),
        "error": raised[0] if raised else "",
        "remedy": (config.get("meta") or {}).get("remedy", "mend the rows, or change the suite"),
    }


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    return [info] if "raised_exception" in info else list(info.values())


def fault_of(finding: dict[str, Any], rows: list[Feature], place: Path) -> Fault:
    """The broken expectation in a line: the first row by file and line, or what was observed, and how to mend it."""
    of = finding["of"]
    name = f"{finding['expectation']}({of.get('column', 'the table')})"
    if finding["error"]:
        return Fault(place, f"{name} could not be checked ({finding['error']})", "mend the suite")
    if not finding["rows"]:
        bounds = ", ".join(f"{key} {of[key]}" for key in ("min_value", "max_value") if of.get(key) is not None)
        return Fault(place, f"{name} observed {finding['observed']}, wanted {bounds}", finding["remedy"])
    broken = [rows[index] for index in finding["rows"]]
    why = f" ({broken[0]['complaint']})" if of.get("column") == "answer_meets_schema" else ""
    others = ", ".join(row["source"] for row in broken[1:4])
    count = f"{len(broken)} rows break {name}" if len(broken) > 1 else f"breaks {name}"
    return Fault(broken[0]["source"], f"{count}{why}{', also ' + others if others else ''}", finding["remedy"])


def page(findings: list[dict[str, Any]], rows: list[Feature]) -> str:
    """The result as one HTML page without anything to load."""
    body = []
    for finding in findings:
        mark = "holds" if finding["holds"] else finding["severity"]
        where = ", ".join(rows[index]["source"] for index in finding["rows"][:20])
        cells = (
            mark,
            finding["expectation"],
            json.dumps(finding["of"], sort_keys=True),
            str(len(finding["rows"])),
            where,
        )
        body.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    style = "body{font-family:sans-serif}table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left}"
    head = "".join(f"<th>{name}</th>" for name in ("result", "expectation", "of", "rows that break it", "first places"))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Validation</title><style>{style}</style>'
        f"<h1>Validation of {len(rows)} records</h1><table><tr>{head}</tr>{''.join(body)}</table></html>\n"
    )


def load_suite(path: Path) -> dict[str, Any]:
    """The suite's JSON. Raises Fault where it is none."""
    try:
        content = parse_json(path.read_bytes())
        suite = {
            "name": str(content["name"]),
            "expectations": [{**one, "type": one["type"]} for one in content["expectations"]],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault(path, f"is no suite of expectations ({error!r})", "restore it from git") from None
    for name in re.findall(r'"\$PARAMETER": "([^"]*)"', json.dumps(suite)):
        if name not in ValidateParams.model_fields:
            raise Fault(path, f"asks for the parameter {name}, which section validate has not", "mend the name")
    return suite


def main(params: ValidateParams, records: Path, suite: Path, schema: Path, out: Path, report: Path) -> None:
    valid = read_records(records)
    rows = features(valid, Contract.load(schema))
    if not rows:
        raise Fault(records, "has no record", "add examples to the sources")
    findings = validate(rows, load_suite(suite), params)
    broken = [finding for finding in findings if not finding["holds"]]
    for finding in broken:
        if finding["severity"] == "critical":
            FAILED_PAGE.parent.mkdir(exist_ok=True)
            FAILED_PAGE.write_text(page(findings, rows), encoding="utf-8")
            print(f"validate: {len(broken)} expectations are broken; all of them stand in {FAILED_PAGE}")
            raise fault_of(finding, rows, records)
        print(f"validate: warning: {fault_of(finding, rows, records)}")
    write_records(out / "records.jsonl", valid)
    (out / "page.html").write_text(page(findings, rows), encoding="utf-8")
    write_report(
        report,
        {
            "records": len(rows),
            "expectations": len(findings),
            "warnings": len(broken),
            "labels": dict(Counter(row["label"] for row in rows)),
            "findings": [
                {key: finding[key] for key in ("expectation", "of", "severity", "holds")}
                | {"broken_rows": len(finding["rows"])}
                for finding in findings
            ],
        },
    )
    print(
        f"validate: {len(rows)} records meet {len(findings) - len(broken)} of {len(findings)} expectations; page in {out / 'page.html'}"
    )


if __name__ == "__main__":
    run(main)
