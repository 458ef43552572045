"""What the words around a number say that it is.

A number of ten digits is a phone number or an order number; the nearest label in front decides, as a reader would. A label
counts where only small words stand between it and the number ("order is 98..."), or a few of any kind after one that says
number itself ("order number of my last mixer is 98...").
"""

import re
from collections.abc import Iterator
from typing import Literal

Role = Literal["phone", "reference", "amount", "card", "aadhaar", ""]

BEFORE, AFTER = 60, 48  # characters that are looked at
MOST_WORDS = 5  # between a label and its number

LABELS = {
    "phone": (
        "phone phones ph phn fone tel telephone telefon telefono teléphone téléphone télephone tél telefonnr telefonnummer mobile mobiles "
        "moblie mob mobil mobilnummer mobileno cell cellphone handy handynr handynummer rufnummer festnetz portable fax landline helpline "
        "whatsapp watsapp watsap whats wa call calls called calling callback contact contacts dial ring sms reach sampark gpay phonepe "
        "paytm anrufen anruf rufen erreichbar appeler appelez appelle joindre rappelez rappeler "
        "फोन फ़ोन मोबाइल मोबाईल कॉल काॅल व्हाट्सएप व्हाट्सऐप व्हाट्सअप व्हॉट्सअॅप व्हॉट्सॲप व्हाट्सॲप वॉट्सऐप वॉट्सएप संपर्क सम्पर्क दूरध्वनी "
        "भ्रमणध्वनी टेलीफोन दूरभाष"
    ),
    "card": "card cards debit credit visa mastercard rupay maestro amex karte kreditkarte carte कार्ड",
    "aadhaar": "aadhaar aadhar adhaar adhar aadaar uidai uid आधार",
    "amount": "₹ $ € £ rs inr usd eur rupees rupaye amount price रु रुपये रुपए रक्कम राशि किंमत कीमत",
    "strong": (  # they name a number themselves
        "utr rrn awb waybill airwaybill txn trxn txnid pnr imei isbn barcode ean upc docket "
        "invoice inv tracking trackid consignment ticket tkt srn "
        "crn reference ref receipt otp pin pincode zip postcode gstin gst ifsc fssai hsn sku serial s/n udid voucher coupon lot "
        "bestellnummer bestellnr auftragsnummer rechnungsnummer rechnungsnr sendungsnummer kundennummer kundennr ticketnummer "
        "artikelnummer vorgangsnummer plz suivi facture référence reference dossier "
        "यूटीआर एडब्ल्यूबी ट्रैकिंग ट्रॅकिंग टिकट तिकीट तिकिट इनवॉइस इन्व्हॉइस पावती रसीद रेफरेंस रेफ़रेंस रेफरन्स संदर्भ चालान ओटीपी पिनकोड पिन कूपन सीरियल"
    ),
    "weak": (  # they do where the number follows at once
        "# order orders ordered ordr oder odr ord booking parcel package packet shipment courier transaction transactions trans "
        "refund bill case complaint request claim policy account acct acc a/c "
        "item model reading batch po lr sr id bestellung auftrag rechnung "
        "sendung paket commande colis "
        "ऑर्डर आर्डर ओर्डर ऑडर लेनदेन लेन-देन ट्रांजेक्शन ट्रांज़ैक्शन ट्रान्झॅक्शन व्यवहार शिकायत तक्रार पार्सल कंसाइनमेंट खाता खाते बुकिंग बिल रिफंड "
        "रिफ़ंड परतावा आईडी आयडी कोड मॉडल मॉडेल"
    ),
    "named": (  # they do with a word for number behind them
        "customer cust user product meter consumer vehicle transfer payment member membership loyalty gift dispute seller store client "
        "kunde ग्राहक सदस्य भुगतान पेमेंट"
    ),
    "bare": "क्रमांक क्र",  # a word for number that stands for an order's where no label is in front
}
_NUMBER = "id ids no nos num number numbers nr code key ref n nummer numéro numero आईडी आयडी नंबर नम्बर नं क्र क्रमांक संख्या"
NUMBER = frozenset(_NUMBER.split())
KINDS_OF_LABELS = {word: kind for kind, words in LABELS.items() for word in words.split()}
KINDS_OF_LABELS |= {  # orderid, order_no is split
    word + number: "strong"
    for word, kind in list(KINDS_OF_LABELS.items())
    if kind in ("strong", "weak", "named") and word.isascii() and len(word) > 2
    for number in ("id", "no", "num", "number", "nr", "code")
}
_SMALL = (
    "is was are be of for the my mine our your his her this that with as copy details status also hai h he hain tha thi ka ki ke ko "
    "mera meri mere maza majha mazi majhi aahe ahe ye yeh it wala wali se pe par on at to "
    "है हैं था थी आहे होता का की के को चा ची चे मेरा मेरी मेरे माझा माझी माझे यह ये हा ही पर वर ला या "
    "ist lautet meine mein der die das unter le la au ma mon est"
)
SMALL = NUMBER | frozenset(_SMALL.split())

CHECKED: dict[str, Role] = {"card": "card", "aadhaar": "aadhaar"}  # their numbers have check digits
TOKEN = re.compile(
    r"\[[a-z_]+_\d+\]|\b[as]/[cn]\b|[#₹$€£]|[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u0900-\u0963\u0970-\u097f])*"
)
STOP = re.compile(r"[!?;।|\n,]|\d|(?<=\w{4})\.\s|\b(?!nos?\.|nr\.|num\.)\w{2,}\.\s")  # "no. 98..." goes on
GLUED = re.compile(r"([A-Za-z0-9]+)[-_/]\Z")
SIBLING = re.compile(r"(?<![0-9A-Za-z])([0-9]{6,19}) ?(?:,|/|&|\+|and|aur|or|ya|und|et|और|व|आणि|या) ?\Z")
AMOUNT_BEHIND = re.compile(r" {0,2}(?:/-|rs\b|rupees|rupaye|inr\b|रु|€|usd\b|eur\b|euro)")


def role(text: str, start: int, end: int) -> Role:
    """What the number at `start:end` of a plain text is said to be; "" where nothing says it."""
    before, behind = text[max(0, start - BEFORE) : start].lower(), text[end : end + AFTER].lower()
    if AMOUNT_BEHIND.match(behind):
        return "amount"
    if before.endswith("wa.me/"):
        return "phone"
    glued = GLUED.search(before)
    if glued and glued[1] not in SMALL and KINDS_OF_LABELS.get(glued[1]) != "phone":
        return "reference"
    follows = _behind(behind)
    said, is_near = _in_front(before, is_called=follows == "phone")
    if follows and not is_near:
        return follows
    return said or _of_sibling(text, before, start, end)


def _of_sibling(text: str, before: str, start: int, end: int) -> Role:
    """Of "orders 98... and 98..." the second number is what the first one is."""
    sibling = SIBLING.search(before)
    if not sibling or len(sibling[1]) != end - start:
        return ""
    shift = start - len(before)
    return "reference" if role(text, shift + sibling.start(1), shift + sibling.end(1)) == "reference" else ""


def _in_front(before: str, is_called: bool) -> tuple[Role, bool]:
    """What the nearest label in front says, and whether only small words stand between."""
    for kind, end, words in _labels(before):
        others = [word for word in words if word not in SMALL]
        is_whole = not STOP.search(before, end)
        is_near = is_whole and not others
        if kind == "phone":
            return "phone", is_near
        if kind in CHECKED:
            return (CHECKED[kind], True) if is_near else ("", False)
        if kind == "amount":
            if not before[end:].strip(" .:-="):
                return "amount", True
        elif is_near or (kind == "strong" and is_whole and len(others) <= MOST_WORDS and not is_called):
            return "reference", is_near
    return "", False


def _labels(before: str) -> Iterator[tuple[str, int, list[str]]]:
    """Kind of each label, the nearest first, where it ends, and the words between it and the number."""
    tokens = list(TOKEN.finditer(before))
    words = [token[0] for token in tokens]
    for at in reversed(range(len(words))):
        kind = _kind(words[at])
        behind = at + 1
        while behind < len(words) and words[behind] in NUMBER:
            behind += 1
        if not kind or (kind == "bare" and at and _kind(words[at - 1])) or (kind == "named" and behind == at + 1):
            continue
        is_strong = kind in ("strong", "named") or (kind == "weak" and behind > at + 1)
        yield "strong" if is_strong else kind, tokens[behind - 1].end(), words[behind:]


def _kind(word: str) -> str:
    """The kind of label that a word is; words of Indian scripts may carry an ending (ऑर्डरचा)."""
    if word.isascii() or word in KINDS_OF_LABELS:
        return KINDS_OF_LABELS.get(word, "")
    return next((kind for size in range(len(word) - 1, 2, -1) if (kind := KINDS_OF_LABELS.get(word[:size]))), "")


def _behind(behind: str) -> Role:
    """What the words behind a number say of it: "98... is my order number", "98... pe call karo"."""
    tokens = list(TOKEN.finditer(behind))
    for at, token in enumerate(tokens):
        if STOP.search(behind[: token.start()]):
            return ""
        kind = _kind(token[0])
        is_numbered = (
            at + 1 < len(tokens) and tokens[at + 1][0] in NUMBER and not STOP.search(behind[: tokens[at + 1].end()])
        )
        if kind == "phone":
            return "phone"
        if kind == "strong" or (kind in ("weak", "named") and is_numbered):
            return "reference"
        if token[0] not in SMALL or at + 1 >= MOST_WORDS:
            return ""
    return ""
