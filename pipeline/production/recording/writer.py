"""The recorder: reads what a server heard from its input, writes the log, and says on its output what it counted.

    python -m pipeline.production.recording.writer

Started by the server, below its priority, in a session of its own: it outlives the server, writes what is left in the pipe, and ends. What
cannot be written is dropped, counted, and said on the error output once in a while; it goes on as soon as the disk takes lines again.
"""

import contextlib
import hashlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter, OrderedDict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from pipeline.data.answers import Contract
from pipeline.production.logs.entry import Counts, Kind
from pipeline.production.logs.heard import Heard, Settings
from pipeline.production.recording.files import Files
from pipeline.production.recording.inflow import Frame, Inflow
from pipeline.production.recording.key import user_key
from pipeline.production.recording.lines import Lines, told, told_of

NICE, BATCH, WAIT_S, FORGET_S, TELL_S, SHOW_S = 15, 64, 0.05, 600.0, 30.0, 0.2
MOST_CALLS = 10  # of a fault that are said
MOST_NAMES = 100_000  # answers whose name at the engine is remembered, so that feedback by it finds its request


class Writer:
    """Turns frames into lines of files, and counts."""

    def __init__(self, settings: Settings) -> None:
        from jsonschema import Draft202012Validator

        schema = json.loads(settings.schema)
        folder = Path(settings.folder)
        self._settings = settings
        contract = Contract(schema, Draft202012Validator(schema))
        self._lines = Lines(settings, contract, user_key(folder, settings.user_key_env))
        self._files = Files(folder, int(settings.file_mb * 2**20), settings.keep_days)
        self._names: OrderedDict[str, str] = OrderedDict()
        self._seen = self._written = self._sampled_out = 0
        self._dropped: Counter[str] = Counter()  # since the last line of counts
        self._unsaid: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self._at: dict[str, float] = {}  # when what is done once in a while was done

    def take(self, frames: list[Frame]) -> None:
        """Write what a batch of frames says."""
        found: dict[tuple[Kind, str], list[bytes]] = {}
        for frame in frames:
            line = self._line(frame)
            if line:
                kind, day, text = line
                found.setdefault((kind, day), []).append(text)
        for (kind, day), lines in found.items():
            written, faults = self._files.write(kind, day, lines)
            self._written += written
            self.counted['records_total{as="written"}'] += written
            self._drop(faults, is_ours=True)

    def _line(self, frame: Frame) -> tuple[Kind, str, bytes] | None:
        """Kind, day and text of a frame's line; None where it has none."""
        heard, asked, answered = frame
        if heard.kind == "dropped":
            self._seen += sum(heard.dropped.values())
            self._drop(Counter(heard.dropped), is_ours=False)
            return None
        self._seen += 1
        try:
            made = self._request(heard, asked, answered) if heard.kind == "request" else self._feedback(heard, asked)
            if made is None:
                return None
            kind, line = made
            return kind, f"{heard.time or datetime.now(UTC):%Y-%m-%d}", _encoded(line)
        except Exception:  # a fault of ours in one record must not end the log of all others; it is counted, and said
            _say(traceback.format_exc(limit=-MOST_CALLS))
            self._drop(Counter({"unreadable": 1}), is_ours=True)
            return None

    def _request(self, heard: Heard, asked: bytes, answered: bytes) -> tuple[Kind, Any] | None:
        entry, name = self._lines.entry(heard, asked, answered)
        if name:
            self._names[name] = heard.id
            if len(self._names) > MOST_NAMES:
                self._names.popitem(last=False)
        self.counted.update(told(entry))
        if not is_sampled(heard.id, self._settings.sample):
            self._sampled_out += 1
            self.counted['records_total{as="sampled_out"}'] += 1
            return None
        return "requests", entry

    def _feedback(self, heard: Heard, asked: bytes) -> tuple[Kind, Any]:
        said = self._lines.feedback(heard, asked, self._names)
        self.counted.update(told_of(said))
        return "feedback", said

    def _drop(self, faults: Counter[str], is_ours: bool) -> None:
        self._dropped += faults
        self._unsaid += faults
        if is_ours:  # the server counts its own
            self.counted.update({f'dropped_total{{fault="{fault}"}}': count for fault, count in faults.items()})

    def now_and_then(self) -> None:
        """Say what was dropped, write down the counts, delete old days: each when it is due."""
        now = time.monotonic()
        if self._unsaid and self._is_due("tell", now, TELL_S):
            said = ", ".join(f"{fault} {count}" for fault, count in sorted(self._unsaid.items()))
            _say(f"recorder: records were dropped: {said} ({self._settings.folder})")
            self._unsaid.clear()
        if self._is_due("counts", now, self._settings.counts_s):
            self.note()
        if self._is_due("forget", now, FORGET_S):
            self._files.forget()

    def _is_due(self, what: str, now: float, every_s: float) -> bool:
        if what in self._at and now - self._at[what] < every_s:
            return False
        self._at[what] = now
        return True

    def note(self) -> None:
        """A line of what was counted since the last one that came to the disk."""
        if not self._seen:
            return
        now = datetime.now(UTC)
        counts = Counts(
            time=now, seen=self._seen, written=self._written, sampled_out=self._sampled_out, dropped=dict(self._dropped)
        )
        written, _ = self._files.write("counts", f"{now:%Y-%m-%d}", [_encoded(counts)])
        if written:
            self._seen = self._written = self._sampled_out = 0
            self._dropped.clear()

    def close(self) -> None:
        self._at.clear()
        self.now_and_then()
        self._files.close()


def is_sampled(name: str, share: float) -> bool:
    """Whether a request is kept, by a hash of its id: the same for whoever asks."""
    number = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest())
    return number < share * 2**64


def _say(words: str) -> None:
    """On the error output, which may itself go to the disk that is full."""
    with contextlib.suppress(OSError):
        print(words, file=sys.stderr, flush=True)


def _encoded(line: Any) -> bytes:
    """A line of JSON. Half a surrogate pair becomes a question mark."""
    try:
        return msgspec.json.encode(line) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(line), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _show(writer: Writer) -> None:
    """Tell the server what was counted, now and then, as long as it listens."""
    said: dict[str, int] = {}
    with contextlib.suppress(OSError):
        while True:
            counted = dict(writer.counted)
            if counted != said:
                os.write(1, msgspec.json.encode(counted) + b"\n")
                said = counted
            time.sleep(SHOW_S)


def main() -> None:
    for ends in (signal.SIGINT, signal.SIGTERM):  # it ends with its input: what is in there is still to be written
        signal.signal(ends, signal.SIG_IGN)
    inflow = Inflow(0)
    with contextlib.suppress(OSError, AttributeError):
        os.nice(NICE)  # of this thread: the one that empties the pipe must not wait for its turn
    first: list[Frame] | None = []
    while not first:
        first = inflow.batch(1, WAIT_S)
        if first is None:
            return
    settings = msgspec.json.decode(first[0][1], type=Settings)
    inflow.allow(int(settings.buffer_mb * 2**20))
    writer = Writer(settings)
    threading.Thread(target=_show, args=[writer], daemon=True).start()
    while (frames := inflow.batch(BATCH, WAIT_S)) is not None:
        writer.take(frames)
        writer.now_and_then()
    writer.close()


if __name__ == "__main__":
    main()
