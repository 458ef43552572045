"""Ask a server of this machine everything that an arm is asked, many questions at a time.

There an answer may depend on what else is under way, so answers are kept by the arm: all of them, or none.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.data.meter import Meter
from pipeline.data.records import Turn, digest, read_jsonl, write_jsonl
from pipeline.model.asked import BATCH_STEP, padded
from pipeline.model.base import chosen_dtype, token_ids
from pipeline.model.engines.command import PLACE, EngineParams
from pipeline.model.engines.prepared import prepared
from pipeline.model.engines.server import KEY, Served, last_line, serving
from pipeline.model.generation import Answer, Show, context_tokens
from pipeline.remote.failures import masked, words
from pipeline.stage import Fault

if TYPE_CHECKING:
    from openai import OpenAI

RETRIES, SEED = 3, 0
FAILED = "failed"  # the finish of a question to which a living server gave no answer, again and again


@dataclass(frozen=True)
class Engine:
    """How a server is used: its parameters, the most tokens of an answer, the type of the weights."""

    params: EngineParams
    max_new_tokens: int
    dtype: str

    @classmethod
    def of(cls, params: EngineParams, max_new_tokens: int, dtype: str, device: str) -> "Engine":
        """With the type that `auto` stands for on this machine. Raises Fault where the command cannot start a server."""
        params.check()
        return cls(params, max_new_tokens, str(chosen_dtype(dtype, device)).removeprefix("torch."))

    @property
    def decoding(self) -> dict[str, Any]:
        """How answers are made, down to the packages of the server."""
        made = {"engine": "vllm", "greedy": True, "seed": SEED, "max_new_tokens": self.max_new_tokens}
        started = {"command": self.params.command, "concurrency": self.params.concurrency}
        return {**made, **started, "dtype": self.dtype, "installed": self.params.installed()}


@dataclass(frozen=True)
class Asked:
    """A question: its turns, its tokens as they were trained with, whether a server makes these of the turns, and the most of an answer."""

    turns: Sequence[Turn]
    ids: list[int]
    is_plain: bool
    most: int


def answer_arm(
    engine: Engine,
    path: Path,
    identity: str,
    tokenizer: Any,
    conversations: Sequence[Sequence[Turn]],
    places: tuple[Path, Path, str],
    meter: Meter,
    show: Show,
) -> list[Answer]:
    """An answer to each conversation, in order. `places` are the folders of kept answers and of engines, and the arm's name.

    Raises Fault where the server does not come up, dies, or answers nothing at all. A question to which it gives no answer, though it
    lives, has an empty one, which counts as wrong; then nothing is kept.
    """
    kept, engines, arm = places
    rows = [token_ids(tokenizer, list(turns), is_asked=True) for turns in conversations]
    keys = [digest(row) for row in rows]
    file = kept / f"{digest([identity, engine.decoding, sorted(set(keys))])}.arm.jsonl"
    found = _read(file)
    if set(found) != set(keys):
        folder = prepared(path, identity, engine.dtype, engines)
        context = _context(folder)
        todo = {
            key: _asked(tokenizer, turns, row, context, engine.max_new_tokens)
            for key, turns, row in zip(keys, conversations, rows, strict=True)
        }
        found = {key: Answer("", "too_long", len(one.ids), 0) for key, one in todo.items() if one.most < 1}
        say = _telling(arm)
        with serving(engine.params, folder, engine.dtype, engines / f"{arm}.log", say) as served:
            meter.start()
            found |= _ask_all(engine, served, {key: one for key, one in todo.items() if one.most > 0}, meter, show)
        if not any(answer.finish == FAILED for answer in found.values()):
            _keep(file, found)
    if missing := len(set(keys) - set(found)):
        raise Fault(f"predict@{arm}", f"{missing} of {len(set(keys))} questions have no answer", "run again")
    return [found[key] for key in keys]


def _telling(arm: str) -> Callable[[str], None]:
    return lambda words: print(f"predict@{arm}: {words}", flush=True)


def _context(folder: Path) -> int:
    from types import SimpleNamespace

    from transformers import AutoConfig

    return context_tokens(SimpleNamespace(config=AutoConfig.from_pretrained(folder, trust_remote_code=False)))


def _asked(tokenizer: Any, turns: Sequence[Turn], ids: list[int], context: int, most: int) -> Asked:
    """A server takes for a special token what looks like one in a turn; we do not. Such a question goes as tokens."""
    taken = tokenizer.apply_chat_template(list(turns), add_generation_prompt=True)["input_ids"]
    return Asked(turns, ids, list(taken) == ids, min(context - padded(len(ids), BATCH_STEP), most))


def _read(file: Path) -> dict[str, Answer]:
    return {row.pop("key"): Answer(**row) for _, row in read_jsonl(file)} if file.is_file() else {}


def _keep(file: Path, found: Mapping[str, Answer]) -> None:
    part = file.with_suffix(".part")
    write_jsonl(part, ({"key": key, **asdict(answer)} for key, answer in sorted(found.items())))
    part.replace(file)


def _ask_all(engine: Engine, served: Served, todo: Mapping[str, Asked], meter: Meter, show: Show) -> dict[str, Answer]:
    """The questions, `concurrency` at a time. Raises Fault at the first one that shows that the server is gone, or another one."""
    import httpx2
    from openai import OpenAI

    found: dict[str, Answer] = {}
    reasons: list[str] = []
    with OpenAI(
        base_url=served.base_url,
        api_key=KEY,
        timeout=engine.params.timeout_s,
        max_retries=RETRIES,
        http_client=httpx2.Client(trust_env=False, limits=httpx2.Limits(max_connections=engine.params.concurrency)),
    ) as client:
        pool = ThreadPoolExecutor(engine.params.concurrency)
        try:
            running = {pool.submit(_ask, client, served, one): key for key, one in todo.items()}
            for future in as_completed(running):
                answer, seconds, reason = future.result()
                found[running[future]] = answer
                reasons += [reason] if reason else []
                meter.add(seconds, answer.prompt_tokens, answer.answer_tokens)
                show(len(found), len(todo), f"answers{f', {len(reasons)} failed' if reasons else ''}")
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
    if todo and len(reasons) == len(todo):
        fault = f"answered none of {len(todo)} questions: {reasons[0]}"
        raise Fault(served.log, fault, f"mend what the log says, or {PLACE.split(': ')[1]}.command")
    if reasons:
        print(
            f"predict: {len(reasons)} questions have no answer, which counts as wrong ({reasons[0]}); see {served.log}"
        )
    return found


def _ask(client: "OpenAI", served: Served, asked: Asked) -> tuple[Answer, float, str]:
    """The answer, how many seconds it took, and the reason where there is none."""
    from openai import APIConnectionError, APIStatusError, APITimeoutError

    began, reason = time.monotonic(), ""
    try:
        answer, reason = _answer(_post(client, served, asked), served, asked)
    except APITimeoutError:
        fault = f"passed {RETRIES + 1} times without an answer; the server printed last: {last_line(served.log)}"
        raise Fault(f"{PLACE}.timeout_s", fault, f"raise it, or read {served.log}") from None
    except APIConnectionError:
        fault = f"the server is gone; it printed last: {last_line(served.log)}"
        raise Fault(served.log, fault, "mend what it says, and run again") from None
    except APIStatusError as error:
        reason = f"{error.status_code}: {masked(words(error), KEY)}"
        if error.status_code < 500 and error.status_code != 429:
            raise Fault(served.base_url, f"refuses a question ({reason})", f"read {served.log}") from None
        answer = Answer("", FAILED, len(asked.ids), 0)
    return answer, time.monotonic() - began, reason


def _post(client: "OpenAI", served: Served, asked: Asked) -> bytes:
    import httpx2

    body: dict[str, Any] = {"model": served.model, "max_tokens": asked.most, "temperature": 0.0, "seed": SEED}
    if asked.is_plain:
        turns = [{"role": turn["role"], "content": turn["content"]} for turn in asked.turns]
        response = client.post("/chat/completions", cast_to=httpx2.Response, body=body | {"messages": turns})
    else:
        response = client.post("/completions", cast_to=httpx2.Response, body=body | {"prompt": asked.ids})
    return response.content


def _answer(body: bytes, served: Served, asked: Asked) -> tuple[Answer, str]:
    """What the server wrote. Raises Fault where it read other tokens than the model was trained with."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
        choice, usage = value["choices"][0], value.get("usage") or {}
        said = choice["message"]["content"] if asked.is_plain else choice["text"]
        read, wrote = usage.get("prompt_tokens", len(asked.ids)), usage.get("completion_tokens", 0)
        finish = "length" if choice.get("finish_reason") == "length" else "stop"
        answer = Answer((said or "").encode("utf-8", "replace").decode(), finish, len(asked.ids), int(wrote))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return Answer(
            "", FAILED, len(asked.ids), 0
        ), f"no completion: {masked(body[:500].decode('utf-8', 'replace'), KEY)}"
    if read != len(asked.ids):
        fault = f"read {read} tokens of a question that has {len(asked.ids)} as the model was trained"
        remedy = "let it take the chat template and the tokenizer of {model} and add no token, or set predict.engine: transformers"
        raise Fault(served.base_url, fault, remedy)
    return answer, ""
