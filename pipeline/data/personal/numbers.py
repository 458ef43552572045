"""Numbers in a text: groups of digits that belong together, payment cards and Aadhaar numbers among them."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from pipeline.data.personal.context import role
from pipeline.data.personal.text import Hit

FEWEST_DIGITS, MOST_DIGITS = 9, 19
OTHERS = ("reference", "amount")  # roles of numbers that are nobody's
MOST_GROUPS = 6  # of one number
LONGEST_RUN = 64  # groups; a longer one is a table, and is read in pieces
GLUE = "0-9A-Za-z_\u00c0-\u024f"  # what a number may not touch: the letters of other scripts follow one without a space
GROUP = re.compile(  # 091 in 40,091 is the end of an amount
    rf"(?<![{GLUE}])(?:(?<![0-9],)[0-9]{{1,3}}|[0-9]{{4,}})(?![{GLUE}])"
)
DIGIT_AND_DASH, DASH_AND_DIGIT = re.compile(r"[0-9][-.]\Z"), re.compile(r"[-.][0-9]|-[A-Za-z]{1,4}[0-9]")
JOINT = re.compile(r"[ ]{0,2}[-.()/]?[ ]{0,2}[()]?[ ]?")


class Window(NamedTuple):
    """Groups of digits in a row, with what stands between them. `sizes` are the lengths of the groups."""

    start: int
    end: int
    digits: str
    sizes: tuple[int, ...]
    joints: tuple[str, ...]
    before: int  # digits of the group in front, where it is joined as those of the window are; else 0
    after: int  # the same behind


Groups = list[tuple[int, int]]


def groups(text: str) -> Iterator[Groups]:
    """Where groups of digits stand in a plain text, those that separators join in a list of their own."""
    run: Groups = []
    for found in GROUP.finditer(text):
        if run and (len(run) == LONGEST_RUN or not _are_joined(text, run[-1][1], found.start())):
            yield run
            run = []
        run.append(found.span())
    if run:
        yield run


def _are_joined(text: str, end: int, start: int) -> bool:
    return start - end <= 4 and JOINT.fullmatch(text, end, start) is not None


def windows(text: str, run: Groups, first: int) -> Iterator[Window]:
    """The windows of a run that begin at a group, the shortest first. None is cut out at a dash or a point."""
    if DIGIT_AND_DASH.search(text, max(0, run[first][0] - 2), run[first][0]):
        return
    count = 0
    for last in range(first, min(first + MOST_GROUPS, len(run))):
        count += run[last][1] - run[last][0]
        if count > MOST_DIGITS:
            return
        if count >= FEWEST_DIGITS and not DASH_AND_DIGIT.match(text, run[last][1]):
            yield _window(text, run, first, last)


def _window(text: str, run: Groups, first: int, last: int) -> Window:
    part = run[first : last + 1]
    joints = tuple(text[one[1] : other[0]] for one, other in pairwise(part))
    pieces = [text[start:end] for start, end in part]
    before, after = (_neighbour(text, run, at, joints) for at in (first - 1, last))
    return Window(part[0][0], part[-1][1], "".join(pieces), tuple(map(len, pieces)), joints, before[0], after[1])


def _neighbour(text: str, run: Groups, at: int, joints: tuple[str, ...]) -> tuple[int, int]:
    """Digits of a group and of the next one, where what joins them is what joins the groups of the window; else 0."""
    if not 0 <= at < len(run) - 1 or text[run[at][1] : run[at + 1][0]] not in (joints or (" ",)):
        return 0, 0
    return run[at][1] - run[at][0], run[at + 1][1] - run[at + 1][0]


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    total = sum(map(int, digits[-1::-2])) + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return total % 10 == 0


TURN = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)  # the permutation of Verhoeff (1969)


def _verhoeff_tables() -> tuple[list[list[int]], list[list[int]]]:
    """Multiplication in the dihedral group of order 10, and the permutation's powers."""
    product = [
        [(a + b) % 5 + 5 * (b > 4) if a < 5 else (a - b) % 5 + 5 * (b < 5) for b in range(10)] for a in range(10)
    ]
    powers = [list(range(10))]
    for _ in range(7):
        powers.append([TURN[digit] for digit in powers[-1]])
    return product, powers


PRODUCT, POWERS = _verhoeff_tables()


def verhoeff(digits: str) -> bool:
    """Whether the last digit is the check digit of the others."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = PRODUCT[check][POWERS[place % 8][int(digit)]]
    return check == 0


# Lowest and highest first digits of an issuer, and the lengths of its numbers.
ISSUERS = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("309", "309", (14, 16)),
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("3528", "3589", (16, 17, 18, 19)),  # JCB
    ("353", "353", (16,)),  # RuPay
    ("356", "356", (16,)),
    ("508", "508", (16,)),
    ("60", "60", (16, 17, 18, 19)),  # RuPay, Discover
    ("82", "82", (16,)),
    ("644", "649", (16, 17, 18, 19)),  # Discover
    ("65", "65", (16, 17, 18, 19)),
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
    ("81", "81", (16, 17, 18, 19)),
    ("2200", "2204", (16, 17, 18, 19)),  # Mir
    ("5018", "5018", (13, 14, 15, 16, 17, 18, 19)),  # Maestro
    ("5020", "5020", (13, 14, 15, 16, 17, 18, 19)),
    ("5038", "5038", (13, 14, 15, 16, 17, 18, 19)),
    ("5612", "5612", (13, 14, 15, 16, 17, 18, 19)),
    ("5893", "5893", (13, 14, 15, 16, 17, 18, 19)),
    ("6304", "6304", (13, 14, 15, 16, 17, 18, 19)),
    ("6759", "6759", (13, 14, 15, 16, 17, 18, 19)),
    ("6761", "6763", (13, 14, 15, 16, 17, 18, 19)),
    ("9792", "9792", (16,)),  # Troy
)
PRINTED = {  # how cards are printed and typed in groups
    *((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 5), (8, 8), (4, 4, 8), (8, 4, 4), (6, 10), (4, 12)),
    *((4, 4, 4, 1), (4, 4, 4, 2), (4, 4, 4, 3), (4, 4, 4, 4, 1), (4, 4, 4, 4, 2), (4, 4, 4, 4, 3)),
}


def _is_issued(digits: str) -> bool:
    return any(low <= digits[: len(low)] <= high and len(digits) in lengths for low, high, lengths in ISSUERS)


def card(text: str, window: Window) -> Hit | None:
    """The payment card that a window is, if it is one: length, check digit, issuer, and no number of something else."""
    if not 13 <= len(window.digits) <= MOST_DIGITS or not luhn(window.digits) or len(set(window.digits)) == 1:
        return None
    said = role(text, window.start, window.end)
    is_whole = len(window.sizes) == 1
    if said == "card" and all(size >= 4 for size in window.sizes[:-1]):
        return _hit("card", window)
    if not _is_issued(window.digits) or (is_whole and said in OTHERS):
        return None
    is_alone = window.before != 4 and window.after != 4 and not _is_in_iban(text, window.start)
    return _hit("card", window) if is_whole or (window.sizes in PRINTED and is_alone) else None


def aadhaar(text: str, window: Window) -> Hit | None:
    """The Aadhaar number that a window is, if it is one: 12 digits, none of the old ones, and the check digit."""
    if len(window.digits) != 12 or window.digits[0] in "01" or not verhoeff(window.digits):
        return None
    said = role(text, window.start, window.end)
    if said == "aadhaar":
        return _hit("aadhaar", window)
    if window.sizes == (4, 4, 4):
        is_alone = window.before != 4 and window.after != 4 and not _is_in_iban(text, window.start)
        return _hit("aadhaar", window) if is_alone else None
    is_phone = said == "phone" and window.digits.startswith("91")
    return _hit("aadhaar", window) if window.sizes == (12,) and said not in OTHERS and not is_phone else None


def _hit(kind: str, window: Window) -> Hit:
    return Hit(kind, window.start, window.end)


IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4})*[ -]?\Z")


def _is_in_iban(text: str, start: int) -> bool:
    """Whether groups stand behind the head of an IBAN, whose check sum is then another rule's."""
    return IBAN_HEAD.search(text, max(0, start - 40), start) is not None
