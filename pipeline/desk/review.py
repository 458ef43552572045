"""Approve, edit or reject the records that wait for a person, one at a time.

    python -m pipeline.desk.review [REVIEWER]

Each decision is a line of the ledger, on the disk before the next example is shown, so that nothing is lost whenever the sitting
ends; the next one goes on from there. From a pipe a line is a key, with the reason behind it where it needs one.
"""

import io
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, cast

from pipeline.data.answers import Contract
from pipeline.data.ledgers import Review, append
from pipeline.data.personal.finding import PersonalDataParams
from pipeline.data.plain_text import UNSAFE
from pipeline.data.records import Record, Turn
from pipeline.data.reviews import edit_of
from pipeline.data.synthetic.torn import set_aside
from pipeline.desk.inputs import REVIEWS, SCHEMA
from pipeline.desk.reviewing.edit import Unusable, check_personal_data, open_editor, read_turns, write_turns
from pipeline.desk.reviewing.keys import QUIT, Keys, keys_of_stdin
from pipeline.desk.reviewing.queue import Queue, load_queue
from pipeline.desk.reviewing.screen import Screen, said
from pipeline.desk.reviewing.sitter import sitter
from pipeline.ingest import IngestParams
from pipeline.stage import Fault, load_params

HELP = """a  approve as it stands           A  approve, with a remark
e  edit in $VISUAL or $EDITOR     r  reject, with the reason
s  skip for now                   b  back to the last decision, to change it
q  quit; what is decided is kept  ?  this help"""
PROMPT = "a approve, e edit, r reject, s skip, b back, q quit, ? help >"
DONE = {"approve": "approved", "edit": "edited", "reject": "rejected"}

Move = Literal["decided", "skipped", "back", "quit"]
MOVES: dict[str, Move] = {"s": "skipped", "b": "back", QUIT: "quit"}


@dataclass
class Sitting:
    """A reviewer at the queue. `decided` are the decisions of this sitting by record id."""

    reviewer: str
    queue: Queue
    contract: Contract
    policy: PersonalDataParams
    screen: Screen
    keys: Keys
    decided: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        """Show what waits, then what is disputed, until there is no more or the reviewer quits."""
        past = [*self.queue.mine]
        if self._go_through(self.queue.waiting, past, "waiting") and self._wants_disputed():
            disputed = [self.queue.decisions.edited(record) for record in self.queue.disputed]
            self._go_through(disputed, past, "disputed")

    def _go_through(self, records: list[Record], past: list[Record], title: str) -> bool:
        """Show each record; `b` brings the last one of `past` back before it. Gives False where the reviewer quits."""
        ahead = list(reversed(records))
        numbers = {record.id: f"{title}, {n} of {len(records)}" for n, record in enumerate(records, 1)}
        while ahead:
            record = ahead[-1]
            move = self._settle(record, numbers.get(record.id, "decided before"))
            if move == "quit":
                return False
            if move == "back":
                self._bring_back(past, ahead)
                continue
            if move == "decided":
                past[:] = [*(row for row in past if row.id != record.id), record]
            ahead.pop()
        return True

    def _bring_back(self, past: list[Record], ahead: list[Record]) -> None:
        if past:
            ahead.append(past.pop())
        else:
            self.screen.say("There is no earlier decision here.", "yellow")

    def _settle(self, record: Record, title: str) -> Move:
        """Show a record and take one decision on it, or none."""
        self.keys.forget()
        words = self._words(record)
        parent = next((self.queue.parents[name] for name in record.parents if name in self.queue.parents), None)
        proposed = self.queue.proposed.get(record.id)
        self.screen.example(title, record, parent, self.queue.replies.get(record.source), proposed)
        self.screen.words(words, record)
        while True:
            key, given = self._key(PROMPT)
            if move := MOVES.get(key.lower()):
                return move
            if key in ("a", "A") and not has_answer(record):
                self.screen.say("There is no answer yet to approve: e writes it.", "yellow")
                continue
            if key in ("a", "A", "r", "R"):
                is_decided = self._say(record, "reject" if key in "rR" else "approve", given, asks=key != "a")
            elif key in ("e", "E"):
                is_decided = self._edit(record, words, given)
            else:
                self.screen.say(HELP if key == "?" else "There is no such key here; ? shows all of them.")
                continue
            if is_decided:
                return "decided"

    def _words(self, record: Record) -> list[Review]:
        """What reviewers said of a record, and of what came of it."""
        is_new = all(review.record != record.id for _, review in self.queue.reviews)
        return [] if is_new else self.queue.decisions.said(record.id)

    def _key(self, question: str) -> tuple[str, str]:
        self.screen.ask(question)
        key, given = self.keys.key()
        self.screen.say(key)
        return key, given

    def _say(self, record: Record, decision: Literal["approve", "reject"], reason: str, asks: bool) -> bool:
        """Write a decision, with a reason that is asked for where it `asks` and has none; a rejection needs one."""
        while asks and not reason:
            self.screen.ask("reason >" if decision == "reject" else "remark (Enter for none) >")
            line = self.keys.line()
            if line is None:
                return False
            reason, asks = _one_line(line), decision == "reject"
            if asks and not reason:
                self.screen.say("A rejection needs a reason.", "yellow")
        self._write(record, Review(**self._entry(record, decision, reason)))
        return True

    def _edit(self, record: Record, words: list[Review], reason: str) -> bool:
        """Let the reviewer edit a record, from the latest edit of it on; gives whether one was written."""
        edits = [review.messages for review in words if review.messages and review.record == record.id]
        start = cast("Sequence[Turn]", edits[-1] if edits else record.messages)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{record.id}.json"
            write_turns(path, start)
            while True:
                try:
                    open_editor(path)
                    turns = read_turns(path, start, self.contract)
                    check_personal_data(turns, self.policy)
                except Unusable as complaint:
                    self.screen.say(f"{complaint}.", "yellow")
                else:
                    return self._take_over(record, edit_of(record, turns), reason)
                if not self._wants_to("e edit again, l leave it as it was >", "e", "l"):
                    return False

    def _take_over(self, record: Record, new: Record, reason: str) -> bool:
        if new.id == record.id:
            self.screen.say(
                "Nothing is changed (an editor must wait until its file is closed); a approves it as it is."
            )
            return False
        turns = [dict(turn) for turn in new.messages]
        self._write(record, Review(**self._entry(record, "edit", reason), messages=turns, becomes=new.id))
        return True

    def _wants_to(self, question: str, yes: str, no: str) -> bool:
        """Ask until one of two keys comes; an end of the input is a no."""
        while True:
            key = self._key(question)[0].lower()
            if key in (yes, no, QUIT):
                return key == yes

    def _wants_disputed(self) -> bool:
        """List what reviewers disagree on, and ask whether to open it."""
        if not self.queue.disputed:
            return False
        self.screen.say(f"Reviewers disagree on {len(self.queue.disputed)}; none of these is used until they agree:")
        decisions = self.queue.decisions
        for record in self.queue.disputed:
            self.screen.say(f"  {record.id}  {'; '.join(said(review) for review in decisions.said(record.id))}")
        return self._wants_to("o open them one by one, q quit >", "o", QUIT)

    def _entry(self, record: Record, decision: str, reason: str) -> dict[str, Any]:
        today = date.today().isoformat()
        values = {"record": record.id, "decision": decision, "reviewer": self.reviewer, "date": today}
        return {**values, "reason": _one_line(reason)}

    def _write(self, record: Record, review: Review) -> None:
        path = append(REVIEWS, self.reviewer, review)
        self.queue.reviews.append((str(path), review))
        self.decided[record.id] = review.decision

    def summary(self) -> str:
        """What was decided in this sitting, and what is left."""
        done = Counter(DONE[decision] for decision in self.decided.values())
        told = ", ".join(f"{name} {done[name]}" for name in DONE.values() if done[name]) or "decided nothing"
        decisions = self.queue.decisions
        records = [*self.queue.waiting, *self.queue.disputed]
        left = Counter(decisions.verdict(record.id, record.origin) for record in records)
        return f"review: {self.reviewer} {told}; {left['waiting']} wait, {left['disputed']} disputed"


def has_answer(record: Record) -> bool:
    """Whether a record has an answer that can be approved; a candidate of production may wait for one."""
    return bool(record.answer.strip())


def _one_line(text: str) -> str:
    """What a person typed, without what arrow keys and other such keys leave in it."""
    return " ".join(UNSAFE.sub("", text).split())


def reviewer_of(arguments: list[str]) -> str:
    """The reviewer's name: the argument, else git's. Raises Fault where there is none that a file can be named after."""
    return sitter(" ".join(arguments), "REVIEWER", "make review")


def review(reviewer: str) -> None:
    """Hold a sitting, and say what to do next. Raises Fault where there is nothing to hold it with."""
    for aside in set_aside(REVIEWS):
        print(f"review: the last line of {aside.stem} was cut off when it was written; it stands in {aside} now")
    queue, contract = load_queue(reviewer), Contract.load(SCHEMA)
    if not queue.waiting and not queue.disputed:
        works = "make feedback and make run put" if queue.proposed else "make run puts"
        print(f"review: nothing waits for a reviewer; {works} the decisions to work")
        return
    policy = load_params(IngestParams).personal_data
    sitting = Sitting(reviewer, queue, contract, policy, Screen(contract), keys_of_stdin())
    try:
        sitting.run()
    except KeyboardInterrupt:
        print()
    print(sitting.summary())
    if sitting.decided:
        is_theirs = sitting.decided.keys() & queue.proposed.keys()
        print(
            f"review: {'make feedback puts candidates to work and commits them' if is_theirs else f'commit {REVIEWS}'}, then make run"
        )


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a letter shows a question mark
    try:
        review(reviewer_of(sys.argv[1:]))
    except Fault as fault:
        sys.exit(f"review: {fault}")


if __name__ == "__main__":
    main()
