"""Phone numbers: Indian ones in all their spellings, those of the world with +, and others where the words say so.

The shape makes a candidate, the words around it judge it, and the numbering plans of `phonenumbers` check what has no shape of
its own. Free and shared-cost numbers (1800, 1860) belong to companies and are left alone.
"""

import re
from collections.abc import Iterator

import phonenumbers
from phonenumbers import PhoneNumberType, ValidationResult

from pipeline.data.personal.context import role
from pipeline.data.personal.numbers import GLUE, OTHERS, Window
from pipeline.data.personal.text import Hit

HOME = "IN"
ABROAD = ("US", "GB", "DE", "FR", "AU", "NL", "IT", "CH", "AT", "BE", "AE", "SG")  # whose national form is tried
# Groups of a mobile number that are told without a word; (3, 3, 4) is 987 654 3210.
MOBILE = {
    (10,),
    (5, 5),
    (3, 3, 4),
    (4, 3, 3),
    (3, 4, 3),
    (4, 6),
    (2, 4, 4),
    (4, 2, 4),
    (2, 3, 5),
    (5, 3, 2),
    (5, 2, 3),
    (3, 2, 5),
}
FREE = {PhoneNumberType.TOLL_FREE, PhoneNumberType.SHARED_COST, PhoneNumberType.PREMIUM_RATE, PhoneNumberType.UAN}
NO_PHONE = (*OTHERS, "card", "aadhaar")  # roles
PLUS = re.compile(rf"(?<![{GLUE}+])(\()?\+ ?(\(?[0-9](?:[ .\-()/]{{0,3}}[0-9]){{6,17}})(?![{GLUE}])")
TAIL = re.compile(r"[ .\-()/]+[0-9]+\Z")


def international(text: str) -> Iterator[Hit]:
    """Numbers that begin with a plus, as long as the plan of their country allows."""
    for found in PLUS.finditer(text):
        piece = _best(found[2])
        if piece:
            end = found.start(2) + len(piece)
            opened = found[1] and ")" in piece and "(" not in piece
            yield Hit("phone", found.start() if opened or not found[1] else found.start() + 1, end)


def _best(candidate: str) -> str:
    """The longest beginning, cut between groups, that is a number; one that is only possible where none is valid."""
    pieces = [candidate]
    while shorter := TAIL.sub("", pieces[-1]):
        if shorter == pieces[-1]:
            break
        pieces.append(shorter)
    lone = [piece for piece in pieces if re.search(r" [0-9]\Z", piece)]  # "... 2 items"
    ordered = [piece for piece in pieces if piece not in lone] + lone
    valid = next((piece for piece in ordered if _is_number(piece, strictly=True)), "")
    return valid or next((piece for piece in ordered if _is_number(piece, strictly=False)), "")


def _is_number(piece: str, strictly: bool) -> bool:
    """Whether digits with a country code are a number; the 0 in +91 (0) 98... is not dialled."""
    digits = re.sub(r"\(0\)|[^0-9]", "", piece)
    if not 8 <= len(digits) <= 15:
        return False
    if strictly:
        return _type("+" + digits, None) is not None
    try:
        number = phonenumbers.parse("+" + digits)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE


def _type(digits: str, region: str | None) -> int | None:
    """The type of a valid number; None where it is none."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    return phonenumbers.number_type(number) if phonenumbers.is_valid_number(number) else None


def written(text: str, window: Window) -> Hit | None:
    """An Indian mobile number, told by its shape unless the words say that it is something else."""
    if not _has_shape(window) or role(text, window.start, window.end) in NO_PHONE:
        return None
    return _hit(text, window)


def spelt(text: str, window: Window) -> Hit | None:
    """A number in a spelling that hardly anything else has, if the plan of its country holds it."""
    if not _is_spelt(window) or not _is_planned(window) or role(text, window.start, window.end) in NO_PHONE:
        return None
    return _hit(text, window)


def called(text: str, window: Window) -> Hit | None:
    """A number that the words call one, if some plan holds it."""
    if not _could_be(window) or role(text, window.start, window.end) != "phone" or not _is_anywhere(window):
        return None
    return _hit(text, window)


def _hit(text: str, window: Window) -> Hit:
    """A bracket that is opened in front of the area code belongs to the number."""
    is_opened = text[window.start - 1 : window.start] == "(" and any(")" in joint for joint in window.joints)
    return Hit("phone", window.start - is_opened, window.end)


def _has_shape(window: Window) -> bool:
    """Whether it is written as an Indian mobile number, with or without 0, 91 or 0091 in front."""
    digits, sizes = window.digits, window.sizes
    if digits[-10:-9] not in ("6", "7", "8", "9"):
        return False
    if len(digits) == 10:
        return sizes in MOBILE and not _is_list(window)
    if len(digits) == 11:
        return digits[0] == "0" and window.joints[:1] != (".",) and (len(sizes) == 1 or min(sizes[1:]) > 1)
    if len(digits) == 12:
        return digits[:2] == "91" and sizes != (4, 4, 4)
    return digits[:-10] in ("091", "0091")


def _is_list(window: Window) -> bool:
    """Whether groups of three or four digits stand in a longer list of such, and so are no mobile number."""
    return len(window.sizes) > 2 and bool({window.before, window.after} & set(window.sizes))


NATIONAL = {
    (10,),
    (3, 3, 4),
    (3, 7),
    (2, 8),
    (4, 6),
    (2, 4, 4),
    (2, 3, 5),
    (3, 4, 3),
    (5, 5),
    (6, 4),
    (4, 3, 3),
    (2, 2, 2, 2, 2),
}


def _could_be(window: Window) -> bool:
    """Whether the plans are worth asking: a 0 in front, ten digits, or a country's code as the first group."""
    size, sizes = len(window.digits), window.sizes
    if size > 15 or any("/" in joint for joint in window.joints[1:]):
        return False
    if window.digits[0] == "0":
        return sizes[-1] > 1 and (sizes[0] > 2 or "/" not in window.joints)
    return sizes in NATIONAL or (size > 10 and (len(sizes) == 1 or sizes[0] <= 3) and sizes[-1] > 1)


def _is_spelt(window: Window) -> bool:
    """Whether the groups are those of a landline, an American or a French number, or 00 and a country."""
    digits, sizes = window.digits, window.sizes
    if digits.startswith("00"):
        return len(digits) >= 11
    if digits[0] == "0" and len(digits) == 11:
        return len(sizes) == 1 or (2 < sizes[0] <= 5 and min(sizes[1:]) >= 3)
    if sizes == (2, 2, 2, 2, 2):
        return digits[0] == "0" and len(set(window.joints)) == 1 and not window.before == window.after == 2
    joint = window.joints[0] if window.joints else ""
    if sizes == (3, 3, 4):
        return ")" in joint or (joint in ("-", ".") and window.joints[1] == joint)
    return sizes == (1, 3, 3, 4) and joint == "-"


def _is_planned(window: Window) -> bool:
    """Whether the plan of the country whose spelling it is holds such a number."""
    digits = window.digits
    if digits.startswith("00"):
        kind = _type("+" + digits[2:], None)
    elif window.sizes == (2, 2, 2, 2, 2):
        return digits[1] in "67" or _type(digits, "FR") is not None
    else:
        kind = _type(digits, HOME if digits[0] == "0" else "US")
    return kind is not None and kind not in FREE


def _is_anywhere(window: Window) -> bool:
    """Whether it is a number somewhere: at home, in the national form of another country, or with the country in front."""
    digits = window.digits
    forms: list[tuple[str, str | None]] = [(digits, HOME), ("+" + digits.lstrip("0"), None)]
    if digits[0] == "0" or len(digits) == 10:
        forms += [(digits, region) for region in ABROAD if digits[0] == "0" or region == "US"]
    kinds = [_type(form, region) for form, region in forms if region or len(digits) > 10]
    return any(kind is not None and kind not in FREE for kind in kinds)
