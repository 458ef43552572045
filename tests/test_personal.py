"""Personal data and secrets: each rule on both sides of its bound, and where the value stands."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.data.personal.finding import find
from pipeline.data.personal.numbers import luhn
from tests.personal_values import AADHAARS, CARDS, HEADER, JOINTS, UPPER, VALUES, WORDS, digits, finished, iban, spaced


def found(text):
    """Kind and text of each hit."""
    return [(hit.kind, text[hit.start : hit.end]) for hit in find(text)]


@given(
    VALUES, WORDS, WORDS, st.sampled_from([" ", ": ", " (", ' "', "\n"]), st.sampled_from([" ", ". ", "! ", "\n", ", "])
)
def test_a_value_in_any_prose_is_found_where_it_stands(planted, before, behind, opening, closing):
    kind, value = planted
    text = f"{before}{opening}{value}{closing}{behind}"
    assert (kind, value) in found(text)
    assert find(value) == [(kind, 0, len(value))]


@given(st.text())
def test_hits_of_any_text_lie_in_it_in_order_and_apart(text):
    hits = find(text)
    assert all(0 <= hit.start < hit.end <= len(text) for hit in hits)
    assert all(one.end <= other.start for one, other in pairwise(hits))


@given(CARDS, JOINTS)
def test_a_card_has_a_check_digit_and_an_issuer(number, joint):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert found(f"paid: {spaced(number, (4, 4, 4, 4), joint)}")
    assert not found(f"paid: {spaced(wrong, (4, 4, 4, 4), joint)}")
    assert not found(f"paid: {finished('1' + number[1:15], luhn)}")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *[
            ("card", number)
            for number in ("4012888888881881", "5105105105105100", "378282246310005", "6011111111111117")
        ],
        *[
            ("card", number)
            for number in ("30569309025904", "3530111333300000", "4222222222222", "4111 1111 1111 1111")
        ],
        *[
            ("iban", number)
            for number in ("GB82 WEST 1234 5698 7654 32", "FR1420041010050500013M02606", "NO9386011117947")
        ],
        *[("aadhaar", number) for number in ("9999 4105 7058", "999941057058", "9999-4105-7058")],
    ],
)
def test_numbers_that_others_have_published_for_tests(kind, value):
    assert found(f"here: {value}.") == [(kind, value)]


@given(AADHAARS, st.sampled_from([" ", "-"]))
def test_an_aadhaar_number_has_a_check_digit(number, joint):
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert found(f"aadhaar {spaced(number, (4, 4, 4), joint)}") == [("aadhaar", spaced(number, (4, 4, 4), joint))]
    assert not found(f"aadhaar {spaced(wrong, (4, 4, 4), joint)}")


@given(digits(18), JOINTS)
def test_an_iban_has_check_digits_and_a_length(body, joint):
    right = iban("DE", body)
    sizes = (4, 4, 4, 4, 4, 2)
    wrong = f"DE{(int(right[2:4]) + 1) % 100:02d}{body}"
    assert found(f"IBAN {spaced(right, sizes, joint)} bitte") == [("iban", spaced(right, sizes, joint))]
    assert not found(f"IBAN {spaced(wrong, sizes, joint)} bitte")
    assert not found(f"IBAN {iban('DE', body[:-1])} bitte")


@pytest.mark.parametrize("fourth", UPPER)
def test_the_fourth_letter_of_a_pan_is_a_kind_of_holder(fourth):
    value = f"XYZ{fourth}K4321M"
    assert found(f"for the bill {value} please") == ([("pan", value)] if fourth in "ABCFGHJLPT" else [])


@pytest.mark.parametrize(
    "text",
    [
        *[
            "call me on {}",
            "order late, whatsapp {}",
            "Order TK604817, {}",
            "{} pe call karo",
            "mera number {} hai",
            "मेरा नंबर {} है",
        ],
        *[
            "ऑर्डर आया नहीं, फोन: {}",
            "{}वर संपर्क करा",
            '{{"phone": "{}"}}',
            "my order has not come. {}",
            "handy: {}",
            "wa.me/91{}",
        ],
    ],
)
def test_a_number_that_is_called_is_a_phone_number(text):
    assert [kind for kind, _ in found(text.format("9876543210"))] == ["phone"]
    assert not found(text.format("987654321"))


@pytest.mark.parametrize(
    "text",
    [
        *[
            "order 9876543210",
            "order number is 9876543210",
            "Order ID of my last mixer is 9876543210",
            "ticket 9876543210",
            "#9876543210",
        ],
        *[
            "UTR 919876543210",
            "awb: 9876543210",
            "tracking no. 9876543210",
            "ref 9876543210",
            "invoice 9876543210 dated 3 May",
            "TK9876543210",
        ],
        *[
            "ऑर्डर क्रमांक 9876543210",
            "क्रमांक 9876543210",
            "यूटीआर 919876543210",
            "9876543210 mera order number hai",
            "9876543210 is the order id",
        ],
        *[
            "orders 9876543210, 9876543211 and 9876543212",
            '{"order_id": "9876543210"}',
            "order-9876543210",
            "shop.in/orders/9876543210",
        ],
        *[
            "Rs 9876543210",
            "₹98,76,54,321",
            "9876543210 rupees",
            "98765432101",
            "item9876543210",
            "9876543210x",
            "12.9876543210",
            "9876543210.5",
        ],
        *[
            "12/05/2026 10:30:45",
            "2026-05-12 10 30",
            "sizes 90 60 90 85 75",
            "1800 266 1234",
            "978-3-16-148410-0",
            "402-9876543-1234567",
        ],
        *[
            "550e8400-e29b-41d4-a716-446655440000",
            "Bestellnummer 9876543210",
            "numéro de suivi 9876543210",
            "meter reading 98765 43210",
        ],
    ],
)
def test_other_numbers_are_no_phone_numbers(text):
    assert not found(text)


@pytest.mark.parametrize(
    "value",
    [
        *[
            "+1 (415) 555-2671",
            "+44 20 7946 0958",
            "+49 171 1234567",
            "+33 6 12 34 56 78",
            "+971 50 123 4567",
            "0049 30 12345678",
        ],
        *[
            "022-24567890",
            "(022) 2456 7890",
            "+91 (0)98765 43210",
            "९८७६५ ४३२१०",
            "９８７６５４３２１０",
            "98765\u00a043210",
            "91-9876543210",
        ],
        *["415-555-2671", "06 12 34 56 78", "919876543210", "0 98765 43210", "\uff0b91 98765 43210"],
    ],
)
def test_spellings_of_phone_numbers(value):
    assert found(f"Anruf: {value}, danke") == [("phone", value)]


def test_only_the_words_make_a_foreign_national_number_one():
    assert found("Meine Handynummer ist 0171 2345678.") == [("phone", "0171 2345678")]
    assert not found("Meine Auftragsnummer ist 0171 2345678.")


@pytest.mark.parametrize("value", ["asha@shop", "logo@2x.png", "@tokri.in", "mail@", "react@18.2.0"])
def test_an_at_sign_alone_is_no_email(value):
    assert not found(f"see {value} there")


@pytest.mark.parametrize("value", ["आशा@डाटामेल.भारत", "jörg@uni-köln.de", "a+b@x.co", "A.B@X.ORG", "o'hara@x.ie"])
def test_emails_in_any_script(value):
    for text in ("<{}>", "mail: {}.", "({}),", "mailto:{}!", "{}।", "{};{}"):
        assert ("email", value) in found(text.format(value, value))


def test_any_handle_is_a_upi_id_where_the_words_say_so():
    assert found("gpay to asha.rao@xyzbank please") == [("upi", "asha.rao@xyzbank")]
    assert not found("meet asha.rao@xyzbank there")
    assert found("refund 9876543210@ybl") == [("upi", "9876543210@ybl")]


@pytest.mark.parametrize(
    "text",
    [
        "version 1.2.3.40",
        "app v 10.20.30.40",
        "section 1.2.3.4",
        "1.2.3.4 Returns",
        "256.1.1.1",
        "1.2.3.4.50",
        "at 10:30:45",
        "a::b",
    ],
)
def test_versions_sections_and_times_are_no_addresses(text):
    assert not found(text)


@pytest.mark.parametrize(
    "text",
    ["ip 1.2.3.4", "from 93.184.216.34:443", "[2001:db8::1]:80", "fe80::1ff:fe23:4567:890a", "1.2.3.4 is my router"],
)
def test_addresses_of_the_internet(text):
    assert [kind for kind, _ in found(text)] == ["ip"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('api_key = "Zx81kfPq09LmNbvC7634"', "Zx81kfPq09LmNbvC7634"),
        ("my password is hJ7$kL9pQw2ZxC4v", "hJ7$kL9pQw2ZxC4v"),
        ('{"client_secret": "9f8e7d6c5b4a39281706f5e4d3c2b1a0"}', "9f8e7d6c5b4a39281706f5e4d3c2b1a0"),
        ("postgres://app:tiger9@db/x", "app:tiger9"),
        ("AWS AKIA2345672345672345", "AKIA2345672345672345"),
        ("bot 1234567890:AA" + "b" * 33, "1234567890:AA" + "b" * 33),
    ],
)
def test_secrets(text, value):
    assert found(text) == [("api_key", value)]


@pytest.mark.parametrize(
    "text",
    [
        *[
            "my password is not working since yesterday",
            "token: order-TK604817-delivery",
            "api_key = xxxxxxxxxxxxxxxxxxxx1",
            "secret=short1A",
        ],
        *[
            "AKIA234567234567234",
            "ghp_tooshort",
            "sk-this-is-a-long-name-of-a-page",
            "postgres://app:${PASSWORD}@db/x",
            "http://x.in:80/a@b",
        ],
        *[
            "my file begins with -----BEGIN PRIVATE KEY----- is that right",
            "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0B\n",
        ],
        *["eyJub3QiOiJhIGp3dCJ9.eyJzdWIiOiIxIn0.abc", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0"],
    ],
)
def test_what_only_looks_like_a_secret(text):
    assert not found(text)


def test_the_more_specific_rule_wins():
    jwt = f"{HEADER}.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    assert found(f"token={jwt}") == [("jwt", jwt)]
    assert found("https://asha:pw9@x.com/") == [("api_key", "asha:pw9")]
    assert found("4111111111111111@mail.in") == [("email", "4111111111111111@mail.in")]
