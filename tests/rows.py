"""One example in every shape that rows have, and readers of a few rows for the tests."""

import json

from pipeline.data.reading.readers import Reject, read_source
from pipeline.data.records import Record
from tests.examples import SCHEMA, answer, contract, source, turns

ASKED, SAID, OTHER = "Which colour?", answer(), answer("blue")
ONE = turns(ASKED, SAID)


def read(folder, *rows, schema=SCHEMA, form=None, shapes=None, **changes):
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(read_source(path, source(form, **changes), contract(folder, schema), shapes))


def example(folder, row, **changes):
    (record,) = read(folder, row, **changes)
    assert isinstance(record, Record), record
    return record


def reason(folder, row, **changes):
    (reject,) = read(folder, row, **changes)
    assert isinstance(reject, Reject), reject
    return reject.reason


def user(text):
    return {"role": "user", "content": text}


def said(text, **more):
    return {"role": "assistant", "content": text, **more}


def human(text):
    return {"from": "human", "value": text}


def gpt(text):
    return {"from": "gpt", "value": text}


SAME = [  # shape, row; each is the example ONE
    ("chat", {"messages": [*ONE]}),
    ("chat", {"messages": [{"role": "system", "content": "Be kind."}, *ONE]}),
    ("chat", {"messages": [{"role": "developer", "content": "Be kind."}, *ONE], "id": 7}),
    ("chat", {"messages": [user([{"type": "text", "text": ASKED}]), said(SAID, weight=1, refusal=None)]}),
    ("chat", {"messages": json.dumps([*ONE])}),
    ("chat", {"messages": {"role": ["user", "assistant"], "content": [ASKED, SAID]}}),
    ("prompt_completion", {"prompt": ASKED, "completion": SAID}),
    ("prompt_completion", {"prompt": ASKED, "completion": json.loads(SAID)}),
    ("prompt_completion", {"prompt": [user(ASKED)], "completion": [said(SAID)]}),
    ("prompt_completion", {"prompt": ASKED, "completion": [said(SAID)]}),
    ("unpaired", {"prompt": ASKED, "completion": SAID, "label": True}),
    ("unpaired", {"prompt": [user(ASKED)], "completion": [said(SAID)], "label": 1}),
    ("unpaired", {"prompt": ASKED, "completion": SAID, "label": " TRUE "}),
    *(
        ("pair", {asked: ASKED, answered: SAID})
        for asked, answered in (
            ("prompt", "response"),
            ("question", "answer"),
            ("query", "response"),
            ("input", "output"),
        )
    ),
    ("pair", {"Question": ASKED, "Answer": SAID}),
    ("pair", {"question": ASKED, "answer": json.loads(SAID), "context": ""}),
    ("alpaca", {"instruction": ASKED, "input": "", "output": SAID}),
    ("alpaca", {"instruction": ASKED, "output": SAID, "input": None, "system": "x", "history": []}),
    ("alpaca", {"instruction": "", "input": ASKED, "output": SAID}),
    ("dolly", {"instruction": ASKED, "context": "", "response": SAID, "category": "open_qa"}),
    ("dolly", {"instruction": ASKED, "response": SAID}),
    ("sharegpt", {"conversations": [human(ASKED), gpt(SAID)], "system": "x"}),
    ("sharegpt", {"conversations": [{"from": "system", "value": "x"}, {"from": "user", "value": ASKED}, gpt(SAID)]}),
    *(
        ("sharegpt", {"conversation": [user(ASKED), {"role": name, "content": SAID}]})
        for name in ("assistant", "gpt", "chatgpt", "bard", "model")
    ),
    ("fields", {"text": ASKED, "reply": "noted", "colour": "red"}),
    ("fields", {"Message": ASKED, "reply": "noted", "colour": "red", "note": 3}),
    ("fields", {"instruction": ASKED, "reply": "noted", "colour": "red"}),
    ("fields", {"prompt": ASKED, "reply": "noted", "colour": "red", "urgent": None}),
]

AGAINST = [  # shape, row; in each SAID is preferred to OTHER
    ("preference", {"prompt": ASKED, "chosen": SAID, "rejected": OTHER}),
    ("preference", {"question": ASKED, "chosen": SAID, "rejected": OTHER, "system": "x"}),
    ("preference", {"instruction": ASKED, "input": "", "chosen": SAID, "rejected": OTHER}),
    ("preference", {"prompt": ASKED, "chosen": json.loads(SAID), "rejected": json.loads(OTHER)}),
    ("preference", {"prompt": [user(ASKED)], "chosen": [said(SAID)], "rejected": [said(OTHER)]}),
    ("preference", {"prompt": ASKED, "chosen": [said(SAID)], "rejected": [said(OTHER)]}),
    ("preference", {"chosen": [*ONE], "rejected": [user(ASKED), said(OTHER)]}),
    ("preference", {"prompt": ASKED, "chosen": [*ONE], "rejected": [user(ASKED), said(OTHER)], "messages": [*ONE]}),
    (
        "preference",
        {"chosen": f"\n\nHuman: {ASKED}\n\nAssistant: {SAID}", "rejected": f"\n\nHuman: {ASKED}\n\nAssistant: {OTHER}"},
    ),
    ("preference", {"prompt": f"\n\nHuman: {ASKED}\n\nAssistant:", "chosen": SAID, "rejected": OTHER}),
    ("preference", {"conversations": [human(ASKED)], "chosen": gpt(SAID), "rejected": gpt(OTHER)}),
    (
        "openai_preference",
        {
            "input": {
                "messages": [{"role": "system", "content": "x"}, user(ASKED)],
                "tools": [],
                "parallel_tool_calls": True,
            },
            "preferred_output": [said(SAID)],
            "non_preferred_output": [said(OTHER)],
        },
    ),
]

CALL = {"id": "c1", "type": "function", "function": {"name": "find", "arguments": {"order": 7}}}
TOOL = {"type": "function", "function": {"name": "find", "parameters": {"type": "object", "properties": {}}}}
WITH_TOOLS = (
    user("Where is it?"),
    said("", tool_calls=[CALL]),
    {"role": "tool", "content": "on its way", "tool_call_id": "c1", "name": "find"},
    said("On its way."),
)


def called(arguments, **changes):
    call = {**CALL, "function": {"name": "find", "arguments": arguments}}
    messages = [WITH_TOOLS[0], {"role": "assistant", "content": None, "tool_calls": [call]}, *WITH_TOOLS[2:]]
    return {"messages": messages, "tools": [TOOL], **changes}


TABLE = [  # shape, row of texts; each is the example ONE
    ("chat", {"messages": json.dumps([*ONE])}),
    ("prompt_completion", {"prompt": ASKED, "completion": SAID}),
    ("unpaired", {"prompt": ASKED, "completion": SAID, "label": "True"}),
    ("pair", {"Question": ASKED, "Answer": SAID}),
    ("alpaca", {"instruction": ASKED, "input": "", "output": SAID}),
    ("dolly", {"instruction": ASKED, "context": "", "response": SAID}),
    ("sharegpt", {"conversations": json.dumps([human(ASKED), gpt(SAID)])}),
    ("fields", {"text": ASKED, "reply": "noted", "colour": "red"}),
]
