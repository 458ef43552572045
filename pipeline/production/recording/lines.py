"""What was heard becomes a line: read, masked, judged, and keyed.

Whatever the policy on personal data says to redact or to reject, such as a secret, is masked here: a log is no place for it, and the rest
of the line is worth keeping. A user's name is written as a digest under a key that stands in no log.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipeline.data.answers import Contract
from pipeline.data.personal.finding import Masker, PersonalDataParams
from pipeline.data.records import parse_json
from pipeline.production.judging import Judge
from pipeline.production.logs.entry import Entry, Feedback
from pipeline.production.logs.heard import Heard, Settings
from pipeline.production.recording.reading import Answered, streamed, whole

DATA_URL = "data:"  # a picture or a sound within a message; its bytes are no words
KEPT_DATA = 40
BARE_DATA = ("data", "file_data")  # where the protocol has the bytes of a sound or a file without an address
BASE64 = re.compile(r"[A-Za-z0-9+/=_\r\n-]{100,}")
OURS = re.compile(r"req-[0-9a-f]{24}")  # the id that the server gives a request
MOST_FINISH = 60  # characters of an engine's word on the end of an answer
SAID = ("thumb", "correction", "escalated", "done", "comment", "incident")


class Lines:
    """Makes lines of what was heard. `key` is that of the users' digests."""

    def __init__(self, settings: Settings, contract: Contract, key: bytes) -> None:
        self._settings, self._key = settings, key
        self._judge = Judge(contract, settings.rules)
        self._policy = PersonalDataParams.model_validate(settings.policy)

    def entry(self, heard: Heard, asked: bytes, answered: bytes) -> tuple[Entry, str]:
        """The line of a request, and the name that the engine gave its answer, "" where it gave none."""
        said = (streamed if heard.streamed else whole)(answered)
        body = _object(asked)
        masker = Masker(self._policy)
        outcome = heard.outcome
        if (outcome, heard.status) == ("answered", 200) and not said.has_ended:
            outcome = "engine_failed"  # a connection that is closed ends a body without a length, be it whole or not
        finish = outcome if outcome in ("hung_up", "engine_failed") else masker.mask(said.finish[:MOST_FINISH])
        was_answered = outcome == "answered" and heard.status == 200
        valid, failed = self._judge.verdict(said.text, finish) if was_answered else (None, ())
        entry = Entry(
            id=heard.id,
            time=heard.time or datetime.now(UTC),
            revision=self._settings.revision,
            model=self._settings.model,
            data=self._settings.data,
            messages=self._messages(body, masker),
            answer=None if said.text is None else masker.mask(said.text),
            finish=finish,
            status=heard.status,
            tokens_in=said.tokens_in,
            tokens_out=said.tokens_out,
            first_token_s=_rounded(heard.first_token_s),
            total_s=_rounded(heard.total_s),
            cost=self._cost(said),
            valid=valid,
            failed=failed,
            user=self._user(heard.user or _text(body, "user")),
            tags=tuple(masker.mask(tag) for tag in heard.tags),
            streamed=heard.streamed,
            redacted=self._masked(masker),
        )
        return entry, _named(answered)

    def feedback(self, heard: Heard, asked: bytes, names: Mapping[str, str]) -> Feedback:
        """The line of a word of feedback, whose form the server has checked. `names`: the engine's names of answers, and our ids."""
        body = _object(asked)
        masker = Masker(self._policy)
        values = {key: body[key] for key in SAID if body.get(key) is not None}
        values |= {key: masker.mask(values[key]) for key in ("correction", "comment") if key in values}
        name = names.get(body["id"], body["id"])
        values |= {
            "id": name if OURS.fullmatch(name) else masker.mask(name, "id"),
            "time": heard.time or datetime.now(UTC),
        }
        values |= {"user": self._user(heard.user or _text(body, "user")), "redacted": self._masked(masker)}
        return msgspec.convert(values, Feedback)

    def _messages(self, body: dict[str, Any], masker: Masker) -> tuple[dict[str, Any], ...]:
        """The conversation as the client sent it, a bare prompt as a user's turn."""
        turns = body.get("messages")
        if not isinstance(turns, list):
            turns = [{"role": "user", "content": body["prompt"]}] if "prompt" in body else []
        return tuple(masker.mask_json(_without_data(turn)) for turn in turns if isinstance(turn, dict))

    def _masked(self, masker: Masker) -> dict[str, int]:
        return {kind: n for kind, n in sorted(masker.counts.items()) if getattr(self._policy, kind) != "allow"}

    def _cost(self, said: Answered) -> float | None:
        prices = self._settings.price_in, self._settings.price_out
        if None in prices or said.tokens_in is None or said.tokens_out is None:
            return None
        return round((said.tokens_in * (prices[0] or 0) + said.tokens_out * (prices[1] or 0)) / 1e6, 9)

    def _user(self, name: str) -> str:
        return (
            hashlib.blake2b(name.encode("utf-8", "replace"), key=self._key, digest_size=8).hexdigest() if name else ""
        )


def told(entry: Entry) -> Counter[str]:
    """What a request adds to the counts that the server shows, by name and labels."""
    judged = {None: "not", True: "valid", False: "failed"}[entry.valid]
    counts = Counter({f'answers_total{{finish="{_label(entry.finish)}"}}': 1, f'judged_total{{as="{judged}"}}': 1})
    counts.update(f'failed_total{{what="{_label(what)}"}}' for what in entry.failed)
    counts.update({f'redacted_total{{rule="{rule}"}}': count for rule, count in entry.redacted.items()})
    counts.update({'tokens_total{side="in"}': entry.tokens_in or 0, 'tokens_total{side="out"}': entry.tokens_out or 0})
    return counts


def told_of(feedback: Feedback) -> Counter[str]:
    """What a word of feedback adds."""
    said = [f"thumb_{feedback.thumb}"] if feedback.thumb else []
    said += ["correction"] if feedback.correction else []
    said += [name for name in ("escalated", "done") if getattr(feedback, name)]
    said += ["not_done"] if feedback.done is False else []
    return Counter(f'heard_total{{said="{one}"}}' for one in said)


def _label(value: str) -> str:
    """A label's value; what an engine calls an end is its own affair, and may be anything."""
    return "".join(letter for letter in value[:60] if letter.isalnum() or letter in "_:-. ")


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = parse_json(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(body: dict[str, Any], key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def _named(answered: bytes) -> str:
    """The name that an engine gives its answer, which stands in every event of it, so that a client sees it."""
    event = answered.split(b"\n", 1)[0].removeprefix(b"data:") if answered.startswith(b"data:") else answered
    try:
        named = msgspec.json.decode(event, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return named[:200]


class _Named(msgspec.Struct):
    id: str


def _without_data(turn: Any) -> Any:
    """A turn without the bytes of pictures and sounds, however deep they stand."""
    root = [turn]
    todo: list[tuple[Any, Any]] = [(root, 0)]
    while todo:
        holder, key = todo.pop()
        part = holder[key]
        if isinstance(part, dict | list):
            holder[key] = copy = part.copy()
            todo += [(copy, at) for at in (copy if isinstance(copy, dict) else range(len(copy)))]
        elif isinstance(part, str):
            holder[key] = _without_bytes(key, part)
    return root[0]


def _without_bytes(key: Any, text: str) -> str:
    if text.startswith(DATA_URL) and ";base64," in text[:100]:
        return f"{text[:KEPT_DATA].split(',')[0]},[{len(text)} characters left out]"
    if key in BARE_DATA and BASE64.fullmatch(text):
        return f"[{len(text)} characters left out]"
    return text


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)
