"""Sentences of support chats for `benchmarks.personal`: frames for a planted value, and clean ones full of other numbers."""

import json
import random
from collections.abc import Callable

from benchmarks.personal_values import ALNUM, DIGITS, UPPER, grouped, in_script, some

# What stands round any value.
ANYWHERE = (
    "{v}",
    "Please note {v} for the refund.",
    "My order TK604817 of Rs 1,499 has not come, it is {v}, thanks!",
    "I already wrote on 12/05/2026 at 10:30 ({v}) and nobody answered.",
    'He said: "{v}".',
    "mera {v} hai, jaldi kuch kijiye",
    "bhaiya {v} pe dekh lo na, 2 din ho gaye",
    "मेरी जानकारी: {v}। कृपया जल्दी देखिए",
    "माझी माहिती {v} अशी आहे, लवकर बघा",
    "Bitte notieren Sie {v}, danke.",
    "Voici {v}; merci de me répondre avant le 3 mars.",
    "{v}\nThat is all I have.",
    "name - Asha, {v}, Pune 411038",
)
FRAMES = {
    "email": (
        "write to {v}.",
        "email id: {v}",
        "मेरा ईमेल {v} है",
        "मला {v} वर मेल करा",
        "Meine Adresse ist <{v}>",
        "mailto:{v}",
    ),
    "phone": (
        *(
            "call me on {v} after 6 pm",
            "whatsapp {v}",
            "Ph: {v}",
            "mera number {v} hai",
            "{v} pe call karo",
            "alt mobile no. {v}",
        ),
        *(
            "मुझे {v} पर कॉल करें",
            "माझा नंबर {v} आहे",
            "{v} या नंबरवर फोन करा",
            "Rufen Sie mich unter {v} an",
            "Appelez-moi au {v}",
        ),
        *("order late hai, contact {v}", "Order TK112233, phone {v}", "reach me at {v} or home"),
    ),
    "card": (
        "card number {v} exp 12/27",
        "debit card {v}",
        "paid with {v} (Visa)",
        "मेरा कार्ड {v} है",
        "Karte {v}, CVV 123",
    ),
    "iban": ("IBAN {v}", "send the refund to {v}", "Meine IBAN lautet {v}.", "Mon compte : {v}"),
    "aadhaar": ("aadhaar {v}", "my Aadhar no is {v}", "आधार क्रमांक {v}", "मेरा आधार {v} है", "KYC ke liye {v}"),
    "pan": ("PAN {v}", "pan card number is {v}", "पैन {v}", "for GST bill use {v} please"),
    "upi": ("refund to {v}", "UPI id {v}", "gpay kar do {v}", "मेरा यूपीआई {v} है", "vpa: {v}"),
    "ip": ("my IP is {v}", "login from {v}", "server {v} does not answer", "unknown device ({v}) signed in"),
    "api_key": ("key: {v}", "it fails with {v}", "export KEY={v}", 'Authorization header "{v}"', "config hai {v}"),
    "private_key": ("here is my key:\n{v}\nwhy is it refused", "{v}"),
    "jwt": ("token {v}", "Authorization: Bearer {v}", "the app sends jwt={v}"),
}
ASSIGNED = (
    "api_key = {v}",
    'secret: "{v}"',
    "password={v}",
    "my access token is {v}",
    'CLIENT_SECRET="{v}"',
    '{"auth_token": "{v}"}',
)
ADDRESSES = ("postgres://app:{v}@db.tokri.internal/shop", "git clone https://asha:{v}@git.example.org/a.git")


def planted(rng: random.Random, frames: tuple[str, ...], value: str) -> str:
    """A value in one of its frames, or in one for any, sometimes within a longer message."""
    text = rng.choice((*frames, *frames, *ANYWHERE)).replace("{v}", value)
    return text if rng.random() < 0.6 else f"{clean(rng)}. {text}" if rng.random() < 0.5 else f"{text}\n{clean(rng)}"


SLOTS: dict[str, Callable[[random.Random], str]] = {
    "tk": lambda rng: f"TK{some(rng, DIGITS, 6)}",
    "n8": lambda rng: some(rng, DIGITS, 8),
    "n9": lambda rng: some(rng, DIGITS, 9),
    "n10": lambda rng: in_script(rng, some(rng, DIGITS, 10), 0.03),
    "n12": lambda rng: some(rng, DIGITS, 12),
    "n14": lambda rng: some(rng, DIGITS, 14),
    "n16": lambda rng: some(rng, DIGITS, 16),
    "amazon": lambda rng: grouped("4" + some(rng, DIGITS, 16), (3, 7), "-"),
    "awb": lambda rng: rng.choice(("", "SF", "1Z", "DL")) + some(rng, DIGITS, 11),
    "price": lambda rng: rng.choice(
        (f"Rs {rng.randint(49, 9999)}", f"₹{rng.randint(1, 99)},{some(rng, DIGITS, 3)}", f"{rng.randint(10, 999)}.50")
    ),
    "lakh": lambda rng: f"{rng.randint(1, 9)},{some(rng, DIGITS, 2)},{some(rng, DIGITS, 2)},{some(rng, DIGITS, 3)}",
    "date": lambda rng: rng.choice(
        ("{d:02}/{m:02}/20{y}", "{d}-{m}-20{y}", "20{y}-{m:02}-{d:02}", "{d}.{m}.20{y}", "{d}/{m}/{y}")
    ).format(d=rng.randint(1, 28), m=rng.randint(1, 12), y=rng.randint(20, 29)),
    "time": lambda rng: (
        f"{rng.randint(0, 23):02}:{rng.randint(0, 59):02}" + rng.choice(("", f":{rng.randint(0, 59):02}", " pm"))
    ),
    "pin": lambda rng: rng.choice(
        (f"{rng.randint(110001, 855117)}", grouped(f"{rng.randint(110001, 855117)}", (3,), " "))
    ),
    "version": lambda rng: ".".join(str(rng.randint(0, 40)) for _ in range(rng.choice((2, 3, 4)))),
    "section": lambda rng: ".".join(str(rng.randint(1, 9)) for _ in range(rng.choice((2, 3, 4)))),
    "qty": lambda rng: f"{rng.randint(2, 40)} x {rng.choice((250, 500, 750))} g",
    "size": lambda rng: rng.choice(
        ("32-34", "6 x 9 ft", "UK 8", "38 30 40", "120x60x75 cm", "10.5 inch", "180 200 45 cm")
    ),
    "coupon": lambda rng: (
        rng.choice(("DIWALI", "SAVE", "NEW", "FEST", "FIRST"))
        + some(rng, DIGITS, rng.choice((2, 3, 4)))
        + rng.choice(("", "OFF", "X"))
    ),
    "at": lambda rng: rng.choice(("@tokri_help", "@Tokri", "@support", "@asha_k")),
    "code": lambda rng: some(rng, UPPER + DIGITS, rng.choice((8, 10, 12))),
    "otp": lambda rng: some(rng, DIGITS, rng.choice((4, 6))),
    "txn": lambda rng: "T" + some(rng, DIGITS, 18),
    "model": lambda rng: f"{some(rng, UPPER, 2)}-{some(rng, DIGITS, 4)}{rng.choice(('', 'B', '/A'))}",
    "gst": lambda rng: f"{rng.randint(1, 37):02}AAACT{some(rng, DIGITS, 4)}Q1Z{rng.choice(DIGITS)}",
    "uuid": lambda rng: grouped(some(rng, DIGITS + "abcdef", 32), (8, 4, 4, 4), "-"),
    "link": lambda rng: f"https://www.tokri.shop/track/{some(rng, ALNUM, 8)}/{some(rng, DIGITS, 10)}?src=sms",
}
CLEAN = (
    *(
        "Order {tk} has not come since {date}",
        "order no {n10} not delivered till {time}",
        "Order ID: {n16}, where is it?",
        "Order #{n12} late",
    ),
    *(
        "my order number is {n10} and I paid {price}",
        "order {amazon} shows delivered",
        "Ticket {n9} is open since {date} {time}",
        "ticket id {n8}",
    ),
    *(
        "Invoice no. {n10} dated {date}",
        "UTR {n12} for {price}",
        "UPI transaction id {n12} failed",
        "txn {txn} pending",
        "RRN: {n12}",
    ),
    *(
        "AWB {awb} stuck at the hub",
        "tracking number {n12} does not move",
        "tracking id {n14}",
        "consignment {n10} lost",
        "courier docket {n9}",
    ),
    *(
        "refund of Rs {lakh} for {qty}",
        "I was charged {price} twice on {date} at {time}",
        "amount ₹{lakh} debited",
        "Rs. {n8} is a joke",
    ),
    *(
        "deliver to Pune {pin} before {time}",
        "pincode {pin} not serviceable",
        "Flat 12, {pin} Nagpur, by {date} {time}",
        "OTP {otp} not accepted",
    ),
    *(
        "app version {version} crashes",
        "update to {version} broke it",
        "see section {section} of the policy",
        "firmware v{version} on the router",
    ),
    *(
        "{qty} at {price} each, size {size}",
        "size {size} instead of {size}",
        "coupon {coupon} says expired",
        "promo code {code} rejected",
    ),
    *(
        "follow {at} for offers",
        "complained to {at} at {time}",
        "rate is {price}@kg",
        "model {model} serial {n12}",
        "GSTIN {gst} on the bill",
    ),
    *(
        "session {uuid} timed out",
        "link {link} does not open",
        "gift card number ends in {otp}",
        "card ending {otp} was charged {price}",
    ),
    *(
        "mera order {n10} abhi tak nahi aaya",
        "order id {n10} hai bhai, {date} ko aana tha",
        "{n10} mera order number hai",
        "parcel {awb} kahan hai",
    ),
    *(
        "{price} kat gaye, UTR {n12} hai",
        "ticket no {n8} pe koi reply nahi",
        "refund ka reference {n12} diya tha",
        "invoice {n10} mein galti hai",
    ),
    *(
        "मेरा ऑर्डर {n10} अभी तक नहीं आया",
        "ऑर्डर नंबर {n10} कब आएगा",
        "₹{lakh} का रिफंड {date} को आना था",
        "यूटीआर {n12} देखिए",
        "पिनकोड {pin} पर डिलीवरी",
    ),
    *(
        "माझी ऑर्डर {n10} कुठे आहे",
        "ऑर्डर क्रमांक {n10} रद्द करा",
        "तक्रार क्रमांक {n9}",
        "बिल क्रमांक {n8}, रक्कम ₹{lakh}",
        "{date} रोजी {time} वाजता",
    ),
    *(
        "Bestellung {n10} vom {date}",
        "Rechnungsnummer {n9} über {price}",
        "Sendungsnummer {n14}",
        "commande {n10} du {date}",
        "numéro de suivi {n12}",
    ),
    *(
        "Where is my sari",
        "Nobody picks up and the chat closes.",
        "kab milega paisa",
        "पैसे कब मिलेंगे",
        "माल खराब आला",
        "no bell, no call",
    ),
)


def clean(rng: random.Random) -> str:
    """One to three sentences without anything personal; some as the JSON of an answer."""
    text = rng.choice((". ", ", ", "\n")).join(_filled(rng, rng.choice(CLEAN)) for _ in range(rng.randint(1, 3)))
    if rng.random() < 0.1:
        return json.dumps({"category": "delivery", "response": text, "escalate": False}, ensure_ascii=False)
    return text


def _filled(rng: random.Random, frame: str) -> str:
    for name, make in SLOTS.items():
        while f"{{{name}}}" in frame:
            frame = frame.replace(f"{{{name}}}", make(rng), 1)
    return frame
