"""Ask a hosted model: each question once, as far as the money reaches; answers are written down as they come."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from pipeline.data.records import Turn, digest, read_jsonl
from pipeline.model.generation import Answer
from pipeline.model.hosted.hosted import Hosted
from pipeline.remote.chat import Chat
from pipeline.remote.recorder import record
from pipeline.remote.service import Answer as Said
from pipeline.remote.service import Request, dollars, most
from pipeline.stage import Fault

Show = Callable[[int, int, str], None]


def ask_all(
    hosted: Hosted,
    place: Path,
    conversations: Sequence[Sequence[Turn]],
    max_tokens: int,
    max_cost: float,
    cache: Path,
    show: Show,
) -> list[Answer]:
    """An answer to each conversation, in order. `place` is the file of the model, `cache` a folder outside the outputs.

    Raises Fault where what is not known yet could cost more than `max_cost` US dollars; what was answered is kept.
    """
    service = hosted.service(max_tokens)
    contents = [
        service.content([{"role": turn["role"], "content": turn["content"]} for turn in turns], {})
        for turns in conversations
    ]
    requests = [Request(digest([hosted.base_url, content]), content) for content in contents]
    file = cache / f"{hosted.identity}.hosted.jsonl"
    known = _read(file)
    todo = {request.name: request for request in requests if request.name not in known}
    if todo:
        price = sum(most(service, request) for request in todo.values())
        if price > max_cost:
            fault = f"is {dollars(max_cost)}, and {len(todo)} questions can cost ${dollars(price)}"
            raise Fault("params.yaml: predict.max_cost", fault, "raise it, or ask fewer")

        def write(_number: int, request: Request, said: Said) -> None:
            finish = "length" if said.completion_tokens >= max_tokens else "stop"
            known[request.name] = Answer(said.text, finish, said.prompt_tokens, said.completion_tokens)
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as out:
                out.write(json.dumps({"key": request.name, **asdict(known[request.name])}, ensure_ascii=False) + "\n")

        with Chat(service, service.key(str(place))) as chat:
            record(list(todo.values()), (), service, max_cost, chat.ask, write, show)
    return [known[request.name] for request in requests]


def _read(file: Path) -> dict[str, Answer]:
    """What was answered before; a line that a kill cut short is dropped."""
    if not file.is_file():
        return {}
    whole = file.read_bytes()
    complete = whole[: whole.rfind(b"\n") + 1]
    if complete != whole:
        file.write_bytes(complete)
    return {row.pop("key"): Answer(**row) for _, row in read_jsonl(file)}
