"""Vote between two arms' answers to the test set, pair by pair, without knowing whose an answer is.

    python -m pipeline.desk.rate [RATER] [ARMS]

ARMS are two names, as in "tuned prompted"; without them they are those of `rate.arms`. Each vote is a line of the ledger, on the
disk before the next question comes, so that nothing is lost whenever the sitting ends; the next one goes on from there. Answers that
are alike are not shown.
"""

import io
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from pipeline.data.ledgers import Rating, append, person, read_ratings
from pipeline.data.plain_text import UNSAFE
from pipeline.data.predictions import Predictions, check_complete, read_arms
from pipeline.data.ratings import Key, RateParams, last_words
from pipeline.data.records import digest, read_records
from pipeline.data.synthetic.torn import set_aside
from pipeline.desk.inputs import RATINGS
from pipeline.desk.rating.pairs import Pair, Question, pairs_of, questions_on
from pipeline.desk.rating.screen import BallotPaper
from pipeline.desk.reviewing.keys import QUIT, Keys, keys_of_stdin
from pipeline.desk.reviewing.sitter import sitter
from pipeline.stage import Fault, load_params

PREDICTIONS, TEST = Path("data/predictions"), Path("data/split/test.jsonl")
HELP = """1  the first answer        2  the second answer      t  tie: neither, or both alike
s  skip for now            b  back to the last vote, to change it
q  quit; every vote is kept"""
PROMPT = "1 first, 2 second, t tie, s skip, b back, q quit, ? help >"
END = "That was the last question. b back to the last vote, q quit >"

Word = Literal["first", "second", "tie"]
WORDS: dict[str, Word] = {"1": "first", "2": "second", "t": "tie"}
Move = Literal["voted", "skipped", "back", "quit"]
MOVES: dict[str, Move] = {"s": "skipped", "b": "back", QUIT: "quit"}


@dataclass
class Sitting:
    """A rater at the pairs. `votes` are the rater's own that count, the latest last; `given` are those of this sitting."""

    rater: str
    pairs: list[Pair]
    dimensions: dict[str, str]
    votes: dict[Key, Rating]
    screen: BallotPaper
    keys: Keys
    given: set[Key] = field(default_factory=set)
    _seen: Pair | None = None

    @property
    def open(self) -> list[Question]:
        """What the rater has not answered yet, in the order in which it is shown."""
        return [one for one in questions_on(self.pairs, self.dimensions) if one.key(self.rater) not in self.votes]

    def run(self) -> None:
        """Ask what is open, until the rater quits. Skipped questions come again in the next sitting."""
        ahead, past = [*reversed(self.open)], self._answered()
        while True:
            move = self._settle(ahead[-1]) if ahead else self._end()
            if move == "quit":
                return
            if move == "back":
                self._bring_back(past, ahead)
                continue
            done = ahead.pop()
            if move == "voted":
                past[:] = [*(one for one in past if one != done), done]

    def _answered(self) -> list[Question]:
        """What the rater has answered of these pairs, the latest last."""
        asked = {one.key(self.rater): one for one in questions_on(self.pairs, self.dimensions)}
        return [asked[key] for key in self.votes if key in asked]

    def _bring_back(self, past: list[Question], ahead: list[Question]) -> None:
        if past:
            ahead.append(past.pop())
        else:
            self.screen.say("There is no earlier vote here.", "yellow")

    def _settle(self, question: Question) -> Move:
        """Show a pair, where it is not the one that stands there, and take one vote on it, or none."""
        if question.pair != self._seen:
            self.keys.forget()
            self.screen.pair(f"pair {self.pairs.index(question.pair) + 1} of {len(self.pairs)}", question.pair)
            self._seen = question.pair
        if vote := self.votes.get(question.key(self.rater)):
            self.screen.say(f"Your vote on {question.dimension} was: {question.said(vote)}.")
        while True:
            key = self._key(f"{question.dimension}: {self.dimensions[question.dimension]} {PROMPT}")
            if move := MOVES.get(key):
                return move
            if word := WORDS.get(key):
                self._write(question, word)
                return "voted"
            self.screen.say(HELP if key == "?" else "There is no such key here; ? shows all of them.")

    def _end(self) -> Move:
        while (move := MOVES.get(self._key(END))) not in ("back", "quit"):
            self.screen.say("There is no such key here.")
        return move

    def _key(self, question: str) -> str:
        self.screen.ask(question)
        key, _ = self.keys.key()
        self.screen.say(key)
        return key.lower()

    def _write(self, question: Question, word: Word) -> None:
        key, pair = question.key(self.rater), question.pair
        date, _, time = _later_than(self.votes.get(key)).strftime("%Y-%m-%d %H:%M:%S.%f").partition(" ")
        vote = Rating(
            date=date,
            time=time,
            example=pair.record.id,
            dimension=question.dimension,
            first=digest(pair.first),
            second=digest(pair.second),
            vote=word,
            rater=self.rater,
        )
        append(RATINGS, self.rater, vote)
        self.votes[key] = vote
        self.given.add(key)

    def summary(self) -> str:
        """What was answered in this sitting, and what is left."""
        count, left = len(self.given), len(self.open)
        return f"rate: {self.rater} gave {count} vote{'s' * (count != 1)}; {left} of {self._asked} questions are open"

    @property
    def _asked(self) -> int:
        return len(self.pairs) * len(self.dimensions)


def _later_than(vote: Rating | None) -> datetime:
    """Now; but after an earlier vote on the same, though a clock that was wrong then put it into the future."""
    now = datetime.now(UTC)
    return max(now, vote.moment + timedelta(microseconds=1)) if vote else now


def rater_of(given: str) -> str:
    """The rater's name: the argument, else git's. Raises Fault for one that is none, or that could be a path."""
    name = sitter(given, "RATER", "make rate")
    if set(name) & set("/\\\n\t") or UNSAFE.search(name):
        raise Fault(f"RATER={name!r}", "has letters that are no part of a name", "write RATER=<name> without / and \\")
    return name


def arms_of(given: str, params: RateParams, there: dict[str, Predictions]) -> tuple[str, str]:
    """The two arms whose answers are shown. Raises Fault where they are not two, or one has no answers."""
    names, place = (given.split(), "ARMS") if given.strip() else (params.arms, "params.yaml: rate.arms")
    if len(names) != 2 or names[0] == names[1]:
        raise Fault(
            place, f"names {' and '.join(names) or 'no arm'}", 'name two that differ, as in ARMS="tuned prompted"'
        )
    if not there:
        raise Fault(PREDICTIONS, "has no answers yet", "run make run first")
    for name in names:
        if name not in there:
            known = ", ".join(there)
            raise Fault(
                place, f"names {name!r}, of which there are no answers", f"take two of {known}, or run make run"
            )
    return names[0], names[1]


def load_sitting(rater: str, given: str) -> Sitting:
    """The pairs and the ledger. Raises Fault where there is nothing to vote on yet."""
    params = load_params(RateParams)
    arms = read_arms(PREDICTIONS) if PREDICTIONS.is_dir() else {}
    names = arms_of(given, params, arms)
    records, chosen = read_records(TEST), {name: arms[name] for name in names}
    ids = [record.id for record in records]
    check_complete(chosen, "test", ids, PREDICTIONS)
    one, other = (arm.texts("test", ids) for arm in chosen.values())
    pairs = pairs_of(records, one, other, params.seed, rater)
    votes = last_words(read_ratings(RATINGS, params.dimensions))
    own = {key: vote for key, vote in votes.items() if key.rater == person(rater)}
    return Sitting(rater, pairs, params.dimensions, own, BallotPaper(), keys_of_stdin())


def rate(rater: str, arms: str) -> None:
    """Hold a sitting, and say what to do next. Raises Fault where there is nothing to hold it with."""
    for aside in set_aside(RATINGS):
        print(f"rate: the last line of {aside.stem} was cut off when it was written; it stands in {aside} now")
    sitting = load_sitting(rater, arms)
    if not sitting.pairs:
        print("rate: both arms answer every example alike; there is nothing to vote on")
        return
    try:
        sitting.run()
    except KeyboardInterrupt:
        print()
    print(sitting.summary())
    if sitting.given:
        print(f"rate: commit {RATINGS}, then make run")


def check_terminal() -> None:
    """Raises Fault without a terminal: what comes through a pipe is no person's vote."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Fault(
            "make rate", "has no terminal to show answers on and take keys from", "run it in one, without a pipe"
        )


def main() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that cannot show a letter shows a question mark
    given, arms = (*sys.argv[1:3], "", "")[:2]
    try:
        rater = rater_of(given)
        check_terminal()
        rate(rater, arms)
    except Fault as fault:
        sys.exit(f"rate: {fault}")


if __name__ == "__main__":
    main()
