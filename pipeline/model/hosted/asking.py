"""Ask a hosted model: each question once, as far as the money reaches; answers are written down as they come."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipeline.data.meter import Meter
from pipeline.data.records import Turn, digest, read_jsonl
from pipeline.model.generation import Answer
from pipeline.model.hosted.hosted import Hosted
from pipeline.remote.chat import Chat
from pipeline.remote.failures import Busy, Missing
from pipeline.remote.recorder import record
from pipeline.remote.service import Answer as Said
from pipeline.remote.service import Request, Service, dollars, price
from pipeline.stage import Fault

MAX_COST = "params.yaml: predict.max_cost"
READY_S, LOOK_S = 300.0, 10.0  # OpenAI's own help says that a tuned model can take a few minutes until it is loaded
Show = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Limits:
    """Tokens of an answer, US dollars of what is not known yet, questions under way at a time: the most of each."""

    max_tokens: int
    max_cost: float
    concurrency: int


def ask_all(
    hosted: Hosted,
    place: Path,
    conversations: Sequence[Sequence[Turn]],
    limits: Limits,
    cache: Path,
    meter: Meter,
    show: Show,
) -> list[Answer]:
    """An answer to each conversation, in order. `place` is the file of the model, `cache` a folder outside the outputs.

    Raises Fault where what is not known yet could cost more than `limits.max_cost`; what was answered is kept.
    """
    service = hosted.service(limits.max_tokens)
    contents = [
        service.content([{"role": turn["role"], "content": turn["content"]} for turn in turns], {})
        for turns in conversations
    ]
    requests = [Request(digest([hosted.base_url, content]), content) for content in contents]
    file = cache / f"{hosted.identity}.hosted.jsonl"
    known = _read(file)
    todo = {request.name: request for request in requests if request.name not in known}
    _check_cost(service, list(todo.values()), limits.max_cost)

    def write(_number: int, request: Request, said: Said) -> None:
        known[request.name] = Answer(said.text, said.finish, said.prompt_tokens, said.completion_tokens)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"key": request.name, **asdict(known[request.name])}, ensure_ascii=False) + "\n")

    if todo:
        with Chat(service, service.key(str(place))) as chat:
            meter.start()
            ask = _patient(_timed(chat.ask, meter), place, hosted)
            done = record(list(todo.values()), (), service, limits.max_cost, ask, write, show, limits.concurrency)
        if done.left:
            fault = f"is {dollars(limits.max_cost)}, and ${done.spent:.4f} went for more tokens than were reckoned with"
            raise Fault(
                MAX_COST, fault, f"raise it, and run again: {done.left} questions are left, the others are kept"
            )
    return [known[request.name] for request in requests]


def _check_cost(service: Service, todo: list[Request], max_cost: float) -> None:
    """Raises Fault where the questions that are left can cost more than may be spent."""
    if (cost := price(service, todo)) > max_cost:
        fault = f"is {dollars(max_cost)}, and {len(todo)} questions can cost ${dollars(cost)}"
        raise Fault(MAX_COST, fault, "raise it, or ask fewer")


def _timed(ask: Callable[[Request], Said], meter: Meter) -> Callable[[Request], Said]:
    """`ask`, which counts what each answer took."""

    def asked(request: Request) -> Said:
        began = time.monotonic()
        said = ask(request)
        meter.add(time.monotonic() - began, said.prompt_tokens, said.completion_tokens, said.cost)
        return said

    return asked


def _patient(ask: Callable[[Request], Said], place: Path, hosted: Hosted) -> Callable[[Request], Said]:
    """`ask`, which until a first answer has come waits for a model that was trained a moment ago, and is not served yet."""
    end, is_served = time.monotonic() + READY_S, False

    def asked(request: Request) -> Said:
        nonlocal is_served
        while True:
            try:
                answer = ask(request)
            except (Missing, Busy) as fault:
                if is_served or time.monotonic() > end:
                    raise _not_served(fault, place, hosted) from None
                print(f"predict: {fault} (asked again)", flush=True)
                time.sleep(LOOK_S)
            else:
                is_served = True
                return answer

    return asked


def _not_served(fault: Fault, place: Path, hosted: Hosted) -> Fault:
    """In words that fit a model that somebody had trained."""
    if not isinstance(fault, Missing):
        return fault
    said = f"names {hosted.model}, which {hosted.base_url} does not serve"
    remedy = "run again where it was trained a moment ago; where the service has shut it down, train on another base"
    return Fault(place, said, f"{remedy} (docs/hosted.md)")


def _read(file: Path) -> dict[str, Answer]:
    """What was answered before; a line that a kill cut short is dropped."""
    if not file.is_file():
        return {}
    whole = file.read_bytes()
    complete = whole[: whole.rfind(b"\n") + 1]
    if complete != whole:
        file.write_bytes(complete)
    return {row.pop("key"): Answer(**row) for _, row in read_jsonl(file)}
