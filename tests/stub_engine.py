"""An engine for the tests of the server: it answers at once, slowly, or not to the end, as the question says.

    python -m tests.stub_engine <port>

The last turn's words: `echo` (the answer is what the engine was sent), `slow` (a piece each 50 ms), `dies` (the connection breaks after
two pieces), `hangs` (no word), `error` (500), `filter`, `cut`, `refuses`, `secret`, `call`; anything else is answered in form. `cancelled`
counts the answers that a client did not wait for: GET /cancelled.
"""

import asyncio
import json
import sys

GOOD = '{"label": "red", "reply": "It is on its way."}'
SAID = {
    "filter": ("", "content_filter"),
    "cut": (GOOD[:20], "length"),
    "refuses": (json.dumps({"label": "red", "reply": "I'm sorry, but I can't help with that."}), "stop"),
    "secret": (json.dumps({"label": "red", "reply": "Write to asha@example.com."}), "stop"),
}
PIECES, PAUSE_S = 8, 0.05
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
seen = {"cancelled": 0}


async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    if scope["method"] == "GET":
        await say(send, 200, json.dumps(seen).encode())
        return
    value = json.loads(body)
    question = value["messages"][-1]["content"] if "messages" in value else value["prompt"]
    question = question if isinstance(question, str) else "parts"
    if question == "error":
        await say(send, 500, b'{"error": {"message": "out of memory"}}')
        return
    gone = asyncio.create_task(left(receive))
    answer = asyncio.create_task(answered(send, value, question, body, dict(scope["headers"])))
    await asyncio.wait([gone, answer], return_when=asyncio.FIRST_COMPLETED)
    seen["cancelled"] += not answer.done()
    answer.cancel()
    gone.cancel()


async def left(receive):
    while (await receive())["type"] != "http.disconnect":
        pass


async def answered(send, value, question, body, headers):
    if question == "hangs":
        await asyncio.sleep(600)
    text, finish = SAID.get(question, (GOOD, "stop"))
    if question == "echo":
        text = json.dumps({"body": body.decode(), "headers": {k.decode(): v.decode() for k, v in headers.items()}})
    if not value.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        if question == "call":
            call = {"id": "c", "type": "function", "function": {"name": "look", "arguments": '{"id": 1}'}}
            choice = {"index": 0, "message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
        whole = {"id": "cmpl-7", "object": "chat.completion", "choices": [choice], "usage": USAGE}
        if question == "slow":
            await asyncio.sleep(PAUSE_S * PIECES)
        return await say(send, 200, json.dumps(whole).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    size = -(-len(text) // PIECES) or 1
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    await event(send, {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})
    for number, piece in enumerate(pieces):
        if question in ("slow", "dies"):
            await asyncio.sleep(PAUSE_S)
        if question == "dies" and number == 2:
            return None  # uvicorn closes the connection without an end
        await event(send, {"choices": [{"index": 0, "delta": {"content": piece}}]})
    await event(send, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}], "usage": USAGE})
    return await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def event(send, value):
    data = json.dumps({"id": "cmpl-7", "object": "chat.completion.chunk", **value})
    await send({"type": "http.response.body", "body": f"data: {data}\n\n".encode(), "more_body": True})


async def say(send, status, body):
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", access_log=False, lifespan="off")
