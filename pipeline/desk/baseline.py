"""What the prompt alone reaches, before anything is trained: the arms without an adapter, against the targets.

python -m pipeline.desk.baseline
"""

import sys
from pathlib import Path

from pipeline.classify import classify
from pipeline.data.answers import Contract
from pipeline.data.classified import Classified, ClassifyParams
from pipeline.data.predictions import check_complete, read_predictions
from pipeline.data.records import read_records
from pipeline.desk import result, test_set
from pipeline.desk.inputs import BASE, SCHEMA, check_inputs
from pipeline.desk.run import repro
from pipeline.evaluate import EvaluateParams, evaluate
from pipeline.stage import Fault, load_params, read_yaml

PREDICTIONS, TEST = Path("data/predictions"), Path("data/split/test.jsonl")


def main() -> None:
    try:
        check_inputs()
        test_set.draw_if_missing(repro)
        names = [name for name, arm in read_yaml(Path("params.yaml"))["arms"].items() if arm["model"] == str(BASE)]
        repro(*(f"predict@{name}" for name in names))
        records, arms = read_records(TEST), {name: read_predictions(PREDICTIONS / name) for name in names}
        check_complete(arms, "test", [record.id for record in records], PREDICTIONS)
        contract = Contract.load(SCHEMA)
        said = Classified.of_rows(*classify(load_params(ClassifyParams), arms, {"test": records}, contract))
    except Fault as fault:
        sys.exit(f"baseline: {fault}")
    _, comparison, _ = evaluate(arms, records, contract, load_params(EvaluateParams), classified=said)
    print(result.table(comparison, {}, {}))
    print()
    print(result.baseline(comparison))


if __name__ == "__main__":
    main()
