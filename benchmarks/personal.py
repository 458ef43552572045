"""How much personal data the rules find, how often they are wrong on clean text, and how fast they are.

    python -m benchmarks.personal [--planted 400] [--clean 30000] [--shown 10]

Plants values of every kind in support sentences of five languages with a fixed seed. A value counts as found if a hit of its kind
covers exactly it; hits on clean rows are false alarms. All values are made up, so those that are missed or wrong are printed.
"""

import argparse
import random
import time
from collections import Counter
from collections.abc import Iterator

from benchmarks.personal_sentences import ADDRESSES, ASSIGNED, FRAMES, clean, planted
from benchmarks.personal_values import VALUES, assigned
from pipeline.data.personal.finding import find

PROSE = (
    "The lehenga has not arrived and the courier says that nobody was at home, although I sat there the whole day with my mother. "
    "Please look into this and tell me when it will come, since the wedding is on Sunday and we need it before that. "
)
NUMBERS = "Order TK604817 of 12/05/2026 for Rs 1,499 came at 10:30 with 2 x 500 g, pin 411038. "
REFERENCES = "My order no is 9876543210 and I have UTR 412345678901. "
ROWS = {
    "prose": PROSE,
    "with an order, price, date, time and PIN code": NUMBERS + PROSE * 2,
    "with an order number of ten digits and a UTR besides": REFERENCES + NUMBERS + PROSE * 2,
    "nothing but orders, prices and dates": NUMBERS,
}


def plantings(rng: random.Random, count: int) -> Iterator[tuple[str, str, str]]:
    """Name of the group, value, and the text that it stands in."""
    for kind, make in VALUES.items():
        for _ in range(count):
            value = make(rng)
            yield kind, value, planted(rng, FRAMES[kind], value)
    for _ in range(count):
        value = assigned(rng)
        yield "api_key by its name", value, rng.choice(ASSIGNED).replace("{v}", value)
        value = assigned(rng).replace("/", "_")
        yield "api_key in an address", value, rng.choice(ADDRESSES).replace("{v}", value)


def is_found(kind: str, value: str, text: str) -> bool:
    """Whether a hit of the kind is the value; of credentials in an address, whether one covers it."""
    start = text.index(value)
    span = start, start + len(value)
    if kind == "api_key in an address":
        return any(hit.start <= span[0] and span[1] <= hit.end for hit in find(text))
    return any((hit.kind, hit.start, hit.end) == (kind.split()[0], *span) for hit in find(text))


def us_per_row(text: str, rounds: int = 20_000) -> float:
    """Microseconds for a text of about 500 bytes."""
    row = (text * (500 // len(text) + 1))[:500]
    began = time.process_time()
    for _ in range(rounds):
        find(row)
    return (time.process_time() - began) / rounds * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall, false alarms and speed of the rules on personal data.")
    parser.add_argument("--planted", type=int, default=400)
    parser.add_argument("--clean", type=int, default=30_000)
    parser.add_argument("--shown", type=int, default=10)
    options = parser.parse_args()
    rng = random.Random(7)
    found, all_of, missed = Counter(), Counter(), []
    for kind, value, text in plantings(rng, options.planted):
        all_of[kind] += 1
        found[kind] += is_found(kind, value, text)
        if not is_found(kind, value, text):
            missed.append((kind, value, text))
    for kind, count in all_of.items():
        print(f"{kind}: {found[kind]} of {count} found")
    rows = [clean(rng) for _ in range(options.clean)]
    began = time.process_time()
    alarms = [(row, hits) for row in rows if (hits := find(row))]
    seconds = time.process_time() - began
    print(
        f"false alarms: {len(alarms)} of {len(rows)} clean rows ({len(alarms) / len(rows):.2%}), {len(rows) / seconds:.0f} rows/s of CPU"
    )
    print("by kind:", dict(Counter(hit.kind for _, hits in alarms for hit in hits)))
    for name, text in ROWS.items():
        print(f"a row of 500 bytes, {name}: {us_per_row(text):.1f} µs of CPU")
    for kind, value, text in missed[: options.shown]:
        print("missed:", kind, repr(value), "in", repr(text))
    for row, hits in alarms[: options.shown]:
        print("wrong:", [(hit.kind, row[hit.start : hit.end]) for hit in hits], "in", repr(row))


if __name__ == "__main__":
    main()
