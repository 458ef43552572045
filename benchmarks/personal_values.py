"""Made-up personal data, secrets and support sentences for `benchmarks.personal`; none of the project's rules is used to make them.

Check digits are worked out here by other means than in the rules, values are drawn by chance, and no number is looked up.
"""

import base64
import json
import random
import string
from collections.abc import Callable

Make = Callable[[random.Random], str]
DIGITS, LOWER, UPPER = string.digits, string.ascii_lowercase, string.ascii_uppercase
ALNUM = string.ascii_letters + DIGITS
_MULTIPLY = (
    "0123456789 1234067895 2340178956 3401289567 4012395678 5987604321 6598710432 7659821043 8765932104 9876543210"
)
_PERMUTE = "0123456789 1576283094 5803796142 8916043527 9453126870 4286573901 2793806415 7046913258"
MULTIPLY, PERMUTE = _MULTIPLY.split(), _PERMUTE.split()
_NAMES = "asha rahul.verma meena_k s.iyer priya-nair om.prakash vikas99 jörg.müller chloé आशा d'souza"
_HOSTS = "gmail.com yahoo.co.in rediffmail.com mail.example.org uni-köln.de tokri.shop sub.dept.gov.in orange.fr"
_HANDLES = "okhdfcbank okaxis oksbi okicici ybl ibl axl paytm apl upi sbi kotak barodampay"
NAMES, HOSTS, HANDLES = _NAMES.split(), _HOSTS.split(), _HANDLES.split()


def some(rng: random.Random, letters: str, count: int) -> str:
    return "".join(rng.choices(letters, k=count))


def with_luhn(body: str) -> str:
    """The digits with the one that makes the Luhn sum right, found by trying all ten."""

    def total(digits: str) -> int:
        doubled = [int(digit) * (2 if (len(digits) - place) % 2 == 0 else 1) for place, digit in enumerate(digits)]
        return sum(value - 9 if value > 9 else value for value in doubled)

    return next(body + last for last in DIGITS if total(body + last) % 10 == 0)


def with_verhoeff(body: str) -> str:
    """The digits with Verhoeff's check digit, by the published tables, found by trying all ten."""

    def check(digits: str) -> str:
        state = "0"
        for place, digit in enumerate(reversed(digits)):
            state = MULTIPLY[int(state)][int(PERMUTE[place % 8][int(digit)])]
        return state

    return next(body + last for last in DIGITS if check(body + last) == "0")


def grouped(text: str, sizes: tuple[int, ...], joint: str) -> str:
    pieces, at = [], 0
    for size in sizes:
        pieces.append(text[at : at + size])
        at += size
    return joint.join([*pieces, *([text[at:]] if text[at:] else [])])


def in_script(rng: random.Random, text: str, share: float = 0.08) -> str:
    """Now and then with Devanagari or full-width digits."""
    if rng.random() >= share:
        return text
    zero = rng.choice((0x966, 0xFF10))
    return "".join(chr(zero + int(sign)) if sign in DIGITS else sign for sign in text)


def email(rng: random.Random) -> str:
    name = rng.choice(NAMES) + rng.choice(("", "", str(rng.randint(1, 99)), "+shop"))
    return f"{name}@{rng.choice(HOSTS)}" if rng.random() < 0.8 else f"{name}@{rng.choice(HOSTS)}".upper()


def phone(rng: random.Random) -> str:
    mobile = rng.choice("6789") + some(rng, DIGITS, 9)
    body = rng.choice(
        (
            mobile,
            grouped(mobile, (5, 5), " "),
            grouped(mobile, (5, 5), "-"),
            grouped(mobile, (3, 3, 4), rng.choice(" -.")),
            grouped(mobile, (4, 3, 3), rng.choice(" -")),
            grouped(mobile, (2, 4, 4), "-"),
            grouped(mobile, (4, 6), " "),
        )
    )
    lead = rng.choice(("", "", "", "+91 ", "+91-", "+91", "0", "91 ", "(+91) ", "0091 "))
    city = rng.choice(("22", "11", "80", "44", "33", "20", "40")), rng.choice("2345") + some(rng, DIGITS, 7)
    others = (
        f"0{city[0]}-{city[1]}",
        f"(0{city[0]}) {city[1][:4]} {city[1][4:]}",
        f"+91 {city[0]} {city[1]}",
        f"+1 ({rng.randint(201, 989)}) {rng.randint(200, 999)}-{some(rng, DIGITS, 4)}",
        f"+44 7{some(rng, DIGITS, 3)} {some(rng, DIGITS, 6)}",
        f"+49 17{rng.randint(0, 9)} {some(rng, DIGITS, 7)}",
        f"+33 6 {grouped(some(rng, DIGITS, 8), (2, 2, 2), ' ')}",
        f"06 {grouped(some(rng, DIGITS, 8), (2, 2, 2), ' ')}",
        f"+971 50 {some(rng, DIGITS, 3)} {some(rng, DIGITS, 4)}",
        f"+65 9{some(rng, DIGITS, 3)} {some(rng, DIGITS, 4)}",
        f"+55 11 9{some(rng, DIGITS, 4)}-{some(rng, DIGITS, 4)}",
    )
    return in_script(rng, lead + body if rng.random() < 0.7 else rng.choice(others))


def card(rng: random.Random) -> str:
    start, length = rng.choice(
        (("4", 16), ("5" + rng.choice("12345"), 16), (str(rng.randint(2221, 2720)), 16), ("37", 15))
    )
    start, length = rng.choice(
        ((start, length), ("60", 16), ("6521", 16), ("36", 14), ("3530", 16), ("4", 13), ("62", 19))
    )
    digits = with_luhn(start + some(rng, DIGITS, length - 1 - len(start)))
    sizes = {14: (4, 6), 15: (4, 6), 13: (4, 4)}.get(length, (4, 4, 4, 4))
    return in_script(rng, rng.choice((digits, grouped(digits, sizes, " "), grouped(digits, sizes, "-"))))


def iban(rng: random.Random) -> str:
    country, bank = rng.choice(
        (
            ("DE", 18),
            ("FR", 23),
            ("NL", 14),
            ("ES", 20),
            ("AT", 16),
            ("GB", 18),
            ("CH", 17),
            ("IT", 23),
            ("AE", 19),
            ("BE", 12),
        )
    )
    body = some(rng, UPPER, 4) + some(rng, DIGITS, bank - 4) if country in ("GB", "NL") else some(rng, DIGITS, bank)
    number = int("".join(str(int(sign, 36)) for sign in body + country) + "00")
    plain = f"{country}{98 - number % 97:02d}{body}"
    return rng.choice((plain, grouped(plain, (4,) * (len(plain) // 4), " "), plain.lower()))


def aadhaar(rng: random.Random) -> str:
    digits = with_verhoeff(rng.choice("23456789") + some(rng, DIGITS, 10))
    return in_script(rng, rng.choice((digits, grouped(digits, (4, 4), " "), grouped(digits, (4, 4), "-"))))


def pan(rng: random.Random) -> str:
    value = (
        some(rng, UPPER, 3)
        + rng.choice("ABCFGHJLPT")
        + rng.choice(UPPER)
        + f"{rng.randint(1, 9999):04d}"
        + rng.choice(UPPER)
    )
    return value if rng.random() < 0.85 else value.lower()


def upi(rng: random.Random) -> str:
    name = rng.choice(("asha", "rahul.verma", "9" + some(rng, DIGITS, 9), "meena-k", "om_prakash", "shop.tokri2"))
    return f"{name}@{rng.choice(HANDLES)}"


def ip(rng: random.Random) -> str:
    four = ".".join(str(rng.randint(*bounds)) for bounds in ((1, 254), (20, 255), (0, 255), (1, 254)))
    six = ":".join(f"{rng.randint(1, 0xFFFF):x}" for _ in range(8))
    short = f"2001:db8:{rng.randint(1, 0xFFFF):x}::{rng.randint(1, 0xFFFF):x}"
    return rng.choice((four, four, f"192.168.{rng.randint(0, 255)}.{rng.randint(1, 254)}", six, six.upper(), short))


def api_key(rng: random.Random) -> str:
    hexa, base = DIGITS + "abcdef", ALNUM + "-_"
    return rng.choice(
        (
            "AKIA" + some(rng, UPPER + "234567", 16),
            f"gh{rng.choice('pousr')}_" + some(rng, ALNUM, 36),
            "github_pat_" + some(rng, ALNUM, 22) + "_" + some(rng, ALNUM, 59),
            "glpat-" + some(rng, base, 20),
            f"xoxb-{some(rng, DIGITS, 12)}-{some(rng, DIGITS, 12)}-{some(rng, ALNUM, 24)}",
            f"{rng.choice(('sk', 'rk'))}_{rng.choice(('live', 'test'))}_" + some(rng, ALNUM, 24),
            "sk-" + some(rng, ALNUM, 48),
            "sk-proj-" + some(rng, base, 64),
            "sk-ant-api03-" + some(rng, base, 93) + "AA",
            "AIza" + some(rng, base, 35),
            "hf_" + some(rng, string.ascii_letters, 34),
            f"SG.{some(rng, base, 22)}.{some(rng, base, 43)}",
            f"{rng.choice(('SK', 'AC'))}" + some(rng, hexa, 32),
            "npm_" + some(rng, ALNUM, 36),
            "pypi-AgEIcHlwaS5vcmc" + some(rng, base, 80),
            f"rzp_{rng.choice(('live', 'test'))}_" + some(rng, ALNUM, 14),
            f"shp{rng.choice(('at', 'ss'))}_" + some(rng, hexa, 32),
            f"{some(rng, '123456789', 10)}:AA" + some(rng, base, 33),
            "dop_v1_" + some(rng, hexa, 64),
        )
    )


def assigned(rng: random.Random) -> str:
    """A value that only the word in front makes a secret."""
    return rng.choice(
        (some(rng, ALNUM, 32), some(rng, DIGITS + "abcdef", 40), some(rng, ALNUM + "+/", 40), some(rng, ALNUM, 20))
    )


def private_key(rng: random.Random) -> str:
    name = rng.choice(("RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", ""))
    body = base64.b64encode(rng.randbytes(240)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {name}PRIVATE KEY-----\n{lines}\n-----END {name}PRIVATE KEY-----"


def jwt(rng: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    signature = base64.urlsafe_b64encode(rng.randbytes(32)).decode().rstrip("=")
    header = {"alg": rng.choice(("HS256", "RS256", "ES256")), "typ": "JWT"}
    return f"{part(header)}.{part({'sub': some(rng, DIGITS, 8), 'iat': rng.randint(10**9, 2 * 10**9)})}.{signature}"


VALUES: dict[str, Make] = {
    "email": email,
    "phone": phone,
    "card": card,
    "iban": iban,
    "aadhaar": aadhaar,
    "pan": pan,
    "upi": upi,
    "ip": ip,
    "api_key": api_key,
    "private_key": private_key,
    "jwt": jwt,
}
