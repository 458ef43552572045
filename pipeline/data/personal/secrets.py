"""Secrets: keys of known services, credentials in addresses, long random values behind the word secret, private keys, JWTs."""

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from pipeline.data.personal.text import Hit

# Each as its maker documents it; the prefix is what tells it.
SERVICES = (
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{30,255}",  # GitHub
    r"github_pat_[A-Za-z0-9_]{22,255}",
    r"gl(?:pat|dt|rt|ft|oas|soat|cbt|ptt|agent|imt)-[A-Za-z0-9_\-]{20,}(?:\.[A-Za-z0-9_\-]+)*",  # GitLab
    r"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9\-]{10,}",  # Slack
    r"xapp-[A-Za-z0-9\-]{16,}",
    r"(?<=hooks\.slack\.com/services/)[A-Z0-9]+/[A-Z0-9]+/[A-Za-z0-9]{16,}",
    r"(?<=/api/webhooks/)[0-9]{17,20}/[A-Za-z0-9_\-]{50,}",  # Discord
    r"[MNO][A-Za-z0-9_\-]{23,27}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,}",
    r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    r"whsec_[A-Za-z0-9+/=]{24,}",
    r"sk-(?=[A-Za-z_\-]{0,64}[A-Z0-9])[A-Za-z0-9_\-]{20,}",  # OpenAI, Anthropic and those who copy them
    r"AIza[A-Za-z0-9_\-]{35}",  # Google
    r"GOCSPX-[A-Za-z0-9_\-]{28}",
    r"ya29\.[A-Za-z0-9_\-]{20,}",
    r"hf_[A-Za-z0-9]{30,}",  # Hugging Face
    r"api_org_[A-Za-z0-9]{30,}",
    r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",  # SendGrid
    r"(?:SK|AC)[0-9a-f]{32}",  # Twilio
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_\-]{16,}",
    r"rzp_(?:live|test)_[A-Za-z0-9]{14,}",  # Razorpay
    r"(?<=AccountKey=)[A-Za-z0-9+/]{80,}={0,2}",  # Azure
    r"(?<=SharedAccessKey=)[A-Za-z0-9+/]{40,}={0,2}",
    r"[A-Za-z0-9_~.\-]{3}[78]Q~[A-Za-z0-9_~.\-]{31,34}",
    r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}",  # Shopify
    r"[0-9]{8,10}:AA[A-Za-z0-9_\-]{33}",  # Telegram
    r"do[opr]_v1_[a-f0-9]{64}",  # DigitalOcean
    r"key-[0-9a-f]{32}",  # Mailgun
    r"[0-9a-f]{32}-us[0-9]{1,2}",  # Mailchimp
    r"sq0(?:atp|csp|idp)-[A-Za-z0-9_\-]{22,}",  # Square
    r"EAA[A-Za-z0-9]{60,}",  # Facebook
    r"dapi[0-9a-f]{32}",  # Databricks
    r"lin_api_[A-Za-z0-9]{32,}",  # Linear
    r"(?:secret|ntn)_[A-Za-z0-9]{40,}",  # Notion
    r"gsk_[A-Za-z0-9]{48,}",  # Groq
    r"r8_[A-Za-z0-9]{36,}",  # Replicate
    r"pplx-[A-Za-z0-9]{40,}",  # Perplexity
    r"xai-[A-Za-z0-9]{60,}",
    r"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}",  # Grafana
    r"hv[sb]\.[A-Za-z0-9_\-]{20,}",  # Vault
    r"dckr_pat_[A-Za-z0-9_\-]{20,}",  # Docker
    r"sbp_[a-f0-9]{40}",  # Supabase
    r"ATATT3[A-Za-z0-9_\-=]{100,}",  # Atlassian
    r"NRAK-[A-Z0-9]{27}",  # New Relic
    r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}",  # Postman
    r"fig[do]_[A-Za-z0-9_\-]{36,}",  # Figma
    r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-]{60,}",  # Terraform
    r"cfsk_[a-z]+_[a-z]+_[A-Za-z0-9_]{30,}",  # Cashfree
    r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
)
SERVICE = re.compile(rf"(?<![A-Za-z0-9])(?:{'|'.join(SERVICES)})(?![A-Za-z0-9])")

HEX = re.compile(r"(?=.*[0-9])(?=.*[a-f])[0-9a-f]+")
LONG = re.compile(r"[A-Za-z0-9_\-+/=.~:%]{16,}")

# What stands between the word and the value; JSON in JSON has backslashes before its quotes.
NAMED = re.compile(
    r"(?:secret|token|passw(?:or)?d|passwort|passphrase|pwd|credentials?|apikey|"
    r"(?:api|app|access|secret|private|auth|account|client|shared|encryption|master|service|storage|subscription|webhook|signing)"
    r"[ _\-]?(?:access[ _\-]?)?key(?:[ _\-]?(?:id|secret))?|पासवर्ड|टोकन)"
    r"[\"'\\\s]{0,4}(?::=|=>|[:=]|\s(?:is|are|hai|है|आहे|ist|est)\s)[\"'\\\s]{0,4}(?P<value>[A-Za-z0-9+/_\-=.~!$%^*]{16,})"
    r"|\b(?:bearer|basic|token)\s+(?P<bearer>[A-Za-z0-9+/_\-=.~]{16,})",
    re.IGNORECASE,
)
NAMES = ("key", "secret", "token", "pass", "pwd", "credential", "bearer", "basic", "पासवर्ड", "टोकन")
IN_ADDRESS = re.compile(r"://(?P<pair>[^\s/:@\"'<>\\]{0,64}:(?P<password>[^\s/@\"'<>\\]{1,128}))@")
TEMPLATE = re.compile(r"[$%]?[{\[(].*|\$\w+|[*x.]+", re.IGNORECASE)  # ${PASSWORD}, ****


def secrets(text: str) -> Iterator[Hit]:
    """Everything of the kinds api_key, jwt and private_key."""
    if "PRIVATE KEY" in text:
        yield from private_keys(text)
    yield from jwts(text)
    for word in LONG.finditer(text):
        for found in SERVICE.finditer(text, *word.span()):
            yield Hit("api_key", *found.span())
    lower = text.lower()
    for found in NAMED.finditer(text) if any(name in lower for name in NAMES) else ():
        name = "value" if found["value"] else "bearer"
        value = found[name].rstrip(".!")
        if is_random(value):
            yield Hit("api_key", found.start(name), found.start(name) + len(value))
    for found in IN_ADDRESS.finditer(text):
        if not TEMPLATE.fullmatch(found["password"]):
            yield Hit("api_key", *found.span("pair"))


def is_random(value: str) -> bool:
    """Whether a value looks drawn and not written: many different signs, and letters and digits in turns (ThisHasFewCapitals)."""
    counts = Counter(value)
    entropy = -sum(count / len(value) * math.log2(count / len(value)) for count in counts.values())
    if len(value) < 16 or entropy < 3:
        return False
    if len(value) >= 32 and HEX.fullmatch(value):
        return True
    classes = ["0" if sign.isdigit() else "A" if sign.isupper() else "a" for sign in value if sign.isalnum()]
    turns = sum(one != other for one, other in pairwise(classes))
    return turns >= 4 and ("0" in classes or 0.25 <= classes.count("A") / len(classes) <= 0.75)


BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
BODY = re.compile(r"(?:\\[nr]|\s)*(?:[A-Za-z0-9+/=]{16,}(?:\\[nr]|\s)*)+")  # of a block whose end is missing


def private_keys(text: str) -> Iterator[Hit]:
    """PEM blocks as a whole; one without an end as far as its lines go."""
    begin, is_ended = BEGIN.search(text), True
    while begin:
        end = END.search(text, begin.end()) if is_ended else None
        is_ended = end is not None  # else none follows a later block either
        end = end or BODY.match(text, begin.end())
        if end:
            yield Hit("private_key", begin.start(), begin.end() + len(text[begin.end() : end.end()].rstrip()))
        begin = BEGIN.search(text, end.end() if end else begin.end())


JWT = re.compile(
    r"(?<![A-Za-z0-9_\-.])ey[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]+){0,2}"
)


def jwts(text: str) -> Iterator[Hit]:
    """Three parts (five where it is encrypted) whose first is the header: JSON with an algorithm (RFC 7519)."""
    for found in JWT.finditer(text):
        if _is_header(found[0].partition(".")[0]):
            parts = found[0].split(".")
            is_whole = len(parts) in (3, 5)
            value = found[0] if is_whole else ".".join(parts[:3])
            yield Hit("jwt", found.start(), found.start() + len(value))


def _is_header(part: str) -> bool:
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and isinstance(header.get("alg"), str)
