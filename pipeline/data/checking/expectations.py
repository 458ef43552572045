"""Great Expectations: the suite as plain JSON, run over the table of features, without a project folder and without its pages."""

import json
import re
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from pipeline.data.checking.features import Columns
from pipeline.data.checking.findings import Finding
from pipeline.data.records import parse_json
from pipeline.stage import Fault


def validate(columns: Columns, suite: dict[str, Any], values: Mapping[str, Any]) -> list[Finding]:
    """Run the suite over the table of features; `values` are what its `$PARAMETER`s take."""
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("features").add_dataframe_asset("records")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": pd.DataFrame(columns)})
    taken = {name: values[name] for name in _parameters(suite)}
    outcome = batch.validate(gx.ExpectationSuite(**suite), expectation_parameters=taken, result_format="COMPLETE")
    if len(outcome.results) != len(suite["expectations"]):  # GX leaves out what it does not know, with a log line
        known = {result.expectation_config.type for result in outcome.results}
        odd = next((one["type"] for one in suite["expectations"] if one["type"] not in known), "one of several alike")
        fault = f"{odd} is not known to Great Expectations, or its severity or another of its keys is not"
        raise Fault(f"the suite {suite['name']}", fault, "mend the spelling")
    return [_finding(result.to_json_dict()) for result in outcome.results]


def _finding(result: dict[str, Any]) -> Finding:
    config = result["expectation_config"]
    raised = [info["exception_message"] for info in _exceptions(result["exception_info"]) if info["raised_exception"]]
    return Finding(
        expectation=config["type"],
        of={key: value for key, value in config["kwargs"].items() if key != "batch_id"},
        severity=config.get("severity", "critical"),
        holds=bool(result["success"]) and not raised,
        observed=result["result"].get("observed_value"),
        rows=sorted(result["result"].get("unexpected_index_list") or []),
        error=raised[0] if raised else "",
        remedy=(config.get("meta") or {}).get("remedy", "mend the rows, or change the suite"),
    )


def _exceptions(info: dict[str, Any]) -> list[dict[str, Any]]:
    return [info] if "raised_exception" in info else list(info.values())


def load_suite(path: Path, known: Container[str]) -> dict[str, Any]:
    """The suite's JSON. Raises Fault where it is none, or asks for a parameter that is not `known`."""
    try:
        content = parse_json(path.read_bytes())
        suite = {
            "name": str(content["name"]),
            "expectations": [{**one, "type": one["type"]} for one in content["expectations"]],
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Fault(path, f"is no suite of expectations ({error!r})", "restore it from git") from None
    if not suite["expectations"]:
        raise Fault(path, "expects nothing, so that any data would pass", "restore it from git")
    for name in _parameters(suite):
        if name not in known:
            raise Fault(path, f"asks for the parameter {name}, which section validate has not", "mend the name")
    return suite


def _parameters(suite: dict[str, Any]) -> list[str]:
    return re.findall(r'"\$PARAMETER": "([^"]*)"', json.dumps(suite))
