"""The list of sources: what it must say of a file, and the files that must be there."""

import pytest
import yaml

from pipeline.data.reading.sources import LIST, check_files, load_sources
from pipeline.stage import Fault

ENTRY = {"file": "a.jsonl", "origin": "human", "answered_by": "human", "licence": "own", "rights": "own"}
COLUMNS = {"input": "q", "answer": "a"}


def write(folder, *entries):
    path = folder / LIST
    path.write_text(yaml.safe_dump({"sources": list(entries)}))
    return path


GOOD = [{}, {"licence": ""}, {"format": "chat"}, {"format": "prompt_completion"}, {"columns": COLUMNS}]


@pytest.mark.parametrize("changes", GOOD)
def test_a_source_needs_neither_format_nor_columns_nor_licence(changes, tmp_path):
    (source,) = load_sources(write(tmp_path, {**ENTRY, **changes}))
    assert source.model_dump(exclude_none=True) == {**ENTRY, **changes}


BAD = [
    ({"rights": ""}, "says no rights of a.jsonl; write where its rows come from"),
    ({"rights": " "}, "says no rights of a.jsonl"),
    ({"file": ""}, "lists a source without a file"),
    ({"file": "b/a.jsonl"}, "which is a path"),
    (
        {"format": "csv", "columns": COLUMNS},
        r"sources\.1\.format: is csv, which the file says itself; take the line out",
    ),
    ({"format": "excel"}, r"sources\.1\.format: is 'excel'"),
    ({"format": "chat", "columns": COLUMNS}, "columns and format exclude each other"),
    ({"shape": "chat"}, r"sources\.1\.shape: is not a known key"),
]


@pytest.mark.parametrize(("changes", "fault"), BAD)
def test_an_entry_that_says_too_little_or_too_much_is_a_fault(changes, fault, tmp_path):
    listing = write(tmp_path, {**ENTRY, "file": "first.jsonl"}, {**ENTRY, **changes})
    with pytest.raises(Fault, match=fault) as caught:
        load_sources(listing)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_that_dvc_keeps_is_to_be_pulled(tmp_path):
    listing = write(tmp_path, ENTRY)
    (tmp_path / "a.jsonl.dvc").write_text("outs: []\n")
    with pytest.raises(Fault, match=r"a\.jsonl: is tracked by DVC and is not here; run dvc pull .*a\.jsonl\.dvc"):
        check_files(listing, load_sources(listing))
    (tmp_path / "a.jsonl").write_text("{}\n")
    check_files(listing, load_sources(listing))


def test_a_file_that_nobody_has_is_to_be_restored(tmp_path):
    listing = write(tmp_path, ENTRY)
    with pytest.raises(Fault, match="is not there; restore the file"):
        check_files(listing, load_sources(listing))
