"""What stands round an @: email addresses and UPI ids."""

import re
from collections.abc import Iterator

from pipeline.data.personal.text import Hit

# Letters of any script with their marks; `re` does not count the vowel signs of Indian scripts as letters.
LETTER = r"\w\u0300-\u036f\u0900-\u0963\u0966-\u0dff"
LOCAL = re.compile(rf"(?<![{LETTER}])\w[{LETTER}.%+'\-]*\Z")
DOMAIN = re.compile(
    rf"(?:[^\W_](?:[{LETTER}\-]{{0,61}}[{LETTER}])?\.){{1,8}}"
    rf"(?:xn--[A-Za-z0-9\-]{{2,59}}|[A-Za-z]{{2,24}}(?![A-Za-z0-9_@]|-[A-Za-z0-9])|(?![A-Za-z])[^\W\d_][{LETTER}]{{1,24}})"
)
FILES = {
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "pdf",
    "js",
    "css",
    "ico",
    "mp4",
    "html",
    "htm",
    "zip",
    "txt",
    "csv",
    "json",
}
UPI = re.compile(r"[A-Za-z][A-Za-z0-9]{1,63}(?![A-Za-z0-9_@]|[.\-][A-Za-z0-9])")
UPI_LOCAL = re.compile(r"(?<![A-Za-z0-9._\-@])[A-Za-z0-9][A-Za-z0-9._\-]{1,255}\Z")
UPI_SAID = re.compile(
    r"(?<![a-z])(?:upi|vpa|gpay|g pay|google pay|googlepay|phonepe|phone pe|paytm|bhim)(?![a-z])|यूपीआई|यूपीआय|गूगल पे|फोनपे|फोन पे|पेटीएम|भीम"
)
_HANDLES = (
    "okaxis okhdfcbank okicici oksbi ybl ibl axl paytm apl upi ptyes ptaxis pthdfc ptsbi yapl rapl waicici wahdfcbank waaxis wasbi "
    "freecharge jupiteraxis ikwik fbl sbi hdfcbank icici icicibank axisbank axis axisb axisgo kotak kotak811 kaypay kmbl idfcbank "
    "idfcfirst idfcnetc indus indbank indianbank federal rbl yesbank yesbankltd yespay barodampay barodapay cnrb pnb unionbank "
    "unionbankofindia uboi united aubank airtel airtelpaymentsbank postbank ippb jio jiopay jiofin naviaxis navi slice sliceaxis "
    "sliceupi tapicici timecosmos amazonpay abfspay pingpay dbs hsbc citi citibank citigold sc scb scbl mahb maharashtra obc kbl kvb "
    "karurvysyabank dlb sib tjsb uco idbi iob allbank equitas ezeepay eazypay myicici payzapp pockets rmhdfcbank superyes goaxb oneyes "
    "niyoicici yescred axiscred credpay cred dcb dcbbank csbpay csbcash cboi centralbank lvb ltb vijb vjayabank hdfcbankjd pz pnbpay "
    "psb syndicate synd shriramhdfcbank fam yesfam oxymoney kphdfc zoicici utbi trans bandhan nsdl finobank mbkns sbin boi bom "
    "abcdicici dhani flipkartaxis fkaxis supermoney pop yespop bhim inhdfc mahagrambank hdfc tmb nyes"
)
HANDLES = frozenset(_HANDLES.split())


def at_signs(text: str) -> Iterator[Hit]:
    """Email addresses and UPI ids, told from each @ outwards."""
    at = text.find("@")
    while at >= 0:
        hit = _email(text, at) or _upi(text, at)
        if hit:
            yield hit
        at = text.find("@", at + 1)


def _email(text: str, at: int) -> Hit | None:
    domain = DOMAIN.match(text, at + 1)
    local = LOCAL.search(text, max(0, at - 64), at) if domain else None
    if not domain or not local or domain[0].rpartition(".")[2].lower() in FILES:
        return None
    return Hit("email", local.start(), domain.end())


def _upi(text: str, at: int) -> Hit | None:
    handle = UPI.match(text, at + 1)
    local = UPI_LOCAL.search(text, max(0, at - 256), at) if handle else None
    if not handle or not local:
        return None
    around = text[max(0, local.start() - 40) : handle.end() + 24].lower()
    is_known = handle[0].lower() in HANDLES
    is_said = len(handle[0]) > 2 and UPI_SAID.search(around.replace(handle[0].lower(), ""))
    return Hit("upi", local.start(), handle.end()) if is_known or is_said else None
