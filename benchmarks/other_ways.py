"""One piece of work done in our way or in another way, in a process of its own: prints its seconds, imports included.

    python -m benchmarks.other_ways near_ours | near_datasketch | valid_ours | valid_gx

Reads `chats.jsonl` and `schema.json` of the current folder. The near-duplicates of both ways are told by the same word pairs,
128 permutations and 32 bands; the validations check the same: ids once, lengths, the answer against the schema, a closed list.
"""

import json
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

CHATS, SCHEMA = Path("chats.jsonl"), Path("schema.json")
BOUNDS = {"question_chars": 4000, "answer_chars": 2000}


def questions() -> list[str]:
    """The first turn of each row."""
    return [json.loads(line)["messages"][0]["content"] for line in CHATS.open(encoding="utf-8")]


def near_ours() -> None:
    from pipeline.data.likeness.near import Texts, near_pairs

    texts = Texts()
    for text in questions():
        texts.add(text)
    near_pairs(texts, 0.65, texts.template())


def near_datasketch() -> None:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=128, params=(32, 4))
    for number, text in enumerate(questions()):
        words = ["", *text.lower().split(), ""]
        sketch = MinHash(num_perm=128, seed=7)
        sketch.update_batch([f"{one} {other}".encode() for one, other in pairwise(words)])
        [other for other in index.query(sketch)]  # noqa: C416  # the candidates, as ours are taken
        index.insert(number, sketch)


def expectations(table: str) -> list[dict[str, Any]]:
    """The checks, over our features or over the raw texts."""
    unique = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}
    if table == "features":
        lengths = [
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": name, "min_value": 1, "max_value": most},
            }
            for name, most in BOUNDS.items()
        ]
        schema = {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {"column": "answer_meets_schema", "value_set": [True]},
        }
        return [unique, *lengths, schema]
    lengths = [
        {
            "type": "expect_column_value_lengths_to_be_between",
            "kwargs": {"column": name.removesuffix("_chars"), "min_value": 1, "max_value": most},
        }
        for name, most in BOUNDS.items()
    ]
    schema = {
        "type": "expect_column_values_to_match_json_schema",
        "kwargs": {"column": "answer", "json_schema": json.loads(SCHEMA.read_text())},
    }
    return [unique, *lengths, schema]


def valid_ours() -> None:
    from pipeline.data.answers import Contract
    from pipeline.data.checking.expectations import validate
    from pipeline.data.checking.features import Features
    from pipeline.data.reading.readers import read_source
    from pipeline.data.reading.sources import Source
    from pipeline.data.records import Record

    contract = Contract.load(SCHEMA)
    features = Features(contract, [], lambda _text: "en")
    source = Source(file=CHATS.name, origin="human", answered_by="human", licence="own", rights="made up")
    for record in read_source(CHATS, source, contract):
        if isinstance(record, Record):
            features.add(record, contradicts=False)
    suite = {"name": "ours", "expectations": expectations("features")}
    validate(features.columns, suite, {})


def valid_gx() -> None:
    import great_expectations as gx
    import pandas as pd

    rows = [json.loads(line)["messages"] for line in CHATS.open(encoding="utf-8")]
    frame = pd.DataFrame(
        {
            "id": [str(number) for number in range(len(rows))],
            "question": [row[0]["content"] for row in rows],
            "answer": [row[1]["content"] for row in rows],
        }
    )
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("raw").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    batch.validate(gx.ExpectationSuite(name="plain", expectations=expectations("raw")))


if __name__ == "__main__":
    began = time.monotonic()
    {"near_ours": near_ours, "near_datasketch": near_datasketch, "valid_ours": valid_ours, "valid_gx": valid_gx}[
        sys.argv[1]
    ]()
    print(f"seconds {time.monotonic() - began:.3f}")
