"""Lines of the log: nothing of a person or of a secret in any field, and one odd record never costs another."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.production.logs.heard import Heard
from pipeline.production.recording.writer import Writer
from tests.recorded import GOOD_ANSWER, read, settings

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ASHA = "asha@example.com"


def line(folder, kind, asked, answered=b"", **more):
    """The one line that a record becomes; None where it becomes none."""
    writer = Writer(settings(folder))
    asked = asked if isinstance(asked, bytes) else json.dumps(asked).encode()
    writer.take([(Heard(kind=kind, time=NOW, **more), asked, answered)])
    writer.close()
    return next(iter(read(folder, {"request": "requests"}.get(kind, kind))), None)


def answer(text=GOOD_ANSWER, finish="stop"):
    choice = {"index": 0, "message": {"content": text}, "finish_reason": finish}
    return json.dumps({"id": "cmpl-1", "choices": [choice]}).encode()


def asking(content):
    return {"messages": [{"role": "user", "content": content}]}


def test_feedback_by_an_id_that_is_no_id_holds_no_name(tmp_path):
    said = line(tmp_path, "feedback", {"id": ASHA, "thumb": "up"})
    assert (said["id"], said["redacted"]) == ("[EMAIL_1]", {"email": 1})


@pytest.mark.parametrize("name", ["req-987654321098765432109876", "chatcmpl-9876543210", "gen-1732694400-a1B2c3"])
def test_an_id_of_a_request_is_left_alone(tmp_path, name):
    assert line(tmp_path, "feedback", {"id": name, "thumb": "up"})["id"] == name


def test_what_an_engine_calls_an_end_is_masked_and_bounded(tmp_path):
    assert line(tmp_path, "request", asking("x"), answer(finish=f"stop for {ASHA}"))["finish"] == "stop for [EMAIL_1]"


def test_a_sound_without_an_address_is_left_out(tmp_path):
    sound = {"type": "input_audio", "input_audio": {"data": "QUJD" * 300, "format": "wav"}}
    file = {"type": "file", "file": {"file_data": "QUJD" * 300, "filename": "a.pdf"}}
    words = {"type": "text", "data": "a word of " * 20}
    found = line(tmp_path, "request", asking([sound, file, words]), answer())["messages"][0]["content"]
    assert found[0]["input_audio"] == {"data": "[1200 characters left out]", "format": "wav"}
    assert found[1]["file"] == {"file_data": "[1200 characters left out]", "filename": "a.pdf"}
    assert found[2] == words


def test_a_question_that_is_nested_deep_is_written(tmp_path):
    asked = b'{"messages":[{"role":"user","content":' + b"[" * 900 + b"]" * 900 + b"}]}"
    assert line(tmp_path, "request", asked, answer())["valid"] is True


@pytest.mark.parametrize("status", [101, 204, 302, 304])
def test_only_an_answer_is_judged(tmp_path, status):
    assert not {"valid", "failed"} & set(line(tmp_path, "request", asking("x"), b"", status=status))
