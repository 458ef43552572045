"""Personal data and secrets made up for the tests, with the prose round them."""

import base64

from hypothesis import strategies as st

from pipeline.data.personal.finding import KINDS, PersonalDataParams
from pipeline.data.personal.numbers import luhn, verhoeff

POLICY = PersonalDataParams.model_validate(dict.fromkeys(KINDS, "redact"))
DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALNUM = UPPER + UPPER.lower() + DIGITS
HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
PROSE = (
    "please look",
    "it never came,",
    "where is it",
    "I wrote twice",
    "theek hai na",
    "कृपया देखिए",
    "अजून आले नाही",
    "bitte schnell",
    "merci !",
)
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQ==\n-----END RSA PRIVATE KEY-----"


def digits(count):
    return st.text(DIGITS, min_size=count, max_size=count)


def chars(letters, low, high=None):
    return st.text(letters, min_size=low, max_size=high or low)


def finished(body, holds):
    """A number with the digit that makes its check right."""
    return next(body + last for last in DIGITS if holds(body + last))


def spaced(number, sizes, joint):
    pieces, at = [], 0
    for size in sizes:
        pieces.append(number[at : at + size])
        at += size
    return joint.join(pieces)


def iban(country, body):
    number = int("".join(str(int(sign, 36)) for sign in body + country) + "00")
    return f"{country}{98 - number % 97:02d}{body}"


JOINTS = st.sampled_from(["", " ", "-"])
MOBILES = st.tuples(st.sampled_from("6789"), digits(9)).map("".join)
SPELT = st.sampled_from([(10,), (5, 5), (3, 3, 4), (4, 3, 3), (2, 4, 4)])
PREFIXES = st.sampled_from(["", "+91 ", "+91-", "+91", "0", "(+91) "])
CARDS = st.builds(
    lambda start, rest: finished((start + rest)[:15], luhn),
    st.sampled_from(["4", "51", "2221", "60", "65"]),
    digits(14),
)
AADHAARS = st.builds(lambda first, rest: finished(first + rest, verhoeff), st.sampled_from("23456789"), digits(10))
VALUES = st.one_of(
    st.tuples(
        st.just("email"),
        st.builds(
            "{}.{}@{}.{}".format,
            chars(ALNUM, 1, 9),
            chars("abé", 2, 5),
            chars(ALNUM, 2, 9),
            st.sampled_from(["com", "co.in"]),
        ),
    ),
    st.tuples(
        st.just("phone"),
        st.builds(
            lambda lead, number, sizes, joint: lead + spaced(number, sizes, joint), PREFIXES, MOBILES, SPELT, JOINTS
        ),
    ),
    st.tuples(st.just("card"), st.builds(lambda number, joint: spaced(number, (4, 4, 4, 4), joint), CARDS, JOINTS)),
    st.tuples(
        st.just("iban"),
        st.builds(lambda body, joint: spaced(iban("DE", body), (4, 4, 4, 4, 4, 2), joint), digits(18), JOINTS),
    ),
    st.tuples(
        st.just("aadhaar"),
        st.builds(lambda number, joint: spaced(number, (4, 4, 4), joint), AADHAARS, st.sampled_from([" ", "-"])),
    ),
    st.tuples(
        st.just("pan"),
        st.builds(
            "{}{}{}{}{}".format,
            chars(UPPER, 3),
            st.sampled_from("ABCFGHJLPT"),
            chars(UPPER, 1),
            digits(4),
            chars(UPPER, 1),
        ),
    ),
    st.tuples(
        st.just("upi"),
        st.builds("{}@{}".format, chars(ALNUM, 3, 12), st.sampled_from(["okaxis", "ybl", "oksbi", "paytm"])),
    ),
    st.tuples(st.just("ip"), st.builds("{}.{}.{}.{}".format, st.integers(20, 255), *[st.integers(0, 255)] * 3)),
    st.tuples(st.just("ip"), st.builds("2001:db8:{:x}::{:x}".format, st.integers(1, 0xFFFF), st.integers(1, 0xFFFF))),
    st.tuples(st.just("api_key"), st.builds("{}{}".format, st.sampled_from(["ghp_", "npm_"]), chars(ALNUM, 36))),
    st.tuples(st.just("jwt"), st.builds((HEADER + ".{}.{}").format, chars(ALNUM, 20, 60), chars(ALNUM + "-_", 43))),
    st.tuples(st.just("private_key"), st.just(PEM)),
)
WORDS = st.sampled_from(PROSE)
