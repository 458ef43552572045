"""Identifiers that are no plain numbers: IBAN, PAN, IP addresses."""

import ipaddress
import re
from collections.abc import Iterator

from pipeline.data.personal.text import Hit

# Length of an IBAN by country (SWIFT's registry, release 99).
_LENGTHS = (
    "15:NO 16:BE 18:DK,FI,FO,GL,NL,SD 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,MN,XK 21:CH,HR,LI,LV 22:BG,BH,CR,DE,GB,GE,IE,ME,RS,VA "
    "23:AE,GI,IL,IQ,OM,SO,TL 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG 25:LY,PT,ST 26:IS,TR 27:BI,DJ,FR,GR,IT,MC,MR,SM "
    "28:AL,AZ,BY,CY,DO,FK,GT,HN,HU,LB,NI,PL,SV 29:BR,EG,PS,QA,UA 30:JO,KW,MU,YE 31:MT,SC 32:LC 33:RU"
)
IBAN_LENGTHS = {country: int(entry[:2]) for entry in _LENGTHS.split() for country in entry[3:].split(",")}
IBAN = re.compile(
    r"[0-9]{2}(?<![A-Za-z0-9_\-].{4})(?<=[A-Za-z]{2}..)(?=[ -]?[A-Za-z0-9])"
)  # from its digits on, which are rare
PAN = re.compile(
    r"(?<![A-Za-z0-9_])(?:[A-Z]{3}[ABCFGHJLPT][A-Z]([ -]?)[0-9]{4}\1[A-Z]|[a-z]{3}[abcfghjlpt][a-z][0-9]{4}[a-z])(?![A-Za-z0-9_])"
)
NO_PAN = re.compile(
    r"(?:coupon|promo|offer|voucher|code|sku|model|item|product|serial|batch|order|awb|tracking|part|hsn|कूपन|कोड|मॉडल|ऑर्डर)"
    r"(?:[\s:#=\"'.\-]|\b(?:is|no|number|id|code|name|hai)\b)*\Z"
)
PAN_SAID = re.compile(r"(?<![a-z])pan(?![a-z])|पैन|पॅन|permanent account")
V4 = re.compile(r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w]|\.[0-9]|-[A-Za-z])")
V6 = re.compile(
    r"(?:(?<![\w:.])|(?<=[g-zG-Z]:))[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,8}(?:(?<=:)(?:[0-9]{1,3}\.){3}[0-9]{1,3})?(?![\w:])"
)
VERSION = re.compile(
    r"(?<![a-z])(?:version|versions|ver|v|firmware|fw|build|release|section|sec|clause|chapter|para|paragraph|rule|article|step|"
    r"point|appendix|annex|update|updated|upgrade|upgraded|android|ios|app|software|kernel|driver|patch|sdk|api|chrome|bios|"
    r"item|table|figure|fig|ch|kapitel|abschnitt|§|संस्करण|वर्जन|व्हर्जन|आवृत्ती|धारा|कलम|अपडेट|ऐप|अॅप)"
    r"(?:[\s.:#=(\"'\-]|\b(?:is|no|number|num|to|from|code|name|of|the|our|your|app|hai|ka|ki|se)\b|[0-9]+(?:\.[0-9]+){1,3}(?=\s))*\Z"
)
IP_SAID = re.compile(
    r"(?<![a-z])(?:ip|ipv4|ipv6|address|adresse|host|server|router|gateway|dns|ping|login|logged|log|subnet|network|wifi|proxy|vpn|"
    r"ssh|firewall|blocked|device|from|आईपी|आयपी|सर्वर)(?![a-z])"
)


def _values(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]


def ibans(text: str) -> Iterator[Hit]:
    """Country, length of that country, check digits by mod 97 (ISO 13616); in groups or not."""
    for found in IBAN.finditer(text):
        start = found.start() - 2
        length = IBAN_LENGTHS.get(text[start : start + 2].upper())
        end = _end_of(text, start, length) if length else 0
        if end and _is_grouped(text[start:end]) and has_mod_97(text[start:end]):
            yield Hit("iban", start, end)


def _end_of(text: str, start: int, length: int) -> int:
    """Where so many letters and digits end, with a space or dash at most between two; 0 where they do not."""
    at, count = start, 0
    while at < len(text) and count < length:
        if text[at].isascii() and text[at].isalnum():
            count += 1
        elif text[at] not in " -" or text[at - 1] in " -":
            return 0
        at += 1
    is_longer = at < len(text) and (text[at] == "_" or (text[at].isascii() and text[at].isalnum()))
    return 0 if count < length or is_longer else at


def _is_grouped(iban: str) -> bool:
    """Whether small letters stand in groups of four, if in groups at all; else they are words."""
    groups = re.split("[ -]", iban)
    return iban.isupper() or all(len(group) == 4 for group in groups[:-1])


def has_mod_97(iban: str) -> bool:
    """Whether the check digits of an IBAN are right."""
    plain = re.sub(r"[ -]", "", iban).upper()
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def pans(text: str) -> Iterator[Hit]:
    """Five letters, the fourth one of the ten kinds of holders, four digits, a letter; no coupon code, no model."""
    for found in PAN.finditer(text):
        before = text[max(0, found.start() - 40) : found.start()].lower()
        said = PAN_SAID.search(before) or PAN_SAID.search(text[found.end() : found.end() + 24].lower())
        if said or not (NO_PAN.search(before) or found[1]):
            yield Hit("pan", found.start(), found.end())


def addresses(text: str) -> Iterator[Hit]:
    """IP addresses. Four small numbers with points are a section or a version unless the words speak of a network."""
    if text.count(".") >= 3:
        for found in V4.finditer(text):
            if _is_ip(found[0]) and _is_meant(text, found):
                yield Hit("ip", found.start(), found.end())
    if "::" in text or text.count(":") > 6:
        for found in V6.finditer(text):
            candidate = found[0] if found[0].endswith("::") else found[0].rstrip(":")
            groups = candidate.split(":")
            is_told = "" not in groups or any(len(group) > 2 for group in groups)
            if is_told and len(candidate) > 4 and _is_ip(candidate):
                yield Hit("ip", found.start(), found.start() + len(candidate))


def _is_ip(candidate: str) -> bool:
    try:
        ipaddress.ip_address(candidate)
    except ValueError:
        return False
    return True


def _is_meant(text: str, found: re.Match[str]) -> bool:
    before = text[max(0, found.start() - 60) : found.start()].lower()
    if VERSION.search(before):
        return False
    behind = text[found.end() : found.end() + 24].lower()
    return any(value > 19 for value in _values(found[0])) or bool(IP_SAID.search(before) or IP_SAID.search(behind))
